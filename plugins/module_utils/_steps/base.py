# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the steps of a plan are applied, what a step is, and how a new image gets onto a share."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass, field
from typing import Any, ClassVar, Iterator, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._common.sparse import write_all
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import qcow2
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import info_file, layout, record_file
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Disk
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.hypervisor import Hypervisor, NoHypervisor, running_disks
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.journal import Journal
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.lock import HeldLock

HYPERVISOR_LOCK = threading.RLock()
"""Held while the hypervisor is asked, or a definition of it is read and written back: steps of several volumes may do so at once."""


@dataclass(frozen=True)
class StepContext:
    """Where steps are applied: the mounted share, the volume, the program that merges, and the hypervisor of this host.

    C(journal) holds the plan, where it is journaled; C(recovering) tells that an earlier task has begun it. C(held) are files
    whose image locks this task holds, C(locks) the locks of volumes that it holds.
    """

    root: str
    share: str
    volume: str
    token: str
    qemu_img: QemuImg
    hypervisor: Hypervisor = field(default_factory=NoHypervisor)
    journal: Journal | None = None
    recovering: bool = False
    held: set[str] = field(default_factory=set)
    locks: Sequence[HeldLock] = ()

    @contextlib.contextmanager
    def logged(self, doing: str, step: Step) -> Iterator[None]:
        """Log a step when it begins and when it ends."""
        log, since = self.qemu_img.log, time.monotonic()
        what = f"{doing} {type(step).__name__} on {self.volume} on {self.share}"
        log(what if step.internal else f"{what}: {step.describe()}")
        try:
            yield
        except VdiskError as error:
            log(f"{what} failed after {time.monotonic() - since:.3f} s: {error.message}")
            raise
        log(f"{what} ended after {time.monotonic() - since:.3f} s")

    def disks(self) -> tuple[Disk, ...]:
        """Return the disks of this host's domains that have the volume, as they are now."""
        # steps of several volumes may ask at once
        with HYPERVISOR_LOCK:
            self.hypervisor.refresh()
            return self.hypervisor.disks_of(self.volume, self.root)

    def running_disk(self) -> Disk | None:
        """Return the disk of the domain of this host that runs on the volume now, if one does.

        :raises Refused: two do.
        """
        found = running_disks(self.disks())
        if len(found) > 1:
            raise Refused(f"{self.volume} on {self.share} is {found[0].label} and {found[1].label} at the same time; shut one of them down")
        return found[0] if found else None

    def check_ours(self) -> None:
        """See that the locks and the plan are still this task's; called before whatever another task's work could suffer from.

        :raises LostLock: one of them is not.
        """
        for lock in self.locks:
            lock.check()
        if self.journal is not None:
            self.journal.check_ours()

    def remove(self, name: str) -> None:
        """Remove a file of the volume that may already be gone.

        :raises LostLock: the lock is lost; a file that another task has made under that name is there as before.
        """
        self.check_ours()
        files.remove_unless(self.path(name), self.temporary(name), self._check_locks_now)

    def _check_locks_now(self) -> None:
        for lock in self.locks:
            lock.check(now=True)

    def mark(self, what: str, value: Any) -> None:
        """Note in the journal how far a step has come."""
        self.check_ours()
        if self.journal is not None:
            self.journal.mark(what, value)

    def marked(self, what: str) -> Any:
        """Return what this task, or the one that began the plan, noted of a step."""
        return None if self.journal is None else self.journal.marked(what)

    def path(self, name: str) -> str:
        """Return the absolute path of a file of the share."""
        return f"{self.root}/{name}"

    def temporary(self, name: str) -> str:
        """Return the path under which this task writes a file before it gets its final name."""
        directory, _slash, final = name.rpartition("/")
        return self.path(f"{directory}/" if directory else "") + layout.temporary(final, self.token)

    def header(self, name: str) -> qcow2.Header:
        """Return the header of an overlay as it is on disk now.

        :raises Damaged: the file is not a sound qcow2 image.
        """
        return qcow2.parse(self.header_bytes(name))

    def header_bytes(self, name: str) -> bytes:
        """Return as much of the start of an image as its header needs."""

        return read_header(self.path(name))

    def info(self) -> info_file.Info | None:
        """Return what the info file says now."""
        content = files.read_text_file(self.path(layout.info_file(self.volume)), info_file.LIMIT)
        return None if content is None else info_file.parse(content, self.volume)

    def chain_files(self) -> tuple[str, ...]:
        """Return the names of the files that the active file reads from now, itself first, by the headers on disk."""
        info, content = self.info(), files.read_text_file(self.path(layout.record(self.volume)), record_file.LIMIT)
        base = record_file.parse(content).base_file if content is not None else self.volume
        names = [info.active if info else self.volume]
        while names[-1] != base:
            below = self.header(names[-1]).backing_file
            if below is None or below in names:
                break
            names.append(below)
        return tuple(names)


@dataclass(frozen=True)
class Step:
    """One step of a plan; C(internal) ones only keep the books of the step before and are no action of their own."""

    internal: ClassVar[bool] = False
    stage: ClassVar[int] = 9
    """Steps of several volumes that change together are taken stage by stage."""
    exclusive: ClassVar[bool] = True
    """Whether it waits for those of other volumes, and they for it: it does, unless steps of its kind are known to go side by side."""

    def describe(self) -> str:
        """Return what the step does and why, as a sentence."""
        raise NotImplementedError

    def is_consistent(self) -> bool:
        """Tell whether fields that belong together do, each of which has been looked at; asked of a step that a journal had."""
        return True

    def prepare(self, context: StepContext) -> None:
        """Do what can be thrown away again, before the plan is in the journal."""

    def needs_qemu_img(self, running: bool) -> bool:
        """Tell whether the step starts qemu-img; C(running) where a domain of this host runs on the volume."""
        return False

    def apply(self, context: StepContext) -> None:
        """Do it, or find that it is done; C(Refused) is raised only before anything was done."""
        raise NotImplementedError

    def discard_prepared(self, context: StepContext) -> None:
        """Remove what C(prepare) made, where the plan is given up."""

    def is_done(self, context: StepContext) -> bool:
        """Tell whether the files on the share are already as the step leaves them."""
        return False

    def modified_files(self) -> tuple[str, ...]:
        """Return the files whose data are merged, moved or removed: nobody may be reading them."""
        return ()

    def lost_beside(self) -> tuple[str, ...]:
        """Return the files of which all is lost, or wrong, that they hold beside the disk as it is now: internal snapshots and bitmaps."""
        return ()

    def offline_files(self, context: StepContext) -> tuple[str, ...]:
        """Return the files that no QEMU may open until the whole plan is applied."""
        return ()

    def offline_files_after(self, context: StepContext) -> tuple[str, ...]:
        """Return the files that no QEMU may open from the end of this step until the whole plan is applied."""
        return ()

    def release(self, context: StepContext) -> None:
        """Let go of what must not stay held when the plan ends, well or not."""

    def can_be_undone(self, context: StepContext) -> bool:
        """Tell whether the step, applied or failed half way, can be taken back as the volume is now."""
        return False

    def undo(self, context: StepContext) -> None:
        """Take the step back."""


def read_header(path: str) -> bytes:
    """Return as much of the start of an image as its header needs, as it is on disk now."""

    def read() -> bytes:
        with files.reading(path) as descriptor:
            files.drop_cached(descriptor)
            start = os.pread(descriptor, qcow2.HEADER_READ, 0)
            return start if qcow2.bytes_needed(start) <= len(start) else os.pread(descriptor, qcow2.bytes_needed(start), 0)

    try:
        return files.fresh(read, path)
    except OSError as error:
        raise files.explain(error, path, "read") from error


def write_record(context: StepContext, record: record_file.Record) -> None:
    """Replace the record of a volume."""
    name = layout.record(context.volume)
    directory = context.path(layout.OWN_DIRECTORY)
    # taking the volume's lock has made it, as a rule
    if not files.is_directory(directory):
        files.make_directory(directory)
    files.replace(context.path(name), context.temporary(name), record_file.dump(record), None, context.check_ours)


def write_image(path: str, layout: qcow2.Layout, own: tuple[int, int, int]) -> None:
    """Write a new image under a temporary name, durably; nothing is left of it when that fails."""
    descriptor = files.create_temporary(path)
    try:
        try:
            for offset, content in layout.pieces:
                write_all(descriptor, content, offset)
            os.ftruncate(descriptor, layout.length)
            set_ownership(descriptor, own)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        files.remove(path, quietly=True)
        raise files.explain(error, path, "write") from error


def publish_image(context: StepContext, name: str, layout: qcow2.Layout, own: tuple[int, int, int]) -> None:
    """Make a new image under a name that must be free."""
    write_image(context.temporary(name), layout, own)
    files.publish(context.temporary(name), context.path(name), context.check_ours)


def ownership_of(status: os.stat_result) -> tuple[int, int, int]:
    """Return owner, group and mode for a file that is to belong to whom another belongs to; no image is to run as its owner."""
    return status.st_uid, status.st_gid, status.st_mode & 0o777


def set_ownership(descriptor: int, own: tuple[int, int, int]) -> None:
    uid, gid, mode = own
    os.fchown(descriptor, uid, gid)
    os.fchmod(descriptor, mode)
