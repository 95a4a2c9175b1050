# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab promises: hosts that are whole, apart from each other and from this machine, and gone without a trace."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from ansible_collections.vdisk.gluster.tests.harness.lab.cluster import Cluster, wait_until
from ansible_collections.vdisk.gluster.tests.harness.lab.libvirt import migrate, start_libvirtd
from ansible_collections.vdisk.gluster.tests.harness.lab.plan import LabError

_PROGRAM = [sys.executable, "-m", "ansible_collections.vdisk.gluster.tests.harness.lab"]
_COLLECTIONS = os.environ["ANSIBLE_COLLECTIONS_PATH"]
_DOMAIN = """<domain type='qemu'><name>moved</name><memory unit='MiB'>64</memory><os><type arch='x86_64' machine='pc'>hvm</type></os>
<devices><disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/><source file='/mnt/rep/moved'/>
<target dev='vda' bus='virtio'/></disk></devices></domain>"""


def reaches(host, address, port=22):
    """Tell whether a connection from a host succeeds within 2 s."""
    program = f"import socket; socket.create_connection(('{address}', {port}), 2)"
    return not host.run(["/usr/bin/python3", "-c", program], check=False).returncode


def traces(name):
    """Return all that this machine has of a lab."""
    found = [str(path) for path in (*pathlib.Path("/sys/class/net").glob(f"vdl-{name}"), pathlib.Path(f"/run/vdisk-lab-{name}"))]
    found = [path for path in found if os.path.lexists(path)]
    found += [line for line in pathlib.Path("/proc/self/mounts").read_text().splitlines() if f"vdisk-lab-{name}" in line]
    for top in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"):
        found += map(str, pathlib.Path(top).glob(f"vdisk-lab-{name}"))
    for file in pathlib.Path("/sys/block").glob("loop*/loop/backing_file"):
        found += [str(file)] if f"vdisk-lab-{name}" in file.read_text() else []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            # every process of a host, and what waits for it outside
            if f"vdisk-lab-{name}" in (process / "mountinfo").read_text() + (process / "cmdline").read_text():
                found.append(f"process {process.name}")
        except OSError:
            continue
    return found


def command(*words, check=True):
    """Run the command line of labs."""
    environment = dict(os.environ, PYTHONPATH=_COLLECTIONS)
    return subprocess.run([*_PROGRAM, *words], env=environment, capture_output=True, text=True, check=check)


def test_ansible_reaches_every_host_by_the_inventory_alone(lab):
    argv = ["ansible", "-i", str(lab.inventory), "all", "-m", "command", "-a", "uname -n"]
    out = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stdout + out.stderr
    assert sorted(line for line in out.stdout.splitlines() if "CHANGED" not in line) == ["gs1", "gs2", "gs3", "hv1", "hv2"]


def test_every_host_is_whole_and_has_nothing_of_this_machine(lab):
    identities = {path.read_text() for path in [pathlib.Path("/etc/machine-id")] if path.exists()}
    for host in lab.hosts.values():
        assert host.run(["systemctl", "is-system-running", "--wait"]).stdout == "running\n"
        identities.add(host.run(["cat", "/etc/machine-id"]).stdout)
        assert "default" not in host.run(["ip", "route"]).stdout
        assert not host.run(["find", "/var/lib/glusterd", "-name", "glusterd.info"]).stdout
        assert host.run(["test", "-e", "/dev/kvm"], check=False).returncode == 1
        assert host.run(["sh", "-c", "echo 1 >/proc/sys/vm/swappiness"], check=False).returncode, "a setting of the kernel can be changed"
    assert len(identities) >= len(lab.hosts)


def test_a_pulled_cable_cuts_a_host_off_until_it_is_put_back(lab):
    one, other = lab.host("hv1"), lab.host("gs2")
    assert reaches(one, other.address)
    other.cut()
    assert not reaches(one, other.address) and other.is_cut()
    # what runs on it goes on
    assert other.run(["uname", "-n"]).stdout == "gs2\n"
    other.join()
    wait_until(lambda: reaches(one, other.address), "the cable", 10)


def test_a_power_cut_takes_the_processes_and_leaves_the_disks(lab):
    host = lab.host("gs3")
    host.run(["sh", "-ec", "echo kept >/bricks/file; echo kept >/var/lib/file; echo gone >/run/file; sync"])
    host.run(["systemctl", "enable", "systemd-networkd"])
    host.run(["systemd-run", "--unit", "sleeper", "sleep", "1000"])
    host.crash()
    assert not host.is_on()
    with pytest.raises(LabError, match="the host gs3 is off"):
        host.run(["true"])
    host.boot()
    assert host.run(["cat", "/bricks/file", "/var/lib/file"]).stdout == "kept\n" * 2
    assert host.run(["test", "-e", "/run/file"], check=False).returncode == 1
    assert host.run(["systemctl", "is-active", "sleeper"], check=False).stdout == "inactive\n"
    assert host.run(["systemctl", "is-active", "systemd-networkd"], check=False).stdout == "active\n", "an enabled service is not started"
    wait_until(lambda: reaches(lab.host("hv1"), host.address), "the host", 10)


@pytest.mark.whole("tests/functional/live/test_migration.py moves a machine that writes")
def test_a_cluster_is_mounted_and_a_machine_moves_to_the_other_host(lab):
    cluster = Cluster(lab)
    cluster.start()
    cluster.volume("rep")
    hosts = [lab.host("hv1"), lab.host("hv2")]
    for host in hosts:
        cluster.mount("rep", host, "/mnt/rep")
        start_libvirtd(host)
    hosts[0].run(["truncate", "--size", "1M", "/mnt/rep/moved"])
    hosts[0].run(["virsh", "define", "/dev/stdin"], told=_DOMAIN)
    hosts[0].run(["virsh", "start", "moved"])
    migrate("moved", *hosts)
    assert hosts[1].run(["virsh", "domstate", "moved"]).stdout.strip() == "running"
    assert not hosts[0].run(["virsh", "list", "--all", "--name"]).stdout.strip()
    hosts[1].run(["virsh", "destroy", "moved"])


def test_two_labs_side_by_side_do_not_meet_and_one_goes_without_a_trace(labs, lab, spare_name):
    with labs.Lab.up(spare_name, servers=1, hypervisors=1, brick="xfs", brick_size="400M") as other:
        addresses = {host.address for host in (*lab.hosts.values(), *other.hosts.values())}
        assert len(addresses) == len(lab.hosts) + len(other.hosts)
        assert not reaches(other.host("hv1"), lab.host("gs1").address)
        assert reaches(other.host("hv1"), other.host("gs1").address)
        assert other.host("gs1").run(["findmnt", "-n", "-o", "FSTYPE", "/bricks"]).stdout == "xfs\n"
        assert len(traces(spare_name)) > 20
    assert traces(spare_name) == []
    assert lab.host("gs1").is_on()


def test_the_command_line_tells_what_is_there(lab, spare_name):
    again = command(lab.name, "up", check=False)
    assert again.returncode == 1 and f"the lab {lab.name} is there already" in again.stderr
    assert command(spare_name, "down").stdout == f"the lab {spare_name} is not there\n"
    assert command(lab.name, "inventory").stdout == f"{lab.inventory}\n"
    assert command(lab.name, "exec", "hv2", "uname", "-n").stdout == "hv2\n"
    assert command(lab.name, "exec", "hv2", "false", check=False).returncode == 1
    assert f"hv1 {lab.host('hv1').address} is on" in command(lab.name, "status").stdout
    assert "'no-name' cannot be" in command("no-name", "up", check=False).stderr


def test_what_cannot_be_made_leaves_nothing(labs, spare_name):
    with pytest.raises(LabError, match="mkfs.xfs"):
        labs.Lab.up(spare_name, 2, 0, "xfs", "1M")
    assert traces(spare_name) == []


@pytest.mark.sample(1)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_what_an_interrupted_run_has_left_is_taken_down(labs, spare_name, how):
    environment = dict(os.environ, PYTHONPATH=_COLLECTIONS)
    started = subprocess.Popen([*_PROGRAM, spare_name, "up"], env=environment, stdout=subprocess.DEVNULL)
    booting = pathlib.Path(f"/run/vdisk-lab-{spare_name}/gs2/pid")
    wait_until(booting.exists, "a host", 20)
    started.send_signal(how)
    started.wait()
    if how == signal.SIGKILL:
        assert traces(spare_name)
        assert labs.down(spare_name)
    end = time.monotonic() + 5  # the process that had waited for a host is reaped by this machine's process 1
    while traces(spare_name) and time.monotonic() < end:
        time.sleep(0.1)
    assert traces(spare_name) == []
