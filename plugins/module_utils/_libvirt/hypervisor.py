# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which domains have a volume, as tasks ask for it; without libvirt there are none. What asks libvirt is _libvirt."""

from __future__ import annotations

import os
import re
from typing import Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import Progress
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.attachment import Host
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Definition, Disk

NONE = "none"
"""The C(libvirt_uri) with which no hypervisor is asked."""

_DAEMONS = ("libvirtd", "virtqemud")
_DIRECTORIES = ("/usr/sbin", "/sbin", "/usr/bin", "/usr/local/sbin", "/usr/libexec")


class NoDomain(Refused):
    """This hypervisor has no such domain."""


class Denied(Refused):
    """A security module of the host keeps QEMU from a file that libvirt should have opened to it."""


class NoHypervisor:
    """A host without libvirt, or a task that is not to ask it: no domains."""

    def __init__(self, asked: bool = False) -> None:
        """Take whether it is known that this host has no domains, rather than not asked."""
        self.frozen: set[str] = set()
        """The domains whose guests this task has frozen and not thawed."""
        self._asked = asked

    @property
    def host(self) -> Host:
        """The host whose domains these are."""
        return Host(os.uname().nodename, asked=self._asked)

    def refresh(self) -> None:
        """Look anew; there is nothing to look at."""

    def disks_of(self, volume: str, mount_point: str) -> tuple[Disk, ...]:
        """Return the disks that have a file of a volume."""
        return ()

    def domains_on(self, mount_point: str) -> tuple[str, ...]:
        """Return the names of running domains that have a file on a share."""
        return ()

    def live(self, uuid: str) -> dict[str, Definition] | None:
        """Return the disks that a running domain has now, by target, or None where it does not run here."""
        return None

    def thaw(self, uuid: str) -> int:
        """Thaw the file systems of a guest; none of them is here."""
        return 0


def open_hypervisor(uri: str, stall_timeout: float, progress: Progress | None = None) -> NoHypervisor:
    """Return the hypervisor that a task is to ask.

    :param uri: of libvirt, or C(none).
    :param stall_timeout: seconds that a block job may stand still.
    :param progress: where it is said how far a block job is.
    :raises Unavailable: it is installed, and there is no Python binding or no answer.
    """
    if uri == NONE or (_is_plain(uri) and not _is_installed()):
        return NoHypervisor(asked=uri != NONE)
    from ansible_collections.vdisk.gluster.plugins.module_utils._libvirt import connection

    return connection.connect(uri, stall_timeout, progress)


def _is_plain(uri: str) -> bool:
    """Tell whether a URI means the libvirt of this host at its usual place."""
    return re.match(r"\A[a-z]+:///[a-z]+\Z", uri) is not None


def _is_installed() -> bool:
    return any(os.path.exists(os.path.join(directory, daemon)) for directory in _DIRECTORIES for daemon in _DAEMONS)


def running_disks(disks: Sequence[Disk]) -> tuple[Disk, ...]:
    """Return the disks that a running domain has open now."""
    return tuple(disk for disk in disks if disk.live is not None)
