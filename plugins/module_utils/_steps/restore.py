# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step that puts restored content on top of a volume, complete and compared before anything names it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Abandoned, Damaged
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import qcow2
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import frozen_read
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step, StepContext, ownership_of, write_image
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.field_types import (
    FileName,
    ImageFormat,
    ImageSize,
    Text,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout


@dataclass(frozen=True)
class FillOverlay(Step):
    """Make an overlay that holds all of a disk itself, so that what lies below shows nowhere through it.

    It is filled and compared under its temporary name before the plan is in the journal. As long as that name is there the step is
    still to be taken; a task that finds the journal only has to give the overlay its name.
    """

    file: FileName
    backing_file: FileName
    backing_format: ImageFormat
    size: ImageSize
    source: Text
    label: Text
    below: tuple[FileName, ...]
    stage: ClassVar[int] = 0

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Copy {self.label} to overlay {self.file} on {self.backing_file} and compare them, because they differ."

    def _waiting(self) -> str:
        return layout.temporary(self.file, "restore")

    def _waits(self, context: StepContext) -> bool:
        return self._waiting() in files.list_names(context.root)

    def prepare(self, context: StepContext) -> None:
        """Make it under its temporary name, owned like the active file before, while nobody may write to what lies below."""
        path = context.path(self._waiting())
        with frozen_read.hold_readable(context.path(name) for name in self.below):
            identities = [frozen_read.identity(context.path(name), private=False) for name in self.below]
            like = files.require_status(context.path(self.backing_file))
            layout = qcow2.new_image(self.size, self.backing_file, self.backing_format)
            write_image(path, layout, ownership_of(like))
            try:
                context.qemu_img.overwrite(self.source, "raw", path, "qcow2", self.label)
                if not context.qemu_img.compare(self.source, "raw", path, "qcow2"):
                    raise Damaged(f"the copy of {self.label} on {context.share} differs from its source; check whether the share is sound")
                frozen_read.check_unchanged(identities, context.volume)
                files.sync_file(path)
                files.sync_directory(context.root)
            except BaseException:
                files.remove(path, quietly=True)
                raise

    def needs_qemu_img(self, running: bool) -> bool:
        """It copies and compares."""
        return True

    def is_done(self, context: StepContext) -> bool:
        """It has its name."""
        return not self._waits(context)

    def apply(self, context: StepContext) -> None:
        """Give it its name, never over a file that is there."""
        if self._waits(context):
            named, waiting = (files.status_of(context.path(name)) for name in (self.file, self._waiting()))
            if named is not None and waiting is not None and os.path.samestat(named, waiting):
                # a task was killed between the two halves of giving the name
                files.remove(context.path(self._waiting()))
                return
            files.publish(context.path(self._waiting()), context.path(self.file), context.check_ours, keep=True)
        elif not files.exists(context.path(self.file)):
            raise Abandoned(f"{self.file} no longer exists, which was to be its active file")

    def offline_files(self, context: StepContext) -> tuple[str, ...]:
        """Keep a machine from starting on the file that is left; once the overlay is active that is over."""
        return () if self._is_named(context) else (self.backing_file,)

    def can_be_undone(self, context: StepContext) -> bool:
        """As long as the info file does not name it, nothing has happened."""
        return not self._is_named(context)

    def undo(self, context: StepContext) -> None:
        """Remove it."""
        files.remove(context.path(self.file), quietly=True)

    def discard_prepared(self, context: StepContext) -> None:
        """Remove what was prepared."""
        files.remove(context.path(self._waiting()), quietly=True)

    def _is_named(self, context: StepContext) -> bool:
        info = context.info()
        return info is not None and self.file in (info.active, *info.snapshots.values())
