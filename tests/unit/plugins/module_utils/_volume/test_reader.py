# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A volume that another task changes while it is read, without its lock, is read anew, and never told of as something else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import plan_absent, plan_present, plan_reverted
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import VolumeRequest
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import plan_absent as plan_no_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import plan_present as plan_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import reader
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.reader import list_share, read_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import SnapshotNote
from ansible_collections.vdisk.gluster.tests.harness.shares import PlainShare

FILES = ("v", "v.a", "v.info", ".vdisk/v.json")
PLANNERS: dict[str, Callable[[Volume], object]] = {
    "take": lambda volume: plan_present([volume], "b", SnapshotNote()),
    "drop": lambda volume: plan_absent(volume, ["a"]),
    "revert": lambda volume: plan_reverted(volume, "a", False),
    "grow": lambda volume: plan_volume(volume, VolumeRequest(size=2 << 20)),
    "remove": lambda volume: plan_no_volume(volume, True),
}


@pytest.fixture
def share(tmp_path: Path) -> PlainShare:
    """A share with a volume that has a snapshot."""
    plain = PlainShare(tmp_path)
    plain.create(size=1 << 20)
    plain.session().change({"v": plain.share}, lambda volumes: plan_present(volumes, "a", SnapshotNote()))
    return plain


@pytest.fixture
def hide(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], list[int]]:
    """What lets a name that is listed be opened in vain so many times, as where another host replaces or removes its file."""
    monkeypatch.setattr(reader, "_PAUSES", (0.0,) * len(reader._PAUSES))

    def begin(file: str, times: int) -> list[int]:
        real, left = os.open, [times]

        def opens(path: Any, *arguments: Any, **more: Any) -> int:
            if str(path).endswith(f"/{file}") and left[0] > 0:
                left[0] -= 1
                raise FileNotFoundError(2, "No such file or directory", path)
            return real(path, *arguments, **more)

        monkeypatch.setattr(files.os, "open", opens)
        return left

    return begin


@pytest.mark.parametrize("file", FILES)
def test_what_cannot_be_opened_for_a_moment_is_read_as_it_is(share: PlainShare, hide: Any, file: str) -> None:
    before = share.read()
    left = hide(file, 2)
    assert (share.read(), left) == (before, [0])


@pytest.mark.parametrize("planner", PLANNERS)
@pytest.mark.parametrize("file", FILES)
def test_what_is_listed_and_cannot_be_opened_at_all_is_a_problem_and_nothing_is_planned(
    share: PlainShare, hide: Any, file: str, planner: str
) -> None:
    hide(file, 1000)
    seen = share.read()
    assert seen.exists and seen.problems[0] == (
        f"{file} is listed on gl1:/vms, but cannot be opened, as if it did not exist; another task may be changing v"
    )
    with pytest.raises(Refused):
        PLANNERS[planner](seen)


@pytest.mark.parametrize("file", FILES)
def test_a_task_goes_on_once_the_other_one_has_ended(share: PlainShare, hide: Any, file: str) -> None:
    content = share.points()
    # longer than the look without the lock lasts
    left = hide(file, len(reader._PAUSES) + 1)
    outcome = share.session().change({"v": share.share}, lambda volumes: plan_present(volumes, "b", SnapshotNote()), grouped=True)
    assert (outcome.changed, left) == (True, [0])
    assert share.points() == {**content, "b": content["now"]}
    share.sound()


def test_a_volume_that_is_removed_after_it_was_listed_is_not_there(share: PlainShare) -> None:
    listing = list_share(share.share)
    share.remove()
    seen = read_volume(listing, "v")
    assert (seen.exists, seen.problems, seen.chain.files) == (False, (), ())


def test_a_volume_whose_last_snapshot_is_deleted_after_it_was_listed_has_none(share: PlainShare) -> None:
    listing = list_share(share.share)
    share.drop("a")
    assert read_volume(listing, "v") == share.sound()
