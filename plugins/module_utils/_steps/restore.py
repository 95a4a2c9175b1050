# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The step that puts restored content on top of a volume, complete and compared before anything names it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged, GivenUp
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import qcow2
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import frozen_read
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Place, Step, write_image
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout


@dataclass(frozen=True)
class FillOverlay(Step):
    """Make an overlay that holds all of a disk itself, so that what lies below shows nowhere through it.

    It is filled and compared under its temporary name before the plan is in the journal. As long as that name is there the step is
    still to be taken; a task that finds the journal only has to give the overlay its name.
    """

    file: str
    backing_file: str
    backing_format: str
    size: int
    source: str
    label: str
    below: tuple[str, ...]
    stage: ClassVar[int] = 0

    def describe(self) -> str:
        """Return what the step does and why."""
        return f"Copy {self.label} to the overlay {self.file} over {self.backing_file} and compare them, because they differ."

    def _waiting(self) -> str:
        return layout.temporary(self.file, "restore")

    def _waits(self, place: Place) -> bool:
        return self._waiting() in files.names_in(place.root)

    def prepare(self, place: Place) -> None:
        """Make it under its temporary name, owned like the active file before, while nobody may write to what lies below."""
        path = place.path(self._waiting())
        with frozen_read.held(place.path(name) for name in self.below):
            identities = [frozen_read.identity(place.path(name), private=False) for name in self.below]
            try:
                like = files.fresh(lambda: os.stat(place.path(self.backing_file)))
            except OSError as error:
                raise files.explain(error, place.path(self.backing_file), "look at") from error
            layout = qcow2.new_image(self.size, self.backing_file, self.backing_format)
            write_image(path, layout, (like.st_uid, like.st_gid, like.st_mode & 0o7777))
            try:
                place.qemu_img.overwrite(self.source, "raw", path, "qcow2", self.label)
                if not place.qemu_img.compare(self.source, "raw", path, "qcow2"):
                    raise Damaged(f"the copy of {self.label} on {place.share} reads otherwise; see whether the share is sound")
                frozen_read.check_unchanged(identities, place.volume)
                files.sync_file(path)
                files.sync_directory(place.root)
            except BaseException:
                files.remove(path, quietly=True)
                raise

    def is_done(self, place: Place) -> bool:
        """It has its name."""
        return not self._waits(place)

    def apply(self, place: Place) -> None:
        """Give it its name, never over a file that is there."""
        if self._waits(place):
            named, waiting = (files.status_of(place.path(name)) for name in (self.file, self._waiting()))
            if named is not None and waiting is not None and os.path.samestat(named, waiting):
                # a task was killed between the two halves of giving the name
                files.remove(place.path(self._waiting()))
                return
            files.publish(place.path(self._waiting()), place.path(self.file), place.check_ours, keep=True)
        elif not files.is_there(place.path(self.file)):
            raise GivenUp(f"{self.file} is gone, which was to be its active file")

    def at_rest(self, place: Place) -> tuple[str, ...]:
        """Keep a machine from starting on the file that is left; once the overlay is active that is over."""
        return () if self._is_named(place) else (self.backing_file,)

    def can_be_undone(self, place: Place) -> bool:
        """As long as the info file does not name it, nothing has happened."""
        return not self._is_named(place)

    def undo(self, place: Place) -> None:
        """Remove it."""
        files.remove(place.path(self.file), quietly=True)

    def throw_away(self, place: Place) -> None:
        """Remove what was prepared."""
        files.remove(place.path(self._waiting()), quietly=True)

    def _is_named(self, place: Place) -> bool:
        info = place.info()
        return info is not None and self.file in (info.active, *info.snapshots.values())
