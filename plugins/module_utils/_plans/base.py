# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan: the state now, the state afterwards, and the steps between them, each with its reason (pure)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.domain import RedefineDomains
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Disk
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import Record


@dataclass(frozen=True)
class Plan:
    """What will be done with one volume.

    :param after: the state that check mode predicts; a run reads it anew.
    :param journaled: the steps are on the share before the first is taken, so that any later task can finish them.
    """

    before: Volume
    after: Volume
    steps: tuple[Step, ...] = ()
    journaled: bool = False

    @property
    def modified_files(self) -> tuple[str, ...]:
        """The files that nobody may be reading meanwhile, each once; a domain of this host that reads them is part of the plan."""
        if self.before.running_disks:
            return ()
        return self._modified_files

    @property
    def modified_live(self) -> tuple[str, ...]:
        """The files that a running domain merges or lets go of, and that no task may be reading meanwhile."""
        return self._modified_files if self.before.running_disks else ()

    @property
    def _modified_files(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(file for step in self.steps for file in step.modified_files()))


def interleaved(plans: Sequence[Plan]) -> list[tuple[Plan, Step]]:
    """Return the steps of plans in the order in which they are taken.

    The volumes of a group go through each kind of step together, so that their instants lie close to one another.
    """
    rows = [[(plan, step) for step in plan.steps] for plan in plans]
    pairs = [pair for pair in itertools.chain.from_iterable(itertools.zip_longest(*rows)) if pair is not None]
    return sorted(pairs, key=lambda pair: pair[1].stage)


def actions_of(plans: Sequence[Plan]) -> list[str]:
    """Return the sentences that say what plans do and why, in order."""
    return [step.describe() for _plan, step in interleaved(plans) if not step.internal]


def nothing_to_do(volume: Volume) -> Plan:
    """Return the plan that changes nothing of a volume; definitions of domains that name other files of it are brought up to it."""
    if not volume.exists or volume.problems or not volume.chain.files:
        return Plan(volume, volume)
    names = [entry.file for entry in volume.chain.files]
    return Plan(volume, volume, redefine_domains(volume, volume.active_file, volume.active.format, names))


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
            f"{volume.label} was not made by this collection, so the format of its base is not known and it cannot be {what}; "
            "adopt it first with gluster_volume_file, state present and its format"
        )
    return replace(volume.record, attachments=volume.attachments)


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
            "domain, or give its saved state up with virsh managedsave-remove"
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
        f"{volume.label} is in use: a running machine or another program, here or on another host, has {volume.active_file} open, "
        f"so it cannot be {what} now; shut it down first, or run the task on the host of that machine"
    )


def refuse_attached_elsewhere(volume: Volume, what: str) -> None:
    """Refuse to change which files a volume has, where a domain of another host would go on from what they were.

    :raises Refused: such a domain is on record and shut off, and the task does not say that it is no matter.
    """
    for entry in volume.blocking_attachments[:1]:
        host = volume.host
        there = "this host, which this task does not ask for its domains" if host and host.is_host_of(entry) else entry.host
        raise Refused(
            f"{volume.label} is {entry.label}, by its record; started after a change from here, that domain would write to what are other "
            f"files by then, so the volume is not {what}: run the task on {there}. If {entry.host} has no such domain any more, let "
            f"gluster_volume_attachment forget it (domain {entry.domain}, host {entry.host}, state absent); "
            "attached_elsewhere: ignore is for who sees to that domain"
        )


def running_disk_of(volume: Volume, what: str) -> Disk | None:
    """Return the disk of the running domain that has a volume, or None where the volume is at rest.

    :raises Refused: it is in use elsewhere, two domains have it, a block job is at work, or the domain has other files than the volume.
    """
    refuse_saved(volume, what)
    refuse_in_use_elsewhere(volume, what)
    if len(volume.running_disks) > 1:
        raise Refused(
            f"{volume.label} is {volume.running_disks[0].label} and {volume.running_disks[1].label} at once; shut one of the domains down"
        )
    if not volume.running_disks:
        return None
    disk = volume.running_disks[0]
    names = tuple(entry.file for entry in volume.chain.files)
    if disk.live is None or disk.live.names != names:
        has = ", ".join(disk.live.names if disk.live else ())
        raise Refused(
            f"{disk.label} has {has} open, but the chain of {volume.label} is {', '.join(names)}; shut the domain down, then run it again"
        )
    if disk.job is not None:
        raise Refused(f"a block job ({disk.job}) is at work on {disk.label}, so {volume.name} cannot be {what}; let it end or abort it")
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


def redefine_domains(volume: Volume, active: str, image_format: str | None, names: Sequence[str]) -> tuple[Step, ...]:
    """Return the step that lets the definitions of domains follow a volume, where they would not start on it.

    :param names: the files of the chain then, the active one first.
    """
    stale = [disk for disk in volume.disks if disk.stored is not None and not disk.stored.fits(names, image_format)]
    if not stale or image_format is None:
        return ()
    host = volume.host.name if volume.host is not None else None
    return (RedefineDomains(active, image_format, tuple(disk.domain for disk in stale), host),)
