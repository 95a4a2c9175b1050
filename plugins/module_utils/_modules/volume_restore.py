# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gluster_volume_restore does: fetch the disk of an archive, see that it is what was stored, and make it a volume."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import replace
from typing import Any, Iterator, Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._backup import archive_metadata
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.archive_metadata import LATEST, Archive, Description, archive_object
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.options import newest, tool_of
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.raw_view import raw_of
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.host_lock import host_lock
from ansible_collections.vdisk.gluster.plugins.module_utils._common.result import Result
from ansible_collections.vdisk.gluster.plugins.module_utils._common.scratch import clear, scratch_directory, scratch_path
from ansible_collections.vdisk.gluster.plugins.module_utils._common.space import available_in, check_space
from ansible_collections.vdisk.gluster.plugins.module_utils._common.sparse import SparseWriter
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import parse_virtual_size
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share, capacity, shares_of
from ansible_collections.vdisk.gluster.plugins.module_utils._modules import volume_file
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.image_download import DownloadedImage
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import Task
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.volume_backup import check_digest
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.volume_source import SourceRequest
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.checks import refuse_attached_elsewhere, refuse_in_use, refuse_problems
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.restore import plan_restored
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.source import source_of
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import frozen_read
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.session import Session
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.locator import Shares
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume, volume_object
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import SnapshotNote, utc_now

LABEL = "volume_backup"


def work(task: Task) -> Result:
    """Restore a volume."""
    return _Restore(task).run()


class _Restore:
    """One restore: whether it is needed, and doing it."""

    def __init__(self, task: Task) -> None:
        params = task.params
        self._task = task
        self._volume = layout.check_volume(params["volume"])
        self._name = layout.check_volume(params["name"] or self._volume)
        self._snapshot = layout.check_snapshot(params["pre_restore_snapshot"])
        archive_name = params["archive"] if params["archive"] == LATEST else archive_metadata.check_name(params["archive"])
        self._size = parse_virtual_size(params["size"]) if params["size"] is not None else None
        self._tool = tool_of(params, task.runner)
        self._hypervisor = task.hypervisor()
        self._shares = Shares(shares_of(params, task.warn))
        self._archive: Archive = newest(self._tool.archives(), self._volume, archive_name)
        self._description: Description = self._tool.description(self._archive)
        self._scratch_path = scratch_path(params["scratch_dir"], f"restore:{self._name}:{self._archive.id}")
        self._looking = f"{self._scratch_path}-look"

    @property
    def _origin(self) -> dict[str, Any]:
        description = self._description
        return {
            "archive": archive_metadata.full_name(self._archive.volume, self._archive.name),
            "checksum": description.checksum,
            "share": description.share,
            "snapshot": description.snapshot,
        }

    def run(self) -> Result:
        """Do it, or tell in check mode what would be done."""
        if not self._task.check_mode:
            with host_lock(f"spool:{self._scratch_path}") as ours:  # words: a name that other releases lock
                if ours:
                    clear(self._scratch_path)
                    clear(self._looking)
        share = self._shares.share_of(self._name, self._shares.list())
        if share is None:
            return self._make()
        session = self._session()
        volume = session.read({self._name: share})[self._name]
        if not self._task.params["replace"]:
            if volume.record is not None and (volume.record.origin or {}) == self._origin:
                return self._unchanged(volume, f"{volume.label} was restored from {self._archive.label} already.")
            raise Refused(
                f"{volume.label} exists and was not restored from {self._archive.label}; restore it under another name, "
                "or set replace to have its content replaced"
            )
        return self._replace(share, volume)

    def _session(self) -> Session:
        task = self._task
        return Session(
            QemuImg(task.runner),
            task.check_mode,
            task.params["lock_timeout"],
            hypervisor=self._hypervisor,
            respects_other_hosts=task.respects_other_hosts,
            warn=task.warn,
        )

    def _unchanged(self, volume: Volume, msg: str) -> Result:
        found = volume_object(volume)
        return Result(msg, False, (), self._values(found), found, found)

    def _values(self, volume: Mapping[str, Any]) -> dict[str, Any]:
        description = self._description
        archive = {**archive_object(replace(self._archive, description=description))}
        return {"volume": dict(volume), "archive": archive}

    def _make(self) -> Result:
        """Restore under a name that is free, in the way of every copy: complete, and only then named."""
        params = self._task.params
        wish = SourceRequest(fetched=self._fetched)
        more = {
            "name": [self._name],
            "state": "present",
            "size": params["size"],
            "format": params["format"] or self._description.format,
            **dict.fromkeys(("allocation", "max_over_subscription_ratio")),
            **{
                "reserved_percentage": params["reserved_percentage"],
                "move": False,
                "repair": False,
                "confirm_format": False,
                "delete_snapshots": False,
            },
        }
        result = volume_file.work(replace(self._task, params={**params, **more}), wish)
        volume = result.values["volume"]
        done = "would be" if self._task.check_mode else "was"
        msg = f"{self._name} {done} restored from {self._archive.label} on {volume['share']}."
        return replace(result, msg=msg, values=self._values(volume), before=result.before[0], after=result.after[0])

    @contextlib.contextmanager
    def _fetched(self) -> Iterator[DownloadedImage]:
        """Give the disk of the archive as a file, but in check mode."""
        description = self._description
        if self._task.check_mode:
            yield DownloadedImage(self._archive.label, "raw", description.virtual_size, self._origin, None, description.format)
            return
        with self._fetched_archive() as path:
            yield DownloadedImage(self._archive.label, "raw", description.virtual_size, self._origin, path, description.format)

    @contextlib.contextmanager
    def _fetched_archive(self) -> Iterator[str]:
        """Fetch the disk into a private file, as sparse as it was, and see that it is what was stored.

        :raises Damaged: it is not; the file is gone again.
        """
        description, label = self._description, self._archive.label
        with contextlib.ExitStack() as holding:
            if not holding.enter_context(host_lock(f"spool:{self._scratch_path}")):  # words: a name that other releases lock
                raise Refused(f"archive: another task is restoring {self._name} from {label} right now; wait until it ends")
            path = holding.enter_context(scratch_directory(self._scratch_path))
            parent = os.path.dirname(self._scratch_path)
            check_space(f"scratch_dir: {parent}", available_in(parent), description.data_size, f"the copy of {label}")
            step = self._task.progress.step(f"fetch {label}", description.virtual_size)
            digest = hashlib.sha256()
            try:
                with SparseWriter(path) as writer:

                    def take(piece: bytes) -> None:
                        digest.update(piece)
                        writer.write(piece)
                        step.update(writer.length)

                    self._tool.read_out(self._archive, archive_metadata.DISK, take)
            except OSError as error:
                raise Unavailable(
                    f"scratch_dir: {path} cannot be written: {error.strerror}; free space or choose another directory"
                ) from error
            check_digest(self._archive, description, writer.length, digest.hexdigest())
            yield path

    def _replace(self, share: Share, volume: Volume) -> Result:
        """Put the content of the archive on top of a volume that is there."""
        session, description = self._session(), self._description
        refuse_problems(volume)
        refuse_in_use(volume, "restored")
        refuse_attached_elsewhere(volume, "restored")
        if self._size is not None and self._size != max(volume.active.virtual_size or 0, description.virtual_size):
            raise Refused(f"size: {volume.label} keeps its size when its content is replaced; omit size, and grow it afterwards")
        if self._reads_as_the_archive(session, share, volume):
            return self._unchanged(volume, f"{volume.label} reads as {self._archive.label} already.")
        note = SnapshotNote(utc_now(), LABEL, f"what it held before it was restored from {self._archive.label}")
        with contextlib.ExitStack() as holding:
            path = "" if self._task.check_mode else holding.enter_context(self._fetched_archive())
            if path:
                # what lies beyond the archive's end is to read as zeroes
                os.truncate(path, max(description.virtual_size, volume.active.virtual_size or 0))
                needed = description.data_size + description.virtual_size // 1024 + (1 << 20)
                check_space(share.name, capacity(share).available, needed, f"the copy of {self._archive.label}")
            outcome = session.change(
                {self._name: share},
                lambda found: [
                    plan_restored(found[0], self._snapshot, note, path, self._archive.label, description.virtual_size, self._origin)
                ],
            )
        after = volume_object(outcome.after[0])
        done = "would be" if self._task.check_mode else "was"
        return Result(
            f"{volume.label} {done} restored from {self._archive.label}; what it held before is its snapshot {self._snapshot}.",
            outcome.changed,
            outcome.actions,
            self._values(after),
            volume_object(outcome.before[0]),
            after,
        )

    def _reads_as_the_archive(self, session: Session, share: Share, volume: Volume) -> bool:
        """Tell whether a volume holds the disk of the archive, and zeroes beyond its end; nothing is read where its origin is another."""
        description, size = self._description, volume.active.virtual_size or 0
        if size < description.virtual_size or volume.record is None or (volume.record.origin or {}) != self._origin:
            return False
        with contextlib.ExitStack() as holding:
            if self._task.check_mode:
                found = volume
            else:
                found = holding.enter_context(session.locked(self._name, share, lambda now: source_of(now, None, "compared")))
            source = source_of(found, None, "compared")
            holding.enter_context(frozen_read.hold_readable(source.paths))
            path = holding.enter_context(scratch_directory(self._looking))
            directory, qemu_img = os.path.dirname(path), QemuImg(self._task.runner)
            view = holding.enter_context(raw_of(source, directory, archive_metadata.DISK, "auto", qemu_img, self._task.warn))
            step = self._task.progress.step(f"checksum of {volume.label}", size)
            digest = view.checksum(self._task.runner.stall_timeout, step.update, description.virtual_size)[2]
            return digest == description.checksum
