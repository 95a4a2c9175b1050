# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hypervisors of a lab with one share, modules run on each of them, and machines that move from one to the other."""

from __future__ import annotations

import hashlib
import pathlib
import shutil
from typing import Any

import libvirt
from ansible_collections.vdisk.gluster.tests.harness import hosts
from ansible_collections.vdisk.gluster.tests.harness.guests.counting import Counts
from ansible_collections.vdisk.gluster.tests.harness.guests.guest_image import GuestImage
from ansible_collections.vdisk.gluster.tests.harness.guests.machine import Disk, Machine
from ansible_collections.vdisk.gluster.tests.harness.lab import host as lab_hosts
from ansible_collections.vdisk.gluster.tests.harness.lab.cluster import Cluster
from ansible_collections.vdisk.gluster.tests.harness.lab.lab import Lab
from ansible_collections.vdisk.gluster.tests.harness.lab.libvirt import migrate, start_libvirtd

VOLUME = "vms"
_BASE = pathlib.Path("/var/lib/vdisk/mnt")
_LAB = pathlib.Path("/lab")
"""What a host of a lab has in common with this machine."""


class Hypervisor:
    """A host of a lab with its libvirtd, as machines know one."""

    def __init__(self, host: lab_hosts.Host) -> None:
        self.host = host
        self.directory = _LAB
        self._connection: libvirt.virConnect | None = None

    @property
    def connection(self) -> libvirt.virConnect:
        """A connection for the tests' own questions, from outside."""
        if self._connection is None or not self._connection.isAlive():
            socket = f"/proc/{self.host.pid}/root/run/libvirt/libvirt-sock"
            self._connection = libvirt.open(f"qemu+unix:///system?socket={socket}")
        return self._connection


class Host:
    """A hypervisor with the share mounted; modules on it run there, and talk to its libvirt."""

    def __init__(self, host: lab_hosts.Host, cluster: Cluster) -> None:
        self.host = host
        self.name = host.name
        self.share = cluster.share(VOLUME)
        self.root = _BASE / hashlib.md5(self.share.encode()).hexdigest()
        """Where the share is mounted, as the host sees it."""
        cluster.mount(VOLUME, host, str(self.root))
        start_libvirtd(host)
        self.hypervisor = Hypervisor(host)
        self._worker = hosts.Worker(entering=host.entering())

    def run(self, module: str, **options: Any) -> hosts.Ended:
        """Run a module to its end."""
        self._worker.begin(module, {"share": self.share, "mount_point_base": str(_BASE), **options})
        return self._worker.end()

    def ok(self, module: str, **options: Any) -> dict[str, Any]:
        """Run a module that must succeed and return its values."""
        ended = self.run(module, **options)
        assert ended.status == 0, ended.values
        return ended.values

    def twice(self, module: str, **options: Any) -> dict[str, Any]:
        """Check, run and run again: the prediction holds, and the second run changes nothing."""
        predicted = self.ok(module, _ansible_check_mode=True, **options)
        made, again = self.ok(module, **options), self.ok(module, **options)
        assert predicted["changed"] and made["changed"] and not again["changed"], (predicted, made, again)
        assert len(predicted["actions"]) == len(made["actions"])
        return made

    def refused(self, module: str, **options: Any) -> str:
        """Run a module that must fail having changed nothing, and return its sentence."""
        ended = self.run(module, **options)
        assert ended.status == 1 and not ended.values.get("changed") and not ended.values.get("actions"), ended.values
        return ended.values["msg"]

    def look(self, name: str) -> dict[str, Any]:
        """Return the object of a volume."""
        return self.ok("gluster_volume_file_info", name=[name])["volumes"][0]

    def outside(self, path: str | pathlib.Path) -> pathlib.Path:
        """Return the path by which this machine reaches a file of the host."""
        return pathlib.Path(f"/proc/{self.host.pid}/root{path}")

    def close(self) -> None:
        """End what runs modules."""
        self._worker.close()


class MovingMachine(Machine):
    """A machine whose disk is a volume, on whatever host it is now."""

    def __init__(self, site: Site, name: str, volume: str, counts: Counts, **more: Any) -> None:
        """Describe it, on the first host."""
        self.here = site.hosts[0]
        self._site = site
        disk = Disk(self.here.root / volume, "raw")
        super().__init__(self.here.hypervisor, site.image, name, [disk], counts, agent=False, slots=1024, pause=1000, **more)

    def move(self, to: Host, *how: str) -> None:
        """Migrate it while it writes, see that it goes on, and that it is not there any more."""
        before = self.wait_acks(20)
        migrate(self.name, self.here.host, to.host, how)
        assert not self.is_running()
        self.settle(to)
        assert self.is_running()
        self.wait_acks(20)
        assert self.acked() > before

    def settle(self, on: Host) -> None:
        """Look for it on a host from now on."""
        self.here, self.hypervisor = on, on.hypervisor

    def console(self) -> str:
        """Return all that the guest has said on all hosts: each has its part, and what was said last holds."""
        hosts_in_order = (*(host for host in self._site.hosts if host is not self.here), self.here)
        files = [host.host.shared / f"{self.name}.console" for host in hosts_in_order]
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def log(self) -> str:
        """Return what its QEMU has said on the host where it is."""
        path = self.here.outside(f"/var/log/libvirt/qemu/{self.name}.log")
        return path.read_text(errors="replace") if path.exists() else ""


class Site:
    """A lab with a cluster, two hypervisors that have its share, and what machines boot."""

    def __init__(self, lab: Lab, image: GuestImage) -> None:
        self.inventory = lab.inventory
        self._cluster = Cluster(lab)
        self._cluster.start()
        self._cluster.volume(VOLUME)
        self.hosts = [Host(host, self._cluster) for host in lab.group("hypervisors")]
        for host in self.hosts:
            for file in (image.kernel, image.initrd):
                shutil.copy(file, host.host.shared)
        self.image = GuestImage(_LAB / image.kernel.name, _LAB / image.initrd.name)

    def close(self) -> None:
        """End what was started beside the lab."""
        for host in self.hosts:
            host.close()
