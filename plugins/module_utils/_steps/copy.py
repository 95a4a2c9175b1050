# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step that makes a volume as the copy of another, of a snapshot or of an image."""

from __future__ import annotations

import concurrent.futures
import os
import threading
from dataclasses import dataclass
from typing import ClassVar

from ansible_collections.vdisk.gluster.plugins.module_utils._common.checksum import checksum
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import human
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import frozen_read
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import StepContext
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.volume import CreateVolume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import record_file
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import CopySource


@dataclass(frozen=True)
class CopyVolume(CreateVolume):
    """Make a blank base file, fill it, and only then give it record and name; not journaled, as a blank one is not.

    Whoever applies it holds what is read.
    """

    original: CopySource
    exclusive: ClassVar[bool] = True

    def describe(self) -> str:
        """Return what the step does and why."""
        kind = self.file_format if self.file_format != "raw" else f"raw, {self.allocation}"
        return f"Copy {self.original.label} to {self.file} on {self.share} ({kind}, {human(self.size)}), because it does not exist."

    def needs_qemu_img(self, running: bool) -> bool:
        """It copies."""
        return True

    def record(self) -> record_file.Record:
        """Return the record of the volume."""
        return record_file.Record(self.file, self.file_format, self.size, self.allocation, origin=self.original.origin)

    def fill(self, context: StepContext, temporary: str) -> None:
        """Copy the data into the blank file, and see that they are what was meant to be copied."""
        original = self.original
        frozen_read.check_unchanged(original.identities, original.label)
        failed = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(1) as beside:
            # both read the same bytes at the same time, so that they come from the disk once
            digest = None
            if original.checksum is not None:
                algorithm = original.checksum.partition(":")[0]
                digest = beside.submit(checksum, original.path, algorithm, is_needed=lambda: not failed.is_set())
            try:
                context.qemu_img.fill(original.path, original.format, temporary, self.file_format, original.label)
            except BaseException:
                # who waits is told at once, not when the checksum of a large image is there
                failed.set()
                raise
            check_digest(original, digest.result() if digest is not None else None)
        frozen_read.check_unchanged(original.identities, original.label)
        files.sync_file(temporary)
        if os.path.basename(temporary) not in files.list_names(context.root):
            raise Refused(
                f"the lock of {context.volume} was lost while it was copied, and another task has removed the copy; run the task again"
            )


def check_digest(original: CopySource, digest: str | None) -> None:
    """See that what was read has the checksum it should have.

    :raises Refused: it has another one.
    """
    if digest != original.checksum:
        raise Refused(f"source_checksum: {original.label} has {digest}, not {original.checksum}; check the origin of the file")
