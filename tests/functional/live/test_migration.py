# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that moves from one hypervisor to another in the middle of its snapshots, on a replicated GlusterFS in a lab."""

from __future__ import annotations

import json
import os
import re

import pytest
from ansible_collections.vdisk.gluster.tests.functional.live.moving import MovingMachine, Site
from ansible_collections.vdisk.gluster.tests.functional.live.test_guide import playbooks, run
from ansible_collections.vdisk.gluster.tests.harness.lab.lab import Lab


@pytest.fixture(scope="module")
def site(guest_image):
    """Three servers and two hypervisors."""
    with Lab.up(f"m{os.getpid() % 10**7}") as lab:
        made = Site(lab, guest_image)
        yield made
        made.close()


class Story:
    """A volume, the machine that writes to it, and the windows in which its snapshots were taken."""

    def __init__(self, site, counts, name, **more):
        self.one, self.two = site.hosts
        self.volume, self.counts = name, counts
        self.one.ok("gluster_volume_file", name=[name], size="16M", format="raw")
        self.machine = MovingMachine(site, f"machine-of-{name}", name, counts, **more)
        self.windows = {}
        self.machine.start()

    @property
    def here(self):
        return self.machine.here

    def take(self, snapshot):
        before = self.machine.wait_acks(20)
        made = self.here.twice("gluster_snapshot", volume=[self.volume], name=[snapshot])
        self.windows[snapshot] = (before, self.machine.wait_acks(5))
        self.counts.add("operations under load")
        return made

    def drop(self, snapshot):
        del self.windows[snapshot]
        self.counts.add("operations under load")
        return self.here.twice("gluster_snapshot", volume=[self.volume], name=[snapshot], state="absent")

    def judge(self, nothing_lost=0):
        """See on both hosts that each snapshot is the point in time that it was, and what is known of the volume is right."""
        for host in (self.one, self.two):
            looked = host.look(self.volume)
            assert [snapshot["name"] for snapshot in looked["snapshots"]] == list(self.windows)
            formats = {entry["file"]: entry["format"] for entry in looked["chain"]}
            for snapshot in looked["snapshots"]:
                file = snapshot["point_in_time_file"]
                found = self.machine.oracle.point_in_time(host.outside(host.root / file), formats[file])
                found.assert_snapshot_within(*self.windows[snapshot["name"]])
        if self.machine.is_running():
            assert self.machine.sources() == [self.here.root / entry["file"] for entry in looked["chain"]]
        if nothing_lost:
            path = host.outside(looked["path"])
            self.machine.oracle.point_in_time(path, looked["format"]).assert_nothing_lost(nothing_lost)


def hosts_of(looked):
    return [(entry["host"], entry["running"]) for entry in looked["attachments"]]


def test_a_machine_with_snapshots_moves_and_its_volume_is_changed_where_it_runs(site, counts, tmp_path):
    story = Story(site, counts, "moved")
    one, two, machine = story.one, story.two, story.machine
    story.take("s1")
    story.take("s2")
    assert two.look("moved")["running_on"] == one.look("moved")["running_on"] == "hv1"
    message = two.refused("gluster_snapshot", volume=["moved"], name=["s3"])
    assert f"disk vda of domain {machine.name} on hv1, which has it open" in message and "run the task on hv1" in message, message
    machine.move(two, "--persistent", "--undefinesource")
    looked = two.look("moved")
    assert (looked["running_on"], hosts_of(looked), looked["problems"]) == ("hv2", [("hv1", False), ("hv2", True)], [])
    looked = one.look("moved")
    assert (looked["running_on"], looked["in_use"], looked["attachments"]) == (None, True, [])
    made = story.take("s3")
    assert f"on record as disk vda of domain {machine.name} on hv1 too" in str(made["warnings"])
    story.drop("s1")
    two.twice("gluster_volume_file", name=["moved"], size="20M")
    export = two.twice("gluster_image_export", volume="moved", snapshot="s2", dest="/lab/s2.raw")
    assert export["export"]["verified"]
    two.ok("gluster_image_export", volume="moved", dest="/lab/now.raw")
    machine.oracle.of_records(two.host.shared / "s2.raw").assert_snapshot_within(*story.windows["s2"])
    assert machine.oracle.of_records(two.host.shared / "now.raw").point > story.windows["s3"][0]
    message = one.refused("gluster_snapshot", volume=["moved"], name=["s4"])
    assert f"disk vda of domain {machine.name} on hv2, which has it open" in message, message
    # the host that it came from says itself that it has it no longer
    one.twice("gluster_volume_attachment", volume="moved", domain=machine.name, state="absent")
    assert hosts_of(two.look("moved")) == [("hv2", True)]
    assert "warnings" not in story.take("s4") and "warnings" not in story.drop("s3")
    story.judge()
    acknowledged = machine.acked()
    machine.restart()
    machine.shut_off()
    story.judge(nothing_lost=acknowledged)
    message = one.refused("gluster_snapshot", volume=["moved"], name=["s5"])
    assert f"disk vda of domain {machine.name} on hv2, by its record" in message and "run the task on hv2" in message, message
    two.twice("gluster_snapshot", volume=["moved"], name=["s2"], state="absent")
    del story.windows["s2"]
    story.judge(nothing_lost=acknowledged)
    machine.remove()


def test_a_definition_that_is_left_behind_is_told_and_mended_before_it_is_started(site, counts):
    story = Story(site, counts, "left")
    one, two, machine = story.one, story.two, story.machine
    story.take("s1")
    # the definition stays where it was, and there is none where it goes
    machine.move(two)
    made = story.take("s2")
    assert "hv1 still defines it" in str(made["warnings"])
    (problem,) = one.look("left")["problems"]
    assert "on this host names left.s1, and the active file of left on gs1:/vms is left.s2" in problem, problem
    assert "would, at its next start, write to a file that other files are based on" in problem and "undefine it" in problem, problem
    message = one.refused("gluster_volume_attachment", volume="left", domain=machine.name)
    assert f"disk vda of domain {machine.name} on hv2, which has it open" in message, message
    acknowledged = machine.acked()
    machine.shut_off()
    message = two.refused("gluster_snapshot", volume=["left"], name=["s3"])
    assert f"disk vda of domain {machine.name} on hv1, by its record" in message and "run the task on hv1" in message, message
    (problem,) = one.look("left")["problems"]
    assert "run gluster_volume_attachment with state: present" in problem, problem
    made = one.twice("gluster_volume_attachment", volume="left", domain=machine.name)
    assert re.search(r"Set the disk of domain \S+ to left.s2 in its definition", str(made["actions"]))
    assert hosts_of(two.look("left")) == [("hv1", False)]
    machine.settle(one)
    machine.start()
    machine.assert_rescanned(acknowledged)
    story.take("s3")
    story.drop("s1")
    acknowledged = machine.wait_acks(20)
    machine.shut_off()
    story.judge(nothing_lost=acknowledged)
    machine.remove()


@pytest.mark.whole("each task of the playbook where its machine runs: the others of this file do the same by modules")
def test_the_playbook_of_the_guide_lets_each_task_run_on_the_host_of_the_machine(site, counts, tmp_path):
    story = Story(site, counts, "guided")
    one, two, machine = story.one, story.two, story.machine
    two.ok("gluster_volume_file", name=["resting", "nobodys"], size="8M")
    two.host.run(["virsh", "define", "/dev/stdin"], told=machine.xml().replace(machine.name, "rests").replace("guided", "resting"))
    two.twice("gluster_volume_attachment", volume="resting", domain="rests")
    one.twice("gluster_volume_attachment", volume="guided", domain=machine.name)
    playbook = tmp_path / "playbook.yml"
    playbook.write_text(playbooks()[1])

    def take(snapshot):
        values = {"share": one.share, "disks": ["guided", "resting", "nobodys"], "snapshot": snapshot}
        return run("-i", str(site.inventory), str(playbook), "-e", json.dumps(values))["hv1"]["changed"]

    for snapshot in ("monday", "tuesday"):
        before = machine.wait_acks(20)
        assert take(snapshot) == 1
        story.windows[snapshot] = (before, machine.wait_acks(5))
        counts.add("operations under load")
        assert take(snapshot) == 0
        assert [entry["name"] for entry in two.look("resting")["snapshots"]] == list(story.windows)
        story.judge()
        machine.move(two if machine.here is one else one, "--persistent", "--undefinesource")
        if machine.here is two:
            one.twice("gluster_volume_attachment", volume="guided", domain=machine.name, state="absent")
            two.twice("gluster_volume_attachment", volume="guided", domain=machine.name)
    acknowledged = machine.acked()
    machine.shut_off()
    story.judge(nothing_lost=acknowledged)
    machine.remove()
    two.host.run(["virsh", "undefine", "rests"])
