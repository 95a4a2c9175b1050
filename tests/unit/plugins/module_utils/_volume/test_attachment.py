# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which domains of which hosts have a volume: what is on record, what this host knows better, and what it keeps others from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, Damaged, Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.attachment import (
    AttachmentRequest,
    plan_attached,
    plan_detached,
    plan_forgotten,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import nothing_to_do
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.move import check_movable
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.restore import plan_restored
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import plan_absent, plan_present, plan_reverted
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import VolumeRequest
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import plan_absent as plan_no_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import plan_present as plan_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.attachment import RecordAttachments
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.domain import RedefineDomains
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.overlay import WriteRecord
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.registry import from_json, to_json
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.recovery import recover
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import record_file
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.attachment import Attachment, Host, merged
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Definition, Disk, Domain
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.hypervisor import NoHypervisor
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.journal import Journal
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume, volume_object, with_host
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.reader import list_share
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import SnapshotNote
from ansible_collections.vdisk.gluster.tests.harness.chains import SIZE, GiB, stack
from ansible_collections.vdisk.gluster.tests.harness.shares import PlainShare, kinds

NOTE = SnapshotNote("2026-01-05T00:00:00.000000Z")
HERE = Host("hv2", "uuid-2")
DB = Attachment("hv1", "db", "vdb", "of db", "uuid-1")
WEB = Domain("web", "of web", frozenset({"vda"}), frozenset({"vda"}))

CHANGES = {
    "given a snapshot": lambda volume: plan_present([volume], "new", NOTE),
    "rid of a snapshot": lambda volume: plan_absent(volume, ["a"]),
    "reverted": lambda volume: plan_reverted(volume, "b", False),
    "removed": lambda volume: plan_no_volume(volume, True),
    "moved": check_movable,
    "restored": lambda volume: plan_restored(volume, "before", NOTE, "/tmp/disk", "an archive", SIZE, {}),
    "attached": lambda volume: plan_attached(volume, WEB, AttachmentRequest(None, {"bus": "virtio"})),
}


def seen(*recorded: Attachment, host: Host = HERE, runs: str | None = None, shut_off: str | None = None, **more: Any) -> Volume:
    """Return a volume with two snapshots and attachments on record as a host sees it, one of whose domains may have it."""
    volume = stack(GiB, GiB, GiB)
    volume = replace(volume, record=replace(volume.record, attachments=recorded), attachments=recorded)
    part = Definition(tuple(f"/mnt/{entry.file}" for entry in volume.chain.files), "qcow2", True, unmaps=True)
    for domain, live in ((runs, part), (shut_off, None)):
        if domain is not None:
            disk = Disk(domain, f"of {domain}", "vda", live is not None, live, part)
            volume = replace(volume, disks=(disk,), locked_files=frozenset([volume.active_file] if live else []), written=live is not None)
    return with_host(replace(volume, **more), host)


def open_elsewhere(*recorded: Attachment, **more: Any) -> Volume:
    """Return a volume that a QEMU of another host writes to."""
    return seen(*recorded, locked_files=frozenset(["v.b"]), written=True, **more)


@pytest.mark.parametrize(
    ("host", "attachment", "same"),
    [
        (Host("hv1", "u"), Attachment("hv1", "db", host_uuid="u"), True),
        (Host("hv1", "u"), Attachment("HV1", "db"), True),
        (Host("hv1"), Attachment("hv1", "db", host_uuid="u"), True),
        (Host("hv1", "u"), Attachment("hv1.example.com", "db", host_uuid="u"), True),
        (Host("hv1.example.com", "u"), Attachment("hv1", "db", host_uuid="u"), True),
        (Host("hv1"), Attachment("hv1.example.com", "db", host_uuid="u"), False),
        # cloned machines share a name, or the number of their board
        (Host("localhost", "u"), Attachment("localhost", "db", host_uuid="w"), False),
        (Host("hv2", "u"), Attachment("hv1", "db", host_uuid="u"), False),
        (Host("hv10", "u"), Attachment("hv1", "db", host_uuid="u"), False),
    ],
)
def test_a_host_is_known_by_its_name_and_where_known_by_its_uuid(host: Host, attachment: Attachment, same: bool) -> None:
    assert host.is_host_of(attachment) is same


def test_a_host_knows_its_own_domains_better_than_the_record_and_others_not_at_all() -> None:
    stale = Attachment("hv2", "gone", "vdc", "of gone", "uuid-2")
    transient = Disk("web", "of web", "vda", True, Definition(("/mnt/v",), "raw"), None)
    own = Attachment("hv2", "web", "vda", "of web", "uuid-2", stored=False)
    assert merged((stale, DB), HERE, [transient]) == (DB, own)
    assert merged((stale, DB), replace(HERE, asked=False), []) == (DB, stale)


def test_attachments_are_read_as_they_were_written_and_a_record_without_them_has_none() -> None:
    record = record_file.Record("v", "raw", SIZE, attachments=(DB, Attachment("hv2", "web", stored=False)))
    assert record_file.parse(record_file.dump(record)) == record
    entries = record_file.to_json(replace(record, attachments=()))
    assert "attachments" not in entries and record_file.from_json(entries).attachments == ()
    # what a later release says more, and what an earlier one did not say
    known = record_file.from_json({**entries, "attachments": [{"host": "hv1", "domain": "db", "of a later release": 1}]})
    assert known.attachments == (Attachment("hv1", "db"),)


@pytest.mark.parametrize(
    "entries", [{}, "hv1", [1], [{"host": "hv1"}], [{"domain": "db"}], [{"host": "", "domain": "db"}], [{"host": 1, "domain": "db"}]]
)
def test_what_does_not_say_who_has_the_volume_is_no_record(entries: Any) -> None:
    with pytest.raises(Damaged, match="its attachments is"):
        record_file.from_json({**record_file.to_json(record_file.Record("v", "raw", SIZE)), "attachments": entries})


@pytest.mark.parametrize("what", CHANGES)
def test_what_a_domain_elsewhere_would_start_on_is_not_changed_unless_that_is_no_matter(what: str) -> None:
    change = CHANGES[what]
    with pytest.raises(
        Refused, match=rf"disk vdb of domain db on hv1, by its record; .* not {what}: run the task on hv1.*host hv1, state absent"
    ):
        change(seen(DB))
    change(seen(DB, respects_other_hosts=False))
    change(seen())
    # one without a definition is gone when it does not run
    change(seen(replace(DB, stored=False)))


@pytest.mark.parametrize("what", [what for what in CHANGES if what not in ("reverted", "removed", "restored", "attached")])
def test_a_domain_that_has_come_here_is_no_hindrance_and_another_one_is(what: str) -> None:
    CHANGES[what](seen(DB, runs="db"))
    with pytest.raises(Refused, match="disk vdb of domain db on hv1, by its record"):
        CHANGES[what](seen(DB, runs="web"))
    with pytest.raises(Refused, match="disk vdb of domain db on hv1, by its record"):
        CHANGES[what](seen(DB, shut_off="db"))


def test_a_host_that_is_not_asked_does_not_take_its_own_record_for_nothing() -> None:
    own = Attachment("hv2", "web", "vda", "of web")
    with pytest.raises(Refused, match="run the task on this host, which this task does not ask for its domains"):
        CHANGES["given a snapshot"](seen(own, host=Host("hv2", asked=False)))
    CHANGES["given a snapshot"](seen(own, host=Host("hv2")))


def test_growth_and_what_changes_nothing_are_not_refused() -> None:
    assert kinds(plan_volume(seen(DB), VolumeRequest(size=2 * SIZE)).steps) == ["Grow"]
    assert plan_volume(seen(DB), VolumeRequest(size=SIZE)).steps == ()
    assert plan_present([seen(DB)], "a", NOTE)[0].steps == plan_absent(seen(DB), ["x"]).steps == ()


@pytest.mark.parametrize("what", CHANGES)
def test_a_volume_that_is_open_elsewhere_is_refused_by_the_name_of_who_has_it(what: str) -> None:
    for heeds in (True, False):
        volume = open_elsewhere(DB, respects_other_hosts=heeds)
        with pytest.raises(
            Refused,
            match=f"v on gl1:/vms is disk vdb of domain db on hv1, which has it open, so it cannot be {what} here; run the task on hv1",
        ):
            CHANGES[what](volume)
    with pytest.raises(Refused, match="disk vdb of domain db on hv1 and disk vdb of domain db on hv3, and one of them has it open"):
        CHANGES[what](open_elsewhere(DB, replace(DB, host="hv3", host_uuid="uuid-3")))
    with pytest.raises(Refused, match="in use: a running VM or another program"):
        CHANGES[what](open_elsewhere())
    # a reader is not taken for the domain
    with pytest.raises(Refused, match="in use: a running VM or another program"):
        CHANGES[what](replace(open_elsewhere(DB), written=False))


@pytest.mark.parametrize(
    ("volume", "running_on", "running"),
    [
        (seen(DB), None, [False]),
        (open_elsewhere(DB), "hv1", [True]),
        (open_elsewhere(DB, replace(DB, host="hv3", host_uuid="w")), None, [None, None]),
        (open_elsewhere(DB, shut_off="db"), "hv1", [True, False]),
        (open_elsewhere(), None, []),
        (seen(DB, runs="db"), "hv2", [False, True]),
        (seen(shut_off="db"), None, [False]),
        (replace(open_elsewhere(DB), written=False), None, [False]),
    ],
)
def test_results_tell_who_has_the_volume_and_where_it_runs(volume: Volume, running_on: str | None, running: list[bool | None]) -> None:
    told = volume_object(volume)
    assert (told["running_on"], [entry["running"] for entry in told["attachments"]]) == (running_on, running)
    assert [entry["host"] for entry in told["attachments"]] == sorted(entry["host"] for entry in told["attachments"])


def test_every_plan_that_writes_the_record_writes_who_has_the_volume_now() -> None:
    plan = plan_present([seen(DB, runs="db")], "new", NOTE)[0]
    written = next(step for step in plan.steps if isinstance(step, WriteRecord))
    assert [entry["host"] for entry in written.record["attachments"]] == ["hv1", "hv2"]
    assert plan.after.record.attachments == plan.after.attachments
    (grow,) = plan_volume(seen(runs="db"), VolumeRequest(size=2 * SIZE)).steps
    assert [entry.domain for entry in grow.record.attachments] == ["db"]


def test_an_attachment_is_written_down_before_it_is_made_and_struck_out_after_it_is_gone() -> None:
    plan = plan_attached(seen(), WEB, AttachmentRequest("vdb", {"bus": "virtio"}))
    assert kinds(plan.steps) == ["RecordAttachments", "AttachDisk", "AttachDisk"]
    assert plan.after.record.attachments == plan.after.attachments == (Attachment("hv2", "web", "vdb", "of web", "uuid-2"),)
    attached = seen(*plan.after.attachments, shut_off="web")
    plan = plan_detached(attached, replace(WEB, live=None))
    assert kinds(plan.steps) == ["DetachDisk", "RecordAttachments"]
    assert plan.after.record.attachments == ()


def test_a_domain_that_has_the_volume_already_is_only_written_down_and_one_that_is_gone_struck_out() -> None:
    plan = plan_attached(seen(DB, shut_off="db"), Domain("db", "of db", None, frozenset()), AttachmentRequest(None, {}))
    assert kinds(plan.steps) == ["RecordAttachments"]
    again = plan_attached(
        seen(*plan.after.attachments, shut_off="db"), Domain("db", "of db", None, frozenset()), AttachmentRequest(None, {})
    )
    assert again.steps == ()
    own = Attachment("hv2", "web", "vda", "of web", "uuid-2")
    plan = plan_detached(seen(own, DB), None)
    assert kinds(plan.steps) == ["RecordAttachments"] and plan.after.record.attachments == (DB,)
    assert plan_detached(seen(DB), None).steps == ()


def test_a_host_that_is_gone_is_forgotten_by_the_name_or_uuid_of_its_domain() -> None:
    for name in ("db", "of db"):
        plan = plan_forgotten(seen(DB, replace(DB, host="hv3")), name, "hv1", HERE)
        assert kinds(plan.steps) == ["RecordAttachments"] and [entry.host for entry in plan.after.record.attachments] == ["hv3"]
    assert plan_forgotten(seen(DB), "web", "hv1", HERE).steps == plan_forgotten(seen(DB), "db", "hv3", HERE).steps == ()
    assert plan_forgotten(seen(DB, runs="db"), "db", "hv1", HERE).steps
    with pytest.raises(Refused, match="has it open, so it cannot be forgotten"):
        plan_forgotten(open_elsewhere(DB), "db", "hv1", HERE)
    with pytest.raises(BadInput, match="hv2 is this host"):
        plan_forgotten(seen(shut_off="web"), "web", "hv2", HERE)


def test_what_is_written_down_is_taken_back_where_attaching_is_refused(tmp_path: Path) -> None:
    share = PlainShare(tmp_path)
    volume = share.create(size=1 << 20)
    had = record_file.to_json(volume.record)
    step = RecordAttachments(record_file.to_json(replace(volume.record, attachments=(DB,))), had, "v", "it is")
    step.apply(share.context())
    assert share.read().record.attachments == (DB,)
    assert step.can_be_undone(share.context())
    step.undo(share.context())
    assert record_file.to_json(share.read().record) == had


def test_definitions_of_another_host_are_not_left_behind_by_finishing_a_plan_here(tmp_path: Path) -> None:
    share = PlainShare(tmp_path)
    share.create(size=1 << 20)
    step = RedefineDomains("v", "raw", ("db",), "hv1")
    journal = Journal(str(tmp_path), "v")
    journal.begin([{"volume": "v", "share": share.share.name, **to_json(step)}])
    where, listings = (("v", share.share),), {share.share.name: list_share(share.share)}
    with pytest.raises(Refused, match="unfinished, and domain db on hv1 must be updated with it.*run the task on hv1"):
        recover(where, listings, share.qemu_img, NoHypervisor())
    assert share.read().unfinished
    recover(where, listings, share.qemu_img, NoHypervisor(), respects_other_hosts=False)
    assert not share.read().unfinished


def test_a_journal_of_a_release_without_hosts_is_still_read() -> None:
    old = {"step": "PointMachines", "active": "v", "format": "raw", "domains": ["db"]}
    assert from_json(old) == RedefineDomains("v", "raw", ("db",))
    with pytest.raises(Damaged):
        from_json({**old, "of a later release": 1})
    with pytest.raises(Damaged):
        from_json({key: value for key, value in old.items() if key != "format"})


def test_a_definition_is_brought_up_whatever_other_hosts_have() -> None:
    volume = seen(DB, shut_off="db")
    old = replace(volume.disks[0], stored=Definition(("/mnt/v.a", "/mnt/v"), "qcow2"))
    (step,) = nothing_to_do(replace(volume, disks=(old,))).steps
    assert step == RedefineDomains("v.b", "qcow2", ("db",), "hv2")
