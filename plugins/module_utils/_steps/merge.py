# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that make files of a chain one: by qemu-img where the volume is at rest, by the domain where one runs on it.

Which of the two is found out when the step is taken: a domain may have been shut off, or may have died, since the plan was
made. Whether a merge is done is read from the headers, and where a domain is or was part of it, from what it has open or will
start on; that a job has ended says nothing.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from typing import ClassVar, Iterator, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import human
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step, StepContext
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.field_types import (
    FileName,
    FileNames,
    ImageFormat,
    Number,
    Text,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.overlay import rebase_overlay
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Disk

_AT_WORK, _DONE = "a domain is at it", "done"

_ONE_BY_ONE = threading.Lock()


@contextlib.contextmanager
def _only_running_disk(context: StepContext) -> Iterator[Disk | None]:
    """Give the disk of the domain that runs on the volume, while no other domain is told to merge, or None where there is none.

    Domains merge one after another: a task has one connection to libvirt, and watches one job by it.

    :raises Refused: two domains run on it.
    """
    if context.running_disk() is None:
        yield None
        return
    with _ONE_BY_ONE:
        # looked at once more: waiting for the merges of others may have taken hours
        yield context.running_disk()


@dataclass(frozen=True)
class Commit(Step):
    """Merge the overlays C(merged) (topmost first) down into C(base), their nearest backing file."""

    merged: FileNames
    base: FileName
    base_format: ImageFormat
    moved: Number
    snapshots: tuple[Text, ...]
    exclusive: ClassVar[bool] = False

    def describe(self) -> str:
        """Return what the step does and why."""
        return (
            f"Merge {', '.join(self.merged)} down into {self.base} (about {human(self.moved)}), "
            f"because snapshot {', '.join(self.snapshots)} is to be deleted."
        )

    @property
    def _top(self) -> str:
        return self.merged[0]

    @property
    def _work(self) -> str:
        return f"merge {self._top} into {self.base}"

    @property
    def _pivot(self) -> str:
        return f"go over from {self._top} to {self.base}"  # words: a key in journals on disk

    def is_done(self, context: StepContext) -> bool:
        """The chain has left the overlays behind: what they held is in the file below, and may be overwritten since.

        :raises Refused: a domain that is gone was changing over when it was last seen, and nothing tells whether it did.
        """
        disk = context.running_disk()
        if disk is not None:
            return self._has_left(disk)
        if self._top in context.chain_files():
            return bool(context.marked(self._pivot)) and self._has_switched(context)
        # QEMU names the lower file in the header before it has written out all of its own tables: where it died in between, what
        # the file above reads is not all there, and merging once more, from files that nobody has changed since, makes it so
        return bool(context.marked(self._work) != _AT_WORK)

    def needs_qemu_img(self, running: bool) -> bool:
        """A running domain merges by itself."""
        return not running

    def modified_files(self) -> tuple[str, ...]:
        """The overlays are merged, and their backing file is written."""
        return (*self.merged, self.base)

    def apply(self, context: StepContext) -> None:
        """Merge, unless the chain has left the overlays behind already."""
        with _only_running_disk(context) as disk:
            if disk is not None:
                self._merge_live(context, disk)
            elif not self.is_done(context):
                context.qemu_img.commit(context.path(self._top), self.base, self.moved)
                files.sync_file(context.path(self.base))
                if context.marked(self._work):
                    context.mark(self._work, _DONE)

    def offline_files_after(self, context: StepContext) -> tuple[str, ...]:
        """Keep a machine from starting on an overlay that is about to be removed."""
        # not by a listing: the share was listed under the lock, and among thousands of files each listing takes as long as a merge
        return (self._top,) if context.running_disk() is None and files.exists(context.path(self._top)) else ()

    def _has_left(self, disk: Disk) -> bool:
        return disk.live is not None and self._top not in disk.live.names

    def _merge_live(self, context: StepContext, disk: Disk) -> None:
        if not self._has_left(disk):
            check_in_a_row(disk, (*self.merged, self.base))
            top, base = disk.path_of(self._top), disk.path_of(self.base)
            if disk.live is not None and disk.live.names[0] == self._top:
                context.hypervisor.commit_active(disk, base, lambda: context.mark(self._pivot, True))
            else:
                context.mark(self._work, _AT_WORK)
                context.hypervisor.commit(disk, top, base)
            disk = went_on(context, disk)
            if not self._has_left(disk) or self._top in _below(context, disk):
                raise Unavailable(
                    f"the job that merges {self._top} into {self.base} on {disk.label} has ended without success; check the log of the "
                    "domain, then run the task again"
                )
        files.sync_file(context.path(self.base))
        if context.marked(self._work):
            context.mark(self._work, _DONE)

    def _has_switched(self, context: StepContext) -> bool:
        """Tell whether a domain that is gone, and was told to change over, had done so: what it will start on says it."""
        names = {disk.stored.names[0] for disk in context.disks() if disk.stored is not None}
        if self.base in names or self._top in names:
            return self.base in names
        if context.qemu_img.compare(context.path(self._top), "qcow2", context.path(self.base), self.base_format):
            return True
        raise Refused(
            f"a domain that no longer exists was switching from {self._top} to {self.base} on {context.share} when it was last seen, the "
            "two differ, and its host has no definition that shows which is newer; run the task on the host that the domain ran on, or "
            "compare "
            "them"
        )


@dataclass(frozen=True)
class Pull(Step):
    """Merge the files C(merged) (topmost first) up into the overlay C(into), which then lies on C(onto)."""

    merged: FileNames
    into: FileName
    onto: FileName
    onto_format: ImageFormat
    moved: Number
    snapshots: tuple[Text, ...]
    exclusive: ClassVar[bool] = False

    def describe(self) -> str:
        """Return what the step does and why."""
        return (
            f"Merge {', '.join(self.merged)} up into {self.into} (about {human(self.moved)}), "
            f"because snapshot {', '.join(self.snapshots)} is to be deleted."
        )

    @property
    def _work(self) -> str:
        return f"merge {self.merged[0]} up into {self.into}"

    def is_done(self, context: StepContext) -> bool:
        """The overlay lies on the lower file."""
        if context.header(self.into).backing_file != self.onto:
            return False
        return bool(context.marked(self._work) != _AT_WORK)

    def needs_qemu_img(self, running: bool) -> bool:
        """A running domain merges by itself."""
        return not running

    def lost_beside(self) -> tuple[str, ...]:
        """What an internal snapshot of it does not hold itself it would read from another file than before."""
        return (self.into,)

    def modified_files(self) -> tuple[str, ...]:
        """The overlay is written, and what it takes up is merged."""
        return (self.into, *self.merged)

    def apply(self, context: StepContext) -> None:
        """Merge, unless the overlay lies on the lower file already."""
        if self.is_done(context):
            return
        with _only_running_disk(context) as disk:
            if disk is not None:
                self._pull_live(context, disk)
            else:
                self._pull(context)

    def _pull(self, context: StepContext) -> None:
        if context.marked(self._work):
            # QEMU died at it: the header may name the lower file already, while the tables of what was copied were never written
            rebase_overlay(context, self.into, self.merged[0], "qcow2")
        context.qemu_img.pull(context.path(self.into), self.onto, self.onto_format, self.moved)
        files.sync_file(context.path(self.into))
        if context.marked(self._work):
            context.mark(self._work, _DONE)

    def _pull_live(self, context: StepContext, disk: Disk) -> None:
        if disk.live is not None and self.merged[0] in disk.live.names:
            if disk.live.names[0] != self.into:
                raise Refused(
                    f"{', '.join(self.merged)} on {context.share} is to be merged into {self.into}, which is below the active file of "
                    f"{disk.label}; a running domain cannot do that, so shut it down, then run the task again"
                )
            check_in_a_row(disk, (self.into, *self.merged, self.onto))
            context.mark(self._work, _AT_WORK)
            context.hypervisor.pull(disk, disk.path_of(self.onto))
            disk = went_on(context, disk)
            if disk.live is None or self.merged[0] in disk.live.names or self.merged[0] in _below(context, disk):
                raise Unavailable(
                    f"the job that merges {', '.join(self.merged)} into {self.into} on {disk.label} has ended without success; check the "
                    "log of the domain, then run the task again"
                )
        context.hypervisor.write_out(disk)
        context.mark(self._work, _DONE)


def check_in_a_row(disk: Disk, names: Sequence[str]) -> None:
    """See that a running domain has these files one directly below the other: whatever lay between would be merged too.

    :raises Refused: it has not.
    """
    live = disk.live.names if disk.live is not None else ()
    start = live.index(names[0]) if names[0] in live else 0
    if live[start : start + len(names)] != tuple(names):
        raise Refused(f"{disk.label} has {', '.join(live)} open, not {', '.join(names)} in a row; shut it down, then run the task again")


def went_on(context: StepContext, disk: Disk) -> Disk:
    """Return a disk of a running domain as it is now.

    :raises Unavailable: the domain does not run any more.
    """
    now = context.running_disk()
    if now is None:
        raise Unavailable(f"domain {disk.domain} has ended during a job on {disk.label}; run the task again, which finishes it offline")
    return now


def _below(context: StepContext, disk: Disk) -> tuple[str, ...]:
    """Return the files of a running disk by the headers on the share, the active one left out."""
    names: list[str] = []
    following: str | None = disk.live.names[0] if disk.live is not None else None
    last = disk.live.names[-1] if disk.live is not None else None
    while following is not None and following != last and following not in names:
        names.append(following)
        following = context.header(following).backing_file
    return tuple(names[1:])
