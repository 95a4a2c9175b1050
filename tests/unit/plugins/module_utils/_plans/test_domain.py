# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for volumes that domains have: live snapshots and merges, definitions that follow, attachment, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.attachment import AttachmentRequest, plan_attached, plan_detached
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import interleaved
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import plan_absent, plan_present, plan_reverted
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.temporary import plan_temporary
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import VolumeRequest
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import plan_absent as plan_no_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import plan_present as plan_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.domain import FreezeGuest, RedefineDomains, SwitchDomain
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Definition, Disk, Domain
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import SnapshotNote
from ansible_collections.vdisk.gluster.tests.harness.chains import SIZE, GiB, stack
from ansible_collections.vdisk.gluster.tests.harness.shares import kinds

NOTE = SnapshotNote("2026-01-05T00:00:00.000000Z")
DOMAIN = Domain("web", "0a", frozenset({"vda"}), frozenset({"vda"}))
OPTIONS = {"bus": "virtio"}


def definition(volume: Volume, closed: bool = True) -> Definition:
    """Return what a domain on a volume has."""
    files = volume.chain.files if closed else volume.chain.files[:1]
    return Definition(tuple(f"{volume.mount_point}/{entry.file}" for entry in files), volume.active.format, closed, unmaps=True)


def on(volume: Volume, domain: str = "web", live: bool = True, **more: Any) -> Volume:
    """Return a volume that a domain has, and which QEMU has locked where the domain runs."""
    disk = Disk(domain, f"of {domain}", "vda", live, definition(volume) if live else None, definition(volume), **more)
    return replace(volume, disks=(*volume.disks, disk), locked_files=frozenset([volume.active_file]) if live else frozenset())


def test_a_running_domain_is_switched_after_its_overlay_is_made_and_before_the_books_are_kept() -> None:
    (plan,) = plan_present([on(stack(GiB, GiB))], "b", NOTE)
    assert kinds(plan.steps) == ["CreateOverlay", "SwitchDomain", "WriteInfo", "WriteRecord", "RedefineDomains"]
    switch = plan.steps[1]
    assert isinstance(switch, SwitchDomain)
    assert switch.overlays == {"vda": {"path": "/mnt/v.b", "below": "v.a", "format": "qcow2", "size": SIZE}}
    assert plan.journaled and plan.modified_files == () and plan.modified_live == ()
    assert not plan.after.snapshot("b").note.quiesced


@pytest.mark.parametrize(
    ("quiesce", "agent", "freezes"), [("auto", True, 1), ("auto", False, 0), ("never", True, 0), ("required", True, 1)]
)
def test_a_guest_is_frozen_where_its_agent_answers_and_it_is_wanted(quiesce: str, agent: bool, freezes: int) -> None:
    (plan,) = plan_present([on(stack(GiB), agent=agent)], "a", NOTE, quiesce)
    assert (kinds(plan.steps).count("FreezeGuest"), kinds(plan.steps).count("ThawGuest")) == (freezes, freezes)
    assert plan.after.snapshot("a").note.quiesced == bool(freezes)
    if freezes:
        assert kinds(plan.steps)[:4] == ["CreateOverlay", "FreezeGuest", "SwitchDomain", "ThawGuest"]
        assert isinstance(plan.steps[1], FreezeGuest) and plan.steps[1].required == (quiesce == "required")


def test_without_an_agent_nothing_can_be_required() -> None:
    with pytest.raises(Refused, match="no guest agent that answers, and quiesce is required"):
        plan_present([on(stack(GiB))], "a", NOTE, "required")


def test_disks_of_one_domain_are_one_call_and_several_domains_freeze_first_and_thaw_last() -> None:
    one, two, three = (replace(stack(GiB), name=name) for name in ("v", "w", "x"))
    web = [on(one, agent=True), on(two, agent=True)]
    web[1] = replace(web[1], disks=(replace(web[1].disks[0], target="vdb"),))
    plans = plan_present([*web, on(three, "db", agent=True)], "a", NOTE)
    order = [(plan.before.name, type(step).__name__) for plan, step in interleaved(plans)]
    assert order[:9] == [
        ("v", "CreateOverlay"),
        ("w", "CreateOverlay"),
        ("x", "CreateOverlay"),
        ("v", "FreezeGuest"),
        ("x", "FreezeGuest"),
        ("v", "SwitchDomain"),
        ("x", "SwitchDomain"),
        ("v", "ThawGuest"),
        ("x", "ThawGuest"),
    ]
    assert {kind for _name, kind in order[9:]} == {"WriteInfo", "WriteRecord", "RedefineDomains"}
    assert sorted(next(step for step in plans[0].steps if isinstance(step, SwitchDomain)).overlays) == ["vda", "vdb"]


def test_a_group_of_running_and_resting_volumes_writes_no_info_file_before_the_switch() -> None:
    plans = plan_present([replace(stack(GiB), name="rest"), on(replace(stack(GiB), name="runs"))], "a", NOTE)
    order = [type(step).__name__ for _plan, step in interleaved(plans)]
    assert order[:3] == ["CreateOverlay", "CreateOverlay", "SwitchDomain"]
    assert "WriteInfo" in order[3:]


def test_a_running_domain_merges_down_whatever_that_costs() -> None:
    heavy_above = stack(GiB, GiB // 64, 4 * GiB, GiB)
    assert "Pull" in kinds(plan_absent(heavy_above, ["b"]).steps)
    plan = plan_absent(on(heavy_above), ["b"])
    assert kinds(plan.steps) == ["Commit", "RebaseOverlay", "WriteInfo", "RedefineDomains", "RemoveMerged", "WriteRecord"]
    assert plan.modified_files == () and set(plan.modified_live) == {"v.b", "v.a", "v.c"}


def test_only_the_newest_of_several_can_be_merged_up_by_a_running_domain() -> None:
    found = on(stack(GiB, GiB, GiB))
    assert kinds(plan_absent(found, ["b"], only_up=True).steps)[0] == "Pull"
    for names in (["a"], ["a", "b"]):
        with pytest.raises(Refused, match="security module"):
            plan_absent(found, names, only_up=True)


def test_the_newest_snapshot_of_a_disk_that_may_not_unmap_is_not_merged_down_by_its_domain() -> None:
    found = on(stack(GiB, GiB, GiB))
    disk = found.disks[0]
    keeps = replace(found, disks=(replace(disk, live=replace(disk.live, unmaps=False)),))
    assert kinds(plan_absent(keeps, ["a"]).steps)[0] == "Commit"
    for names in (["b"], ["a", "b"]):
        assert plan_absent(found, names).steps
        with pytest.raises(Refused, match="attached without discard='unmap'"):
            plan_absent(keeps, names)
    with pytest.raises(Refused, match="attached without discard='unmap'"):
        plan_temporary(keeps, "export")
    assert plan_temporary(found, "export").after.snapshot("vdisk-export").note.temporary


def test_definitions_of_domains_that_are_shut_off_follow_before_anything_is_removed() -> None:
    found = on(stack(GiB, GiB, GiB), live=False)
    for plan in (plan_absent(found, ["b"]), plan_absent(found, ["a"]), plan_reverted(found, "a", True)):
        names = kinds(plan.steps)
        assert names.index("WriteInfo") < names.index("RedefineDomains") < names.index("RemoveMerged")
    (plan,) = plan_present([found], "c", NOTE)
    assert kinds(plan.steps) == ["CreateOverlay", "WriteInfo", "WriteRecord", "RedefineDomains"]


def test_a_definition_that_fits_is_left_alone_and_one_that_does_not_is_mended_without_another_change() -> None:
    fits = on(stack(GiB, GiB), live=False)
    assert plan_absent(fits, ["x"]).steps == ()
    open_ended = replace(fits, disks=(replace(fits.disks[0], stored=definition(fits, closed=False)),))
    assert plan_absent(open_ended, ["x"]).steps == ()
    for wrong in (
        Definition(("/mnt/v",), "raw"),
        Definition(("/mnt/v.a",), "raw"),
        Definition(("/mnt/v.a",), "qcow2", closed=True),
        Definition(("/mnt/v.a", "/mnt/v.z"), "qcow2"),
    ):
        stale = replace(fits, disks=(replace(fits.disks[0], stored=wrong),))
        assert plan_absent(stale, ["x"]).steps == (RedefineDomains("v.a", "qcow2", ("web",)),)
        assert plan_volume(stale, VolumeRequest()).steps == (RedefineDomains("v.a", "qcow2", ("web",)),)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (on(on(stack(GiB)), "db"), "disk vda of domain web and disk vda of domain db at the same time"),
        (on(stack(GiB), job="copy"), r"block job \(copy\) is running"),
        (on(stack(GiB), live=False, saved=True), "saved state"),
        (replace(stack(GiB), locked_files=frozenset(["v"])), "or run the task on the host of that VM"),
    ],
)
def test_what_no_live_change_is_safe_on_is_refused(found: Volume, says: str) -> None:
    with pytest.raises(Refused, match=says):
        plan_present([found], "x", NOTE)
    grown = VolumeRequest(size=8 * GiB)
    with pytest.raises(Refused, match=says):
        plan_volume(found, grown)


def test_a_domain_that_has_other_files_open_than_the_chain_is_refused() -> None:
    found = on(stack(GiB, GiB))
    other = replace(found.disks[0], live=Definition(("/mnt/v",), "raw", True))
    with pytest.raises(Refused, match="has v open, but the chain of v on gl1:/vms is v.a, v"):
        plan_absent(replace(found, disks=(other,)), ["a"])


def test_what_needs_rest_is_refused_while_a_domain_runs_and_removal_while_one_is_defined() -> None:
    running, defined = on(stack(GiB, GiB)), on(stack(GiB), live=False)
    with pytest.raises(Refused, match="domain web, which is running"):
        plan_reverted(running, "a", False)
    with pytest.raises(Refused, match="domain web, which is running"):
        plan_no_volume(running, True)
    with pytest.raises(Refused, match="detach it first with gluster_volume_attachment"):
        plan_no_volume(defined, True)


def test_a_volume_is_attached_now_and_from_the_next_start_on_under_the_next_free_name() -> None:
    plan = plan_attached(stack(GiB, GiB), DOMAIN, AttachmentRequest(None, OPTIONS))
    assert [(step.live, step.target, step.path, step.image_format) for step in plan.steps] == [
        (True, "vdb", "/mnt/v.a", "qcow2"),
        (False, "vdb", "/mnt/v.a", "qcow2"),
    ]
    assert plan_attached(plan.after, DOMAIN, AttachmentRequest(None, OPTIONS)).steps == ()
    gone = plan_detached(plan.after, DOMAIN)
    assert [step.live for step in gone.steps] == [True, False]
    assert plan_detached(gone.after, DOMAIN).steps == ()


def test_only_what_is_missing_is_attached() -> None:
    plan = plan_attached(stack(GiB), DOMAIN, AttachmentRequest("vdz", OPTIONS))
    half = replace(plan.after, disks=(replace(plan.after.disks[0], live=None),))
    assert [step.live for step in plan_attached(half, DOMAIN, AttachmentRequest("vdz", OPTIONS)).steps] == [True]
    shut_off = replace(DOMAIN, live=None)
    assert [step.live for step in plan_attached(stack(GiB), shut_off, AttachmentRequest(None, OPTIONS)).steps] == [False]


@pytest.mark.parametrize(("count", "free"), [(1, "vdb"), (26, "vdaa"), (27, "vdab"), (702, "vdaaa")])
def test_names_of_disks_go_on_after_z(count: int, free: str) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [*letters, *(one + two for one in letters for two in letters)][:count]
    taken = frozenset(f"vd{name}" for name in names)
    plan = plan_attached(stack(GiB), replace(DOMAIN, live=taken, stored=taken), AttachmentRequest(None, OPTIONS))
    assert {step.target for step in plan.steps} == {free}


@pytest.mark.parametrize(
    ("found", "wanted", "says"),
    [
        (on(stack(GiB), "db", live=False), AttachmentRequest(None, OPTIONS), "disk vda of domain db already; two domains would destroy it"),
        (replace(stack(GiB), locked_files=frozenset(["v"])), AttachmentRequest(None, OPTIONS), "is in use"),
        (stack(GiB), AttachmentRequest("vda", OPTIONS), "has another disk as vda"),
        (replace(stack(GiB), record=None), AttachmentRequest(None, OPTIONS), "adopt it first"),
        (replace(stack(GiB), problems=("it is broken",)), AttachmentRequest(None, OPTIONS), "it is broken"),
    ],
)
def test_what_is_not_safe_to_attach_is_refused(found: Volume, wanted: AttachmentRequest, says: str) -> None:
    with pytest.raises(Refused, match=says):
        plan_attached(found, DOMAIN, wanted)
    with pytest.raises(Refused, match="is .* already, not vdx"):
        plan_attached(plan_attached(stack(GiB), DOMAIN, AttachmentRequest("vdb", OPTIONS)).after, DOMAIN, AttachmentRequest("vdx", OPTIONS))
