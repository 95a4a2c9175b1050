# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of volumes that a machine is writing to: every point in time exact, whatever is deleted, and nothing acknowledged lost."""

from __future__ import annotations

import re

import pytest
from ansible_collections.vdisk.gluster.tests.functional.live.volumes import Watched, volume
from ansible_collections.vdisk.gluster.tests.harness.guests.oracle import raw_copy
from ansible_collections.vdisk.gluster.tests.harness.programs import command

FORMATS = pytest.mark.parametrize("image_format", ["raw", "qcow2"])


@pytest.mark.sample(1)
@FORMATS
def test_snapshots_are_deleted_in_any_order(lab, sample, image_format):
    watched = Watched(lab, lab.machine(volume(lab, "v1", image_format), agent=False).start())
    if sample.everything:
        # the oldest, the newest, one in the middle, neighbours in one merge, two runs at once, the rest
        order = [["s0"], ["s9"], ["s5"], ["s6", "s7"], ["s1", "s3"], ["s2", "s4", "s8"]]
    else:
        # the oldest, the newest and one in the middle at once, one in the middle, the rest, who are neighbours now
        order = [["s0"], ["s2", "s5"], ["s3"], ["s1", "s4"]]
    count = sum(map(len, order))
    for number in range(count):
        watched.take(f"s{number}", 20)
    assert len(lab.here.look("v1")["chain"]) == count + 1
    watched.judge()
    for names in order:
        watched.drop(*names)
        watched.machine.wait_acks(5)
        watched.judge()
    watched.judge_at_rest()
    assert len(lab.here.look("v1")["chain"]) == 1


def test_two_disks_of_a_machine_are_taken_in_one_instant(lab):
    disks = [volume(lab, "v1", "raw"), volume(lab, "v2", "qcow2")]
    watched = Watched(lab, lab.machine(*disks, persistent=False).start(), ("v1", "v2"))
    for name in ("s1", "s2", "s3"):
        made = watched.take(name)
        assert [action for action in made["actions"] if "Switch " in action] == [
            f"Switch vda, vdb of domain {watched.machine.name} to v1.{name}, v2.{name}, because the domain is running."
        ]
    watched.judge()
    for name in ("s2", "s3", "s1"):
        watched.drop(name)
        watched.judge()
    watched.judge_at_rest()


def test_a_group_of_two_machines_and_a_volume_at_rest(lab):
    machines = [lab.machine(volume(lab, name), mode="fs", slots=2048).start() for name in ("v1", "v2")]
    volume(lab, "v3")
    for machine in machines:
        machine.wait_for_agent()
        machine.wait_acks(20)
    options = {"volume": ["v1", "v2", "v3"], "name": ["s1"]}
    predicted = lab.here.ok("gluster_snapshot", _ansible_check_mode=True, **options)
    made = lab.here.ok("gluster_snapshot", **options)
    assert made["actions"] == predicted["actions"]
    verbs = [re.match(r"Create overlay|Freeze|Switch vda", action) for action in made["actions"]]
    assert [verb.group() for verb in verbs if verb] == ["Create overlay"] * 3 + ["Freeze"] * 2 + ["Switch vda"] * 2
    assert [entry["quiesced"] for entry in made["snapshots"]] == [True, True, False]
    for machine in machines:
        assert not machine.frozen()
        machine.wait_acks(20)
    assert not lab.here.ok("gluster_snapshot", **options)["changed"]
    lab.counts.add("operations under load")
    lab.here.ok("gluster_snapshot", state="absent", **options)
    for machine in machines:
        machine.restart()
    assert {entry["active_file"] for entry in map(lab.here.look, ("v1", "v2", "v3"))} == {"v1", "v2", "v3"}


@pytest.mark.whole("test_agent.py tells the two apart on one machine")
@pytest.mark.parametrize("quiesce", ["auto", "never"])
def test_a_guest_that_was_frozen_needs_no_recovery_and_one_that_was_not_does(lab, quiesce):
    machine = lab.machine(volume(lab), mode="fs", slots=2048).start()
    machine.wait_for_agent()
    before = machine.wait_acks()
    made = lab.here.ok("gluster_snapshot", volume=["v1"], name=["s1"], quiesce=quiesce)
    after = machine.wait_acks(10)
    assert made["snapshots"][0]["quiesced"] == (quiesce == "auto")
    assert not machine.frozen()
    with raw_copy(lab.here.path("v1"), "raw") as copy:
        features = command("dumpe2fs", "-h", str(copy)).stdout
        assert ("needs_recovery" in features) == (quiesce == "never")
        # what a mount would do: play the journal back, then the file system is sound
        assert command("e2fsck", "-fy", str(copy), check=False).returncode in (0, 1)
        assert command("e2fsck", "-fn", str(copy)).returncode == 0
        records = copy.with_suffix(".records")
        command("debugfs", "-R", f"dump /records {records}", str(copy))
        with open(records, "ab") as stream:
            stream.truncate(2048 * 4096)
        machine.oracle.of_records(records).assert_snapshot_within(before, after)
        records.unlink()
    lab.counts.add("operations under load")


@pytest.mark.sample(1)
@FORMATS
@pytest.mark.parametrize("how", ["punch", "discard"])
@pytest.mark.parametrize("dropped", ["s1", "s2"], ids=["middle", "newest"])
def test_what_the_guest_cleared_stays_cleared_when_it_is_merged(lab, how, image_format, dropped):
    watched = Watched(lab, lab.machine(volume(lab, "v1", image_format)).start())
    watched.machine.wait_for_agent()
    watched.take("s1", 300)
    watched.machine.wipe(how)
    watched.take("s2")
    watched.machine.wipe(how)
    watched.machine.wait_acks()
    watched.drop(dropped)
    watched.judge()
    watched.judge_at_rest()


def test_a_disk_that_may_not_unmap_keeps_its_newest_overlay_until_it_is_at_rest(lab):
    watched = Watched(lab, lab.machine(volume(lab, discard=None), agent=False).start())
    watched.take("s1")
    watched.take("s2")
    told = lab.here.refused("gluster_snapshot", volume=["v1"], name=["s2"], state="absent")
    assert "attached without discard='unmap'" in told and "gluster_volume_attachment" in told
    assert "discard='unmap'" in lab.here.refused("gluster_image_export", volume="v1", dest=str(lab.behind.parent / "never"))
    watched.drop("s1")
    watched.machine.shut_off()
    watched.drop("s2")
    watched.machine.start()
    watched.judge()
    watched.judge_at_rest()


def test_offline_after_live_and_live_after_offline(lab):
    watched = Watched(lab, lab.machine(volume(lab), agent=False).start())
    machine = watched.machine
    watched.take("live1")
    watched.take("live2")
    machine.shut_off()
    acknowledged = machine.acked()
    written = machine.oracle.point_in_time(lab.here.path("v1.live2"), "qcow2").assert_nothing_lost(acknowledged)
    made = lab.here.ok("gluster_snapshot", volume=["v1"], name=["rest1"])
    watched.windows["rest1"] = (written, written)
    assert f"Set the disk of domain {machine.name} to v1.rest1 in its definition, because that is the active file." in made["actions"]
    watched.drop("live1")
    watched.judge()
    machine.start()
    machine.assert_rescanned(acknowledged)
    watched.take("live3")
    watched.drop("live2")
    watched.drop("rest1")
    machine.shut_off()
    # the newest: at its next start the machine has to be on the file below
    watched.drop("live3")
    acknowledged = machine.acked()
    machine.start()
    machine.assert_rescanned(acknowledged)
    assert machine.sources() == [lab.here.path("v1")]
    watched.judge_at_rest()


def test_reverting_needs_rest_and_the_machine_starts_on_what_was_then(lab):
    machine = lab.machine(volume(lab), agent=False).start()
    machine.wait_acks()
    lab.here.ok("gluster_snapshot", volume=["v1"], name=["s1"])
    machine.wait_acks()
    lab.here.ok("gluster_snapshot", volume=["v1"], name=["s2"])
    frozen = machine.oracle.point_in_time(lab.here.path("v1"), "raw").point
    machine.wait_acks()
    options = {"volume": ["v1"], "name": ["s1"], "state": "reverted", "discard_newer": True}
    assert "is running, so it cannot be reverted now" in lab.here.refused("gluster_snapshot", **options)
    machine.shut_off()
    lab.here.ok("gluster_snapshot", **options)
    assert not lab.here.ok("gluster_snapshot", **options)["changed"]
    machine.start()
    machine.assert_rescanned(int(frozen))
    last = int(re.findall(r"LIVE scan last=(\d+)", machine.console())[-1])
    assert last == frozen


@pytest.mark.whole("of the operations that a host refuses because of another one, test_second_host.py draws one in each run")
def test_another_host_is_told_that_the_volume_is_in_use(lab):
    watched = Watched(lab, lab.machine(volume(lab), agent=False).start())
    watched.take("s1")
    there = lab.host()
    holder = f"disk vda of domain {watched.machine.name} on hv1, which has it open"
    for options in (
        {"volume": ["v1"], "name": ["s2"]},
        {"volume": ["v1"], "name": ["s1"], "state": "absent"},
        {"volume": ["v1"], "name": ["s1"], "state": "reverted"},
    ):
        assert holder in there.refused("gluster_snapshot", **options)
    assert holder in there.refused("gluster_volume_file", name=["v1"], size="96M")
    assert holder in there.refused("gluster_image_export", volume="v1", dest=str(lab.behind.parent / "never"))
    watched.judge()
    watched.judge_at_rest()
