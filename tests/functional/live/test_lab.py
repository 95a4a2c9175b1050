# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The laboratory itself: machines write, freeze, die and come back, and what is judged by the oracle is so; no module is tested here."""

from __future__ import annotations

import os
import signal

import libvirt
import pytest
from ansible_collections.vdisk.gluster.tests.harness.guests.hypervisor import Hypervisor
from ansible_collections.vdisk.gluster.tests.harness.processes import wait_until
from ansible_collections.vdisk.gluster.tests.harness.programs import command

FORMATS = pytest.mark.parametrize("image_format", ["raw", "qcow2"])


@pytest.mark.whole("test_snapshots.py takes such points by the modules")
@FORMATS
def test_every_point_in_time_of_a_chain_is_exact(lab, image_format):
    disk = lab.image("v1", image_format)
    machine = lab.machine(disk).start()
    windows = []
    for name in ("s1", "s2", "s3"):
        before = machine.wait_acks()
        (frozen,) = lab.snapshot(machine, name)
        windows.append((frozen, before, machine.wait_acks()))
    for frozen, before, after in windows:
        found = machine.oracle.point_in_time(frozen, image_format if frozen == disk.path else "qcow2")
        found.assert_snapshot_within(before, after)
    files = [lab.here.path(name) for name in ("v1.s3", "v1.s2", "v1.s1", "v1")]
    assert machine.sources() == machine.sources(stored=True) == files
    machine.restart()
    machine.shut_off()
    machine.oracle.point_in_time(files[0], "qcow2").assert_nothing_lost(machine.acked())


@pytest.mark.whole("test_snapshots.py takes two disks in one instant by the modules, and test_oracle.py tells instants apart")
def test_two_disks_are_frozen_in_one_instant(lab):
    disks = [lab.image("v1", "raw"), lab.image("v2", "qcow2")]
    machine = lab.machine(*disks, persistent=False).start()
    before = machine.wait_acks()
    lab.snapshot(machine, "s1")
    after = machine.wait_acks()
    lab.snapshot(machine, "s2")
    machine.wait_acks()
    oracle = machine.oracle
    frozen = [oracle.point_in_time(disk.path, disk.format, lane) for lane, disk in enumerate(disks)]
    assert before <= oracle.assert_one_instant(frozen) <= after
    later = oracle.point_in_time(lab.here.path("v2.s1"), "qcow2", 1)
    with pytest.raises(AssertionError, match="at one instant it would be"):
        oracle.assert_one_instant([frozen[0], later])
    machine.shut_off()
    assert not machine.is_defined(), "a transient machine is forgotten when it is off"
    oracle.assert_one_instant([oracle.point_in_time(lab.here.path(f"{name}.s2"), "qcow2", lane) for lane, name in enumerate(("v1", "v2"))])


def test_a_file_that_is_half_merged_is_found_out(lab, counts):
    machine = lab.machine(lab.image("v1", "raw")).start()
    for name in ("s1", "s2"):
        machine.wait_acks(600)
        lab.snapshot(machine, name)
    before = machine.oracle.point_in_time(lab.here.path("v1"), "raw").point
    lower, upper = lab.here.path("v1"), lab.here.path("v1.s1")
    flags = libvirt.VIR_DOMAIN_BLOCK_COMMIT_RELATIVE | libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES
    machine.domain.blockCommit("vda", str(lower), str(upper), 256 << 10, flags)
    wait_until(lambda: machine.domain.blockJobInfo("vda", 0)["cur"] > 1 << 20, "some of the file to be merged", 60)
    machine.kill()
    counts.add("kills survived")
    found = machine.oracle.point_in_time(lower, "raw")
    assert before and found.point is None and "lost or stale" in found.reason, found
    acknowledged = machine.acked()
    machine.oracle.point_in_time(lab.here.path("v1.s2"), "qcow2").assert_nothing_lost(acknowledged)
    machine.start()
    machine.assert_rescanned(acknowledged)


def test_libvirtd_dies_and_comes_back_and_the_guest_goes_on(lab, counts):
    machine = lab.machine(lab.image("v1", "qcow2")).start()
    pid, daemon = lab.hypervisor.qemu_pid(machine.name), lab.hypervisor.daemon_pid
    lab.hypervisor.kill_daemon()
    with pytest.raises(libvirt.libvirtError):
        libvirt.open(lab.hypervisor.uri)
    machine.wait_acks()
    lab.hypervisor.restart_daemon()
    counts.add("kills survived")
    assert lab.hypervisor.daemon_pid != daemon and lab.hypervisor.qemu_pid(machine.name) == pid
    assert machine.is_running()
    machine.suspend()
    machine.wait_until_silent()
    machine.resume()
    machine.wait_acks()
    machine.shut_off()
    machine.oracle.point_in_time(lab.here.path("v1"), "qcow2").assert_nothing_lost(machine.acked())


def test_a_frozen_file_system_stands_still_until_it_is_thawed(lab):
    disk = lab.image("v1", "raw")
    machine = lab.machine(disk, mode="fs", slots=2048).start()
    machine.wait_for_agent()
    assert not machine.frozen()
    assert machine.domain.fsFreeze() == 1
    assert machine.frozen()
    machine.wait_until_silent()
    assert machine.domain.fsThaw() == 1
    assert not machine.frozen()
    machine.wait_acks()


@pytest.mark.whole("test_attachment.py attaches and detaches by the modules")
def test_a_disk_comes_and_goes_while_the_guest_runs(lab):
    machine = lab.machine(lab.image("v1", "raw")).start()
    machine.wait_for_agent()
    more = lab.image("v2", "qcow2")
    machine.domain.attachDevice(more.xml("vdb"))
    assert machine.execute("while [ ! -b /dev/vdb ]; do usleep 50000; done; cat /sys/block/vdb/size").strip() == str((64 << 20) // 512)
    assert machine.sources("vdb") == [more.path]
    machine.domain.detachDevice(more.xml("vdb"))
    wait_until(lambda: "vdb" not in machine.domain.XMLDesc(0), "the guest to let go of the disk", 30)
    machine.execute("[ ! -e /sys/block/vdb ]")
    command("qemu-img", "check", "-q", "-f", "qcow2", str(more.path))
    machine.wait_acks()


@pytest.mark.whole("test_agent.py has such a machine")
def test_a_machine_without_a_channel_has_no_agent(lab):
    machine = lab.machine(lab.image("v1", "raw"), agent=False, mode="idle").start()
    assert not machine.agent_answers()
    assert machine.acked() == 0


@pytest.mark.whole("test_snapshots.py merges what a guest has cleared")
@FORMATS
@pytest.mark.parametrize("how", ["punch", "discard"])
def test_what_the_guest_clears_is_gone(lab, how, image_format):
    machine = lab.machine(lab.image("v1", image_format)).start()
    machine.wait_for_agent()
    machine.wait_acks(500)
    machine.wipe(how)
    machine.wait_acks()
    machine.shut_off()
    oracle = machine.oracle
    assert oracle.layout.wipes
    oracle.point_in_time(lab.here.path("v1"), image_format).assert_nothing_lost(machine.acked())


def test_a_mount_that_is_made_later_is_seen_by_the_hypervisor(lab):
    disk = lab.image("v1", "raw")
    there = lab.host()
    assert there.root != lab.here.root
    assert lab.hypervisor.sees(there.path("v1")) and lab.hypervisor.sees(disk.path)
    command("umount", str(there.root))
    assert not lab.hypervisor.sees(there.path("v1")) and lab.hypervisor.sees(disk.path)


def test_two_hypervisors_live_side_by_side_and_nothing_is_left_of_one_that_is_stopped(lab, directory):
    machine = lab.machine(lab.image("v1", "raw"), mode="idle").start_paused()
    other = Hypervisor(directory / "other-libvirt")
    other.start()
    try:
        twin = type(machine)(other, machine.image, machine.name, [], machine.counts, mode="idle").start_paused()
        assert other.qemu_pid(machine.name) != lab.hypervisor.qemu_pid(machine.name)
        lived = other.processes()
        assert {other.daemon_pid, other.qemu_pid(twin.name)} < set(lived)
    finally:
        other.stop()
    assert not [pid for pid in lived if os.path.exists(f"/proc/{pid}")]
    assert machine.is_running() and lab.hypervisor.processes()


def test_a_module_can_be_waited_for_and_killed(lab):
    assert lab.here.ok("gluster_share_info")["shares"][0]["mounted"]
    ended = lab.here.start("gluster_share_info").kill()
    assert ended.status == -signal.SIGKILL and ended.values == {}
    assert lab.here.start("gluster_share_info").wait().status == 0
