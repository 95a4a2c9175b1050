# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that make, adopt, grow and remove whole volumes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar

from ansible_collections.vdisk.gluster.plugins.module_utils._common.sparse import write_all
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import human
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import image_lock, qcow2
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step, StepContext, set_ownership, write_record
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.field_types import (
    FileName,
    Text,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout, record_file

_ZEROES = bytes(4 << 20)


@dataclass(frozen=True)
class CreateVolume(Step):
    """Make a blank base file and its record; not journaled, for nothing is there before it has its final name."""

    file: str
    file_format: str
    size: int
    allocation: str
    uid: int
    gid: int
    mode: int
    share: str
    exclusive: ClassVar[bool] = False

    def describe(self) -> str:
        """Return what the step does and why."""
        kind = self.file_format if self.file_format != "raw" else f"raw, {self.allocation}"
        return f"Create {self.file} on {self.share} ({kind}, {human(self.size)}), because it does not exist."

    def apply(self, context: StepContext) -> None:
        """Write it under a temporary name, then the record, then give it its name."""
        own = (self.uid, self.gid, self.mode)
        write = self._write_raw if self.file_format == "raw" else self._write_qcow2
        temporary = context.temporary(self.file)
        descriptor = files.create_temporary(temporary)
        try:
            try:
                write(descriptor)
                set_ownership(descriptor, own)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self.fill(context, temporary)
            write_record(context, self.record())
        except OSError as error:
            files.remove(temporary, quietly=True)
            raise files.explain(error, context.path(self.file), "write") from error
        except BaseException:
            files.remove(temporary, quietly=True)
            raise
        files.publish(temporary, context.path(self.file), context.check_ours)

    def record(self) -> record_file.Record:
        """Return the record of the volume."""
        return record_file.Record(self.file, self.file_format, self.size, self.allocation)

    def fill(self, context: StepContext, temporary: str) -> None:
        """Bring content into the file before it has its name; a blank one has none."""

    def _write_qcow2(self, descriptor: int) -> None:
        layout = qcow2.new_image(self.size)
        for offset, content in layout.pieces:
            write_all(descriptor, content, offset)
        os.ftruncate(descriptor, layout.length)

    def _write_raw(self, descriptor: int) -> None:
        if self.allocation == "sparse":
            os.ftruncate(descriptor, self.size)
        elif self.allocation == "falloc":
            # the C library writes zeroes where the file system cannot reserve (posix_fallocate(3))
            os.posix_fallocate(descriptor, 0, self.size)
        else:
            written = 0
            while written < self.size:
                written += os.write(descriptor, memoryview(_ZEROES)[: min(len(_ZEROES), self.size - written)])


@dataclass(frozen=True)
class AdoptVolume(Step):
    """Write the record of a volume that another program made; not journaled, for it is one replacement."""

    record: record_file.Record
    share: str
    volume: str
    exclusive: ClassVar[bool] = False

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Adopt {self.volume} on {self.share} as {self.record.base_format}, because it has no record; its files remain unmodified."

    def apply(self, context: StepContext) -> None:
        """Write the record."""
        write_record(context, self.record)


@dataclass(frozen=True)
class Grow(Step):
    """Enlarge the active file; not journaled, for the record that follows is only a lower bound."""

    file: str
    file_format: str
    old_size: int
    size: int
    record: record_file.Record

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Grow {self.file} from {human(self.old_size)} to {human(self.size)}, because that size is requested."

    def needs_qemu_img(self, running: bool) -> bool:
        """A running domain grows its disk by itself, and a raw file is only made longer."""
        return not running and self.file_format != "raw"

    def modified_files(self) -> tuple[str, ...]:
        """It becomes longer."""
        return (self.file,)

    def apply(self, context: StepContext) -> None:
        """Grow it, through the domain that runs on it where there is one, and note the new size."""
        path = context.path(self.file)
        disk = context.running_disk()
        if disk is not None:
            if context.hypervisor.capacity(disk) < self.size:
                context.hypervisor.resize(disk, self.size)
            files.sync_file(path)
        elif self.file_format == "raw":
            with image_lock.written(path) as descriptor:
                context.check_ours()
                self._extend(descriptor, path)
        else:
            if context.header(self.file).virtual_size < self.size:
                context.qemu_img.resize(path, self.file_format, self.size)
            files.sync_file(path)
        write_record(context, self.record)

    def _extend(self, descriptor: int, path: str) -> None:
        try:
            if os.fstat(descriptor).st_size < self.size:
                os.ftruncate(descriptor, self.size)
                os.fsync(descriptor)
        except OSError as error:
            raise files.explain(error, path, "grow") from error


@dataclass(frozen=True)
class SetOwnership(Step):
    """Give files another owner, group or mode; not journaled, for doing it again does no harm."""

    files: tuple[str, ...]
    uid: int
    gid: int
    mode: int
    exclusive: ClassVar[bool] = False

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Give {', '.join(self.files)} the owner {self.uid}, group {self.gid} and mode {self.mode:04o}, because they differ."

    def apply(self, context: StepContext) -> None:
        """Set them on each file, the active one last: by that one a later run sees whether all were reached.

        The info file is one of them: a program of the owner that manages the volume writes it too.
        """
        for name in reversed(self.files):
            try:
                with files.reading(context.path(name)) as descriptor:
                    set_ownership(descriptor, (self.uid, self.gid, self.mode))
            except OSError as error:
                raise files.explain(error, context.path(name), "change the owner or mode of") from error


@dataclass(frozen=True)
class RemoveVolume(Step):
    """Remove a whole volume: overlays from the active one down, base, info file, record."""

    files: tuple[FileName, ...]
    snapshots: tuple[Text, ...]
    exclusive: ClassVar[bool] = False

    def describe(self) -> str:
        """Return what the step does and why."""
        also = f" and its snapshots {', '.join(self.snapshots)}" if self.snapshots else ""
        if not self.files:
            return "Remove the record of the volume, because its files are gone and it is to be absent."
        return f"Remove the volume{also} ({', '.join(self.files)}), because it is to be absent."

    def modified_files(self) -> tuple[str, ...]:
        """They are removed."""
        return self.files

    def offline_files(self, context: StepContext) -> tuple[str, ...]:
        """Keep a machine from starting on a file that is about to be removed."""
        # not by a listing: the share was listed under the lock, and a list of volumes would list it for each of them
        return tuple(name for name in self.files if files.exists(context.path(name)))

    def apply(self, context: StepContext) -> None:
        """Remove what is still there, the info file last of the layout's files."""
        for name in (*self.files, layout.info_file(context.volume), layout.record(context.volume)):
            context.remove(name)
        files.sync_directory(context.root)
