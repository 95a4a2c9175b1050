# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for whole volumes: make, adopt, grow, remove (pure)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import human
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan, nothing_to_do
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.checks import (
    record_of,
    refuse_attached_elsewhere,
    refuse_beside,
    refuse_in_use,
    refuse_problems,
    running_disk_of,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.repair import refuse_beyond_repair, repaired
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import qcow2
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.overlay import WriteRecord
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.volume import AdoptVolume, CreateVolume, Grow, RemoveVolume, SetOwnership
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout, record_file
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.backing_chain import Chain, ChainFile, Ownership
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume, absent, with_record
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import Record

DEFAULT_MODE = 0o660


@dataclass(frozen=True)
class VolumeRequest:
    """What a task wants of a volume; None is no word on it. Sizes in bytes, C(uid) and C(gid) as numbers.

    C(confirm_format) says that a file is meant to be raw although its content is a sound image of another format.
    """

    size: int | None = None
    format: str | None = None
    allocation: str | None = None
    uid: int | None = None
    gid: int | None = None
    mode: int | None = None
    repair: bool = False
    confirm_format: bool = False

    @property
    def thin(self) -> bool:
        """Whether a new volume takes space only as it is written."""
        return self.format == "qcow2" or self.allocation in (None, "sparse")


def plan_present(volume: Volume, request: VolumeRequest) -> Plan:
    """Return the plan that makes a volume be there as wanted.

    :raises Refused: it is there and cannot safely become so.
    """
    if not volume.chain.files:
        refuse_problems(volume)
        return plan_new(volume, request)
    if not request.repair:
        refuse_beyond_repair(volume)
    steps: list[Step] = []
    after = volume
    if volume.record is None:
        record = _record_for_adoption(volume, request)
        after = with_record(volume, record)
        steps.append(AdoptVolume(record, volume.share, volume.name))
    else:
        record = record_of(volume, "changed")
    if request.repair:
        repairs, after = repaired(after)
        steps += repairs
        if repairs:
            refuse_in_use(volume, "repaired")
            refuse_attached_elsewhere(volume, "repaired")
    _refuse_other_making(volume, record, request)
    size = after.active.virtual_size
    if request.size is not None and size is not None and request.size != size:
        if request.size < size:
            raise Refused(
                f"{volume.label} is {human(size)} ({size} bytes) large and shrinking is not supported; "
                f"give a size of at least that, not {human(request.size)}"
            )
        if request.format is None:
            record_of(volume, "grown")
        refuse_problems(after)
        running_disk_of(volume, "grown")
        record = replace(record, virtual_size=request.size)
        after = _grown(after, record)
        steps.append(Grow(volume.active_file, str(after.active.format), size, request.size, record))
    elif size is not None and request.size == size and record.virtual_size < size:
        # a growth was cut off before its record
        record = replace(record, virtual_size=size)
        after = replace(after, record=record)
        steps.append(WriteRecord(record_file.to_json(record)))
    owned = _owned(volume, request)
    if owned is not None and owned != volume.ownership:
        refuse_problems(after)
        files = (*(entry.file for entry in volume.chain.files), *([layout.info_file(volume.name)] if volume.info else ()))
        steps.append(SetOwnership(files, owned.uid, owned.gid, owned.mode))
        after = replace(after, ownership=owned)
    if after.record is not None and not after.problems and not steps:
        return nothing_to_do(volume)
    return Plan(volume, after, tuple(steps))


def plan_new(volume: Volume, request: VolumeRequest) -> Plan:
    """Return the plan that makes a blank volume.

    :raises BadInput: it has no size, or an allocation that its format does not have.
    """
    if request.size is None:
        raise BadInput(f"size: {volume.label} does not exist, and creating it requires a size")
    file_format = request.format or "raw"
    allocation = request.allocation or "sparse"
    if file_format == "qcow2" and allocation != "sparse":
        raise BadInput(f"allocation: {allocation} is for raw volumes; a qcow2 volume is allocated as it is written")
    mode = DEFAULT_MODE if request.mode is None else request.mode
    own = Ownership(request.uid or 0, request.gid or 0, mode)
    step = CreateVolume(volume.name, file_format, request.size, allocation, own.uid, own.gid, own.mode, volume.share)
    allocated = request.size if allocation != "sparse" else 0 if file_format == "raw" else qcow2.new_image(request.size).length
    entry = ChainFile(volume.name, file_format, None, None, request.size, allocated)
    after = replace(
        volume,
        exists=True,
        chain=Chain((entry,), {}, ()),
        record=Record(volume.name, file_format, request.size, allocation),
        ownership=own,
    )
    return Plan(volume, after, (step,))


def _record_for_adoption(volume: Volume, request: VolumeRequest) -> Record:
    """Return the record that a volume of another program gets.

    :raises Refused: its format is not said and not certain, or what is said does not fit what is there.
    """
    base = volume.chain.files[-1]
    facts = volume.facts[base.file]
    image_format = request.format or base.format or "raw"
    if base.format is not None and image_format != base.format:
        raise Refused(
            f"{volume.label} is to be adopted as {image_format}, but the header above {base.file} gives its format as {base.format}"
        )
    if request.format is None and base.format == "qcow2":
        raise Refused(f"{volume.label} was not created by this collection and seems to be qcow2; to adopt it, give format: qcow2")
    if request.format is None and facts.looks_like:
        raise Refused(
            f"{volume.label} was not created by this collection, and its content looks like {facts.looks_like}; to adopt it, "
            "give its format (raw, if a guest wrote that)"
        )
    # what a header above calls raw is raw: its guest has used it so
    if image_format == "raw" and base.format is None and facts.sound_as is not None and not request.confirm_format:
        other = (
            f"give format: {facts.sound_as}" if facts.sound_as in record_file.FORMATS else "import it by source_image into another volume"
        )
        raise Refused(
            f"{volume.label} is not adopted as raw, because its content is a sound {facts.sound_as} image, whose header a guest would "
            f"get as its disk; {other}, or set confirm_format: true if a guest wrote that"
        )
    if image_format == "qcow2" and facts.header is None:
        raise Refused(f"{volume.label} cannot be adopted as qcow2: {facts.header_problem or 'it has no qcow2 header'}")
    if image_format == "qcow2" and facts.header is not None and facts.header.backing_file is not None:
        raise Refused(
            f"{volume.label} cannot be adopted as qcow2: "
            f"its header names the backing file {facts.header.backing_file!r}, and a base has none"
        )
    allocation = "sparse" if image_format == "qcow2" or facts.allocated < facts.size else None
    sized = with_record(volume, Record(base.file, image_format, 0, allocation))
    hard = [problem for problem in sized.problems if problem not in {defect.problem for defect in sized.chain.repairs}]
    if hard and not request.repair:
        raise Refused(f"{volume.label} cannot be adopted as {image_format}, because {hard[0]}")
    size = sized.active.virtual_size or 0
    if size <= 0:
        raise Refused(f"{volume.label} cannot be adopted: it is empty; remove the file, or create the volume under another name")
    return Record(base.file, image_format, size, allocation, attachments=volume.attachments)


def _refuse_other_making(volume: Volume, record: Record, request: VolumeRequest) -> None:
    if request.format is not None and request.format != record.base_format:
        raise Refused(
            f"{volume.label} is {record.base_format} and is not converted to {request.format}; create a new volume in that format"
        )
    if request.allocation is not None and record.allocation is not None and request.allocation != record.allocation:
        raise Refused(
            f"{volume.label} was created with allocation {record.allocation}, which is not changed to {request.allocation} afterwards; "
            "omit the option or create a new volume"
        )


def _grown(volume: Volume, record: Record) -> Volume:
    files = (replace(volume.active, virtual_size=record.virtual_size), *volume.chain.files[1:])
    return replace(volume, chain=replace(volume.chain, files=files), record=record)


def _owned(volume: Volume, request: VolumeRequest) -> Ownership | None:
    """Return the ownership a volume should have; while it is in use the hypervisor chooses owner and group."""
    if volume.ownership is None or (request.uid, request.gid, request.mode) == (None, None, None):
        return None
    now = volume.ownership
    return Ownership(
        now.uid if request.uid is None or volume.in_use else request.uid,
        now.gid if request.gid is None or volume.in_use else request.gid,
        now.mode if request.mode is None else request.mode,
    )


def plan_absent(volume: Volume, delete_snapshots: bool) -> Plan:
    """Return the plan that removes a volume.

    :raises Refused: it has snapshots, is in use, or is not sound.
    """
    if not volume.exists and not volume.problems and not volume.has_lone_record:
        return nothing_to_do(volume)
    refuse_problems(replace(volume, problems=tuple(problem for problem in volume.problems if problem not in volume.left_over)))
    refuse_in_use(volume, "removed")
    if volume.disks:
        raise Refused(
            f"{volume.label} is {volume.disks[0].label}, which would not start without it; detach it first with gluster_volume_attachment, "
            "or undefine the domain"
        )
    refuse_attached_elsewhere(volume, "removed")
    snapshots = tuple(volume.chain.snapshots)
    if snapshots and not delete_snapshots:
        count = f"{len(snapshots)} snapshot{'s' if len(snapshots) > 1 else ''}"
        raise Refused(f"{volume.label} has {count} ({', '.join(snapshots)}); set delete_snapshots to remove them too")
    for entry in () if delete_snapshots else volume.chain.files:
        refuse_beside(volume, entry)
    for file in volume.strays:
        facts = volume.facts.get(file)
        if facts is None or facts.kind != "file":
            raise Refused(f"{file} beside {volume.label} is no regular file, so it is not removed with it; inspect it and move it away")
        if not delete_snapshots:
            raise Refused(
                f"{file} on {volume.share} is a file of {volume.name} that its chain does not use, and it would be taken for a part of the "
                "next volume of that name; set delete_snapshots to remove it too, or move it away"
            )
    files = (*(entry.file for entry in volume.chain.files), *volume.strays)
    after = absent(volume.name, volume.share, volume.mount_point)
    return Plan(volume, after, (RemoveVolume(files, snapshots),), journaled=True)
