# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for snapshots: which files become one, in which direction, and what is refused before anything is planned."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import actions_of
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import PULL_COST, PULL_SCAN, plan_absent, plan_present
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.merge import Commit, Pull
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.overlay import (
    CreateOverlay,
    RebaseOverlay,
    RemoveMerged,
    WriteInfo,
    WriteRecord,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import record_file
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume, absent
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import SnapshotNote
from ansible_collections.vdisk.gluster.tests.harness.chains import SIZE, GiB, files, qcow2, raw, stack, volume

MiB = 1 << 20
NOTE = SnapshotNote("2026-01-05T00:00:00.000000Z", "label")


def merges(found: Volume, *names: str) -> list[tuple[str, ...]]:
    """Return the merges of a plan that drops snapshots: direction, the files that go, the file that stays."""
    told = []
    for step in plan_absent(found, names).steps:
        if isinstance(step, Commit):
            told.append(("down", *step.merged, step.base))
        elif isinstance(step, Pull):
            told.append(("up", *step.merged, step.into))
        elif isinstance(step, RebaseOverlay):
            told.append(("repoint", step.file, step.backing_file))
    return told


def test_a_snapshot_is_an_overlay_over_the_active_file_named_after_it() -> None:
    (plan,) = plan_present([stack(GiB)], "a", NOTE)
    overlay, info, record = plan.steps
    assert overlay == CreateOverlay("v.a", "v", "raw", SIZE, "a", "v", "snapshot a does not exist")
    assert info == WriteInfo("v.a", {"a": "v.a"})
    assert isinstance(record, WriteRecord)
    assert record_file.from_json(record.record).snapshots == {"a": NOTE}
    assert plan.journaled
    assert plan.modified_files == ()
    assert actions_of([plan]) == [overlay.describe()]
    assert (plan.after.active_file, plan.after.active.virtual_size, plan.after.snapshot("a").note) == ("v.a", SIZE, NOTE)


def test_the_next_snapshot_lies_on_the_one_before() -> None:
    (plan,) = plan_present([stack(GiB, GiB)], "b", NOTE)
    assert plan.steps[0] == CreateOverlay("v.b", "v.a", "qcow2", SIZE, "b", "v.a", "snapshot b does not exist")
    assert plan.steps[1] == WriteInfo("v.b", {"a": "v.a", "b": "v.b"})


def test_a_snapshot_that_is_there_changes_nothing() -> None:
    (plan,) = plan_present([stack(GiB, GiB)], "a", NOTE)
    assert (plan.steps, plan.after) == ((), plan.before)


def test_an_overlay_of_a_raw_file_of_odd_length_has_whole_sectors() -> None:
    (plan,) = plan_present([stack(GiB, sizes=(SIZE + 1,), size=SIZE)], "a", NOTE)
    assert plan.steps[0].size == SIZE + 512
    assert plan.after.record.virtual_size == SIZE + 512


def test_a_name_that_another_snapshots_file_has_after_a_merge_up_gives_way_to_a_numbered_one() -> None:
    """The file v.b stands for snapshot a since b was merged up into it; a new b needs another file."""
    held = volume(files(raw("v"), qcow2("v.b", "v", "raw")), "v.b", {"a": "v.b"})
    (plan,) = plan_present([held], "b", NOTE)
    assert plan.steps[0].file == "v.b_2"
    assert plan.steps[1] == WriteInfo("v.b_2", {"a": "v.b", "b": "v.b_2"})
    twice = volume(files(raw("v"), qcow2("v.b", "v", "raw"), qcow2("v.b_2", "v.b", "qcow2")), "v.b_2", {"a": "v.b", "c": "v.b_2"})
    assert plan_present([twice], "b", NOTE)[0].steps[0].file == "v.b_3"


def test_a_stray_file_of_the_snapshots_name_is_left_untouched_and_the_snapshot_refused() -> None:
    with pytest.raises(Refused, match="v.b is on gl1:/vms, but v.info does not name it"):
        plan_present([replace(stack(GiB, GiB), strays=("v.b",))], "b", NOTE)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (absent("v", "gl1:/vms", "/mnt"), "v on gl1:/vms does not exist, so snapshot s cannot be taken"),
        (replace(stack(GiB), problems=("it is bad", "worse")), "v on gl1:/vms is not changed, because it is bad .and 1 more"),
        (replace(stack(GiB), record=None), "adopt it first with gluster_volume_file"),
        (replace(stack(GiB), locked_files=frozenset(["v"])), "v on gl1:/vms is in use"),
    ],
)
def test_what_cannot_have_a_snapshot_is_refused_with_the_reason(found: Volume, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        plan_present([found], "s", NOTE)


def test_a_group_has_a_snapshot_wholly_or_not_at_all() -> None:
    one, other = stack(GiB), replace(stack(GiB), name="w")
    assert [plan.steps[0].snapshot for plan in plan_present([one, other], "a", NOTE)] == ["a", "a"]
    have = stack(GiB, GiB)
    assert [plan.steps for plan in plan_present([have, replace(have, name="w")], "a", NOTE)] == [(), ()]
    with pytest.raises(Refused, match="v on gl1:/vms has a snapshot a already and w on gl1:/vms has none"):
        plan_present([have, other], "a", NOTE)
    with pytest.raises(Refused, match="in use"):
        plan_present([one, replace(other, locked_files=frozenset(["v"]))], "a", NOTE)
    with pytest.raises(Refused, match="w on gl1:/vms does not exist"):
        plan_present([have, absent("w", "gl1:/vms", "/mnt")], "a", NOTE)


def test_dropping_a_snapshot_makes_its_file_and_the_one_below_one() -> None:
    assert merges(stack(GiB, 1, 1, 1), "a") == [("down", "v.a", "v"), ("repoint", "v.b", "v")]
    assert merges(stack(GiB, 1, 1, 1), "b") == [("down", "v.b", "v.a"), ("repoint", "v.c", "v.a")]
    assert merges(stack(GiB, 1, 1, 1), "c") == [("down", "v.c", "v.b")]


def test_the_file_above_is_never_merged_into_the_dropped_one() -> None:
    """Cinder's driver of 2014 did, and turned the next snapshot into a copy of the dropped one."""
    for name, merged in (("a", "v.a"), ("b", "v.b"), ("c", "v.c")):
        for step in plan_absent(stack(GiB, 1, 1, 1), [name]).steps:
            if isinstance(step, (Commit, RemoveMerged)):
                assert (step.merged if isinstance(step, Commit) else step.files) == (merged,)


def test_the_order_is_merge_then_info_file_then_removal_then_record() -> None:
    for found in (stack(GiB, 1, 1, 1, 1), stack(GiB, 1, GiB, 1, GiB)):
        for names in (["b"], ["a", "c"], ["b", "d"], ["a", "b", "c", "d"]):
            steps = plan_absent(found, names).steps
            assert [type(step) for step in steps[-3:]] == [WriteInfo, RemoveMerged, WriteRecord]
            assert {type(step) for step in steps[:-3]} <= {Commit, RebaseOverlay, Pull}


def test_the_direction_that_takes_less_is_taken_and_a_byte_pulled_counts_two_and_a_half() -> None:
    assert PULL_COST == 2.5
    scan = int(SIZE * PULL_SCAN)
    for below, above, direction in (
        (100 * MiB, 250 * MiB + scan, "down"),
        (100 * MiB, 250 * MiB + scan + 4096, "up"),
        (8 * MiB, 512 * MiB, "up"),
        (512 * MiB, 8 * MiB, "down"),
        (64 * MiB, 64 * MiB, "down"),
    ):
        assert merges(stack(GiB, below, above, 1), "b")[0][0] == direction


def test_the_larger_a_volume_is_the_more_a_merge_up_has_to_save() -> None:
    """A pull looks through the whole volume; a commit costs the same in a volume of any size."""
    for tebibytes, above, direction in ((1, 301 * MiB, "up"), (1, 300 * MiB, "down"), (4, 450 * MiB, "down"), (4, 451 * MiB, "up")):
        size = tebibytes << 40
        assert merges(stack(GiB, 100 * MiB, above, 1, sizes=(size,) * 4, size=size), "b")[0][0] == direction


def test_nothing_is_merged_up_out_of_the_base() -> None:
    assert merges(stack(1, SIZE, 1), "a")[0] == ("down", "v.a", "v")


def test_nothing_is_merged_up_across_a_growth() -> None:
    """qemu-img before 8.1 never ends a rebase over a backing file shorter than the image."""
    allocated = (GiB, MiB, GiB, MiB)
    assert merges(stack(*allocated), "b")[0][0] == "up"
    for sizes in ((GiB, GiB, SIZE, SIZE), (GiB, SIZE // 2, SIZE, SIZE)):
        assert merges(stack(*allocated, sizes=sizes), "b")[0][0] == "down"
    assert merges(stack(*allocated, sizes=(GiB, SIZE, SIZE, 2 * SIZE)), "b")[0][0] == "up"


def test_after_a_merge_up_the_file_stands_for_the_snapshot_below() -> None:
    plan = plan_absent(stack(GiB, MiB, GiB, 1), ["b"])
    assert plan.steps[0] == Pull(("v.a",), "v.b", "v", "raw", MiB, ("b",))
    assert WriteInfo("v.c", {"a": "v.b", "c": "v.c"}) in plan.steps
    assert RemoveMerged(("v.a",)) in plan.steps
    assert [(entry.file, entry.backing_file, entry.backing_format) for entry in plan.after.chain.files] == [
        ("v.c", "v.b", "qcow2"),
        ("v.b", "v", "raw"),
        ("v", None, None),
    ]
    assert plan.after.snapshot("a").point_in_time_file == "v"


def test_neighbours_go_in_one_merge_and_move_the_data_once() -> None:
    found = stack(GiB, *(MiB,) * 6)
    assert merges(found, *"abcdef") == [("down", "v.f", "v.e", "v.d", "v.c", "v.b", "v.a", "v")]
    assert merges(found, *"bcd") == [("down", "v.d", "v.c", "v.b", "v.a"), ("repoint", "v.e", "v.a")]
    assert merges(found, *"abef") == [("down", "v.b", "v.a", "v"), ("repoint", "v.c", "v"), ("down", "v.f", "v.e", "v.d")]
    assert plan_absent(found, "bcd").steps[0].moved == 3 * MiB
    heavy = stack(GiB, MiB, MiB, MiB, GiB, 1)
    assert merges(heavy, *"bcd") == [("up", "v.c", "v.b", "v.a", "v.d")]


def test_the_order_in_which_snapshots_are_named_does_not_matter() -> None:
    found = stack(GiB, *(MiB,) * 4)
    assert plan_absent(found, ["c", "a", "c"]).steps == plan_absent(found, ["a", "c"]).steps


def test_after_the_last_snapshot_the_info_file_stays() -> None:
    plan = plan_absent(stack(GiB, MiB), ["a"])
    assert WriteInfo("v", {}) in plan.steps
    assert (plan.after.active_file, plan.after.snapshots, plan.after.record.snapshots) == ("v", (), {})


def test_the_notes_of_kept_snapshots_are_kept() -> None:
    plan = plan_absent(stack(GiB, 1, 1), ["a"])
    assert plan.after.record.snapshots == {"b": SnapshotNote("of b")}


def test_a_merge_of_a_grown_overlay_grows_the_base() -> None:
    plan = plan_absent(stack(GiB, MiB, sizes=(GiB, SIZE)), ["a"])
    assert plan.after.active.virtual_size == SIZE


def test_a_snapshot_that_is_not_there_is_gone_already() -> None:
    for found in (stack(GiB), stack(GiB, GiB), absent("v", "gl1:/vms", "/mnt")):
        assert plan_absent(found, ["x", "y"]).steps == ()
    assert merges(stack(GiB, 1, 1), "x", "b") == [("down", "v.b", "v.a")]


def test_every_file_that_is_written_merged_repointed_or_removed_counts_as_touched() -> None:
    found = stack(GiB, 1, 1, 1, 1)
    assert set(plan_absent(found, ["b"]).modified_files) == {"v.a", "v.b", "v.c"}
    assert set(plan_absent(found, ["a", "d"]).modified_files) == {"v", "v.a", "v.b", "v.c", "v.d"}
    assert set(plan_absent(stack(GiB, MiB, GiB, 1), ["b"]).modified_files) == {"v.a", "v.b"}


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (replace(stack(GiB, 1), problems=("it is bad",)), "is not changed, because it is bad"),
        (replace(stack(GiB, 1), record=None), "cannot be rid of a snapshot; adopt it first"),
        (replace(stack(GiB, 1), locked_files=frozenset(["v.a"])), "is in use"),
    ],
)
def test_what_cannot_lose_a_snapshot_is_refused_with_the_reason(found: Volume, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        plan_absent(found, ["a"])


def test_every_action_is_a_sentence_with_its_reason() -> None:
    for found in (stack(GiB, 1, 1, 1, 1), stack(GiB, 1, GiB, 1, GiB)):
        for plan in (*plan_present([found], "s", NOTE), plan_absent(found, "ac"), plan_absent(found, "bd")):
            assert actions_of([plan])
            for action in actions_of([plan]):
                assert action[0].isupper() and action.endswith(".") and ", because " in action, action
