# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every step that a journal can hold comes back from it as the same step."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged, Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import plan_absent, plan_present, plan_reverted
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import VolumeRequest
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import plan_absent as plan_no_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import plan_present as plan_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import domain, merge, move_live, registry
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.merge import Commit, Pull
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import Record, SnapshotNote
from ansible_collections.vdisk.gluster.tests.harness import images
from ansible_collections.vdisk.gluster.tests.harness.chains import GiB, stack
from ansible_collections.vdisk.gluster.tests.harness.images import MiB
from ansible_collections.vdisk.gluster.tests.harness.journal_steps import STEPS
from ansible_collections.vdisk.gluster.tests.harness.shares import GROUP, OWNER, PlainShare


def through_a_file(step: Step) -> Step:
    """Return what a journal makes of a step."""
    return registry.from_json(json.loads(json.dumps(registry.to_json(step))))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: type(step).__name__)
def test_a_step_comes_back_as_it_was(step: Step) -> None:
    back = through_a_file(step)
    assert back == step
    assert back.describe() == step.describe()


def test_every_step_that_is_journaled_is_tried_here() -> None:
    assert {type(step) for step in STEPS} == set(registry.classes().values())


FIELDS = {
    "create-overlay": "file backing_file backing_format size snapshot like reason",
    "freeze-guest": "domain uuid overlay required",
    "switch-domain": "domain uuid overlays",
    "thaw-guest": "domain uuid",
    "write-info": "active snapshots",
    "write-record": "record taken frozen_by",
    "redefine-domains": "active format domains host",
    "commit": "merged base base_format moved snapshots",
    "pull": "merged into onto onto_format moved snapshots",
    "rebase": "file backing_file backing_format",
    "remove-merged": "files reason",
    "replace-overlay": "file backing_file backing_format size snapshot",
    "fill-overlay": "file backing_file backing_format size source label below",
    "remove-volume": "files snapshots",
    "withdraw-volume": "files inodes sizes modified to_share token",
    "receive-volume": "files from_share to_share token record info",
    "remove-source-files": "files from_share to_share",
    "copy-frozen-files": "files from_share to_share token record",
    "switch-to-target": "files format below_format size from_share to_share",
    "write-moved-info": "active info",
    "redefine-moved-domains": "active format to_share domains",
}
"""What is on disk: a class may get another name, a name or field of this table may not. New ones are added."""


def test_steps_and_their_fields_are_written_under_the_names_they_always_had() -> None:
    written = {entry.pop("step"): " ".join(entry) for entry in map(registry.to_json, STEPS)}
    assert written == FIELDS


@pytest.mark.parametrize("former", registry.FORMER_NAMES)
def test_a_step_that_an_earlier_release_wrote_under_another_name_is_read(former: str) -> None:
    step = next(step for step in STEPS if registry.to_json(step)["step"] == registry.FORMER_NAMES[former])
    assert registry.from_json({**registry.to_json(step), "step": former}) == step


def test_a_step_keeps_its_name_in_the_journal_whatever_its_class_is_called() -> None:
    renamed = type("Renamed", (Commit,), {})(("v.b",), "v", "raw", 1, ("b",))
    assert registry.to_json(renamed)["step"] == "commit"


def test_every_plan_that_is_journaled_has_only_steps_that_come_back() -> None:
    found = stack(GiB, 1, GiB, 1, GiB)
    for plan in (
        *plan_present([found], "s", SnapshotNote()),
        plan_absent(found, "abd"),
        plan_reverted(found, "b", True),
        plan_no_volume(found, True),
    ):
        assert plan.journaled
        assert tuple(through_a_file(step) for step in plan.steps) == plan.steps


@pytest.mark.parametrize(
    "entries",
    [
        {},
        {"step": None},
        {"step": "Step"},
        {"step": "CreateVolume", "file": "v"},
        {"step": "__class__"},
        {"step": ["commit"]},
        {"step": "remove-merged"},
        {"step": "remove-merged", "files": ["v.a"], "more": 1},
        {"step": "RemoveMerged", "files": ["v.a"], "more": 1},
    ],
)
def test_a_step_of_another_release_is_not_guessed_at(entries: dict[str, object]) -> None:
    with pytest.raises(Damaged, match="does not know"):
        registry.from_json(entries)


@pytest.mark.parametrize(("file_format", "allocation"), [("raw", "sparse"), ("raw", "falloc"), ("raw", "full"), ("qcow2", "sparse")])
def test_a_volume_is_made_whole_with_owner_and_mode(share: PlainShare, file_format: str, allocation: str) -> None:
    size = 3 * MiB + 512
    share.create(size=size, format=file_format, allocation=allocation, uid=OWNER, gid=GROUP, mode=0o640)
    status = os.stat(share.root / "v")
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (OWNER, GROUP, 0o640)
    assert images.content(share.root / "v", file_format) == bytes(size)
    assert (status.st_blocks * 512 >= size) == (allocation != "sparse")
    record = share.read().record
    assert record == Record("v", file_format, size, allocation)
    assert {path.name for path in (share.root / ".vdisk").iterdir()} == {"v.json"}
    assert stat.S_IMODE(os.stat(share.root / ".vdisk").st_mode) == 0o700


def test_a_volume_is_never_made_over_a_file_that_appeared_meanwhile(share: PlainShare) -> None:
    nothing = share.read()
    (share.root / "v").write_bytes(b"precious")
    with pytest.raises(Refused, match="appeared while it was being created"):
        share.apply(plan_volume(nothing, VolumeRequest(MiB, uid=OWNER, gid=GROUP)))
    assert (share.root / "v").read_bytes() == b"precious"
    assert [path.name for path in share.root.iterdir() if path.name.startswith(".v.")] == []


@pytest.mark.parametrize("file_format", ["raw", "qcow2"])
def test_a_volume_grows_with_and_without_snapshots_and_frozen_files_stay(share: PlainShare, file_format: str) -> None:
    share.create(size=MiB, format=file_format)
    share.write((1, 0, MiB))
    share.grow(2 * MiB)
    assert share.content() == b"\x01" * MiB + bytes(MiB)
    share.take("a")
    frozen = (share.root / "v").read_bytes()
    share.grow(3 * MiB + 512)
    assert (share.root / "v").read_bytes() == frozen
    assert share.points() == {"a": b"\x01" * MiB + bytes(MiB), "now": b"\x01" * MiB + bytes(2 * MiB + 512)}
    share.drop("a")
    assert share.content() == b"\x01" * MiB + bytes(2 * MiB + 512)
    assert share.read().active.virtual_size == 3 * MiB + 512


def test_owner_and_mode_are_set_on_every_file_of_the_chain(share: PlainShare) -> None:
    share.create(size=MiB)
    share.take("a")
    share.apply(plan_volume(share.read(), VolumeRequest(uid=OWNER, gid=GROUP, mode=0o600)))
    for name in ("v", "v.a"):
        status = os.stat(Path(share.root) / name)
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (OWNER, GROUP, 0o600)


def test_what_steps_note_in_a_journal_has_names_that_stay() -> None:
    """A task of another release reads them: what was merged already must not be merged again over what a guest wrote since."""
    commit = Commit(("v.b", "v.a"), "v", "raw", 0, ("a",))
    pull = Pull(("v.b",), "v.c", "v", "raw", 0, ("b",))
    assert (commit._work, commit._pivot, pull._work) == ("merge v.b into v", "go over from v.b to v", "merge v.b up into v.c")
    assert (merge._AT_WORK, merge._DONE) == ("a domain is at it", "done")
    assert (domain._frozen("0a"), move_live._switch_mark("v")) == ("frozen 0a", "v goes over to its copy")
