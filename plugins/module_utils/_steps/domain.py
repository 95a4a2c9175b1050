# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that only concern domains: freezing a guest, letting it write to new overlays, and what it gets at its next start.

A domain may have been shut off, or may have gone on, since the plan was made; each step looks first.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, ClassVar, Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused, Unavailable, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import qcow2
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import HYPERVISOR_LOCK, Step, StepContext, read_header
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.field_types import (
    FileName,
    Flag,
    ImageFormat,
    OverlayPath,
    OverlaysByTarget,
    Text,
    Uuid,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Definition


def _is_beside(part: Definition, path: str) -> bool:
    """Tell whether a disk is on a file of the same volume in the same directory: a journal may name any domain and any file."""
    directory, name = os.path.split(part.paths[0])
    return directory == os.path.dirname(path) and name.partition(".")[0] == os.path.basename(path).partition(".")[0]


def _frozen(uuid: str) -> str:
    return f"frozen {uuid}"


@dataclass(frozen=True)
class FreezeGuest(Step):
    """Let the guest agent freeze the file systems of a running domain; C(overlay) is one that the domain writes to afterwards."""

    domain: Text
    uuid: Uuid
    overlay: OverlayPath
    required: Flag
    stage: ClassVar[int] = 1

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Freeze the file systems of domain {self.domain} for the instant of the snapshot, because its guest agent answers."

    def apply(self, context: StepContext) -> None:
        """Freeze; C(Refused) is raised only where the guest is as before."""
        live = context.hypervisor.live(self.uuid)
        if live is not None and not any(_is_beside(part, self.overlay) for part in live.values()):
            raise Refused(f"domain {self.domain} ({self.uuid}) has no disk beside {self.overlay}, so its guest is not frozen")
        if context.marked(_frozen(self.uuid)) is not None:
            # a killed task was at it: the guest may be frozen, and may have gone over to its overlays already
            self._thaw(context, quietly=True)
            if live is None or any(part.paths[0] == self.overlay for part in live.values()):
                return
        if live is None:
            return
        context.mark(_frozen(self.uuid), 0)
        try:
            count = context.hypervisor.freeze(self.uuid)
        except Unavailable as error:
            if self.uuid in context.hypervisor.frozen:
                # it may have begun to freeze, and be late with its answer; a guest that another program froze is not ours to thaw
                self._thaw(context, quietly=True)
            if self.required and not context.recovering:
                raise Refused(
                    f"the guest of domain {self.domain} could not be frozen, and quiesce is required: {error.message}", **error.details
                ) from error
            return
        if count == 0 and self.required and not context.recovering:
            self._thaw(context)
            raise Refused(f"the guest agent of domain {self.domain} found no file system to freeze, and quiesce is required")
        context.mark(_frozen(self.uuid), count)

    def _thaw(self, context: StepContext, quietly: bool = False) -> None:
        try:
            context.hypervisor.thaw(self.uuid)
        except VdiskError:
            if not quietly:
                raise

    def can_be_undone(self, context: StepContext) -> bool:
        """A frozen guest can be thawed."""
        return True

    def undo(self, context: StepContext) -> None:
        """Thaw."""
        self.release(context)

    def release(self, context: StepContext) -> None:
        """Thaw the guest, if it was not thawed.

        :raises VdiskError: it stays frozen.
        """
        if self.uuid in context.hypervisor.frozen:
            context.hypervisor.thaw(self.uuid)


@dataclass(frozen=True)
class ThawGuest(Step):
    """Thaw the file systems of a guest right after the instant."""

    domain: Text
    uuid: Uuid
    internal: ClassVar[bool] = True
    stage: ClassVar[int] = 3

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Thaw the file systems of domain {self.domain}, because the instant is over."

    def apply(self, context: StepContext) -> None:
        """Thaw; where that fails it is tried again, and told, after the books of the snapshot are kept."""
        if self.uuid in context.hypervisor.frozen:
            try:
                if context.hypervisor.thaw(self.uuid) == 0:
                    # somebody else has thawed it meanwhile, before the instant maybe
                    context.mark(_frozen(self.uuid), 0)
            except VdiskError:
                pass


@dataclass(frozen=True)
class SwitchDomain(Step):
    """Let a running domain write to new overlays, all its disks of the group in one instant.

    C(overlays) has for each target the C(path) of the overlay, the name of the file C(below) it, and of that the C(format) and
    C(size) in bytes, by which the overlay is checked before libvirt, which believes what it is given, gets it.
    """

    domain: Text
    uuid: Uuid
    overlays: OverlaysByTarget
    stage: ClassVar[int] = 2

    def describe(self) -> str:
        """Return what the step does and why."""
        which = ", ".join(sorted(self.overlays))
        return f"Switch {which} of domain {self.domain} to {self._names()}, because the domain is running."

    def _names(self) -> str:
        return ", ".join(os.path.basename(str(self.overlays[target]["path"])) for target in sorted(self.overlays))

    def is_done(self, context: StepContext) -> bool:
        """The domain writes to the overlays."""
        live = context.hypervisor.live(self.uuid)
        return live is not None and all(self._is_on(live.get(target), entry) for target, entry in self.overlays.items())

    @staticmethod
    def _is_on(part: Definition | None, entry: Mapping[str, Any]) -> bool:
        return part is not None and part.names[:2] == (os.path.basename(entry["path"]), entry["below"])

    def apply(self, context: StepContext) -> None:
        """Switch the disks that are still below their overlays, and see that they went over."""
        live = context.hypervisor.live(self.uuid)
        if live is None:
            if context.recovering:
                return  # nothing of it is running, and the files below the overlays are held at rest: the info file switches them
            raise Refused(f"domain {self.domain} was shut off while its snapshot was being taken; run the task again")
        pending = {target: entry for target, entry in self.overlays.items() if not self._is_on(live.get(target), entry)}
        for target, entry in pending.items():
            self._check(target, live.get(target), entry)
        if pending:
            context.hypervisor.snapshot(self.uuid, {target: str(entry["path"]) for target, entry in pending.items()})
            if not self.is_done(context):
                raise Unavailable(
                    f"libvirt reports that domain {self.domain} switched to {self._names()}, but its live definition does not show it; "
                    "check virsh domblklist, then run the task again"
                )

    def _check(self, target: str, part: Definition | None, entry: Mapping[str, Any]) -> None:
        """See that a disk is still on the file that is to be frozen, and that its overlay is the one that belongs over it."""
        which = f"disk {target} of domain {self.domain}"
        if part is None or part.names[0] != entry["below"] or not _is_beside(part, entry["path"]):
            has = part.paths[0] if part else "no file"
            raise Refused(f"{which} has {has} open, not {entry['below']}, which its snapshot is to freeze; run the task again")
        header = qcow2.parse(read_header(entry["path"]))
        if (header.backing_file, header.backing_format, header.virtual_size) != (entry["below"], entry["format"], entry["size"]):
            raise Refused(f"{entry['path']} is not the overlay that was created for {which}; run the task again")

    def can_be_undone(self, context: StepContext) -> bool:
        """As long as the domain is on none of the overlays, nothing has happened.

        Where libvirt does not answer, or the domain has died, that is not known: it may have written to them before.
        """
        try:
            live = context.hypervisor.live(self.uuid)
        except VdiskError:
            return False
        paths = {os.path.basename(str(entry["path"])) for entry in self.overlays.values()}
        return live is not None and not any(part.names[0] in paths for part in live.values())


@dataclass(frozen=True)
class RedefineDomains(Step):
    """Let the stored definitions of domains of a host name the active file of the volume, so that they start on it."""

    active: FileName
    format: ImageFormat
    domains: tuple[Text, ...]
    host: Text | None = None

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Set the disk of domain {', '.join(self.domains)} to {self.active} in its definition, because that is the active file."

    def apply(self, context: StepContext) -> None:
        """Change every stored definition of this hypervisor that would not start on the chain as it is on the share."""
        redefine_domains_here(context, self.format)


def redefine_domains_here(context: StepContext, image_format: str) -> None:
    """Change every stored definition of this hypervisor that would not start on the chain as it is on the share."""
    names = context.chain_files()
    # a definition is written back whole: two volumes of one domain would undo one another's change
    with HYPERVISOR_LOCK:
        for disk in context.disks():
            if disk.stored is not None and not disk.stored.fits(names, image_format):
                path = os.path.join(os.path.dirname(disk.stored.paths[0]), names[0])
                context.hypervisor.redefine(disk, path, image_format)


def quiesced_guests(context: StepContext, uuid: str | None) -> bool:
    """Tell whether the guest of a domain had file systems frozen at the instant of the plan that is being applied."""
    return uuid is not None and bool(context.marked(_frozen(uuid)))
