# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that move a volume to another share while a domain runs on it.

What is frozen is copied as it is; the active file is mirrored by the domain, which then goes over to the copy. That moment
decides which share has the volume, and afterwards the old active file is taken from its name as in a move at rest. A domain
that dies before it leaves the volume on the old share, and what is missing is copied at rest.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused, Unavailable, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import image_lock, qcow2
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import frozen_read
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step, StepContext, ownership_of, write_image, write_record
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.field_types import (
    FileName,
    FileNames,
    ImageFormat,
    ImageSize,
    InfoContent,
    RecordContent,
    ShareName,
    Text,
    Token,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.move import copy_as_it_is, sibling, take_from_its_name, write_moved_info
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout, record_file
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Definition, Disk
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.hypervisor import running_disks


@dataclass(frozen=True)
class CopyFrozenFiles(Step):
    """Copy the frozen files of a chain to the new share; C(files) are all of the chain, the active one first."""

    files: FileNames
    from_share: ShareName
    to_share: ShareName
    token: Token
    record: RecordContent
    stage: ClassVar[int] = 1

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Copy the frozen files of {self.files[-1]} from {self.from_share} to {self.to_share}, because the volume is to move there."

    def prepare(self, context: StepContext) -> None:
        """Copy and compare under temporary names; the files of the old share are held and looked at before and after."""
        root = sibling(context, self.from_share)
        paths = tuple(f"{root}/{file}" for file in self.files[1:])
        with frozen_read.hold_readable(paths):
            before = [frozen_read.identity(path, private=False) for path in paths]
            for file in reversed(self.files[1:]):
                copy_as_it_is(context, f"{root}/{file}", self._temporary(context, file))
            frozen_read.check_unchanged(before, f"{context.volume} on {self.from_share}")

    def apply(self, context: StepContext) -> None:
        """Give the copies their names."""
        there = files.list_names(context.root)
        write_record(context, record_file.from_json(dict(self.record)))
        for file in reversed(self.files[1:]):
            temporary = self._temporary(context, file)
            if os.path.basename(temporary) in there:
                if file in there:
                    files.remove(temporary)
                else:
                    files.publish(temporary, context.path(file), context.check_ours, keep=True)

    def can_be_undone(self, context: StepContext) -> bool:
        """As long as no domain has gone over to the copy."""
        try:
            return not context.marked(_switch_mark(context.volume)) and not running_disks(context.disks())
        except VdiskError:
            return False

    def undo(self, context: StepContext) -> None:
        """Remove the copies."""
        for file in self.files:
            files.remove(context.path(file))
        files.remove(context.path(layout.record(context.volume)))

    def discard_prepared(self, context: StepContext) -> None:
        """Remove what was prepared."""
        for file in self.files[1:]:
            files.remove(self._temporary(context, file), quietly=True)

    def _temporary(self, context: StepContext, file: str) -> str:
        return context.path(layout.temporary(file, self.token))


@dataclass(frozen=True)
class SwitchToTarget(Step):
    """Let the domain mirror its active file to the new share and go on there; at rest, copy it."""

    files: FileNames
    format: ImageFormat
    below_format: ImageFormat | None
    size: ImageSize
    from_share: ShareName
    to_share: ShareName
    stage: ClassVar[int] = 2

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Switch the domain from {self.files[0]} on {self.from_share} to its copy on {self.to_share}, because it is running."

    def apply(self, context: StepContext) -> None:
        """Go over, unless that is done, and take the old active file from its name."""
        if os.path.basename(layout.moved(context.volume)) in files.list_names(f"{context.root}/{layout.OWN_DIRECTORY}"):
            return
        if self.files[0] not in files.list_names(context.root):
            return  # all is done, but for the end of the journal
        disk = context.running_disk()
        if disk is not None:
            self._mirror(context, disk)
        if disk is not None or self._has_switched(context):
            take_from_its_name(context, self.files[0])
        else:
            self._move_offline(context)

    def _copy(self, context: StepContext) -> str:
        return f"{sibling(context, self.to_share)}/{self.files[0]}"

    def _mirror(self, context: StepContext, disk: Disk) -> None:
        if disk.live is None or disk.live.names != self.files:
            raise Refused(
                f"{disk.label} does not have the files of {context.volume} on {context.share} open; shut it down, then run the task again"
            )
        if disk.job is None:
            self._create_blank_copy(context)
        context.hypervisor.mirror(
            disk, self._copy(context), self.format, len(self.files) > 1, lambda: context.mark(_switch_mark(context.volume), True)
        )
        if context.running_disk() is not None or not self._is_on_copy(context, live=True):
            raise Unavailable(
                f"the job that mirrors {disk.label} to {self.to_share} has ended without success; check the log of the domain, then run "
                "the "
                "task again"
            )

    def _create_blank_copy(self, context: StepContext) -> None:
        """Lay a blank file where the copy is to be, also over one that a job which is gone has half filled: the domain is not on it."""
        like = files.require_status(context.path(self.files[0]))
        directory, name = os.path.split(self._copy(context))
        temporary = f"{directory}/{layout.temporary(name, context.token)}"
        below = self.files[1] if len(self.files) > 1 else None
        raw = qcow2.Layout((), self.size)
        image = raw if self.format == "raw" else qcow2.new_image(self.size, below, self.below_format if below else None)
        write_image(temporary, image, ownership_of(like))
        _put(temporary, self._copy(context))

    def _is_on_copy(self, context: StepContext, live: bool) -> bool:
        parts = (
            disk.live if live else disk.stored for disk in context.hypervisor.disks_of(context.volume, sibling(context, self.to_share))
        )
        return any(isinstance(part, Definition) and part.names[0] == self.files[0] for part in parts)

    def _has_switched(self, context: StepContext) -> bool:
        """Tell whether a domain that is not on the old share has gone over to the copy.

        :raises Refused: nothing tells.
        """
        stored = [disk for disk in context.disks() if disk.stored is not None]
        if self._is_on_copy(context, live=True):
            return True
        if not context.marked(_switch_mark(context.volume)):
            return False
        if self._is_on_copy(context, live=False):
            return True
        if stored:
            return False
        raise Refused(
            f"a domain that no longer exists was switching from {context.volume} on {self.from_share} to its copy on {self.to_share} "
            "when it was "
            "last seen, and its host has no definition that shows whether it did; run the task on the host that the domain ran on"
        )

    def _move_offline(self, context: StepContext) -> None:
        source, copy = context.path(self.files[0]), self._copy(context)
        directory, name = os.path.split(copy)
        temporary = f"{directory}/{layout.temporary(name, context.token)}"
        with image_lock.changing(source):
            copy_as_it_is(context, source, temporary)
            context.check_ours()
            _put(temporary, copy)
            take_from_its_name(context, self.files[0])

    def can_be_undone(self, context: StepContext) -> bool:
        """As long as the active file has its name here, the domain is where it was, and no job goes on."""
        if context.marked(_switch_mark(context.volume)):
            return False
        try:
            if self.files[0] not in files.list_names(context.root):
                return False  # the copy is the volume already
            disk = context.running_disk()
            return disk is None or disk.job is None
        except VdiskError:
            return False


@dataclass(frozen=True)
class WriteMovedInfo(Step):
    """Write the info file on the new share."""

    active: FileName
    info: InfoContent | None
    internal: ClassVar[bool] = True

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Set {self.active} as the active file in the info file, because the volume is here now."

    def apply(self, context: StepContext) -> None:
        """Write it."""
        if self.info is not None:
            write_moved_info(context, self.info, context.path(self.active))


@dataclass(frozen=True)
class RedefineMovedDomains(Step):
    """Let the stored definitions of domains name the active file on the share that a volume was moved to."""

    active: FileName
    format: ImageFormat
    to_share: ShareName
    domains: tuple[Text, ...]

    def describe(self) -> str:
        """Return what the step does and why."""
        which = ", ".join(self.domains)
        return f"Set the disk of domain {which} to {self.active} on {self.to_share} in its definition, because that is the active file."

    def apply(self, context: StepContext) -> None:
        """Change every stored definition of this hypervisor that still names the old share."""
        for disk in context.disks():
            if disk.stored is not None:
                context.hypervisor.redefine(disk, f"{sibling(context, self.to_share)}/{self.active}", self.format)


def _put(temporary: str, path: str) -> None:
    """Give a finished file the name of the copy, also over one that is of no use."""
    try:
        files.rename(temporary, path, "write")
    except VdiskError:
        files.remove(temporary, quietly=True)
        raise


def _switch_mark(volume: str) -> str:
    return f"{volume} goes over to its copy"  # words: a key in journals on disk
