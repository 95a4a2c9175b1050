# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A share that is full: what can be taken back is taken back, what cannot is finished when there is space, and no byte is lost."""

from __future__ import annotations

import os

import pytest

MIB = 1 << 20


@pytest.fixture
def small(place, small_volumes):
    """A share of 64 MiB with a volume that has two snapshots: 8 MiB in the base, 8 and 16 MiB in the overlays."""
    place.share = place.new_share(small_volumes[0])
    place.mount()
    place.volume(size="40M")
    place.write(1, 0, 8 * MIB)
    place.snapshot("s1")
    place.write(2, 8 * MIB, 8 * MIB)
    place.snapshot("s2")
    place.write(3, 16 * MIB, 16 * MIB)
    yield place
    for path in place.behind().rglob("*"):
        # the next test needs the space
        if path.is_file():
            path.unlink()


def fill(place, leave: int = 0):
    """Let somebody else's file take all the space, but for so many bytes."""
    path = place.path("of-somebody-else")
    with path.open("wb", buffering=0) as stream:
        block = bytes(MIB)
        while block:
            try:
                stream.write(block)
                os.fsync(stream.fileno())
            except OSError:
                block = block[: len(block) // 2]
        size = path.stat().st_size
        os.ftruncate(stream.fileno(), size - leave)
    return path


def test_a_snapshot_for_which_there_is_no_space_changes_nothing(small):
    before, points = small.digest(), small.points()
    filler = fill(small)
    for options in ({"name": ["s3"]}, {"name": ["s2"], "state": "reverted"}, {"name": ["s1"], "state": "reverted", "discard_newer": True}):
        told = small.refused("gluster_snapshot", volume=["v1"], **options)
        assert "no space is left; free some, or add bricks if it is a share, then run the task again" in told
        assert small.info()["problems"] == []
    filler.unlink()
    assert small.digest() == before
    assert small.points() == points
    small.snapshot("s3")


@pytest.mark.sample(1)
@pytest.mark.parametrize("gone", [["s2"], ["s1"], ["s1", "s2"]], ids=["newest", "oldest", "both"])
def test_a_merge_that_runs_out_of_space_loses_nothing_and_is_finished_when_there_is_some(small, gone):
    points = small.points()
    filler = fill(small, leave=2 * MIB)
    result = small.run("gluster_snapshot", volume=["v1"], name=gone, state="absent")
    assert result.failed and "there is no space left; free space, then run the task again" in result.msg, result.msg
    assert result.cmd[1] == "commit" and result.rc
    found = small.info()
    assert "unfinished" in " ".join(found["problems"]), found["problems"]
    assert small.read() == points["now"]
    again = small.run("gluster_snapshot", volume=["v1"], name=["s9"])
    assert again.failed, "a snapshot was taken although an operation cannot be finished"
    filler.unlink()
    made = small.ok("gluster_snapshot", volume=["v1"], name=gone, state="absent")
    assert made.changed and "Finish the interrupted operation" in made.actions[0]
    assert small.points() == {name: content for name, content in points.items() if name not in gone}
    assert small.info()["problems"] == [] and not [name for name in os.listdir(small.path(".vdisk")) if name.endswith(".journal")]
