# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An absent volume has left nothing under its name: neither a file of its chain nor one beside it, nor its record."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import plan_absent
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.session import Outcome
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import info_file, layout
from ansible_collections.vdisk.gluster.tests.harness.images import KiB
from ansible_collections.vdisk.gluster.tests.harness.shares import PlainShare


def removed(share: PlainShare, delete_snapshots: bool = True, check_mode: bool = False) -> Outcome:
    """Let a task remove the volume."""
    session = share.session(check_mode)
    return session.change({"v": share.share}, lambda volumes: [plan_absent(volume, delete_snapshots) for volume in volumes])


def names(share: PlainShare) -> set[str]:
    """Return all names on the share, locks left out."""
    return {str(path.relative_to(share.root)) for path in share.root.rglob("*") if not path.name.endswith(".lock")} - {layout.OWN_DIRECTORY}


def check_then_run_then_again(share: PlainShare) -> None:
    """See that check mode tells what the run does, that nothing is left, and that there is nothing to do afterwards."""
    there = names(share)
    told = removed(share, check_mode=True)
    assert told.changed and names(share) == there
    done = removed(share)
    assert (done.actions, done.changed) == (told.actions, True)
    assert names(share) == set()
    assert not removed(share).changed
    share.create(size=64 * KiB)
    assert not share.content().strip(b"\0"), "the disk that comes after it is blank"


@pytest.fixture
def stale(share: PlainShare) -> PlainShare:
    """Make what a live delete of Cinder's left: an overlay that is all of the disk, and below it nothing but a stale file."""
    share.create(size=512 * KiB, format="qcow2")
    share.write((7, 0, 64 * KiB))
    (share.root / "v").rename(share.root / "v.active")
    (share.root / "v").write_bytes(b"old data" * 100)
    (share.root / layout.info_file("v")).write_bytes(info_file.dump(info_file.Info("v.active", {})))
    (share.root / layout.record("v")).unlink()
    return share


def test_a_stale_base_beside_the_chain_goes_with_the_volume_or_is_named(stale: PlainShare) -> None:
    before = names(stale)
    with pytest.raises(Refused, match="^v on gl1:/vms is a file of v that its chain does not use, .*set delete_snapshots to remove it too"):
        removed(stale, delete_snapshots=False)
    assert names(stale) == before
    check_then_run_then_again(stale)


def test_a_stray_overlay_of_a_volume_that_is_gone_goes_or_is_named(share: PlainShare) -> None:
    share.create(size=64 * KiB)
    share.remove()
    (share.root / "v.stray").write_bytes(b"of somebody")
    with pytest.raises(Refused, match="^v.stray on gl1:/vms is a file of v that its chain does not use"):
        removed(share, delete_snapshots=False)
    check_then_run_then_again(share)


def test_a_record_whose_files_another_program_removed_goes(share: PlainShare) -> None:
    share.create(size=64 * KiB)
    (share.root / "v").unlink()
    check_then_run_then_again(share)


def test_what_is_no_file_is_named_and_nothing_is_removed(stale: PlainShare) -> None:
    (stale.root / "v.d").mkdir()
    before = names(stale)
    with pytest.raises(Refused, match="^v.d beside v on gl1:/vms is no regular file"):
        removed(stale)
    assert names(stale) == before
