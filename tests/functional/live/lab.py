# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a live test works with: a share of its own, hosts that have it mounted, and machines."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
import uuid
from typing import Any, Callable

import libvirt
from ansible_collections.vdisk.gluster.tests.functional.live.hosts import Host
from ansible_collections.vdisk.gluster.tests.harness.gluster import Servers
from ansible_collections.vdisk.gluster.tests.harness.guests.counting import Counts
from ansible_collections.vdisk.gluster.tests.harness.guests.guest_image import GuestImage
from ansible_collections.vdisk.gluster.tests.harness.guests.hypervisor import Hypervisor
from ansible_collections.vdisk.gluster.tests.harness.guests.machine import Disk, Machine
from ansible_collections.vdisk.gluster.tests.harness.hosts import Worker
from ansible_collections.vdisk.gluster.tests.harness.programs import command

SIZE = 64 << 20
"""Bytes of a disk, unless a test says otherwise."""


@dataclasses.dataclass(frozen=True)
class Equipment:
    """What all tests of a run share."""

    directory: pathlib.Path
    servers: Servers
    hypervisor: Hypervisor
    image: GuestImage
    workers: Callable[[int], Worker]


class Lab:
    """A share of a test's own and what is done on it."""

    def __init__(self, equipment: Equipment, volume: str, counts: Counts) -> None:
        self.hypervisor = equipment.hypervisor
        self.counts = counts
        self._equipment = equipment
        self._name = "live" + uuid.uuid4().hex[:8]
        self.behind = equipment.servers.root(volume) / self._name
        self.behind.mkdir()
        self._share = f"localhost:/{volume}/{self._name}"
        self._hosts: list[Host] = []
        self._directories = [self.behind]
        self._machines: list[Machine] = []
        self.here = self.host()

    def host(self) -> Host:
        """Mount the share once more, as another host does; only the first one is asked for its machines."""
        number = len(self._hosts)
        directory = self._equipment.directory / self._name
        uri = "none" if number else self.hypervisor.uri
        base = directory / f"host-{number}"
        base.mkdir(parents=True)
        made = Host(self._share, base, self._equipment.workers(number), uri, directory / f"killer-{number}")
        self._hosts.append(made)
        return made

    def another_share(self) -> Host:
        """Make a second share, mount it on the first host beside the first one, and return it; it is C(second) from now on."""
        name = f"{self._name}-second"
        behind = self.behind.with_name(name)
        behind.mkdir()
        share = self._share.replace(self._name, name)
        directory = self._equipment.directory / self._name
        self.second = Host(share, self.here.base, self._equipment.workers(0), self.hypervisor.uri, directory / "killer-second")
        self._hosts.append(self.second)
        self._directories.append(behind)
        return self.second

    def image(self, name: str, image_format: str, size: int = SIZE) -> Disk:
        """Make an image on the share without any module."""
        path = self.here.path(name)
        command("qemu-img", "create", "-q", "-f", image_format, str(path), str(size))
        return Disk(path, image_format)

    def machine(self, *disks: Disk, **more: Any) -> Machine:
        """Describe a machine; it is taken away at the end of the test."""
        name = f"{self._name}-{len(self._machines)}"
        made = Machine(self.hypervisor, self._equipment.image, name, list(disks), self.counts, **more)
        self._machines.append(made)
        return made

    def snapshot(self, machine: Machine, name: str, flags: int = 0) -> list[pathlib.Path]:
        """Put an overlay on each disk of a machine in one instant, by libvirt alone; return the files that it froze."""
        frozen, elements = [], ""
        for letter, disk in zip("abcdefgh", machine.disks):
            active = machine.sources(f"vd{letter}")
            overlay = disk.path.with_name(f"{disk.path.name}.{name}")
            backing_format = "qcow2" if len(active) > 1 else disk.format
            # -u: the size is given and the backing file, which is in use, not opened
            argv = ["qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", active[0].name, "-F", backing_format, str(overlay), str(SIZE)]
            command(*argv)
            elements += f"<disk name='vd{letter}' snapshot='external'><driver type='qcow2'/><source file='{overlay}'/></disk>"
            frozen.append(active[0])
        only_disks = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA
        xml = f"<domainsnapshot><disks>{elements}</disks></domainsnapshot>"
        machine.domain.snapshotCreateXML(xml, only_disks | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT | flags)
        self.counts.add("operations under load")
        return frozen

    def close(self) -> None:
        """Take away all that was made, and show what the guests said last, in case the test failed."""
        for machine in self._machines:
            print(f"{machine.name} said at last:\n{machine.console()[-2000:]}\nand its QEMU:\n{machine.log()[-1500:]}")
            machine.remove()
        for host in self._hosts:
            host.close()
        for behind in self._directories:
            shutil.rmtree(behind)
        shutil.rmtree(self._equipment.directory / self._name)
