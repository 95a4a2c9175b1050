# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for a volume as a disk of a domain: attach, detach (pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._disk import Definition, Disk, Domain
from ansible_collections.vdisk.gluster.plugins.module_utils._errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._place import Step
from ansible_collections.vdisk.gluster.plugins.module_utils._plan import (
    Plan,
    nothing_to_do,
    record_of,
    refuse_in_use_elsewhere,
    refuse_problems,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._steps_attachment import AttachDisk, DetachDisk
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import Volume

_PREFIXES = {"virtio": "vd", "scsi": "sd", "sata": "sd", "usb": "sd"}
"""How the names of disks begin on each bus."""


@dataclass(frozen=True)
class Wanted:
    """What a task wants of the disk; None is no word on it."""

    target: str | None
    options: Mapping[str, str | None]


def own_disk(volume: Volume, domain: Domain) -> Disk | None:
    """Return the disk of a domain that has a volume."""
    return next((disk for disk in volume.disks if disk.uuid == domain.uuid), None)


def plan_attached(volume: Volume, domain: Domain, wanted: Wanted) -> Plan:
    """Return the plan that makes a volume a disk of a domain, now if it runs and at its next start.

    :raises Refused: the volume is not sound, is in use elsewhere, or belongs to another domain; or the target is taken.
    """
    if not volume.exists and not volume.problems:
        raise Refused(f"{volume.label} does not exist, so it cannot be attached to domain {domain.name}; make it with gluster_volume_file")
    refuse_problems(volume)
    record_of(volume, "attached")
    other = next((disk for disk in volume.disks if disk.uuid != domain.uuid), None)
    if other is not None:
        raise Refused(f"{volume.label} is {other.label} already; two domains would destroy it, so detach it there first")
    refuse_in_use_elsewhere(volume, "attached")
    own = own_disk(volume, domain)
    if own is not None and wanted.target not in (None, own.target):
        raise Refused(f"{volume.label} is {own.label} already, not {wanted.target}; detach it first to give it another target")
    target = own.target if own is not None else wanted.target or _free_target(str(wanted.options.get("bus")), domain.taken)
    if own is None and target in domain.taken:
        raise Refused(f"target: domain {domain.name} has another disk as {target}; choose another, or leave it out for the next free one")
    where = [
        live
        for live, taken, has in (
            (True, domain.live, own is not None and own.live is not None),
            (False, domain.stored, own is not None and own.stored is not None),
        )
        if taken is not None and not has
    ]
    if not where:
        return nothing_to_do(volume)
    image_format = str(volume.active.format)
    steps: tuple[Step, ...] = tuple(
        AttachDisk(domain.name, domain.uuid, target, volume.path, image_format, dict(wanted.options), live) for live in where
    )
    new = Definition((volume.path,), image_format)
    disk = own or Disk(domain.name, domain.uuid, target, domain.live is not None, None, None)
    disk = replace(disk, live=new if True in where else disk.live, stored=new if False in where else disk.stored)
    return Plan(volume, replace(volume, disks=(*(entry for entry in volume.disks if entry != own), disk)), steps)


def plan_detached(volume: Volume, domain: Domain) -> Plan:
    """Return the plan that takes a volume from a domain; a volume that is gone or damaged can be taken from it too.

    :raises Refused: a block job is at work on the disk.
    """
    own = own_disk(volume, domain)
    if own is None:
        return Plan(volume, volume)
    if own.job is not None:
        raise Refused(f"a block job ({own.job}) is at work on {own.label}, so it cannot be detached; let it end or abort it")
    where = [live for live, part in ((True, own.live), (False, own.stored)) if part is not None]
    steps: tuple[Step, ...] = tuple(DetachDisk(domain.name, domain.uuid, own.target, volume.name, live) for live in where)
    return Plan(volume, replace(volume, disks=tuple(disk for disk in volume.disks if disk != own)), steps)


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
