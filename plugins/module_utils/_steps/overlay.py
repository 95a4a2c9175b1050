# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that make snapshots and merge them away.

Each looks first whether the chain on disk still needs it. This matters when an unfinished plan is carried on: a machine
may have written to the volume since, and merging once more what was merged already would put old data over new.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import ClassVar

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.sparse import write_all
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import image_lock, qcow2
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import (
    Step,
    StepContext,
    ownership_of,
    publish_image,
    write_image,
    write_record,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.domain import quiesced_guests, redefine_domains_here
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.field_types import (
    FileName,
    ImageFormat,
    ImageSize,
    RecordContent,
    SnapshotFiles,
    Text,
    Uuid,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import info_file, layout, record_file


@dataclass(frozen=True)
class CreateOverlay(Step):
    """Make an overlay that becomes the active file; owned like C(like), the active file before."""

    file: FileName
    backing_file: FileName
    backing_format: ImageFormat
    size: ImageSize
    snapshot: Text
    like: FileName
    reason: Text
    stage: ClassVar[int] = 0
    exclusive: ClassVar[bool] = False

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Create overlay {self.file} on {self.backing_file}, because {self.reason}."

    def apply(self, context: StepContext) -> None:
        """Make it; one that is there already must be the one meant."""
        if files.exists(context.path(self.file)):
            header = context.header(self.file)
            if (header.backing_file, header.backing_format) != (self.backing_file, self.backing_format):
                raise Refused(f"{self.file} on {context.share} is not the overlay that was being created; move it away")
            return
        like = files.require_status(context.path(self.like))
        layout = qcow2.new_image(self.size, self.backing_file, self.backing_format)
        publish_image(context, self.file, layout, ownership_of(like))

    def offline_files(self, context: StepContext) -> tuple[str, ...]:
        """Keep a machine from starting on the file that is about to be frozen or left; once the overlay is active that is over.

        A domain of this host that runs on it is switched by a step of its own.
        """
        if self._is_named(context) or context.running_disk() is not None:
            return ()
        return tuple(dict.fromkeys((self.backing_file, self.like)))

    def can_be_undone(self, context: StepContext) -> bool:
        """An overlay that the info file does not name holds nothing yet."""
        return not self._is_named(context)

    def undo(self, context: StepContext) -> None:
        """Remove the overlay."""
        files.remove(context.path(self.file))

    def _is_named(self, context: StepContext) -> bool:
        info = context.info()
        return info is not None and self.file in (info.active, *info.snapshots.values())


@dataclass(frozen=True)
class ReplaceOverlay(Step):
    """Put a new empty overlay in the place of the one a snapshot made.

    The new one waits under its temporary name before the plan is in the journal. As long as it is there the step is still to
    be taken; once it is gone, what is in its place may hold new data and is left alone.
    """

    file: FileName
    backing_file: FileName
    backing_format: ImageFormat
    size: ImageSize
    snapshot: Text

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Replace {self.file} with a new empty overlay, because the volume is reverted to snapshot {self.snapshot}."

    def lost_beside(self) -> tuple[str, ...]:
        """It is replaced."""
        return (self.file,)

    def _waiting(self) -> str:
        return layout.temporary(self.file, "revert")

    def _waits(self, context: StepContext) -> bool:
        return self._waiting() in files.list_names(context.root)

    def prepare(self, context: StepContext) -> None:
        """Make the new overlay under its temporary name, owned like the one it replaces."""
        path = context.path(self._waiting())
        like = files.require_status(context.path(self.file))
        layout = qcow2.new_image(self.size, self.backing_file, self.backing_format)
        write_image(path, layout, ownership_of(like))
        files.sync_directory(context.root)

    def is_done(self, context: StepContext) -> bool:
        """The new overlay does not wait any more: what is in its place may hold new data."""
        return not self._waits(context)

    def apply(self, context: StepContext) -> None:
        """Give it the old one's name."""
        if self.is_done(context):
            return
        context.check_ours()
        files.rename(context.path(self._waiting()), context.path(self.file), "replace")

    def offline_files(self, context: StepContext) -> tuple[str, ...]:
        """Keep a machine from starting on the file that is about to be replaced."""
        return (self.file,) if self._waits(context) else ()

    def can_be_undone(self, context: StepContext) -> bool:
        """As long as the new overlay waits, nothing has happened."""
        return self._waits(context)

    def discard_prepared(self, context: StepContext) -> None:
        """Remove the new overlay."""
        files.remove(context.path(self._waiting()))


@dataclass(frozen=True)
class WriteInfo(Step):
    """Replace the info file."""

    active: FileName
    snapshots: SnapshotFiles
    internal: ClassVar[bool] = True
    exclusive: ClassVar[bool] = False

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Set {self.active} as the active file in the info file, because the chain changed."

    def apply(self, context: StepContext) -> None:
        """Replace it whole, owned like the active file."""
        name = layout.info_file(context.volume)
        like = files.require_status(context.path(self.active))
        content = info_file.dump(info_file.Info(self.active, self.snapshots))
        files.replace(context.path(name), context.temporary(name), content, like, context.check_ours)

    def can_be_undone(self, context: StepContext) -> bool:
        """One that failed before the new file took the old one's place has done nothing."""
        info = context.info()
        return info is None or (info.active, dict(info.snapshots)) != (self.active, dict(self.snapshots))


@dataclass(frozen=True)
class WriteRecord(Step):
    """Replace the record; C(taken) is a snapshot of it whose instant the guest of the domain C(frozen_by) was to be frozen for."""

    record: RecordContent
    taken: Text | None = None
    frozen_by: Uuid | None = None
    internal: ClassVar[bool] = True
    exclusive: ClassVar[bool] = False

    def describe(self) -> str:
        """Return what the step does and why."""
        return "Write the record, because the data of the volume changed."

    def apply(self, context: StepContext) -> None:
        """Replace it whole."""
        record = record_file.from_json(self.record)
        if self.taken is not None and self.taken in record.snapshots:
            note = replace(record.snapshots[self.taken], quiesced=quiesced_guests(context, self.frozen_by))
            record = replace(record, snapshots={**record.snapshots, self.taken: note})
        write_record(context, record)


@dataclass(frozen=True)
class RebaseOverlay(Step):
    """Make the header of an overlay name another backing file that reads the same."""

    file: FileName
    backing_file: FileName
    backing_format: ImageFormat
    exclusive: ClassVar[bool] = False

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Rebase {self.file} onto {self.backing_file}, because the file between them was merged."

    def is_done(self, context: StepContext) -> bool:
        """The header names that file, or a later merge of the same plan has taken the overlay up."""
        if self.file not in context.chain_files():
            return True
        header = context.header(self.file)
        return (header.backing_file, header.backing_format) == (self.backing_file, self.backing_format)

    def modified_files(self) -> tuple[str, ...]:
        """Its header is written."""
        return (self.file,)

    def apply(self, context: StepContext) -> None:
        """Write the header anew, unless it names that file already, or a later merge of the same plan has taken the overlay up."""
        if self.is_done(context):
            return
        rebase_overlay(context, self.file, self.backing_file, self.backing_format)


def rebase_overlay(context: StepContext, file: str, backing_file: str, backing_format: str) -> None:
    """Write the header of an overlay anew with another backing file, unless it names that one already."""
    header = context.header(file)
    if (header.backing_file, header.backing_format) == (backing_file, backing_format):
        return
    path = context.path(file)
    with image_lock.written(path) as descriptor:
        changed = qcow2.with_backing(context.header_bytes(file), backing_file, backing_format)
        context.check_ours()
        try:
            write_all(descriptor, changed, 0)
            os.fsync(descriptor)
        except OSError as error:
            raise files.explain(error, path, "write") from error


@dataclass(frozen=True)
class RemoveMerged(Step):
    """Remove files that the chain no longer needs."""

    files: tuple[FileName, ...]
    reason: Text = "the chain no longer needs it"
    exclusive: ClassVar[bool] = False

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Remove {', '.join(self.files)}, because {self.reason}."

    def lost_beside(self) -> tuple[str, ...]:
        """They are removed."""
        return self.files

    def modified_files(self) -> tuple[str, ...]:
        """They are removed."""
        return self.files

    def apply(self, context: StepContext) -> None:
        """Remove them, after the chain on disk and the info file were read again and name none of them."""
        if context.recovering:
            # a domain may have been defined on one of them since the plan was made
            self._update_definitions(context)
        info = context.info()
        named = set(context.chain_files()) | set(info.snapshots.values() if info else ())
        for disk in context.disks():
            for part in (disk.live, disk.stored):
                named |= set(part.names if part is not None else ())
        for name in self.files:
            if name in named:
                raise Refused(f"{name} on {context.share} is still part of {context.volume} or of a domain; it is not removed")
            if name not in context.held and files.exists(context.path(name)) and image_lock.stays_open_in_qemu(context.path(name)):
                raise Refused(
                    f"{name} on {context.share} is not removed, because a VM or another program, here or on another host, has it "
                    "open; wait until it ends, then run the task again"
                )
        for name in self.files:
            context.remove(name)
        files.sync_directory(context.root)

    @staticmethod
    def _update_definitions(context: StepContext) -> None:
        content = files.read_text_file(context.path(layout.record(context.volume)), record_file.LIMIT)
        if content is not None:
            record = record_file.parse(content)
            redefine_domains_here(context, record.base_format if context.chain_files()[0] == record.base_file else "qcow2")
