# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for whole volumes: made, adopted, grown, removed, or refused with the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import actions_of
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import VolumeRequest, plan_absent, plan_present
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.volume import AdoptVolume, CreateVolume, Grow, RemoveVolume, SetOwnership
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.backing_chain import FileFacts
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.layout import check_volumes
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Ownership, Volume, absent
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import Record, SnapshotNote
from ansible_collections.vdisk.gluster.tests.harness.chains import SIZE, GiB, files, qcow2, raw, stack, volume

NOTHING = absent("v", "gl1:/vms", "/mnt")


def found(seen: FileFacts, **more: object) -> Volume:
    """Return a volume of one file that has no record."""
    return volume(files(seen), record=None, **more)


def test_a_volume_that_is_not_there_is_created_as_wanted() -> None:
    plan = plan_present(NOTHING, VolumeRequest(GiB, "raw", "falloc", 1, 2, 0o640))
    assert plan.steps == (CreateVolume("v", "raw", GiB, "falloc", 1, 2, 0o640, "gl1:/vms"),)
    assert (plan.after.exists, plan.after.record, plan.after.ownership) == (True, Record("v", "raw", GiB, "falloc"), Ownership(1, 2, 0o640))
    assert (plan.after.active.virtual_size, plan.after.active.allocated_size, plan.journaled) == (GiB, GiB, False)


def test_a_new_volume_is_raw_sparse_and_not_for_everybody() -> None:
    step = plan_present(NOTHING, VolumeRequest(GiB)).steps[0]
    assert (step.file_format, step.allocation, step.mode, step.uid, step.gid) == ("raw", "sparse", 0o660, 0, 0)


def test_what_cannot_be_made_is_refused_before_anything_is_touched() -> None:
    with pytest.raises(BadInput, match="size: v on gl1:/vms does not exist, and creating it requires a size"):
        plan_present(NOTHING, VolumeRequest())
    with pytest.raises(BadInput, match="allocation: full is for raw volumes"):
        plan_present(NOTHING, VolumeRequest(GiB, "qcow2", "full"))
    with pytest.raises(Refused, match="because v.a lies there"):
        plan_present(replace(NOTHING, problems=("v.a lies there",)), VolumeRequest(GiB))


def test_a_volume_that_is_as_wanted_stays_as_it_is() -> None:
    for wanted in (VolumeRequest(), VolumeRequest(SIZE), VolumeRequest(SIZE, "raw", "sparse", 0, 0, 0o660)):
        assert plan_present(stack(GiB), wanted).steps == ()
    assert plan_present(stack(GiB, 1, 1), VolumeRequest(SIZE, "raw")).steps == ()


def test_a_larger_size_grows_the_active_file_and_no_frozen_one() -> None:
    plan = plan_present(stack(GiB, 1, 1), VolumeRequest(2 * SIZE))
    (step,) = plan.steps
    assert isinstance(step, Grow)
    assert (step.file, step.file_format, step.old_size, step.size, step.record.virtual_size) == ("v.b", "qcow2", SIZE, 2 * SIZE, 2 * SIZE)
    assert [entry.virtual_size for entry in plan.after.chain.files] == [2 * SIZE, SIZE, SIZE]
    assert plan.modified_files == ("v.b",)


def test_the_notes_on_snapshots_survive_a_growth() -> None:
    assert plan_present(stack(GiB, 1), VolumeRequest(2 * SIZE)).after.record.snapshots == {"a": SnapshotNote("of a")}


@pytest.mark.parametrize(
    ("now", "wanted", "sentence"),
    [
        (stack(GiB), VolumeRequest(SIZE - 512), "shrinking is not supported; give a size of at least that"),
        (stack(GiB, 1), VolumeRequest(SIZE - 512), "shrinking is not supported"),
        (stack(GiB), VolumeRequest(format="qcow2"), "v on gl1:/vms is raw and is not converted to qcow2"),
        (stack(GiB), VolumeRequest(allocation="full"), "was created with allocation sparse, which is not changed to full"),
        (stack(GiB, locked_files=frozenset(["v"])), VolumeRequest(2 * SIZE), "is in use"),
        (replace(stack(GiB), problems=("it is bad",)), VolumeRequest(2 * SIZE), "because it is bad"),
    ],
)
def test_what_would_not_be_safe_is_refused_with_the_reason(now: Volume, wanted: VolumeRequest, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        plan_present(now, wanted)


def test_any_allocation_fits_a_volume_another_program_made() -> None:
    made = stack(GiB, record=Record("v", "raw", SIZE, None))
    assert plan_present(made, VolumeRequest(allocation="full")).steps == ()


def test_owner_group_and_mode_are_set_on_the_whole_chain() -> None:
    plan = plan_present(stack(GiB, 1), VolumeRequest(uid=64055, mode=0o600))
    assert plan.steps == (SetOwnership(("v.a", "v", "v.info"), 64055, 0, 0o600),)
    assert plan.after.ownership == Ownership(64055, 0, 0o600)


def test_while_a_machine_runs_the_hypervisor_owns_the_files() -> None:
    used = stack(GiB, ownership=Ownership(64055, 107, 0o660), locked_files=frozenset(["v"]))
    assert plan_present(used, VolumeRequest(uid=0, gid=0)).steps == ()
    assert plan_present(used, VolumeRequest(uid=0, gid=0, mode=0o640)).steps == (SetOwnership(("v", "v.info"), 64055, 107, 0o640),)


def test_a_raw_file_without_a_record_is_adopted_and_stays_as_it_is() -> None:
    plan = plan_present(found(raw("v")), VolumeRequest())
    assert plan.steps == (AdoptVolume(Record("v", "raw", SIZE, "sparse"), "gl1:/vms", "v"),)
    assert plan.after.active.virtual_size == SIZE
    full = plan_present(found(raw("v", allocated=SIZE)), VolumeRequest(format="raw", allocation="falloc"))
    assert full.after.record.allocation is None


def test_an_overlays_header_is_believed_on_the_format_of_an_adopted_base() -> None:
    chain = volume(files(raw("v"), qcow2("v.a", "v", "raw")), "v.a", {"a": "v.a"}, record=None)
    assert plan_present(chain, VolumeRequest()).after.record == Record("v", "raw", SIZE, "sparse")
    with pytest.raises(Refused, match="is to be adopted as qcow2, but the header above v gives its format as raw"):
        plan_present(chain, VolumeRequest(format="qcow2"))


@pytest.mark.parametrize("resembles", ["qcow2", "vmdk", "luks", "vhdx"])
def test_a_file_that_looks_like_something_else_is_adopted_only_on_somebodys_word(resembles: str) -> None:
    seen = raw("v", looks_like=resembles)
    with pytest.raises(Refused, match=f"its content looks like {resembles}; to adopt it, give its format"):
        plan_present(found(seen), VolumeRequest())
    assert plan_present(found(seen), VolumeRequest(format="raw")).after.record.base_format == "raw"


def test_a_file_that_is_a_sound_image_is_adopted_as_raw_only_when_that_is_confirmed() -> None:
    seen = raw("v", looks_like="qcow2", sound_as="qcow2")
    with pytest.raises(
        Refused, match="is not adopted as raw, because its content is a sound qcow2 image.*give format: qcow2, or set confirm"
    ):
        plan_present(found(seen), VolumeRequest(format="raw"))
    with pytest.raises(Refused, match="sound vmdk image.*import it by source_image into another volume, or set confirm_format"):
        plan_present(found(raw("v", looks_like="vmdk", sound_as="vmdk")), VolumeRequest(format="raw"))
    assert plan_present(found(seen), VolumeRequest(format="raw", confirm_format=True)).after.record.base_format == "raw"
    # a guest that has it under an overlay has used it as raw
    chain = volume(files(seen, qcow2("v.a", "v", "raw")), "v.a", {"a": "v.a"}, record=None)
    assert plan_present(chain, VolumeRequest(format="raw")).after.record.base_format == "raw"


def test_a_qcow2_file_is_adopted_with_its_format_given() -> None:
    seen = qcow2("v")
    plan = plan_present(found(seen), VolumeRequest(format="qcow2"))
    assert plan.after.record == Record("v", "qcow2", SIZE, "sparse")
    larger = plan_present(found(seen), VolumeRequest(2 * SIZE, "qcow2"))
    assert [type(step) for step in larger.steps] == [AdoptVolume, Grow]


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        (raw("v"), "it has no qcow2 header"),
        (raw("v", header_problem="its qcow2 header ends too early"), "its qcow2 header ends too early"),
        (qcow2("v", "/etc/shadow", "raw"), "its header names the backing file '/etc/shadow', and a base has none"),
        (qcow2("v", "v.x", "qcow2"), "its header names the backing file 'v.x'"),
        (qcow2("v", data_file=True), "external data file"),
        (qcow2("v", encrypted=True), "encrypted"),
        (qcow2("v", corrupt=True), "corrupt"),
        (qcow2("v", tables_end=1 << 40), "is truncated"),
        (qcow2("v", size=0), "it is empty"),
    ],
)
def test_a_crafted_or_damaged_qcow2_file_is_not_adopted(seen: FileFacts, sentence: str) -> None:
    with pytest.raises(Refused, match=f"cannot be adopted.*{sentence}"):
        plan_present(found(seen), VolumeRequest(format="qcow2"))


def test_an_empty_file_is_not_adopted() -> None:
    with pytest.raises(Refused, match="it is empty; remove the file"):
        plan_present(found(raw("v", 0, 0)), VolumeRequest())


def test_a_volume_that_only_has_to_be_adopted_is_not_grown_without_its_format() -> None:
    with pytest.raises(Refused, match="adopt it first"):
        plan_present(found(raw("v")), VolumeRequest(2 * SIZE))
    with pytest.raises(Refused, match="shrinking is not supported"):
        plan_present(found(raw("v")), VolumeRequest(SIZE - 512, "raw"))


def test_a_volume_that_is_not_there_is_absent_already() -> None:
    assert plan_absent(NOTHING, False).steps == ()


def test_a_volume_goes_with_its_whole_chain_the_active_file_first() -> None:
    plan = plan_absent(stack(GiB, 1, 1), True)
    assert plan.steps == (RemoveVolume(("v.b", "v.a", "v"), ("a", "b")),)
    assert (plan.journaled, plan.after.exists, plan.modified_files) == (True, False, ("v.b", "v.a", "v"))
    assert plan_absent(stack(GiB), False).steps == (RemoveVolume(("v",), ()),)


@pytest.mark.parametrize(
    ("now", "sentence"),
    [
        (stack(GiB, 1), "v on gl1:/vms has 1 snapshot .a.; set delete_snapshots to remove them too"),
        (stack(GiB, 1, 1), "v on gl1:/vms has 2 snapshots .a, b."),
        (stack(GiB, locked_files=frozenset(["v"])), "is in use"),
        (replace(stack(GiB), problems=("it is bad",)), "because it is bad"),
        (replace(NOTHING, problems=("v.a lies there",)), "because v.a lies there"),
    ],
)
def test_a_volume_that_is_not_to_be_lost_is_not_removed(now: Volume, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        plan_absent(now, False)


def test_every_action_is_a_sentence_with_its_reason() -> None:
    plans = [
        plan_present(NOTHING, VolumeRequest(GiB)),
        plan_present(stack(GiB, 1), VolumeRequest(2 * SIZE, uid=1)),
        plan_present(found(raw("v")), VolumeRequest(uid=3)),
        plan_absent(stack(GiB, 1), True),
    ]
    assert len(actions_of(plans)) == 6
    for action in actions_of(plans):
        assert action[0].isupper() and action.endswith(".") and ", because " in action, action


def test_the_volumes_of_a_task_are_named_once_and_well() -> None:
    assert check_volumes(["b", "a"]) == ("b", "a")
    for names, sentence in (([], "is empty"), (["a", "b", "a"], "volume a is named twice"), (["a", "b/c"], "not a volume name")):
        with pytest.raises(BadInput, match=sentence):
            check_volumes(names)
