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
from typing import Any, ClassVar, Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused, Unavailable, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._libvirt.hypervisor import running
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import image_lock, qcow2
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import frozen_read
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Place, Step, write_image, write_record
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.move import copy_as_it_is, sibling, take_from_its_name, write_moved_info
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout, record_file
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Definition, Disk


@dataclass(frozen=True)
class CopyFrozen(Step):
    """Copy the frozen files of a chain to the new share; C(files) are all of the chain, the active one first."""

    files: tuple[str, ...]
    from_share: str
    to_share: str
    token: str
    record: Mapping[str, Any]
    stage: ClassVar[int] = 1

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Copy what is frozen of {self.files[-1]} from {self.from_share} to {self.to_share}, because it is to be there."

    def prepare(self, place: Place) -> None:
        """Copy and compare under temporary names; the files of the old share are held and looked at before and after."""
        root = sibling(place, self.from_share)
        paths = tuple(f"{root}/{file}" for file in self.files[1:])
        with frozen_read.held(paths):
            before = [frozen_read.identity(path, private=False) for path in paths]
            for file in reversed(self.files[1:]):
                copy_as_it_is(place, f"{root}/{file}", self._temporary(place, file))
            frozen_read.check_unchanged(before, f"{place.volume} on {self.from_share}")

    def apply(self, place: Place) -> None:
        """Give the copies their names."""
        there = files.names_in(place.root)
        write_record(place, record_file.from_json(dict(self.record)))
        for file in reversed(self.files[1:]):
            temporary = self._temporary(place, file)
            if os.path.basename(temporary) in there:
                if file in there:
                    files.remove(temporary)
                else:
                    files.publish(temporary, place.path(file), place.check_ours, keep=True)

    def can_be_undone(self, place: Place) -> bool:
        """As long as no domain has gone over to the copy."""
        try:
            return not place.marked(_going_over(place.volume)) and not running(place.disks())
        except VdiskError:
            return False

    def undo(self, place: Place) -> None:
        """Remove the copies."""
        for file in self.files:
            files.remove(place.path(file))
        files.remove(place.path(layout.record(place.volume)))

    def throw_away(self, place: Place) -> None:
        """Remove what was prepared."""
        for file in self.files[1:]:
            files.remove(self._temporary(place, file), quietly=True)

    def _temporary(self, place: Place, file: str) -> str:
        return place.path(layout.temporary(file, self.token))


@dataclass(frozen=True)
class GoOver(Step):
    """Let the domain mirror its active file to the new share and go on there; at rest, copy it."""

    files: tuple[str, ...]
    format: str
    below_format: str | None
    size: int
    from_share: str
    to_share: str
    stage: ClassVar[int] = 2

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Let the domain go over from {self.files[0]} on {self.from_share} to its copy on {self.to_share}, because it is running."

    def apply(self, place: Place) -> None:
        """Go over, unless that is done, and take the old active file from its name."""
        if os.path.basename(layout.moved(place.volume)) in files.names_in(f"{place.root}/{layout.OWN_DIRECTORY}"):
            return
        if self.files[0] not in files.names_in(place.root):
            return  # all is done, but for the end of the journal
        disk = place.machine()
        if disk is not None:
            self._mirror(place, disk)
        if disk is not None or self._went_over(place):
            take_from_its_name(place, self.files[0])
        else:
            self._at_rest(place)

    def _copy(self, place: Place) -> str:
        return f"{sibling(place, self.to_share)}/{self.files[0]}"

    def _mirror(self, place: Place, disk: Disk) -> None:
        if disk.live is None or disk.live.names != self.files:
            raise Refused(f"{disk.label} has not the files of {place.volume} on {place.share} open; shut it down, then run the task again")
        if disk.job is None:
            self._lay_blank(place)
        place.hypervisor.mirror(
            disk, self._copy(place), self.format, len(self.files) > 1, lambda: place.mark(_going_over(place.volume), True)
        )
        if place.machine() is not None or not self._is_on_copy(place, live=True):
            raise Unavailable(
                f"the job that mirrors {disk.label} to {self.to_share} has ended without success; see the log of the domain, then run the "
                "task again"
            )

    def _lay_blank(self, place: Place) -> None:
        """Lay a blank file where the copy is to be, also over one that a job which is gone has half filled: the domain is not on it."""
        try:
            like = os.stat(place.path(self.files[0]))
        except OSError as error:
            raise files.explain(error, place.path(self.files[0]), "look at") from error
        directory, name = os.path.split(self._copy(place))
        temporary = f"{directory}/{layout.temporary(name, place.token)}"
        below = self.files[1] if len(self.files) > 1 else None
        raw = qcow2.Layout((), self.size)
        image = raw if self.format == "raw" else qcow2.new_image(self.size, below, self.below_format if below else None)
        write_image(temporary, image, (like.st_uid, like.st_gid, like.st_mode & 0o7777))
        _put(temporary, self._copy(place))

    def _is_on_copy(self, place: Place, live: bool) -> bool:
        parts = (disk.live if live else disk.stored for disk in place.hypervisor.disks_of(place.volume, sibling(place, self.to_share)))
        return any(isinstance(part, Definition) and part.names[0] == self.files[0] for part in parts)

    def _went_over(self, place: Place) -> bool:
        """Tell whether a domain that is not on the old share has gone over to the copy.

        :raises Refused: nothing tells.
        """
        stored = [disk for disk in place.disks() if disk.stored is not None]
        if self._is_on_copy(place, live=True):
            return True
        if not place.marked(_going_over(place.volume)):
            return False
        if self._is_on_copy(place, live=False):
            return True
        if stored:
            return False
        raise Refused(
            f"a domain that is gone was going over from {place.volume} on {self.from_share} to its copy on {self.to_share} when it was "
            "last seen, and its host has no definition that tells whether it did; run the task on the host that the domain ran on"
        )

    def _at_rest(self, place: Place) -> None:
        source, copy = place.path(self.files[0]), self._copy(place)
        directory, name = os.path.split(copy)
        temporary = f"{directory}/{layout.temporary(name, place.token)}"
        with image_lock.changing(source):
            copy_as_it_is(place, source, temporary)
            place.check_ours()
            _put(temporary, copy)
            take_from_its_name(place, self.files[0])

    def can_be_undone(self, place: Place) -> bool:
        """As long as the active file has its name here, the domain is where it was, and no job goes on."""
        if place.marked(_going_over(place.volume)):
            return False
        try:
            if self.files[0] not in files.names_in(place.root):
                return False  # the copy is the volume already
            disk = place.machine()
            return disk is None or disk.job is None
        except VdiskError:
            return False


@dataclass(frozen=True)
class WriteMovedInfo(Step):
    """Write the info file on the new share."""

    active: str
    info: Mapping[str, Any] | None
    quiet: ClassVar[bool] = True

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Make {self.active} the active file in the info file, because the volume is here now."

    def apply(self, place: Place) -> None:
        """Write it."""
        if self.info is not None:
            write_moved_info(place, self.info, place.path(self.active))


@dataclass(frozen=True)
class PointElsewhere(Step):
    """Let the stored definitions of domains name the active file on the share that a volume was moved to."""

    active: str
    format: str
    to_share: str
    domains: tuple[str, ...]

    def describe(self) -> str:
        """Return what the step does and why."""
        which = ", ".join(self.domains)
        return f"Let the definition of domain {which} name {self.active} on {self.to_share}, because that is the active file."

    def apply(self, place: Place) -> None:
        """Change every stored definition of this hypervisor that still names the old share."""
        for disk in place.disks():
            if disk.stored is not None:
                place.hypervisor.redefine(disk, f"{sibling(place, self.to_share)}/{self.active}", self.format)


def _put(temporary: str, path: str) -> None:
    """Give a finished file the name of the copy, also over one that is of no use."""
    try:
        os.rename(temporary, path)
    except OSError as error:
        files.remove(temporary, quietly=True)
        raise files.explain(error, path, "write") from error
    files.sync_directory(os.path.dirname(path))


def _going_over(volume: str) -> str:
    return f"{volume} goes over to its copy"
