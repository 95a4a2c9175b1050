# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that move a volume at rest to another share.

Which of the two is the volume is decided by one rename: as long as its active file has its name on the old share, that one is,
and what lies on the new share has temporary names. After it the new one is, and nothing can start on the old one any more. The journals on
both shares are there before it and until the old one is gone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, ClassVar, Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Abandoned, Damaged, Refused, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.sparse import copy_data, same_bytes
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import mount_point_of
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import image_lock
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import frozen_read
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step, StepContext, write_record
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.field_types import (
    FileNames,
    InfoContent,
    Number,
    RecordContent,
    ShareName,
    Time,
    Token,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import info_file, layout, record_file
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import Identity


@dataclass(frozen=True)
class WithdrawVolume(Step):
    """Take the active file away from its name on the old share: from then on the copy is the volume.

    C(files) are those of the chain, the active one first; what they were when they were copied stands beside them.
    """

    internal: ClassVar[bool] = True

    files: FileNames
    inodes: tuple[Number, ...]
    sizes: tuple[Number, ...]
    modified: tuple[Time, ...]
    to_share: ShareName
    token: Token

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Rename {self.files[0]} aside, because it is on {self.to_share} now."

    def is_consistent(self) -> bool:
        """There is an inode, a size and a time for each file."""
        return len(self.files) == len(self.inodes) == len(self.sizes) == len(self.modified)

    def apply(self, context: StepContext) -> None:
        """Rename it, unless that is done.

        :raises Abandoned: the volume was written to after it was copied, or is in use, so that the copy is not the volume.
        """
        moved = context.path(layout.moved(context.volume))
        if layout.moved(context.volume).rpartition("/")[2] in files.list_names(os.path.dirname(moved)):
            return
        if self.files[0] not in files.list_names(context.root):
            return  # all is done, but for the end of the journal
        paths = [context.path(file) for file in self.files]
        copies = {layout.temporary(file, self.token) for file in self.files}
        if copies - files.list_names(sibling(context, self.to_share)):
            raise Abandoned(f"the copies of {context.volume} on {self.to_share} are no longer complete; it stays on {context.share}")
        try:
            with image_lock.changing(*paths):
                frozen_read.check_unchanged(self.identities(context), context.volume)
                take_from_its_name(context, self.files[0])
        except Refused as error:
            raise Abandoned(
                f"{context.volume} on {context.share} was started or written to after it had been copied to {self.to_share}, "
                "so it stays there"
            ) from error

    def identities(self, context: StepContext) -> tuple[Identity, ...]:
        """Return what the files were when they were copied."""
        return tuple(Identity(context.path(file), *rest) for file, *rest in zip(self.files, self.inodes, self.sizes, self.modified))


@dataclass(frozen=True)
class ReceiveVolume(Step):
    """Copy every file of a chain as it is, compare it, and give the copies their names; record and info file go with them.

    C(token) is part of the temporary names, so that whoever finishes the plan finds them.
    """

    files: FileNames
    from_share: ShareName
    to_share: ShareName
    token: Token
    record: RecordContent
    info: InfoContent | None

    def describe(self) -> str:
        """Return what the step does and why."""
        return (
            f"Copy {', '.join(self.files)} from {self.from_share} to {self.to_share}, byte for byte, because the volume is to move there."
        )

    def prepare(self, context: StepContext) -> None:
        """Copy and compare under temporary names; the files of the old share are held and looked at before and after."""
        root = sibling(context, self.from_share)
        paths = tuple(f"{root}/{file}" for file in self.files)
        with frozen_read.hold_readable(paths):
            before = [frozen_read.identity(path, private=False) for path in paths]
            for file in reversed(self.files):
                copy_as_it_is(context, f"{root}/{file}", self._temporary(context, file))
            frozen_read.check_unchanged(before, f"{context.volume} on {self.from_share}")

    def apply(self, context: StepContext) -> None:
        """Give the copies their names, the active one last; what has its name already stays as it is, for a machine may run on it."""
        there = files.list_names(context.root)
        taken = layout.moved(context.volume).rpartition("/")[2]
        if taken not in files.list_names(f"{sibling(context, self.from_share)}/{layout.OWN_DIRECTORY}"):
            return  # all is done, but for the end of the journal
        write_record(context, record_file.from_json(dict(self.record)))
        if self.info is not None:
            active = self._temporary(context, self.files[0])
            write_moved_info(context, self.info, active if files.exists(active) else context.path(self.files[0]))
        for file in reversed(self.files):
            temporary = self._temporary(context, file)
            if os.path.basename(temporary) not in there:
                if file not in there:
                    raise Damaged(
                        f"{file} is not on {context.share}, although {context.volume} was copied there; its journals show what was begun"
                    )
            elif file in there:
                files.remove(temporary)
            else:
                files.publish(temporary, context.path(file), context.check_ours, keep=True)

    def discard_prepared(self, context: StepContext) -> None:
        """Remove the copies."""
        for file in self.files:
            files.remove(self._temporary(context, file), quietly=True)

    def _temporary(self, context: StepContext, file: str) -> str:
        return context.path(layout.temporary(file, self.token))


@dataclass(frozen=True)
class RemoveSourceFiles(Step):
    """Remove a volume from the share it was moved away from, its active file last: as long as that is there, all can be finished."""

    files: FileNames
    from_share: ShareName
    to_share: ShareName

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Remove {', '.join(self.files)} from {self.from_share}, because they are on {self.to_share} now."

    def modified_files(self) -> tuple[str, ...]:
        """They are removed."""
        return self.files

    def apply(self, context: StepContext) -> None:
        """Remove what is still there, after it was seen that the other share has all of it."""
        own = f"{context.root}/{layout.OWN_DIRECTORY}"
        moved = context.path(layout.moved(context.volume))
        if os.path.basename(moved) not in files.list_names(own):
            return
        root = sibling(context, self.to_share)
        there = files.list_names(root)
        missing = [file for file in self.files if file not in there]
        if os.path.basename(layout.record(context.volume)) not in files.list_names(f"{root}/{layout.OWN_DIRECTORY}"):
            missing.append(layout.record(context.volume))
        if missing:
            raise Refused(
                f"{', '.join(missing)} of {context.volume} is not on {self.to_share}, so nothing of it is removed from {context.share}"
            )
        for name in (*self.files[1:], layout.info_file(context.volume), layout.record(context.volume), layout.moved(context.volume)):
            context.remove(name)
        files.sync_directory(context.root)
        files.sync_directory(own)


def sibling(context: StepContext, share: str) -> str:
    """Return the root of another share below the same mount point base; whoever locked its volume has seen that it is mounted."""
    return mount_point_of(os.path.dirname(context.root), share)


def copy_as_it_is(context: StepContext, source: str, temporary: str) -> None:
    """Copy a file under a temporary name, byte for byte and durably, and compare the two; it is said how far the copy is."""
    try:
        with files.reading(source) as reading:
            writing = files.create_temporary(temporary)
            try:
                status = os.fstat(reading)
                step = context.qemu_img.progress.step(f"copy {os.path.basename(source)} to its new share", status.st_size)
                copy_data(reading, writing, status.st_size, step.update)
                files.copy_ownership(writing, status)
                os.fsync(writing)
                # what is compared comes from the bricks and not from the memory of this client
                files.drop_cached(writing)
                same = same_bytes(reading, writing)
            finally:
                os.close(writing)
    except OSError as error:
        raise files.explain(error, temporary, "write") from error
    if not same:
        raise Unavailable(f"the copy of {source} differs from its source; check the disks of both shares, then run the task again")


def write_moved_info(context: StepContext, info: Mapping[str, Any], active: str) -> None:
    """Write the info file that a volume had on its old share, owned like its active file."""
    name = layout.info_file(context.volume)
    like = files.require_status(active)
    content = info_file.dump(info_file.Info(str(info["active"]), dict(info["snapshots"])))
    files.replace(context.path(name), context.temporary(name), content, like, context.check_ours)


def take_from_its_name(context: StepContext, active: str) -> None:
    """Take the active file away from its name on the old share: from then on the copy is the volume, and nothing starts on the old one."""
    moved = context.path(layout.moved(context.volume))
    context.check_ours()
    files.rename(context.path(active), moved, "rename")
