# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that mend what can be mended without guessing; each is one change that does no harm when it is made again."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step, StepContext
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.overlay import rebase_overlay


@dataclass(frozen=True)
class RepairHeader(Step):
    """Make the header of an overlay name its backing file by its bare name and with its format."""

    file: str
    backing_file: str
    backing_format: str

    def describe(self) -> str:
        """Return what the step does and why."""
        return (
            f"Set the backing file in the header of {self.file} to {self.backing_file} ({self.backing_format}), because the header "
            "names it by a path or without its format."
        )

    def modified_files(self) -> tuple[str, ...]:
        """Its header is written."""
        return (self.file,)

    def apply(self, context: StepContext) -> None:
        """Write the header anew, unless it is so already."""
        rebase_overlay(context, self.file, self.backing_file, self.backing_format)


@dataclass(frozen=True)
class RemoveStray(Step):
    """Remove an overlay that holds no data and that nothing names."""

    file: str

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Remove {self.file}, because it is an overlay without data that nothing references."

    def modified_files(self) -> tuple[str, ...]:
        """It is removed."""
        return (self.file,)

    def apply(self, context: StepContext) -> None:
        """Remove it, after the chain on disk and the info file were read again."""
        info = context.info()
        if self.file in context.chain_files() or info is not None and self.file in (info.active, *info.snapshots.values()):
            raise Refused(f"{self.file} on {context.share} is part of {context.volume}; it is not removed")
        files.remove(context.path(self.file))
