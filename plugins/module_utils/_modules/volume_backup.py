# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gluster_volume_backup does: store a snapshot as an archive, read it back, and let retention remove older ones."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from typing import Any, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._backup import archive_metadata
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.archive_metadata import Archive, Description, archive_object
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.base import KEEP, ArchiveStats, BackupTool, NoRepository
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.options import tool_of
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.raw_view import RawView, raw_of
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, Damaged, Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import Progress
from ansible_collections.vdisk.gluster.plugins.module_utils._common.result import Result
from ansible_collections.vdisk.gluster.plugins.module_utils._common.scratch import clear, scratch_directory, scratch_path
from ansible_collections.vdisk.gluster.plugins.module_utils._common.single_flight import single_flight
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share, shares_of
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import Task
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.source import source_of
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import frozen_read
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.session import Session
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.locator import Shares
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import Source

_WITHIN = re.compile(r"\A[0-9]{0,5}[1-9][0-9]{0,5}[HhdwmyY]\Z")


def work(task: Task) -> Result:
    """Back a snapshot up."""
    return _Backup(task).run()


def keep_of(options: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the rules of retention, or None where nothing is to be removed.

    :raises BadInput: they would remove everything, or are malformed.
    """
    if options is None:
        return None
    keep = {key: options[key] for key in KEEP if options.get(key) is not None}
    for key, value in keep.items():
        if key == "within" and not _WITHIN.match(value):
            raise BadInput(f"keep: within is {value!r}; give a number and a unit, such as 14d")
        if key != "within" and value < 1:
            raise BadInput(f"keep: {key} is {value}; give at least 1, or omit it")
    if not keep:
        raise BadInput("keep: it has no rule, and retention never removes all archives; give a rule, such as last: 7")
    return keep


class _Backup:
    """One backup: whether it is needed, and making it."""

    def __init__(self, task: Task) -> None:
        params = task.params
        self._task = task
        self._volume = layout.check_volume(params["volume"])
        self._snapshot = layout.check_snapshot(params["snapshot"])
        self._name = archive_metadata.check_name(params["archive"])
        self._full = archive_metadata.full_name(self._volume, self._name)
        self._scratch_path = scratch_path(params["scratch_dir"], f"backup:{params['repository']}:{self._full}")
        self._keep = keep_of(params["keep"])
        self._tool = tool_of(params, task.runner)
        self._shares = Shares(shares_of(params, task.warn))
        self._qemu_img = QemuImg(task.runner)
        self._session = Session(self._qemu_img, task.check_mode, params["lock_timeout"], hypervisor=task.hypervisor())
        self._actions: list[str] = []

    def run(self) -> Result:
        """Do it, or tell in check mode what would be done."""
        share = self._shares.share_of(self._volume, self._shares.list())
        volume = self._session.read({self._volume: share})[self._volume] if share is not None else None
        if self._task.check_mode:
            return self._work(share, volume)
        digest = hashlib.sha256(self._task.params["repository"].encode("utf-8", "surrogateescape")).hexdigest()
        with single_flight(
            f"backup:{digest}:{self._full}", self._snapshot, f"back up {self._volume}", self._task.progress, self._task.runner.stall_timeout
        ) as ours:
            if not ours:
                raise Refused(f"archive: another task is creating {self._full} right now; wait until it ends")
            clear(self._scratch_path)
            return self._work(share, volume)

    def _work(self, share: Share | None, volume: Volume | None) -> Result:
        began = time.monotonic()
        check_mode, params = self._task.check_mode, self._task.params
        archives = self._list(volume)
        if self._keep is not None and not self._is_to_be_created:
            self._tool.check_retention(self._volume)
        there = next((archive for archive in archives if (archive.volume, archive.name) == (self._volume, self._name)), None)
        self._refuse_others(archives, share)
        before = archive_object(there) if there else {}
        stored: ArchiveStats | None = None
        verified = False
        if there is None:
            if share is None or volume is None:
                raise Refused(f"{self._volume} does not exist on {', '.join(self._shares.usable)}, so it cannot be backed up")
            source = source_of(volume, self._snapshot, "backed up")
            if not check_mode:
                there, stored, verified = self._make(share)
            sentence = f"Store {source.label} as archive {self._full}"
            self._actions.append(f"{sentence}{self._verb()}, because it does not exist.")
        else:
            self._refuse_another_time(there, volume)
            if not check_mode and params["verify"] != "none":
                self._verify(there)
                verified = True
        expired = self._retain()
        seconds = time.monotonic() - began
        backup = archive_object(there) if there else self._predicted(share, volume)
        backup.update(
            original_size=stored.original_size if stored else None,
            deduplicated_size=stored.deduplicated_size if stored else None,
            duration=None if check_mode else round(seconds, 3),
            verified=verified or check_mode and params["verify"] != "none",
        )
        recovered = self._session.recovered
        actions = (*recovered, *self._actions)
        done = "would be" if check_mode else "was"
        made = bool(before) is False
        msg = f"{self._volume} {done} backed up as archive {self._full}." if made else f"Archive {self._full} exists already."
        after = {key: backup[key] for key in archive_object(there)} if there else backup
        return Result(msg, bool(actions), actions, {"archive": backup, "pruned": expired}, before or dict.fromkeys(after), after)

    @property
    def _is_to_be_created(self) -> bool:
        """Whether there is no repository yet, in check mode."""
        return self._task.check_mode and bool(self._actions) and "Create a repository" in self._actions[0]

    def _verb(self) -> str:
        return {"none": "", "archive": " and read it back", "repository": ", read it back and check the whole repository"}[
            self._task.params["verify"]
        ]

    def _list(self, volume: Volume | None) -> list[Archive]:
        """Return what is in the repository, which is made where it is not there and shall be."""
        try:
            return self._tool.archives()
        except NoRepository:
            if not self._task.params["init"]:
                raise
        if volume is None:
            raise Refused(f"{self._volume} does not exist on {', '.join(self._shares.usable)}, so it cannot be backed up")
        # what is refused is refused before a repository is made for it
        source_of(volume, self._snapshot, "backed up")
        if not self._task.check_mode:
            self._tool.make_repository()
        self._actions.append(f"Create a repository of {self._tool.name}, because it does not exist and init is set.")
        return []

    def _refuse_others(self, archives: Sequence[Archive], share: Share | None) -> None:
        """Refuse to mix volumes of one name: retention would remove those of the other."""
        for archive in archives:
            if archive.volume != self._volume:
                continue
            if archive.description is None and self._keep is not None:
                raise Refused(
                    f"the repository has {archive.label}, which this collection did not make, and retention would count it; rename it, "
                    "or omit keep"
                )
            if archive.description is not None and share is not None and archive.description.share != share.name:
                raise Refused(
                    f"the repository has {archive.label} of {archive.description.share}, and this {self._volume} is on {share.name}; "
                    "use a repository of its own for each share"
                )

    def _refuse_another_time(self, there: Archive, volume: Volume | None) -> None:
        snapshot = volume.snapshot(self._snapshot) if volume is not None else None
        description = there.description
        if snapshot is not None and description is not None and snapshot.note.created and snapshot.note.created != description.created:
            raise Refused(
                f"{there.label} exists and holds {self._volume} as of {description.created}, not as of {snapshot.note.created}, when "
                "snapshot "
                f"{self._snapshot} was taken; give the archive another name"
            )

    def _predicted(self, share: Share | None, volume: Volume | None) -> dict[str, Any]:
        snapshot = volume.snapshot(self._snapshot) if volume is not None else None
        empty = archive_object(Archive(self._volume, self._name, "", "", None))
        return {
            **empty,
            "id": None,
            "created": None,
            "share": share.name if share else None,
            "snapshot": self._snapshot,
            "snapshot_created": snapshot.note.created if snapshot else None,
            "virtual_size": snapshot.virtual_size if snapshot else None,
        }

    def _make(self, share: Share) -> tuple[Archive, ArchiveStats, bool]:
        """Store the snapshot and, where that is wanted, read it back; what does not read back as it should is removed again."""
        with contextlib.ExitStack() as images:
            with self._session.locked(self._volume, share, lambda volume: source_of(volume, self._snapshot, "backed up")) as volume:
                source = source_of(volume, self._snapshot, "backed up")
                images.enter_context(frozen_read.hold_readable(source.paths))
            # nobody writes to what a snapshot froze, and its image locks keep it from being merged: others may go on
            identities = [frozen_read.identity(path, private=False) for path in source.paths]
            with scratch_directory(self._scratch_path) as path:
                directory, through = os.path.dirname(path), self._task.params["read_method"]
                with raw_of(source, directory, archive_metadata.DISK, through, self._qemu_img, self._task.warn) as view:
                    description = self._describe(source, view)
                    with open(os.path.join(directory, archive_metadata.DESCRIPTION), "w", encoding="utf-8") as stream:
                        stream.write(archive_metadata.dump(description) + "\n")
                    step = self._task.progress.step(f"store {source.label}", source.virtual_size)
                    stored = self._tool.create(description, view, step)
            frozen_read.check_unchanged(identities, source.label)
        there = next(archive for archive in reversed(self._tool.archives()) if (archive.volume, archive.name) == (self._volume, self._name))
        if self._task.params["verify"] == "none":
            return there, stored, False
        try:
            self._verify(there, description)
        except Damaged:
            self._tool.remove(there)
            raise
        return there, stored, True

    def _describe(self, source: Source, view: RawView) -> Description:
        """Return what is said of the disk in its archive."""
        step = self._task.progress.step(f"checksum of {source.label}", source.virtual_size)
        size, data, digest = view.checksum(self._task.runner.stall_timeout, step.update)
        snapshot = source.volume.snapshot(self._snapshot)
        return Description(
            self._volume,
            self._name,
            source.volume.share,
            self._snapshot,
            source.created,
            bool(snapshot and snapshot.note.quiesced),
            str(source.volume.chain.files[-1].format),
            size,
            data,
            digest,
        )

    def _verify(self, archive: Archive, made: Description | None = None) -> None:
        """Read an archive back from the repository and compare it with what was stored.

        :raises Damaged: it reads otherwise.
        """
        description = self._tool.description(archive)
        if made is not None and description != made:
            raise Damaged(f"{archive.label} describes another disk than was stored; check the repository")
        read_back(self._tool, archive, description, self._task.progress)
        if self._task.params["verify"] == "repository":
            self._tool.check_data()

    def _retain(self) -> list[str]:
        """Let retention remove what it gives up, and return the names of those archives."""
        if self._keep is None or self._is_to_be_created:
            return []
        expired = self._tool.expired(self._volume, self._keep)
        if not expired:
            return []
        if not self._task.check_mode:
            ours = [archive for archive in self._tool.archives() if archive.volume == self._volume and archive.description is not None]
            self._tool.expire([archive for archive in ours if archive.name in expired])
            left = {archive.name for archive in self._tool.archives() if archive.volume == self._volume}
            expired = [name for name in expired if name not in left]
        names = ", ".join(archive_metadata.full_name(self._volume, name) for name in expired)
        rules = ", ".join(f"{key} {value}" for key, value in self._keep.items())
        self._actions.append(f"Remove {names} with the data that nothing else needs, because retention keeps: {rules}.")
        return expired


def read_back(tool: BackupTool, archive: Archive, description: Description, progress: Progress) -> None:
    """Read the disk of an archive and see that it is what was stored.

    :raises Damaged: it reads otherwise.
    """
    digest, done = hashlib.sha256(), 0
    step = progress.step(f"read {archive.label} back", description.virtual_size)

    def take(piece: bytes) -> None:
        nonlocal done
        digest.update(piece)
        done += len(piece)
        step.update(done)

    tool.read_out(archive, archive_metadata.DISK, take)
    check_digest(archive, description, done, digest.hexdigest())


def check_digest(archive: Archive, description: Description, size: int, digest: str) -> None:
    """See that what was read of an archive is the disk that was stored.

    :raises Damaged: it is another one.
    """
    if (size, f"sha256:{digest}") != (description.virtual_size, description.checksum):
        raise Damaged(
            f"{archive.label} reads as {size} bytes with sha256:{digest}, but {description.virtual_size} bytes with {description.checksum} "
            "were stored; check the repository with the backup tool"
        )
