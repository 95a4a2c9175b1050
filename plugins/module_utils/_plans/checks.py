# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What speaks against a change of a volume, and what has to be known for it (pure)."""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.merge import Commit
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.backing_chain import ChainFile
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Disk
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import Record


def refuse_problems(volume: Volume) -> None:
    """Refuse to change a volume that is not sound.

    :raises Refused: it has problems; the message tells the first and how many more there are.
    """
    if volume.problems:
        more = f" (and {len(volume.problems) - 1} more, see gluster_volume_file_info)" if len(volume.problems) > 1 else ""
        raise Refused(f"{volume.label} is not changed, because {volume.problems[0]}{more}")


def record_of(volume: Volume, what: str) -> Record:
    """Return the record of a volume, with the domains that have it now, for what needs the format of its base, which is never guessed.

    :param what: what is to be done with the volume, as the end of a sentence.

    :raises Refused: there is no record.
    """
    if volume.record is None:
        raise Refused(
            f"{volume.label} was not created by this collection, so the format of its base is unknown and it cannot be {what}; "
            "adopt it first with gluster_volume_file, state present and its format"
        )
    return replace(volume.record, attachments=volume.attachments)


def refuse_losing(volume: Volume, steps: Sequence[Step]) -> None:
    """Refuse steps that would lose what QEMU and libvirt keep in images beside the disk, or that fail because of it.

    :raises Refused: a file that is merged away, replaced or merged into has internal snapshots or bitmaps; a base cannot grow.
    """
    lost = {file for step in steps for file in step.lost_beside()}
    for entry in volume.chain.files:
        if entry.file in lost:
            refuse_beside(volume, entry)
    for step in steps:
        if isinstance(step, Commit):
            base = next((entry for entry in volume.chain.files if entry.file == step.base), None)
            top = next((entry for entry in volume.chain.files if entry.file == step.merged[0]), None)
            if base and top and not base.can_grow and (top.virtual_size or 0) > (base.virtual_size or 0):
                raise Refused(
                    f"{base.file} of {volume.label} is a qcow2 image of version 2 (compat=0.10) with internal snapshots, which QEMU cannot "
                    f"grow, and {top.file}, which would be merged into it, is larger; delete the internal snapshots (qemu-img snapshot "
                    "-d), or upgrade the image (qemu-img amend -o compat=1.1)"
                )


def refuse_beside(volume: Volume, entry: ChainFile) -> None:
    """Refuse to lose what a file of a volume holds beside the disk.

    :raises Refused: it has internal snapshots or bitmaps.
    """
    if entry.internal_snapshots:
        raise Refused(
            f"{entry.file} of {volume.label} has {entry.internal_snapshots} internal snapshots, which would be lost; delete them first "
            "(virsh snapshot-delete, or qemu-img snapshot -d)"
        )
    if entry.bitmaps:
        raise Refused(
            f"{entry.file} of {volume.label} has {entry.bitmaps} persistent bitmaps, such as checkpoints of libvirt, which would be lost; "
            "delete them first (virsh checkpoint-delete, or qemu-img bitmap --remove)"
        )


def refuse_in_use(volume: Volume, what: str) -> None:
    """Refuse what needs a volume at rest.

    :raises Refused: a domain of this host runs on it, or will go on from a saved state, or its image lock is held elsewhere.
    """
    if volume.running_disks:
        raise Refused(
            f"{volume.label} is {volume.running_disks[0].label}, which is running, so it cannot be {what} now; shut it down first"
        )
    refuse_saved(volume, what)
    refuse_in_use_elsewhere(volume, what)


def refuse_saved(volume: Volume, what: str) -> None:
    """Refuse what would change the files of a volume under a saved state.

    :raises Refused: a domain of this host will go on from one.
    """
    saved = next((disk for disk in volume.disks if disk.saved), None)
    if saved is not None:
        raise Refused(
            f"{volume.label} is {saved.label}, which has a saved state that remembers its files, so it cannot be {what} now; start the "
            "domain, or discard its saved state with virsh managedsave-remove"
        )


def refuse_in_use_elsewhere(volume: Volume, what: str) -> None:
    """Refuse what a domain of this host could be part of, where none has the volume and somebody else does.

    :raises Refused: its image lock is held elsewhere.
    """
    if not volume.in_use or volume.running_disks:
        return
    if volume.running_on is not None:
        holder = volume.holders[0]
        raise Refused(
            f"{volume.label} is {holder.label}, which has it open, so it cannot be {what} here; run the task on {holder.host}, or shut the "
            "domain down first"
        )
    if volume.holders:
        which = " and ".join(entry.label for entry in volume.holders)
        raise Refused(
            f"{volume.label} is on record as {which}, and one of them has it open, so it cannot be {what} here; run the task on the host "
            "that runs it, or shut it down first"
        )
    raise Refused(
        f"{volume.label} is in use: a running VM or another program, here or on another host, has {volume.active_file} open, "
        f"so it cannot be {what} now; shut it down first, or run the task on the host of that VM"
    )


def refuse_attached_elsewhere(volume: Volume, what: str) -> None:
    """Refuse to change which files a volume has, where a domain of another host would go on from what they were.

    :raises Refused: such a domain is on record and shut off, and the task does not say that it is no matter.
    """
    for entry in volume.blocking_attachments[:1]:
        host = volume.host
        there = "this host, which this task does not ask for its domains" if host and host.is_host_of(entry) else entry.host
        raise Refused(
            f"{volume.label} is {entry.label}, by its record; if that domain started after a change made here, it would write to "
            f"outdated files, so the volume is not {what}: run the task on {there}. If {entry.host} has no such domain any more, remove "
            f"its entry with gluster_volume_attachment (domain {entry.domain}, host {entry.host}, state absent); "
            "set attached_elsewhere: ignore only if you update that domain yourself"
        )


def running_disk_of(volume: Volume, what: str) -> Disk | None:
    """Return the disk of the running domain that has a volume, or None where the volume is at rest.

    :raises Refused: it is in use elsewhere, two domains have it, a block job is at work, or the domain has other files than the volume.
    """
    refuse_saved(volume, what)
    refuse_in_use_elsewhere(volume, what)
    if len(volume.running_disks) > 1:
        raise Refused(
            f"{volume.label} is {volume.running_disks[0].label} and {volume.running_disks[1].label} at the same time; shut one of the "
            "domains down"
        )
    if not volume.running_disks:
        return None
    disk = volume.running_disks[0]
    names = tuple(entry.file for entry in volume.chain.files)
    if disk.live is None or disk.live.names != names:
        has = ", ".join(disk.live.names if disk.live else ())
        raise Refused(
            f"{disk.label} has {has} open, but the chain of {volume.label} is {', '.join(names)}; shut the domain down, then run the "
            "task again"
        )
    if disk.job is not None:
        raise Refused(
            f"a block job ({disk.job}) is running on {disk.label}, so {volume.name} cannot be {what}; wait until it ends or abort it"
        )
    return disk


def refuse_zeroing(volume: Volume, disk: Disk) -> None:
    """Refuse to merge down what a running domain writes to, where zeroes in it would not reach the file below.

    QEMU mirrors zeroes to the file below by fallocate with ZERO_RANGE, unless its disk may unmap; GlusterFS answers that with success and
    zeroes nothing (seen with 10.3), so that old data would come back.

    :raises Refused: the disk may not unmap.
    """
    if disk.live is not None and not disk.live.unmaps:
        raise Refused(
            f"{disk.label} was attached without discard='unmap', so what {volume.name} reads as zero could become old data when its newest "
            "overlay is merged; do it while the domain is shut off, or detach the disk and attach it with gluster_volume_attachment"
        )
