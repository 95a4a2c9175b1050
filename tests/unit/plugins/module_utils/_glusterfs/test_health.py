# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a FUSE client says below C(.meta) of its servers, as GlusterFS 10.3 writes it, and what is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Incomplete
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.health import check_complete
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.reader import list_share


def lay(root: Path, *parts: tuple[str, int]) -> Path:
    """Write what a client says of a volume vms with these parts and their status; returns its graph."""
    graph = root / ".meta/graphs/active"
    lines = [f"[xlator.cluster.dht.vms-dht.priv]\nsubvol_cnt = {len(parts)}\n"]
    for number, (part, status) in enumerate(parts):
        lines.append(f"subvolumes[{number}] = {part}\nfile_layouts[{number}].cnt = 1\nsubvolume_status[{number}] = {status}\n")
        options = graph / part.partition(".")[2] / "options"
        options.mkdir(parents=True)
        (options / "remote-host").write_text(f"gs{number + 1}\n")
        (options / "remote-subvolume").write_text("/bricks/vms\n")
    # as the space of each is told, which is no part of its own
    lines.append("".join(f"subvolumes[{number}] = {part.partition('.')[2]}\n" for number, (part, _status) in enumerate(parts)))
    (graph / "vms-dht").mkdir()
    (graph / "vms-dht/private").write_text("".join(lines))
    return graph


def test_a_directory_that_is_no_mount_has_no_parts(tmp_path: Path) -> None:
    check_complete("gs1:/vms", str(tmp_path))


def test_a_brick_that_does_not_answer_is_named_and_the_share_is_not_listed(tmp_path: Path) -> None:
    lay(tmp_path, ("protocol/client.vms-client-0", 1), ("protocol/client.vms-client-1", 0))
    with pytest.raises(Incomplete, match="gs1:/vms is incomplete: the brick gs2:/bricks/vms does not answer, and"):
        list_share(Share("gs1:/vms", str(tmp_path)))


@pytest.mark.parametrize("quorum", [0, 1])
def test_copies_count_by_their_quorum(tmp_path: Path, quorum: int) -> None:
    graph = lay(tmp_path, ("cluster/replicate.vms-replicate-0", 1), ("cluster/replicate.vms-replicate-1", 1))
    for number, up in enumerate((1, quorum)):
        (graph / f"vms-replicate-{number}/private").write_text(f"child_up[0] = 0\nquorum-type = auto\nup = {up}\n")
    if quorum:
        check_complete("gs1:/vms", str(tmp_path))
        return
    with pytest.raises(Incomplete, match="too few bricks of vms-replicate-1 answer"):
        check_complete("gs1:/vms", str(tmp_path))


def test_a_volume_of_one_part_answers_whole_or_not_at_all(tmp_path: Path) -> None:
    lay(tmp_path, ("cluster/replicate.vms-replicate-0", 0))
    check_complete("gs1:/vms", str(tmp_path))
