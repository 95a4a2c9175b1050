# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place that talks to libvirt, with _block_jobs: which domains have a volume, and what running domains do with disks.

No call is believed for having returned, and no job for having ended: who asks for a change looks at the live definition and at
the headers on the share afterwards (U(https://libvirt.org/html/libvirt-libvirt-domain.html)).
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import time
from typing import Any, Callable, Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._common import dependencies
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused, Unavailable, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import Progress
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.mounts import FUSE_TYPE, read_mount_table
from ansible_collections.vdisk.gluster.plugins.module_utils._libvirt import domain_xml
from ansible_collections.vdisk.gluster.plugins.module_utils._libvirt.block_jobs import POLL, BlockJobs
from ansible_collections.vdisk.gluster.plugins.module_utils._libvirt.disk_element import disk_element
from ansible_collections.vdisk.gluster.plugins.module_utils._libvirt.guest_agent import GuestAgent
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.attachment import Host
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Definition, Disk, Domain
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.hypervisor import Denied, NoDomain

_REMEDY = "install it (package python3-libvirt on Debian and Red Hat)"
_REMOTE = re.compile(r"\A[a-z0-9+]+://[^/]")
"""A URI that names a host."""
_MD5 = re.compile(r"\A[0-9a-f]{32}\Z")


def connect(uri: str, stall_timeout: float, progress: Progress | None = None) -> LibvirtHypervisor:
    """Return the hypervisor at a URI of libvirt; the parameters are those of open_hypervisor.

    :raises Unavailable: there is no Python binding or no answer.
    """
    libvirt = dependencies.load("libvirt", f"libvirt_uri: asking {uri} about domains", _REMEDY + ", or set libvirt_uri to none")
    # else libvirt prints each error beside the module's result
    libvirt.registerErrorHandler(lambda context, error: None, None)
    try:
        connection = libvirt.open(uri)
    except libvirt.libvirtError as error:
        raise Unavailable(
            f"libvirt_uri: {uri} does not answer ({error}); start libvirt, or set libvirt_uri to none if no domain of this host has a disk "
            "on these shares"
        ) from error
    return LibvirtHypervisor(libvirt, connection, stall_timeout, progress)


class LibvirtHypervisor(BlockJobs, GuestAgent):
    """The libvirt of a host."""

    def __init__(
        self,
        libvirt: Any,
        connection: Any,
        stall_timeout: float,
        progress: Progress | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the binding and an open connection; C(stall_timeout) in seconds is how long a job may stand still."""
        self.frozen: set[str] = set()
        self._libvirt = libvirt
        self._connection = connection
        self._stall_timeout = stall_timeout
        self._clock = clock
        self._sleep = sleep
        self._found: dict[tuple[str, str], list[Disk]] | None = None
        self._guards: dict[str, Callable[[], None]] = {}
        self._progress = progress or Progress()

    # looking

    @functools.cached_property
    def host(self) -> Host:
        """The host whose domains these are; its UUID is what libvirt itself tells hosts apart by."""

        def look() -> Host:
            # the name of this host as libvirt tells it would be asked from DNS
            name = self._connection.getHostname() if _REMOTE.match(self._connection.getURI()) else os.uname().nodename
            return Host(name, domain_xml.host_uuid(self._connection.getCapabilities()))

        found: Host = self._ask(look, "report the name of its host")
        return found

    def refresh(self) -> None:
        """Forget what was seen, so that the next question is answered anew."""
        self._found = None

    def disks_of(self, volume: str, mount_point: str) -> tuple[Disk, ...]:
        """Return the disks of domains, running or shut off, that have a file of a volume of the share at a mount point."""
        if self._found is None:
            self._found = self._look()
        return tuple(self._found.get((os.path.basename(mount_point), volume), ()))

    def domains_on(self, mount_point: str) -> tuple[str, ...]:
        """Return the names of running domains that have a file on the share at a mount point."""
        if self._found is None:
            self._found = self._look()
        share = os.path.basename(mount_point)
        disks = (disk for key, found in self._found.items() if key[0] == share for disk in found)
        return tuple(sorted({disk.domain for disk in disks if disk.live is not None}))

    def _look(self) -> dict[tuple[str, str], list[Disk]]:
        shares = {
            # the digest names a directory and protects nothing
            mount.mount_point: hashlib.new("md5", mount.source.encode("utf-8", "surrogateescape")).hexdigest()  # noqa: S324
            for mount in read_mount_table()
            if mount.fs_type == FUSE_TYPE
        }
        found: dict[tuple[str, str], list[Disk]] = {}
        for domain in self._ask(self._connection.listAllDomains, "list its domains"):
            try:
                running, persistent = bool(domain.isActive()), bool(domain.isPersistent())
                now = domain.XMLDesc(0) if running else None
                next_start = domain.XMLDesc(self._libvirt.VIR_DOMAIN_XML_INACTIVE) if persistent else None
                live = domain_xml.file_disks(now) if now else {}
                stored = domain_xml.file_disks(next_start) if next_start else {}
                agent = bool(now) and domain_xml.agent_connected(str(now))
                for target in sorted({*live, *stored}):
                    keys = {_key(part.paths[0], shares) for part in (live.get(target), stored.get(target)) if part}
                    for key in keys:
                        if key is None:
                            continue
                        job = self._job(domain, target) if target in live else None
                        both = [_if_of(key, part.get(target), shares) for part in (live, stored)]
                        saved = not running and bool(domain.hasManagedSaveImage(0))
                        disk = Disk(domain.name(), domain.UUIDString(), target, running, both[0], both[1], job, agent, saved)
                        found.setdefault(key, []).append(disk)
            except self._libvirt.libvirtError as error:
                if error.get_error_code() != self._libvirt.VIR_ERR_NO_DOMAIN:
                    raise self._explained(error, f"look at domain {domain.name()}") from error
                # it was undefined between the list and the look
        return found

    def live(self, uuid: str) -> dict[str, Definition] | None:
        """Return the disks that a running domain has now, by target, or None where it does not run here."""
        try:
            domain = self._connection.lookupByUUIDString(uuid)
            return domain_xml.file_disks(domain.XMLDesc(0)) if domain.isActive() else None
        except self._libvirt.libvirtError as error:
            if error.get_error_code() == self._libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise self._explained(error, f"look at domain {uuid}") from error

    # changes of a running domain

    def snapshot(self, uuid: str, overlays: Mapping[str, str]) -> None:
        """Let disks of a running domain write to overlays that are there already, target -> path, all in one instant."""
        domain = self._domain(uuid)
        others = sorted(domain_xml.targets(domain.XMLDesc(0)) - set(overlays))
        flags = (
            self._libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
            | self._libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA
            | self._libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT
            | self._libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC
        )
        request = domain_xml.snapshot(overlays, others)
        self._ask(lambda: domain.snapshotCreateXML(request, flags), f"switch domain {domain.name()} to its new overlays")

    def capacity(self, disk: Disk) -> int:
        """Return the size in bytes that the guest sees."""
        return int(self._ask(lambda: self._domain(disk.uuid).blockInfo(disk.target, 0), f"look at {disk.label}")[0])

    def resize(self, disk: Disk, size: int) -> None:
        """Grow a disk of a running domain to a size in bytes; the guest is told."""
        domain = self._domain(disk.uuid)
        flags = self._libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES
        self._ask(lambda: domain.blockResize(disk.target, size, flags), f"grow {disk.label}")

    def write_out(self, disk: Disk) -> None:
        """Let QEMU write out the tables of its images that it keeps in memory: it does when a domain is paused, here for a moment."""
        domain = self._domain(disk.uuid)
        if self._ask(lambda: domain.state(0), f"look at domain {disk.domain}")[0] != self._libvirt.VIR_DOMAIN_RUNNING:
            raise Unavailable(f"domain {disk.domain} is paused, so {disk.label} cannot be flushed; resume it, then run the task again")
        paused = self._libvirt.VIR_DOMAIN_PAUSED
        take_back = self._if_killed(disk.uuid, lambda found: found.resume() if found.state(0)[0] == paused else None)
        try:
            self._ask(domain.suspend, f"pause domain {disk.domain}")
        finally:
            self._ask(domain.resume, f"resume domain {disk.domain}")
            take_back()

    # definitions

    def redefine(self, disk: Disk, path: str, image_format: str) -> None:
        """Let the stored definition of a domain name another file for a disk."""
        domain = self._domain(disk.uuid)

        def change() -> None:
            inactive = self._libvirt.VIR_DOMAIN_XML_INACTIVE | self._libvirt.VIR_DOMAIN_XML_SECURE
            self._connection.defineXML(domain_xml.with_source(domain.XMLDesc(inactive), disk.target, path, image_format))

        self._ask(change, f"change the definition of {disk.label}")

    def domain(self, name: str) -> Domain:
        """Return a domain given by its name or UUID.

        :raises NoDomain: there is none.
        """
        libvirt = self._libvirt
        for look_up in (self._connection.lookupByName, self._connection.lookupByUUIDString):
            try:
                domain = look_up(name)
                break
            except libvirt.libvirtError as error:
                if error.get_error_code() not in (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_INVALID_ARG):
                    raise self._explained(error, f"look for domain {name}") from error
        else:
            raise NoDomain(f"domain: this hypervisor has no domain {name}; define it first, or run the task on the host that has it")

        def read() -> Domain:
            live = frozenset(domain_xml.targets(domain.XMLDesc(0))) if domain.isActive() else None
            inactive = libvirt.VIR_DOMAIN_XML_INACTIVE
            stored = frozenset(domain_xml.targets(domain.XMLDesc(inactive))) if domain.isPersistent() else None
            return Domain(domain.name(), domain.UUIDString(), live, stored)

        found: Domain = self._ask(read, f"look at domain {name}")
        return found

    def attach(self, uuid: str, path: str, image_format: str, target: str, options: Mapping[str, str | None], live: bool) -> None:
        """Give a domain an image as a disk, at once or at its next start."""
        domain = self._domain(uuid)
        element = disk_element(path, image_format, target, options)
        self._ask(lambda: domain.attachDeviceFlags(element, self._scope(live)), f"attach {path} to domain {domain.name()}")

    def detach(self, uuid: str, target: str, live: bool) -> None:
        """Take a disk from a domain, at once or at its next start; a running guest has to let go of it.

        :raises Unavailable: the guest has not, within the limit for what stands still.
        """
        domain = self._domain(uuid)

        def definition() -> str:
            return str(domain.XMLDesc(0 if live else self._libvirt.VIR_DOMAIN_XML_INACTIVE))

        element = domain_xml.disk_of(self._ask(definition, "look at a domain"), target)
        if element is None:
            return
        self._ask(lambda: domain.detachDeviceFlags(element, self._scope(live)), f"detach {target} from domain {domain.name()}")
        until = self._clock() + self._stall_timeout
        while live and target in domain_xml.targets(self._ask(definition, "look at a domain")):
            if self._clock() >= until:
                raise Unavailable(
                    f"the guest of domain {domain.name()} has not released disk {target} for {self._stall_timeout:g} s; unmount it in the "
                    "guest, make sure that the guest supports hot unplugging, then run the task again"
                )
            self._sleep(POLL[1])

    # beneath

    def _scope(self, live: bool) -> int:
        return int(self._libvirt.VIR_DOMAIN_AFFECT_LIVE if live else self._libvirt.VIR_DOMAIN_AFFECT_CONFIG)

    def _domain(self, uuid: str) -> Any:
        return self._ask(lambda: self._connection.lookupByUUIDString(uuid), f"find domain {uuid}")

    def _ask(self, call: Callable[[], Any], doing: str) -> Any:
        try:
            return call()
        except self._libvirt.libvirtError as error:
            raise self._explained(error, doing) from error

    def _explained(self, error: Any, doing: str) -> VdiskError:
        text = str(error)
        details = {"libvirt_error": error.get_error_code()}
        if "Permission denied" in text:
            return Denied(
                f"libvirt cannot {doing}: {text}. A security module of the host denies QEMU the file; AppArmor does so on Debian and "
                "Ubuntu for merges into a backing file, with libvirt before 12.1. Do it while the domain is shut off, or upgrade libvirt",
                **details,
            )
        if re.search(r'Failed to get (shared )?"\w+" lock', text):
            return Refused(f"libvirt cannot {doing}: the file is being read or written elsewhere ({text}); wait until that ends", **details)
        return Unavailable(f"libvirt cannot {doing}: {text}", **details)


def _key(path: str, shares: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the name of a share's mount point and the volume that a file would belong to, or None for what is on no share."""
    directory, name = os.path.split(os.path.normpath(path))
    above, last = os.path.split(directory)
    # the mount point itself is not touched: the mount may be dead
    token = last if _MD5.match(last) else shares.get(directory) or shares.get(os.path.join(os.path.realpath(above), last)) or ""
    return (token, name.partition(".")[0]) if _MD5.match(token) else None


def _if_of(key: tuple[str, str] | None, part: Definition | None, shares: Mapping[str, str]) -> Definition | None:
    return part if part is not None and _key(part.paths[0], shares) == key else None
