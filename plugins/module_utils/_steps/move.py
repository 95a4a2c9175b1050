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

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged, GivenUp, Refused, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.sparse import copy_data, same_bytes
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import image_lock
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import frozen_read
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Place, Step, write_record
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import info_file, layout, record_file
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import Identity


@dataclass(frozen=True)
class TakeAway(Step):
    """Take the active file away from its name on the old share: from then on the copy is the volume.

    C(files) are those of the chain, the active one first; what they were when they were copied stands beside them.
    """

    quiet: ClassVar[bool] = True

    files: tuple[str, ...]
    inodes: tuple[int, ...]
    sizes: tuple[int, ...]
    modified: tuple[int, ...]
    to_share: str
    token: str

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Take {self.files[0]} away from its name, because it is on {self.to_share} now."

    def apply(self, place: Place) -> None:
        """Rename it, unless that is done.

        :raises GivenUp: the volume was written to after it was copied, or is in use, so that the copy is not the volume.
        """
        moved = place.path(layout.moved(place.volume))
        if layout.moved(place.volume).rpartition("/")[2] in files.names_in(os.path.dirname(moved)):
            return
        if self.files[0] not in files.names_in(place.root):
            return  # all is done, but for the end of the journal
        paths = [place.path(file) for file in self.files]
        copies = {layout.temporary(file, self.token) for file in self.files}
        if copies - files.names_in(sibling(place, self.to_share)):
            raise GivenUp(f"the copies of {place.volume} on {self.to_share} are not all there any more; it stays on {place.share}")
        try:
            with image_lock.changing(*paths):
                frozen_read.check_unchanged(self.identities(place), place.volume)
                take_from_its_name(place, self.files[0])
        except Refused as error:
            raise GivenUp(
                f"{place.volume} on {place.share} was started or written to after it had been copied to {self.to_share}, so it stays there"
            ) from error

    def identities(self, place: Place) -> tuple[Identity, ...]:
        """Return what the files were when they were copied."""
        return tuple(Identity(place.path(file), *rest) for file, *rest in zip(self.files, self.inodes, self.sizes, self.modified))


@dataclass(frozen=True)
class TakeOver(Step):
    """Copy every file of a chain as it is, compare it, and give the copies their names; record and info file go with them.

    C(token) is part of the temporary names, so that whoever finishes the plan finds them.
    """

    files: tuple[str, ...]
    from_share: str
    to_share: str
    token: str
    record: Mapping[str, Any]
    info: Mapping[str, Any] | None

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Copy {', '.join(self.files)} from {self.from_share} to {self.to_share}, byte for byte, because it is to be there."

    def prepare(self, place: Place) -> None:
        """Copy and compare under temporary names; the files of the old share are held and looked at before and after."""
        root = sibling(place, self.from_share)
        paths = tuple(f"{root}/{file}" for file in self.files)
        with frozen_read.held(paths):
            before = [frozen_read.identity(path, private=False) for path in paths]
            for file in reversed(self.files):
                copy_as_it_is(place, f"{root}/{file}", self._temporary(place, file))
            frozen_read.check_unchanged(before, f"{place.volume} on {self.from_share}")

    def apply(self, place: Place) -> None:
        """Give the copies their names, the active one last; what has its name already stays as it is, for a machine may run on it."""
        there = files.names_in(place.root)
        taken = layout.moved(place.volume).rpartition("/")[2]
        if taken not in files.names_in(f"{sibling(place, self.from_share)}/{layout.OWN_DIRECTORY}"):
            return  # all is done, but for the end of the journal
        write_record(place, record_file.from_json(dict(self.record)))
        if self.info is not None:
            active = self._temporary(place, self.files[0])
            write_moved_info(place, self.info, active if files.is_there(active) else place.path(self.files[0]))
        for file in reversed(self.files):
            temporary = self._temporary(place, file)
            if os.path.basename(temporary) not in there:
                if file not in there:
                    raise Damaged(
                        f"{file} is not on {place.share}, although {place.volume} was copied there; its journals tell what was begun"
                    )
            elif file in there:
                files.remove(temporary)
            else:
                files.publish(temporary, place.path(file), place.check_ours, keep=True)

    def throw_away(self, place: Place) -> None:
        """Remove the copies."""
        for file in self.files:
            files.remove(self._temporary(place, file), quietly=True)

    def _temporary(self, place: Place, file: str) -> str:
        return place.path(layout.temporary(file, self.token))


@dataclass(frozen=True)
class RemoveMoved(Step):
    """Remove a volume from the share it was moved away from, its active file last: as long as that is there, all can be finished."""

    files: tuple[str, ...]
    from_share: str
    to_share: str

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Remove {', '.join(self.files)} from {self.from_share}, because they are on {self.to_share} now."

    def touches(self) -> tuple[str, ...]:
        """They are removed."""
        return self.files

    def apply(self, place: Place) -> None:
        """Remove what is still there, after it was seen that the other share has all of it."""
        own = f"{place.root}/{layout.OWN_DIRECTORY}"
        moved = place.path(layout.moved(place.volume))
        if os.path.basename(moved) not in files.names_in(own):
            return
        root = sibling(place, self.to_share)
        there = files.names_in(root)
        missing = [file for file in self.files if file not in there]
        if os.path.basename(layout.record(place.volume)) not in files.names_in(f"{root}/{layout.OWN_DIRECTORY}"):
            missing.append(layout.record(place.volume))
        if missing:
            raise Refused(
                f"{', '.join(missing)} of {place.volume} is not on {self.to_share}, so nothing of it is removed from {place.share}"
            )
        for name in (*self.files[1:], layout.info_file(place.volume), layout.record(place.volume), layout.moved(place.volume)):
            place.remove(name)
        files.sync_directory(place.root)
        files.sync_directory(own)


def sibling(place: Place, share: str) -> str:
    """Return the root of another share below the same mount point base; whoever locked its volume has seen that it is mounted."""
    return layout.mount_point(os.path.dirname(place.root), share)


def copy_as_it_is(place: Place, source: str, temporary: str) -> None:
    """Copy a file under a temporary name, byte for byte and durably, and compare the two; it is said how far the copy is."""
    try:
        reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            writing = files.create_temporary(temporary)
            try:
                status = os.fstat(reading)
                step = place.qemu_img.progress.step(f"copy {os.path.basename(source)} to its new share", status.st_size)
                copy_data(reading, writing, status.st_size, step.update)
                files.copy_ownership(writing, status)
                os.fsync(writing)
                # what is compared comes from the bricks and not from the memory of this client
                files.drop_cached(writing)
                same = same_bytes(reading, writing)
            finally:
                os.close(writing)
        finally:
            os.close(reading)
    except OSError as error:
        raise files.explain(error, temporary, "write") from error
    if not same:
        raise Unavailable(f"the copy of {source} does not read as its source; see the disks of both shares, then run the task again")


def write_moved_info(place: Place, info: Mapping[str, Any], active: str) -> None:
    """Write the info file that a volume had on its old share, owned like its active file."""
    name = layout.info_file(place.volume)
    try:
        like = os.stat(active)
    except OSError as error:
        raise files.explain(error, active, "look at") from error
    content = info_file.dump(info_file.Info(str(info["active"]), dict(info["snapshots"])))
    files.replace(place.path(name), place.temporary(name), content, like, place.check_ours)


def take_from_its_name(place: Place, active: str) -> None:
    """Take the active file away from its name on the old share: from then on the copy is the volume, and nothing starts on the old one."""
    moved = place.path(layout.moved(place.volume))
    place.check_ours()
    try:
        os.rename(place.path(active), moved)
        files.sync_directory(place.root)
        files.sync_directory(os.path.dirname(moved))
    except OSError as error:
        raise files.explain(error, place.path(active), "rename") from error
