# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One volume as plain data, and as the object that results show of it (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Iterable, Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._volume.attachment import Attachment, Host, merged
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.backing_chain import Chain, ChainFile, FileFacts, Ownership, assemble
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Disk
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.info_file import Info
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import Record, SnapshotNote


@dataclass(frozen=True)
class Snapshot:
    """A point in time; its data are in C(point_in_time_file), the backing file of C(file)."""

    name: str
    file: str
    point_in_time_file: str
    virtual_size: int | None
    note: SnapshotNote


@dataclass(frozen=True)
class Volume:
    """The state of a volume, read at one instant.

    C(strays) are files named as this volume's overlays that belong to no chain, C(leftovers) temporary files of killed
    runs. C(unfinished) tells of a journal. C(locked_files) are chain files that QEMU has open somewhere, C(disks) those of this
    host's domains that have the volume, whether they run or not. C(abandoned) are temporary snapshots of killed tasks. C(written)
    tells that a QEMU somewhere writes to the active file. C(attachments) are the domains of C(host), this one, and of others; where not
    C(respects_other_hosts), those of others that are shut off keep nobody from a change. Of a volume that does not exist, C(left_over) are
    those of the problems that its strays are, and C(has_lone_record) tells that its record is there.
    """

    name: str
    share: str
    mount_point: str
    exists: bool
    active_file: str
    chain: Chain
    record: Record | None
    problems: tuple[str, ...] = ()
    facts: Mapping[str, FileFacts] = field(default_factory=dict)
    info: Info | None = None
    strays: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()
    unfinished: bool = False
    locked_files: frozenset[str] = frozenset()
    ownership: Ownership | None = None
    disks: tuple[Disk, ...] = ()
    abandoned: tuple[str, ...] = ()
    written: bool = False
    host: Host | None = None
    attachments: tuple[Attachment, ...] = ()
    respects_other_hosts: bool = True
    left_over: tuple[str, ...] = ()
    has_lone_record: bool = False

    @property
    def running_disks(self) -> tuple[Disk, ...]:
        """The disks of running domains of this host that have it open."""
        return tuple(disk for disk in self.disks if disk.live is not None)

    @property
    def label(self) -> str:
        """The volume's name in a sentence."""
        return f"{self.name} on {self.share}"

    @property
    def path(self) -> str:
        """Absolute path of the active file."""
        return f"{self.mount_point}/{self.active_file}"

    @property
    def active(self) -> ChainFile:
        """The active file's entry; only for a volume whose chain has one."""
        return self.chain.files[0]

    @property
    def in_use(self) -> bool:
        """Whether the active file's image lock is held on any host, or a domain of this one runs on it."""
        return self.active_file in self.locked_files or bool(self.running_disks)

    @property
    def elsewhere(self) -> tuple[Attachment, ...]:
        """The domains of other hosts that have it on record; of this host too, where it was not asked."""
        host = self.host
        return tuple(entry for entry in self.attachments if host is None or not (host.asked and host.is_host_of(entry)))

    @property
    def holders(self) -> tuple[Attachment, ...]:
        """Those of them that may be what has the volume open; none where a domain of this host has, or nobody."""
        return self.elsewhere if self.written and not self.running_disks else ()

    @property
    def running_on(self) -> str | None:
        """The name of the host whose domain runs on it, or None where none does, or it is not known which."""
        if self.running_disks and self.host is not None:
            return self.host.name
        hosts = {entry.host for entry in self.holders}
        return hosts.pop() if len(hosts) == 1 else None

    @property
    def blocking_attachments(self) -> tuple[Attachment, ...]:
        """Domains of other hosts that could start on what the volume is now, so that its files must stay as they are.

        One that runs on this host now has come from there. One without a definition is gone when it does not run.
        """
        here = {disk.uuid for disk in self.running_disks}
        return tuple(entry for entry in self.elsewhere if entry.stored and entry.uuid not in here) if self.respects_other_hosts else ()

    @property
    def stale_definitions(self) -> tuple[Attachment, ...]:
        """Domains that run on this host now, and that another one may still define."""
        here = {disk.uuid for disk in self.running_disks}
        return tuple(entry for entry in self.elsewhere if entry.stored and entry.uuid in here)

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """The snapshots, oldest first."""
        notes = self.record.snapshots if self.record else {}
        found = []
        for name, file in self.chain.snapshots.items():
            point = self.chain.get(file).backing_file
            below = next((entry for entry in self.chain.files if entry.file == point), None)
            found.append(Snapshot(name, file, point or "", below.virtual_size if below else None, notes.get(name, SnapshotNote())))
        return tuple(found)

    def snapshot(self, name: str) -> Snapshot | None:
        """Return one snapshot by its name."""
        return next((snapshot for snapshot in self.snapshots if snapshot.name == name), None)


def with_host(volume: Volume, host: Host) -> Volume:
    """Return a volume with the attachments that follow from what a host says of its domains."""
    return replace(volume, host=host, attachments=merged(volume.attachments, host, volume.disks))


def with_disks(volume: Volume, disks: tuple[Disk, ...]) -> Volume:
    """Return a volume with other disks of this host's domains."""
    volume = replace(volume, disks=disks)
    return volume if volume.host is None else with_host(volume, volume.host)


def with_record(volume: Volume, record: Record) -> Volume:
    """Return a volume as it is read with another record: formats, sizes and problems follow from it."""
    return reassembled(replace(volume, record=record), volume.facts)


def reassembled(volume: Volume, facts: Mapping[str, FileFacts]) -> Volume:
    """Return a volume as it is read with other files."""
    chain = assemble(volume.name, facts, volume.info, volume.record, volume.mount_point)
    outside = tuple(problem for problem in volume.problems if problem not in volume.chain.problems)
    return replace(volume, chain=chain, facts=facts, problems=outside + chain.problems)


def absent(name: str, share: str, mount_point: str, **more: Any) -> Volume:
    """Return the state of a volume that is not there."""
    return Volume(name, share, mount_point, False, name, Chain((), {}, ()), None, **more)


def snapshot_object(volume: Volume, snapshot: Snapshot) -> dict[str, Any]:
    """Return the C(snapshot) object of results."""
    return {
        "volume": volume.name,
        "name": snapshot.name,
        "file": snapshot.file,
        "point_in_time_file": snapshot.point_in_time_file,
        "virtual_size": snapshot.virtual_size,
        "created": snapshot.note.created,
        "label": snapshot.note.label,
        "description": snapshot.note.description,
        "quiesced": snapshot.note.quiesced,
    }


def _attachment_object(volume: Volume, attachment: Attachment) -> dict[str, Any]:
    own = attachment not in volume.elsewhere
    if own:
        runs: bool | None = any((disk.uuid, disk.target) == (attachment.uuid, attachment.target) for disk in volume.running_disks)
    elif attachment in volume.holders:
        # something writes to it there or elsewhere: it is this one where there is no other
        runs = True if volume.running_on else None
    else:
        runs = False
    return {
        "host": attachment.host,
        "domain": attachment.domain,
        "uuid": attachment.uuid,
        "target": attachment.target,
        "persistent": attachment.stored,
        "running": runs,
    }


def volume_object(volume: Volume) -> dict[str, Any]:
    """Return the C(volume) object of results."""
    files = volume.chain.files
    base = files[-1] if files and not files[-1].backing_file else None
    return {
        "name": volume.name,
        "share": volume.share,
        "mount_point": volume.mount_point,
        "exists": volume.exists,
        "path": volume.path if volume.exists else None,
        "format": files[0].format if files else None,
        "base_format": base.format if base else None,
        "virtual_size": files[0].virtual_size if files else None,
        "allocated_size": sum(entry.allocated_size for entry in files) if files else None,
        "active_file": volume.active_file if volume.exists else None,
        "owner": volume.ownership.uid if volume.ownership else None,
        "group": volume.ownership.gid if volume.ownership else None,
        "mode": f"{volume.ownership.mode:04o}" if volume.ownership else None,
        "in_use": volume.in_use,
        "domains": sorted({disk.domain for disk in volume.running_disks}),
        "all_domains": sorted({disk.domain for disk in volume.disks}),
        "running_on": volume.running_on,
        "attachments": [_attachment_object(volume, entry) for entry in volume.attachments],
        "managed": volume.record is not None,
        "content_format": _content_format(volume),
        "origin": dict(volume.record.origin) if volume.record and volume.record.origin else None,
        "snapshots": [snapshot_object(volume, snapshot) for snapshot in volume.snapshots],
        "chain": [
            {
                "file": entry.file,
                "format": entry.format,
                "backing_file": entry.backing_file,
                "backing_format": entry.backing_format,
                "virtual_size": entry.virtual_size,
                "allocated_size": entry.allocated_size,
                "internal_snapshots": entry.internal_snapshots,
                "bitmaps": entry.bitmaps,
            }
            for entry in files
        ],
        "problems": list(volume.problems),
    }


def _content_format(volume: Volume) -> str | None:
    """Return the format of the image that the base of a volume without a record is by all that its content shows."""
    facts = volume.facts.get(volume.chain.files[-1].file) if volume.record is None and volume.chain.files else None
    return facts.sound_as if facts is not None else None


def provisioned(volumes: Iterable[Volume]) -> int:
    """Return the sum of virtual sizes in bytes; a file of unknown format counts by its length."""
    total = 0
    for volume in volumes:
        active = volume.chain.files[0] if volume.chain.files else None
        if active is not None:
            seen = volume.facts.get(active.file)
            total += active.virtual_size if active.virtual_size is not None else seen.size if seen else 0
    return total
