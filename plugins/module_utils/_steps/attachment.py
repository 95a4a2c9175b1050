# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that give a domain a disk or take one from it; not journaled, for they change no file of a volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step, StepContext, write_record
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import record_file


def _when(live: bool) -> str:
    return "now" if live else "from its next start on"


@dataclass(frozen=True)
class RecordAttachments(Step):
    """Write down which domains have a volume, for the hosts that cannot see them; C(had) is the record without that."""

    record: Mapping[str, Any]
    had: Mapping[str, Any]
    volume: str
    reason: str

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Update the domains in the record of {self.volume}, because {self.reason}."

    def apply(self, context: StepContext) -> None:
        """Replace the record whole."""
        write_record(context, record_file.from_json(self.record))

    def can_be_undone(self, context: StepContext) -> bool:
        """The record can be written as it was."""
        return True

    def undo(self, context: StepContext) -> None:
        """Write it was."""
        write_record(context, record_file.from_json(self.had))


@dataclass(frozen=True)
class AttachDisk(Step):
    """Give a domain a volume as a disk, at once or at its next start."""

    domain: str
    uuid: str
    target: str
    path: str
    image_format: str
    options: Mapping[str, str | None]
    live: bool

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Attach {self.path} to domain {self.domain} as {self.target} {_when(self.live)}, because it does not have it."

    def apply(self, context: StepContext) -> None:
        """Attach it, unless the domain has it."""
        for disk in context.disks():
            if disk.uuid == self.uuid and (disk.live if self.live else disk.stored) is not None:
                return
        context.hypervisor.attach(self.uuid, self.path, self.image_format, self.target, self.options, self.live)


@dataclass(frozen=True)
class DetachDisk(Step):
    """Take a disk from a domain, at once or at its next start."""

    domain: str
    uuid: str
    target: str
    volume: str
    live: bool

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Detach {self.volume} ({self.target}) from domain {self.domain} {_when(self.live)}, because it is to be absent."

    def apply(self, context: StepContext) -> None:
        """Detach it, unless the domain does not have it any more."""
        for disk in context.disks():
            if (disk.uuid, disk.target) == (self.uuid, self.target) and (disk.live if self.live else disk.stored) is not None:
                context.hypervisor.detach(self.uuid, self.target, self.live)
