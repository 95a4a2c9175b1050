# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes as disks of machines: attached and detached, running and shut off, grown, exported, and what is refused."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.tests.functional.live.volumes import Watched, volume
from ansible_collections.vdisk.gluster.tests.harness.processes import wait_until
from ansible_collections.vdisk.gluster.tests.harness.programs import command

MIB = 1 << 20


@pytest.fixture
def machine(lab):
    """A machine with a disk of its own, none of whose volumes are watched."""
    made = lab.machine(lab.image("root", "raw"), mode="idle").start()
    made.wait_for_agent()
    return made


@pytest.fixture
def paused(lab):
    """The same machine, running for libvirt, but no guest in it."""
    return lab.machine(lab.image("root", "raw"), mode="idle").start_paused()


def attach(lab, machine, name="v1", **more):
    """Return the options that attach a volume."""
    return {"volume": name, "domain": machine.name, **more}


def sectors(machine, disk="vdb"):
    """Return how large a disk is for the guest, in bytes."""
    return 512 * int(machine.execute(f"cat /sys/block/{disk}/size"))


@pytest.mark.sample(1)
@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_a_disk_is_attached_written_grown_merged_and_detached_while_the_guest_runs(lab, machine, image_format):
    volume(lab, "v1", image_format)
    lab.here.ok("gluster_snapshot", volume=["v1"], name=["empty"])
    watched = Watched(lab, machine)
    made = watched.change("gluster_volume_attachment", **attach(lab, machine, serial="number-1"))
    assert made["attachment"] == {
        "domain": machine.name,
        "host": "hv1",
        "volume": "v1",
        "target": "vdb",
        "path": str(lab.here.path("v1.empty")),
        "format": "qcow2",
        "live": True,
        "persistent": True,
    }
    machine.execute("while [ ! -b /dev/vdb ]; do usleep 50000; done")
    assert machine.execute("cat /sys/block/vdb/serial").strip() == "number-1"
    xml = machine.domain.XMLDesc(0)
    assert xml.count("discard='unmap'") == 2 and "cache='none'" in xml
    machine.execute("dd if=/dev/urandom of=/dev/vdb bs=1M count=8 seek=2 conv=fsync; md5sum </dev/vdb >/run/before")
    made = watched.change("gluster_volume_file", name=["v1"], size="80M", format=image_format)
    assert made["volume"]["virtual_size"] == 80 * MIB
    wait_until(lambda: sectors(machine) == 80 * MIB, "the guest to see the larger disk")
    watched.change("gluster_snapshot", volume=["v1"], name=["large"])
    machine.execute("dd if=/dev/urandom of=/dev/vdb bs=1M count=4 seek=70 conv=fsync")
    watched.change("gluster_snapshot", volume=["v1"], name=["empty"], state="absent")
    watched.change("gluster_snapshot", volume=["v1"], name=["large"], state="absent")
    assert (
        machine.execute("dd if=/dev/vdb bs=1M count=64 2>/dev/null | md5sum; cat /run/before").split()[::2]
        == [machine.execute("cat /run/before").split()[0]] * 2
    )
    whole = machine.execute("md5sum </dev/vdb").split()[0]
    made = watched.change("gluster_volume_attachment", **attach(lab, machine), state="absent")
    assert made["attachment"]["target"] is None
    machine.execute("[ ! -e /sys/block/vdb ]")
    raw = lab.here.path("v1")
    command("qemu-img", "convert", "-f", image_format, "-O", "raw", str(raw), str(lab.behind.parent / "whole"))
    found = command("md5sum", str(lab.behind.parent / "whole")).stdout.split()[0]
    (lab.behind.parent / "whole").unlink()
    assert found == whole


def test_a_machine_that_is_shut_off_gets_its_disk_at_its_next_start(lab):
    machine = lab.machine(lab.image("root", "raw"), mode="idle")
    machine.define()
    volume(lab)
    watched = Watched(lab, machine)
    made = watched.change("gluster_volume_attachment", **attach(lab, machine, target="vdf"))
    assert (made["attachment"]["live"], made["attachment"]["persistent"], made["attachment"]["target"]) == (False, True, "vdf")
    lab.here.ok("gluster_snapshot", volume=["v1"], name=["s1"])
    machine.start()
    assert machine.sources("vdf") == [lab.here.path("v1.s1"), lab.here.path("v1")]
    machine.wait_for_agent()
    machine.execute("ls /dev/vdb")
    watched.change("gluster_volume_attachment", **attach(lab, machine), state="absent")


def test_a_transient_machine_has_its_disk_only_as_long_as_it_runs(lab):
    machine = lab.machine(lab.image("root", "raw"), mode="idle", persistent=False).start_paused()
    volume(lab)
    made = Watched(lab, machine).change("gluster_volume_attachment", **attach(lab, machine))
    assert (made["attachment"]["live"], made["attachment"]["persistent"]) == (True, False)


def test_what_would_destroy_a_disk_is_refused(lab, paused):
    machine = paused
    volume(lab)
    other = lab.machine(lab.image("other", "raw"), mode="idle")
    other.define()
    lab.here.ok("gluster_volume_attachment", **attach(lab, machine))
    assert "two domains would destroy it" in lab.here.refused("gluster_volume_attachment", **attach(lab, other))
    assert "already, not vdz" in lab.here.refused("gluster_volume_attachment", **attach(lab, machine, target="vdz"))
    running = lab.here.refused("gluster_volume_file", name=["v1"], state="absent")
    assert f"disk vdb of domain {machine.name}, which is running, so it cannot be removed now" in running
    machine.shut_off()
    assert "detach it first with gluster_volume_attachment" in lab.here.refused("gluster_volume_file", name=["v1"], state="absent")
    lab.here.ok("gluster_volume_attachment", **attach(lab, machine), state="absent")
    lab.here.ok("gluster_volume_file", name=["v1"], state="absent")
    assert "does not exist" in lab.here.refused("gluster_volume_attachment", **attach(lab, machine))


def test_a_target_that_is_taken_and_a_domain_that_is_not_there_are_refused(lab, paused):
    volume(lab)
    assert "has another disk as vda" in lab.here.refused("gluster_volume_attachment", **attach(lab, paused, target="vda"))
    assert "has no domain nobody" in lab.here.refused("gluster_volume_attachment", volume="v1", domain="nobody")
    there = lab.host()
    assert "has no domains" in there.refused("gluster_volume_attachment", **attach(lab, paused))


def test_a_share_is_not_unmounted_under_a_machine(lab, paused):
    told = lab.here.refused("gluster_share_mount", state="unmounted")
    assert "root" in told or paused.name in told


@pytest.mark.sample(1)
@pytest.mark.parametrize("export_format", ["raw", "qcow2"])
def test_a_running_volume_is_exported_as_it_was_at_one_instant(lab, tmp_path, export_format):
    watched = Watched(lab, lab.machine(volume(lab, "v1", "qcow2"), agent=False).start())
    watched.take("s1")
    dest = tmp_path / f"now.{export_format}"
    options = {"volume": "v1", "dest": str(dest), "format": export_format}
    predicted = lab.here.ok("gluster_image_export", _ansible_check_mode=True, **options)
    before = watched.machine.wait_acks()
    made = lab.here.ok("gluster_image_export", **options)
    after = watched.machine.wait_acks(5)
    lab.counts.add("operations under load")
    assert predicted["changed"] and made["changed"] and len(predicted["actions"]) == len(made["actions"])
    watched.machine.oracle.point_in_time(dest, export_format).assert_snapshot_within(before, after)
    # the chain ends as it began
    assert watched.machine.sources() == [lab.here.path("v1.s1"), lab.here.path("v1")]
    watched.judge()
    named = {"volume": "v1", "snapshot": "s1", "dest": str(tmp_path / "s1.raw")}
    made = watched.change("gluster_image_export", **named)
    watched.machine.oracle.point_in_time(tmp_path / "s1.raw", "raw").assert_snapshot_within(*watched.windows["s1"])
    watched.judge_at_rest()


def test_a_temporary_snapshot_that_a_killed_export_left_is_merged_back_by_the_next_task(lab, tmp_path):
    watched = Watched(lab, lab.machine(volume(lab), agent=False).start())
    watched.take("s1", 400)
    lab.here.kill_after_the_copy("gluster_image_export", volume="v1", dest=str(tmp_path / "now.raw"))
    assert list(tmp_path.glob(".now.raw*")), "it had not copied yet"
    lab.counts.add("kills survived")
    found = lab.here.look("v1")
    assert [entry["name"] for entry in found["snapshots"]] == ["s1", "vdisk-export"]
    assert "temporary snapshot vdisk-export of a task that was killed" in found["problems"][0]
    options = {"volume": ["v1"], "name": ["s2"]}
    predicted = lab.here.ok("gluster_snapshot", _ansible_check_mode=True, **options)
    before = watched.machine.wait_acks()
    made = lab.here.ok("gluster_snapshot", **options)
    watched.windows["s2"] = (before, watched.machine.wait_acks(5))
    assert made["actions"][0].startswith("Merge v1.vdisk-export down into v1.s1")
    assert len(predicted["actions"]) == len(made["actions"])
    watched.judge()
    watched.judge_at_rest()
