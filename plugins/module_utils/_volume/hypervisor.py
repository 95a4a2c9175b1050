# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks ask of the hypervisor of this host, and what stands for it where there is none; the real one is in _libvirt."""

from __future__ import annotations

import os
from typing import Callable, Mapping, NoReturn, Protocol, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.attachment import Host
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Definition, Disk, Domain


class NoDomain(Refused):
    """This hypervisor has no such domain."""


class Denied(Refused):
    """A security module of the host keeps QEMU from a file that libvirt should have opened to it."""


class Hypervisor(Protocol):
    """The domains of a host and their disks. Sizes are in bytes; what fails raises a C(VdiskError)."""

    frozen: set[str]
    """The UUIDs of domains whose guests this task has frozen and not thawed."""

    @property
    def host(self) -> Host:
        """The host whose domains these are."""

    def refresh(self) -> None:
        """Forget what was seen, so that the next question is asked again."""

    def disks_of(self, volume: str, mount_point: str) -> tuple[Disk, ...]:
        """Return the disks of domains, running or shut off, that have a file of a volume of the share at a mount point."""

    def domains_on(self, mount_point: str) -> tuple[str, ...]:
        """Return the names of running domains that have a file on the share at a mount point."""

    def live(self, uuid: str) -> dict[str, Definition] | None:
        """Return the disks that a running domain has now, by target, or None where it does not run here."""

    def domain(self, name: str) -> Domain:
        """Return a domain given by its name or UUID."""

    def freeze(self, uuid: str) -> int:
        """Freeze the file systems of a guest and return how many are frozen."""

    def thaw(self, uuid: str) -> int:
        """Thaw the file systems of a guest and return how many were frozen."""

    def snapshot(self, uuid: str, overlays: Mapping[str, str]) -> None:
        """Let disks of a running domain write to overlays that exist already, target -> path, all in one instant."""

    def capacity(self, disk: Disk) -> int:
        """Return the size that the guest sees."""

    def resize(self, disk: Disk, size: int) -> None:
        """Grow a disk of a running domain."""

    def write_out(self, disk: Disk) -> None:
        """Let QEMU write the tables of its images to disk."""

    def commit(self, disk: Disk, top: str, base: str) -> None:
        """Merge files below the active one down into one of them, and wait for the end of the job."""

    def commit_active(self, disk: Disk, base: str, before_pivot: Callable[[], None]) -> None:
        """Merge the active file and those above another one down into that, and let the domain go on there."""

    def mirror(self, disk: Disk, path: str, image_format: str, shallow: bool, before_pivot: Callable[[], None]) -> None:
        """Copy the active file to one that exists and is blank, and let the domain go on there."""

    def pull(self, disk: Disk, onto: str) -> None:
        """Copy into the active file what lies between it and another one."""

    def redefine(self, disk: Disk, path: str, image_format: str) -> None:
        """Let the stored definition of a domain name another file for a disk."""

    def attach(self, uuid: str, path: str, image_format: str, target: str, options: Mapping[str, str | None], live: bool) -> None:
        """Give a domain an image as a disk, at once or at its next start."""

    def detach(self, uuid: str, target: str, live: bool) -> None:
        """Take a disk from a domain, at once or at its next start."""


class NoHypervisor:
    """A host without libvirt, or a task that does not ask it: no domains, so that nothing can be asked of one."""

    def __init__(self, asked: bool = False) -> None:
        """Take whether it is known that this host has no domains, rather than not asked."""
        self.frozen: set[str] = set()
        self._asked = asked

    @property
    def host(self) -> Host:
        """The host whose domains these are."""
        return Host(os.uname().nodename, asked=self._asked)

    def refresh(self) -> None:
        """There is nothing to look at."""

    def disks_of(self, volume: str, mount_point: str) -> tuple[Disk, ...]:
        """Return no disks."""
        return ()

    def domains_on(self, mount_point: str) -> tuple[str, ...]:
        """Return no names."""
        return ()

    def live(self, uuid: str) -> dict[str, Definition] | None:
        """Return None: the domain does not run here."""
        return None

    def thaw(self, uuid: str) -> int:
        """Thaw nothing."""
        return 0

    def _no_domain(self, *_request: object) -> NoReturn:
        raise NoDomain("libvirt is not asked on this host, or is not installed, so that no domain can be changed; see libvirt_uri")

    domain = freeze = snapshot = capacity = resize = write_out = _no_domain
    commit = commit_active = mirror = pull = redefine = attach = detach = _no_domain


def running_disks(disks: Sequence[Disk]) -> tuple[Disk, ...]:
    """Return the disks that a running domain has open now."""
    return tuple(disk for disk in disks if disk.live is not None)
