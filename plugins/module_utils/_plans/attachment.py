# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for a volume as a disk of a domain: attach, detach (pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan, nothing_to_do
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.checks import (
    record_of,
    refuse_attached_elsewhere,
    refuse_in_use_elsewhere,
    refuse_problems,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.attachment import AttachDisk, DetachDisk, RecordAttachments
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import record_file
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.attachment import Host
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Definition, Disk, Domain
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume, with_disks

_PREFIXES = {"virtio": "vd", "scsi": "sd", "sata": "sd", "usb": "sd"}
"""How the names of disks begin on each bus."""


@dataclass(frozen=True)
class AttachmentRequest:
    """What a task wants of the disk; None is no word on it."""

    target: str | None
    options: Mapping[str, str | None]


def own_disk(volume: Volume, domain: Domain) -> Disk | None:
    """Return the disk of a domain that has a volume."""
    return next((disk for disk in volume.disks if disk.uuid == domain.uuid), None)


def plan_attached(volume: Volume, domain: Domain, request: AttachmentRequest) -> Plan:
    """Return the plan that makes a volume a disk of a domain, now if it runs and at its next start.

    :raises Refused: the volume is not sound, is in use elsewhere, or belongs to another domain, here or on another host; or the target is
        taken.
    """
    if not volume.exists and not volume.problems:
        raise Refused(
            f"{volume.label} does not exist, so it cannot be attached to domain {domain.name}; create it with gluster_volume_file"
        )
    refuse_problems(volume)
    record_of(volume, "attached")
    other = next((disk for disk in volume.disks if disk.uuid != domain.uuid), None)
    if other is not None:
        raise Refused(f"{volume.label} is {other.label} already; two domains would destroy its content, so detach it there first")
    refuse_in_use_elsewhere(volume, "attached")
    own = own_disk(volume, domain)
    if own is not None and request.target not in (None, own.target):
        raise Refused(f"{volume.label} is {own.label} already, not {request.target}; detach it first to give it another target")
    target = own.target if own is not None else request.target or _free_target(str(request.options.get("bus")), domain.taken)
    if own is None and target in domain.taken:
        raise Refused(f"target: domain {domain.name} has another disk as {target}; choose another, or omit target for the next free one")
    where = [
        live
        for live, taken, has in (
            (True, domain.live, own is not None and own.live is not None),
            (False, domain.stored, own is not None and own.stored is not None),
        )
        if taken is not None and not has
    ]
    if not where:
        plan = nothing_to_do(volume)
        return replace(plan, steps=(*_written_down(volume, volume, "it does not list it"), *plan.steps))
    refuse_attached_elsewhere(volume, "attached")
    image_format = str(volume.active.format)
    steps: tuple[Step, ...] = tuple(
        AttachDisk(domain.name, domain.uuid, target, volume.path, image_format, dict(request.options), live) for live in where
    )
    new = Definition((volume.path,), image_format)
    disk = own or Disk(domain.name, domain.uuid, target, domain.live is not None, None, None)
    disk = replace(disk, live=new if True in where else disk.live, stored=new if False in where else disk.stored)
    after = with_disks(volume, (*(entry for entry in volume.disks if entry != own), disk))
    # first, so that no instant is when another host takes the volume for one that no domain has
    return _written(volume, after, (*_written_down(volume, after, f"domain {domain.name} is to have it"), *steps))


def plan_detached(volume: Volume, domain: Domain | None) -> Plan:
    """Return the plan that takes a volume from a domain; a volume that is gone or damaged can be taken from it too.

    :param domain: None where this host has no such domain: what its record says of this host is brought up to that.
    :raises Refused: a block job is running on the disk.
    """
    own = own_disk(volume, domain) if domain is not None else None
    if domain is None or own is None:
        return _written(volume, volume, _written_down(volume, volume, "that has changed on this host"))
    if own.job is not None:
        raise Refused(f"a block job ({own.job}) is running on {own.label}, so it cannot be detached; wait until it ends or abort it")
    where = [live for live, part in ((True, own.live), (False, own.stored)) if part is not None]
    steps: tuple[Step, ...] = tuple(DetachDisk(domain.name, domain.uuid, own.target, volume.name, live) for live in where)
    after = with_disks(volume, tuple(disk for disk in volume.disks if disk != own))
    return _written(volume, after, (*steps, *_written_down(volume, after, f"domain {domain.name} has it no longer")))


def plan_forgotten(volume: Volume, domain: str, host: str, here: Host) -> Plan:
    """Return the plan that takes the word of an operator for it that a domain of another host does not have a volume any more.

    :param domain: its name or UUID.
    :raises BadInput: the host is this one, which knows its domains.
    :raises Refused: the volume is open somewhere, maybe in that very domain.
    """
    gone = tuple(entry for entry in volume.elsewhere if entry.host == host and entry.is_of(domain))
    if not gone:
        if here.asked and here.name == host:
            raise BadInput(f"host: {host} is this host, which asks its libvirt instead of the record; omit host")
        return Plan(volume, volume)
    refuse_in_use_elsewhere(volume, f"forgotten as {gone[0].label}")
    after = replace(volume, attachments=tuple(entry for entry in volume.attachments if entry not in gone))
    return _written(volume, after, _written_down(volume, after, f"domain {domain} on {host} is to be forgotten"))


def _written_down(volume: Volume, after: Volume, reason: str) -> tuple[Step, ...]:
    """Return the step that writes down which domains have a volume afterwards, where the record does not say that."""
    if volume.record is None or volume.record.attachments == after.attachments:
        return ()
    record = replace(volume.record, attachments=after.attachments)
    return (RecordAttachments(record_file.to_json(record), record_file.to_json(volume.record), volume.name, reason),)


def _written(volume: Volume, after: Volume, steps: tuple[Step, ...]) -> Plan:
    return Plan(volume, replace(after, record=replace(after.record, attachments=after.attachments)) if after.record else after, steps)


def _free_target(bus: str, taken: frozenset[str]) -> str:
    """Return the first free name of a disk on a bus, as C(vdb)."""
    prefix = _PREFIXES.get(bus, "vd")
    number = 0
    while prefix + _letters(number) in taken:
        number += 1
    return prefix + _letters(number)


def _letters(number: int) -> str:
    """Return how disks are counted: C(a) to C(z), then C(aa)."""
    letters = ""
    while number >= 0:
        letters = chr(ord("a") + number % 26) + letters
        number = number // 26 - 1
    return letters
