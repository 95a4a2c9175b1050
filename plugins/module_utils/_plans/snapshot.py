# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for snapshots (pure): which files become one, in which direction, in which order.

A chain is C(f0) (the base), C(f1), ... C(fn) (active); snapshot C(si) made C(fi), and its point in time is what C(f(i-1))
reads as. Dropping C(si) makes C(fi) and C(f(i-1)) one. Down (commit): the data of C(fi) go into C(f(i-1)). Up (pull): the
data of C(f(i-1)) go into C(fi), which then stands for C(s(i-1)) too; only where C(f(i-1)) is an overlay itself. Every
other point reads as before either way. Neighbours that all go are merged at once. Merging the file above into C(fi)
instead, as Cinder's driver did, would turn the next point into a copy of the dropped one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import SECTOR, round_up
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan, nothing_to_do, redefine_domains
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.checks import (
    record_of,
    refuse_attached_elsewhere,
    refuse_in_use,
    refuse_problems,
    refuse_zeroing,
    running_disk_of,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import qcow2
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.domain import FreezeGuest, SwitchDomain, ThawGuest
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.merge import Commit, Pull
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.overlay import (
    CreateOverlay,
    RebaseOverlay,
    RemoveMerged,
    ReplaceOverlay,
    WriteInfo,
    WriteRecord,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout, record_file
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.backing_chain import ChainFile
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Disk, on_chain
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.info_file import Info
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import Record, SnapshotNote

PULL_COST = 2.5
"""How much longer a pull takes than a commit for each byte, as measured with qemu-img on GlusterFS (make bench ARGS="--rows merge")."""
PULL_SCAN = 50 / (1 << 20)
"""Bytes of commit that take as long as a pull takes to look through a byte of the volume: 50 MiB a TiB; a commit looks at none."""


AUTO, REQUIRED, NEVER = "auto", "required", "never"
"""Whether the guest of a running domain is frozen for the instant of a snapshot."""


def plan_present(volumes: Sequence[Volume], snapshot: str, note: SnapshotNote, quiesce: str = AUTO) -> tuple[Plan, ...]:
    """Return the plans that take a snapshot of a group of volumes in one instant.

    :raises Refused: a volume of the group cannot have it, or only some have it already.
    """
    for volume in volumes:
        if not volume.exists and not volume.problems:
            raise Refused(f"{volume.label} does not exist, so snapshot {snapshot} cannot be taken of it")
        refuse_problems(volume)
    have = [volume for volume in volumes if volume.snapshot(snapshot)]
    if len(have) == len(volumes):
        return tuple(nothing_to_do(volume) for volume in volumes)
    if have:
        missing = next(volume for volume in volumes if not volume.snapshot(snapshot))
        raise Refused(
            f"{have[0].label} has a snapshot {snapshot} already and {missing.label} has none: a group is taken in one instant; "
            "choose another name, or name only the volumes that lack it"
        )
    disks = {volume.name: running_disk_of(volume, "given a snapshot") for volume in volumes}
    for volume in volumes:
        refuse_attached_elsewhere(volume, "given a snapshot")
    plans = [_plan_take(volume, snapshot, note, disks[volume.name], quiesce) for volume in volumes]
    for uuid in dict.fromkeys(disk.uuid for disk in disks.values() if disk is not None):
        own = {plan.before.name: disks[plan.before.name] for plan in plans if getattr(disks[plan.before.name], "uuid", None) == uuid}
        # one call of libvirt switches all disks of a domain, so the first of its volumes has the steps for all of them
        index = next(index for index, plan in enumerate(plans) if plan.before.name in own)
        steps = _switch({name: disk for name, disk in own.items() if disk is not None}, plans, quiesce)
        plans[index] = replace(plans[index], steps=(*plans[index].steps, *steps))
    return tuple(replace(plan, steps=tuple(sorted(plan.steps, key=lambda step: step.stage))) for plan in plans)


def _switch(disks: Mapping[str, Disk], plans: Sequence[Plan], quiesce: str) -> tuple[Step, ...]:
    """Return the steps that let one domain write to the new overlays of its volumes, volume -> disk."""
    first = next(iter(disks.values()))
    overlays = {
        disk.target: {
            "path": disk.path_of(plan.after.active_file),
            "below": plan.before.active_file,
            "format": str(plan.before.active.format),
            "size": plan.after.active.virtual_size,
        }
        for plan in plans
        for disk in [disks.get(plan.before.name)]
        if disk is not None
    }
    switch = SwitchDomain(first.domain, first.uuid, overlays)
    if not _freezes(first, quiesce):
        return (switch,)
    overlay = str(next(iter(overlays.values()))["path"])
    return (FreezeGuest(first.domain, first.uuid, overlay, quiesce == REQUIRED), switch, ThawGuest(first.domain, first.uuid))


def _freezes(disk: Disk | None, quiesce: str) -> bool:
    return disk is not None and disk.agent and quiesce != NEVER


def _plan_take(volume: Volume, snapshot: str, note: SnapshotNote, disk: Disk | None, quiesce: str) -> Plan:
    old = record_of(volume, "given a snapshot")
    if disk is not None and quiesce == REQUIRED and not disk.agent:
        raise Refused(
            f"{volume.label} is {disk.label}, which has no guest agent that answers, and quiesce is required; start the agent in the "
            "guest, or set quiesce to auto"
        )
    active = volume.active
    size = round_up(active.virtual_size or 0, SECTOR)
    file = free_overlay(volume, snapshot)
    frozen_by = disk.uuid if disk is not None and _freezes(disk, quiesce) else None
    note = replace(note, quiesced=frozen_by is not None)
    snapshots = {**volume.chain.snapshots, snapshot: file}
    record = replace(old, virtual_size=max(size, old.virtual_size), snapshots={**old.snapshots, snapshot: note})
    entry = ChainFile(file, "qcow2", active.file, active.format, size, qcow2.new_image(size, active.file, str(active.format)).length)
    after = with_chain(volume, (entry, *volume.chain.files), snapshots, record)
    steps = (
        CreateOverlay(file, active.file, str(active.format), size, snapshot, active.file, f"snapshot {snapshot} does not exist"),
        WriteInfo(file, snapshots),
        WriteRecord(record_file.to_json(record), snapshot, frozen_by),
        *redefine_domains(volume, file, "qcow2", [entry.file for entry in after.chain.files]),
    )
    return Plan(volume, after, steps, journaled=True)


def with_chain(volume: Volume, files: Sequence[ChainFile], snapshots: Mapping[str, str], record: Record) -> Volume:
    """Return a volume as it is planned: on a chain of these files, the active one first, with the disks of domains gone over to it."""
    names = [entry.file for entry in files]
    return replace(
        volume,
        active_file=names[0],
        record=record,
        info=Info(names[0], snapshots),
        chain=replace(volume.chain, files=tuple(files), snapshots=snapshots),
        disks=tuple(on_chain(disk, names, files[0].format) for disk in volume.disks),
        abandoned=(),
    )


def free_overlay(volume: Volume, snapshot: str) -> str:
    """Return a file name for a new overlay: the snapshot's own, or the next free one where another snapshot came to hold it.

    :raises Refused: a file of the snapshot's name lies there that belongs to nothing.
    """
    name = layout.overlay(volume.name, snapshot)
    if name in volume.strays:
        raise Refused(
            f"{name} is on {volume.share}, but {layout.info_file(volume.name)} does not name it; it is left unmodified: inspect it and "
            f"move it away, or give the snapshot another name than {snapshot}"
        )
    number = 1
    while name in volume.facts:
        number += 1
        name = layout.overlay(volume.name, f"{snapshot}_{number}")
    return name


def plan_reverted(volume: Volume, name: str, discard_newer: bool) -> Plan:
    """Return the plan that makes a volume read as it did at a snapshot; its size stays, and what lies beyond reads as zeroes.

    :raises Refused: there is no such snapshot, there are newer ones, or the volume is in use or not sound.
    """
    if not volume.exists and not volume.problems:
        raise Refused(f"{volume.label} does not exist, so it cannot be reverted to snapshot {name}")
    refuse_problems(volume)
    names = list(volume.chain.snapshots)
    if name not in names:
        raise Refused(f"{volume.label} has no snapshot {name} to revert to (it has: {', '.join(names) or 'none'})")
    newer = names[names.index(name) + 1 :]
    old = record_of(volume, "reverted")
    if not newer and volume.facts[volume.active_file].empty:
        return nothing_to_do(volume)
    refuse_in_use(volume, "reverted")
    refuse_attached_elsewhere(volume, "reverted")
    if newer and not discard_newer:
        raise Refused(
            f"snapshot {name} of {volume.label} is not the newest, {', '.join(newer)} came after it; set discard_newer to delete "
            f"{'that one' if len(newer) == 1 else 'those'} too, with all that was written since {name}"
        )
    made_by = volume.chain.snapshots[name]
    position = next(index for index, entry in enumerate(volume.chain.files) if entry.file == made_by)
    below = volume.chain.files[position + 1]
    size = round_up(volume.active.virtual_size or 0, SECTOR)
    # the newest one's overlay is replaced under its name, so that a machine's definition still fits; further down, a new name
    # is needed for the switch to be one instant: an overlay with others upon it cannot be emptied under them
    file = free_overlay(volume, name) if newer else made_by
    snapshots = {**{kept: volume.chain.snapshots[kept] for kept in names[: names.index(name)]}, name: file}
    record = replace(old, snapshots={kept: note for kept, note in old.snapshots.items() if kept not in newer})
    if newer:
        gone = tuple(entry.file for entry in volume.chain.files[: position + 1])
        steps: tuple[Step, ...] = (
            CreateOverlay(
                file, below.file, str(below.format), size, name, volume.active_file, f"the volume is reverted to snapshot {name}"
            ),
            WriteInfo(file, snapshots),
            *redefine_domains(volume, file, "qcow2", [file, *(entry.file for entry in volume.chain.files[position + 1 :])]),
            RemoveMerged(gone, f"it came after snapshot {name}"),
            WriteRecord(record_file.to_json(record)),
        )
    else:
        steps = (ReplaceOverlay(file, below.file, str(below.format), size, name),)
    entry = ChainFile(file, "qcow2", below.file, below.format, size, qcow2.new_image(size, below.file, str(below.format)).length)
    after = with_chain(volume, (entry, *volume.chain.files[position + 1 :]), snapshots, record)
    return Plan(volume, after, steps, journaled=True)


@dataclass(frozen=True)
class _Stack:
    """A chain being worked on, base first, with the snapshot that each overlay stands for."""

    files: tuple[ChainFile, ...]
    snapshots: tuple[str | None, ...]

    def info(self) -> tuple[str, dict[str, str]]:
        """Return active file and snapshots as the info file has them."""
        return self.files[-1].file, {name: entry.file for name, entry in zip(self.snapshots, self.files) if name}


def plan_absent(volume: Volume, names: Sequence[str], only_up: bool = False) -> Plan:
    """Return the plan that drops snapshots of a volume; those that are not there are gone already.

    :param only_up: merge nothing down into a file below the active one, which the host's security module does not let QEMU write.
    :raises Refused: the volume is in use elsewhere, or not sound, or cannot be rid of them in that way.
    """
    if not volume.exists and not volume.problems:
        return nothing_to_do(volume)
    refuse_problems(volume)
    dropped = [name for name in volume.chain.snapshots if name in set(names)]
    if not dropped:
        return nothing_to_do(volume)
    old = record_of(volume, "rid of a snapshot")
    disk = running_disk_of(volume, "rid of a snapshot")
    refuse_attached_elsewhere(volume, "rid of a snapshot")
    directions = _Directions(live=disk is not None, only_up=only_up)
    if disk is not None and not only_up and volume.chain.snapshots[dropped[-1]] == volume.active_file:
        refuse_zeroing(volume, disk)
    by_file: Mapping[str, str] = {file: name for name, file in volume.chain.snapshots.items()}
    files = tuple(reversed(volume.chain.files))
    stack = _Stack(files, tuple(by_file.get(entry.file) for entry in files))
    steps: list[Step] = []
    merged: list[str] = []
    while True:
        run = _next_run(stack, set(dropped))
        if run is None:
            break
        merge, stack, files_merged = _merge(stack, *run, directions)
        steps += merge
        merged += files_merged
    record = replace(old, snapshots={name: note for name, note in old.snapshots.items() if name not in dropped})
    active, snapshots = stack.info()
    # the info file changes once, after every merge: a plan that was interrupted later and is applied from its start again
    # must never make a file active that is merged already, for a machine may have written to the one it went into
    steps += [
        WriteInfo(active, snapshots),
        *redefine_domains(volume, active, stack.files[-1].format, [entry.file for entry in reversed(stack.files)]),
        RemoveMerged(tuple(merged)),
        WriteRecord(record_file.to_json(record)),
    ]
    after = with_chain(volume, tuple(reversed(stack.files)), snapshots, record)
    return Plan(volume, after, tuple(steps), journaled=True)


def _next_run(stack: _Stack, dropped: set[str]) -> tuple[int, int] | None:
    """Return the lowest run of neighbours to drop as the indices of its first and last overlay."""
    first = next((index for index, name in enumerate(stack.snapshots) if name in dropped), None)
    if first is None:
        return None
    last = first
    while last + 1 < len(stack.snapshots) and stack.snapshots[last + 1] in dropped:
        last += 1
    return first, last


@dataclass(frozen=True)
class _Directions:
    """What speaks for a direction beside its cost.

    A running domain merges up only into its active file, and only where it cannot merge down: QEMU lets the header name the
    lower file before the tables of what it has copied are written, and a domain that dies in between has lost that.
    """

    live: bool = False
    only_up: bool = False


def _merge(stack: _Stack, first: int, last: int, directions: _Directions) -> tuple[list[Step], _Stack, tuple[str, ...]]:
    """Return the steps that make the files C(first - 1) to C(last) one, the chain then, and the files merged."""
    group = stack.files[first - 1 : last + 1]
    gone = tuple(str(name) for name in stack.snapshots[first : last + 1])
    down = sum(entry.allocated_size for entry in group[1:])
    up = sum(entry.allocated_size for entry in group[:-1])
    # upstream's qemu-img 7.2 never ends some rebases over a backing file that is shorter than the image, so no pull across a growth
    pullable = first > 1 and len({entry.virtual_size for entry in group}) == 1
    if directions.only_up and not (pullable and last == len(stack.files) - 1):
        raise Refused(
            f"snapshot {', '.join(gone)} cannot be deleted while the domain is running: a security module of this host keeps QEMU from "
            "merging into a file below the active one, and merging up is possible only for the newest of several; shut it down first"
        )
    pull_is_cheaper = down > up * PULL_COST + (group[0].virtual_size or 0) * PULL_SCAN
    if pullable and (directions.only_up or pull_is_cheaper and not directions.live):
        return _merge_up(stack, first, last, gone, up)
    return _merge_down(stack, first, last, gone, down)


def _merge_down(stack: _Stack, first: int, last: int, gone: tuple[str, ...], moved: int) -> tuple[list[Step], _Stack, tuple[str, ...]]:
    base, top = stack.files[first - 1], stack.files[last]
    merged = tuple(entry.file for entry in reversed(stack.files[first : last + 1]))
    size = max(base.virtual_size or 0, top.virtual_size or 0)
    joined = replace(base, virtual_size=size, allocated_size=min(size, base.allocated_size + moved))
    above = stack.files[last + 1 :]
    steps: list[Step] = [Commit(merged, base.file, str(base.format), moved, gone)]
    if above:
        steps.append(RebaseOverlay(above[0].file, base.file, str(base.format)))
        above = (replace(above[0], backing_file=base.file, backing_format=base.format), *above[1:])
    result = _Stack((*stack.files[: first - 1], joined, *above), (*stack.snapshots[:first], *stack.snapshots[last + 1 :]))
    return steps, result, merged


def _merge_up(stack: _Stack, first: int, last: int, gone: tuple[str, ...], moved: int) -> tuple[list[Step], _Stack, tuple[str, ...]]:
    into, onto = stack.files[last], stack.files[first - 2]
    merged = tuple(entry.file for entry in reversed(stack.files[first - 1 : last]))
    joined = replace(
        into,
        backing_file=onto.file,
        backing_format=onto.format,
        allocated_size=min(into.virtual_size or 0, into.allocated_size + moved),
    )
    # the file that is left stands for the snapshot below the dropped ones: that one's point is what the file lies on
    kept = stack.snapshots[first - 1]
    result = _Stack(
        (*stack.files[: first - 1], joined, *stack.files[last + 1 :]),
        (*stack.snapshots[: first - 1], kept, *stack.snapshots[last + 1 :]),
    )
    return [Pull(merged, into.file, onto.file, str(onto.format), moved, gone)], result, merged
