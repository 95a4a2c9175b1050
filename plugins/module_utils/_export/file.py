# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One export to a file: whether it is needed, and making it complete, durable and verified before it gets its name."""

from __future__ import annotations

import concurrent.futures
import os
import stat
import time
from dataclasses import dataclass, replace
from typing import Any, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.checksum import checksum
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged, Refused, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import ProgressStep
from ansible_collections.vdisk.gluster.plugins.module_utils._common.result import Result
from ansible_collections.vdisk.gluster.plugins.module_utils._common.single_flight import single_flight
from ansible_collections.vdisk.gluster.plugins.module_utils._common.space import available_in, check_space
from ansible_collections.vdisk.gluster.plugins.module_utils._common.sparse import write_all
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import SECTOR, round_up
from ansible_collections.vdisk.gluster.plugins.module_utils._export import manifest_file
from ansible_collections.vdisk.gluster.plugins.module_utils._export.manifest_file import Manifest
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.untrusted_image import complete_image_size
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.frozen_read import (
    check_unchanged,
    identity,
    space_needed,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import utc_now
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import Source

DEFAULT_MODE = 0o640
_TEMPORARY = "export"


@dataclass(frozen=True)
class ExportRequest:
    """What a task wants to have exported."""

    snapshot: str | None
    format: str
    compress: bool
    algorithm: str
    verify: bool
    force: bool
    uid: int | None
    gid: int | None
    mode: int | None
    rate_limit: int | None = None


class Export:
    """One export: whether it is needed, and making it."""

    def __init__(self, qemu_img: QemuImg, wanted: ExportRequest, dest: str) -> None:
        self._qemu_img = qemu_img
        self._progress = qemu_img.progress
        self._wanted = wanted
        self._dest = dest
        self._manifest_path = dest + manifest_file.SUFFIX
        directory, name = os.path.split(dest)
        self._temporary = os.path.join(directory, layout.temporary(name, _TEMPORARY))
        self._temporary_manifest = os.path.join(directory, layout.temporary(name + manifest_file.SUFFIX, _TEMPORARY))

    def predict(self, source: Source) -> Result:
        """Return what check mode says."""
        with files.explained(self._dest, "look at"):
            return self._predict(source)

    def _predict(self, source: Source) -> Result:
        before = self._manifest()
        reason = self._reason(source, before)
        if reason is None and before is not None:
            return self._unchanged(source, before, check_mode=True)
        after = self._object(source, None)
        return Result(
            f"{source.label} would be exported to {self._dest}.",
            True,
            (self._sentence(source, str(reason)),),
            {"export": after},
            self._object_of(before),
            after,
        )

    def make(self, source: Source, recovered: Sequence[str]) -> Result:
        """Make the file, unless it exists and holds what it should."""
        wanted = self._wanted
        subject = f"{source.label} {source.created} {wanted.format} {wanted.compress}"
        with single_flight(
            f"export:{self._dest}", subject, f"copy {source.label} to {self._dest}", self._progress, self._qemu_img.stall_timeout
        ) as ours:
            if not ours:
                raise Refused(f"dest: another task is exporting to {self._dest} right now; wait until it ends")
            with files.explained(self._dest, "export to"):
                return self._make(source, recovered)

    def _make(self, source: Source, recovered: Sequence[str]) -> Result:
        self._finish_renaming()
        before = self._manifest()
        reason = self._reason(source, before)
        if reason is None and before is not None:
            result = self._unchanged(source, before, check_mode=False)
            return replace(result, changed=result.changed or bool(recovered), actions=(*recovered, *result.actions))
        made = self._copy(source)
        actions = (*recovered, self._sentence(source, str(reason)))
        after = self._object(source, made)
        return Result(
            f"{source.label} was exported to {self._dest}.",
            True,
            actions,
            {"export": after},
            self._object_of(before),
            after,
        )

    def _sentence(self, source: Source, reason: str) -> str:
        verb = "verify it, " if self._wanted.verify else ""
        return f"Copy {source.label} to {self._dest} as {self._wanted.format}, {verb}and rename it into place, because {reason}."

    def _manifest(self) -> Manifest | None:
        """Return the manifest of the file at the destination; one whose file was named just before a kill counts."""
        for path in (self._temporary_manifest, self._manifest_path):
            content = files.read_text_file(path, manifest_file.LIMIT)
            try:
                found = None if content is None else manifest_file.parse(content)
            except Damaged:
                continue
            if found is not None and (path == self._manifest_path or self._is_as_made(found)):
                return found
        return None

    def _finish_renaming(self) -> None:
        """Give a manifest its name that a killed run wrote for the file it had just put in place; clear away the rest."""
        content = files.read_text_file(self._temporary_manifest, manifest_file.LIMIT)
        try:
            if content is not None and self._is_as_made(manifest_file.parse(content)):
                os.rename(self._temporary_manifest, self._manifest_path)
        except Damaged:
            pass
        for path in (self._temporary, self._temporary_manifest):
            files.remove(path)

    def _is_as_made(self, manifest: Manifest) -> bool:
        try:
            status = os.stat(self._dest)
        except FileNotFoundError:
            return False
        return (status.st_size, status.st_mtime_ns) == (manifest.size_bytes, manifest.modified_ns)

    def _reason(self, source: Source, manifest: Manifest | None) -> str | None:
        """Return why the export has to be made, or None where the file holds it already.

        :raises Refused: the file that is there is not for this task to replace.
        """
        if not files.exists(self._dest):
            return "it does not exist"
        if self._wanted.force:
            return "force is set"
        return self._difference(source, self._ours(source, manifest))

    def check(self, source: Source) -> None:
        """See that the destination may be written, without reading the source.

        :raises Refused: the file that is there is not for this task to replace.
        """
        with files.explained(self._dest, "look at"):
            if files.exists(self._dest) and not self._wanted.force:
                self._ours(source, self._manifest())

    def _ours(self, source: Source, manifest: Manifest | None) -> Manifest:
        """Return the manifest of a file that this task may replace."""
        volume = source.volume
        if manifest is None:
            raise Refused(
                f"dest: {self._dest} exists and was not exported by this collection; name another file, or set force to replace it"
            )
        if (manifest.share, manifest.volume) != (volume.share, volume.name):
            raise Refused(
                f"dest: {self._dest} is an export of {manifest.volume} on {manifest.share}; "
                f"name another file for {volume.label}, or set force"
            )
        if not self._is_as_made(manifest) and not self._same_bytes(manifest):
            raise Refused(f"dest: {self._dest} was changed after it was exported; name another file, or set force to replace it")
        return manifest

    def _difference(self, source: Source, manifest: Manifest) -> str | None:
        wanted = self._wanted
        if (manifest.snapshot, manifest.snapshot_created) != (source.snapshot, source.created):
            return f"it holds {f'snapshot {manifest.snapshot}' if manifest.snapshot else 'another point in time'}"
        if (manifest.format, manifest.compressed) != (wanted.format, wanted.compress):
            return f"it is {manifest.format}{', compressed' if manifest.compressed else ''}"
        if wanted.algorithm != "none" and not (manifest.checksum or "").startswith(wanted.algorithm + ":"):
            return f"its manifest has no {wanted.algorithm} checksum"
        if wanted.verify and not manifest.verified:
            return "it was not verified"
        if source.running:
            return "the volume is in use and may have been written to since"
        if source.snapshot is None and not self._reads_as(source, self._dest):
            return "the volume was written to since"
        return None

    def _reads_as(self, source: Source, path: str, step: ProgressStep | None = None) -> bool:
        """Tell whether a copy reads as its source, and is as long; by its header first: one not of ours could name any file."""
        image_format = self._wanted.format
        with open(path, "rb") as stream:
            descriptor = stream.fileno()
            length = os.fstat(descriptor).st_size
            try:
                size = complete_image_size(image_format, lambda offset, count: os.pread(descriptor, count, offset), length)
            except Damaged:
                return False
        expected = round_up(source.virtual_size, SECTOR)
        if size != expected or image_format == "raw" and length != expected:
            return False
        return self._qemu_img.compare(source.path, source.format, path, image_format, step)

    def _same_bytes(self, manifest: Manifest) -> bool:
        """Tell whether a file whose time changed still has its content; only a checksum can say."""
        if manifest.checksum is None or os.stat(self._dest).st_size != manifest.size_bytes:
            return False
        return checksum(self._dest, manifest.checksum.partition(":")[0]) == manifest.checksum

    def _unchanged(self, source: Source, manifest: Manifest, check_mode: bool) -> Result:
        status = os.stat(self._dest)
        now = (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))
        wanted = tuple(have if want is None else want for have, want in zip(now, (self._wanted.uid, self._wanted.gid, self._wanted.mode)))
        after = self._object(source, manifest)
        if wanted == now:
            return Result(f"{self._dest} holds {source.label} already.", False, (), {"export": after}, after, after)
        if not check_mode:
            os.chown(self._dest, wanted[0], wanted[1])
            os.chmod(self._dest, wanted[2])
        action = f"Give {self._dest} the owner {wanted[0]}, group {wanted[1]} and mode {wanted[2]:04o}, because they differ."
        return Result(
            f"{self._dest} holds {source.label} already, with another owner or mode.",
            True,
            (action,),
            {"export": after},
            after,
            after,
        )

    def _copy(self, source: Source) -> Manifest:
        """Copy, make durable, verify, name."""
        wanted = self._wanted
        started = time.monotonic()
        os.close(files.create_temporary(self._temporary))
        try:
            needed = self._check_space(source)
            identities = tuple(identity(path, private=False) for path in source.paths)
            step = self._progress.step(f"copy {source.label} to {self._dest}", needed)
            self._qemu_img.convert(
                source.path, source.format, self._temporary, wanted.format, wanted.compress, wanted.rate_limit, source.label, step
            )
            check_unchanged(identities, source.label)
            files.sync_file(self._temporary)
            digest = self._check(source, needed)
            self._own()
            status = os.stat(self._temporary)
            duration = time.monotonic() - started
            manifest = Manifest(
                source.volume.share,
                source.volume.name,
                source.snapshot,
                source.created,
                wanted.format,
                wanted.compress,
                source.files[0].virtual_size or 0,
                status.st_size,
                status.st_mtime_ns,
                digest,
                wanted.verify,
                utc_now(),
                round(duration, 3),
                int(status.st_size / duration) if duration else 0,
                self._qemu_img.version(),
            )
            descriptor = files.create_temporary(self._temporary_manifest, 0o600)
            try:
                write_all(descriptor, manifest_file.dump(manifest), 0)
                files.copy_ownership(descriptor, status)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.rename(self._temporary, self._dest)
            # from here on the manifest's temporary name is enough for the next run to know the file
            files.sync_directory(os.path.dirname(self._dest))
            os.rename(self._temporary_manifest, self._manifest_path)
            files.sync_directory(os.path.dirname(self._dest))
            return manifest
        except BaseException:
            files.remove(self._temporary, quietly=True)
            raise

    def _check(self, source: Source, needed: int) -> str | None:
        """Compare the copy with its source and return its checksum, as far as each is wanted, side by side."""
        wanted = self._wanted
        summing = None
        if not wanted.verify:
            summing = self._progress.step(f"checksum of the copy of {source.label}", os.stat(self._temporary).st_size).update
        with concurrent.futures.ThreadPoolExecutor(1) as beside:
            digest = None if wanted.algorithm == "none" else beside.submit(checksum, self._temporary, wanted.algorithm, summing)
            step = self._progress.step(f"compare the copy with {source.label}", needed) if wanted.verify else None
            if wanted.verify and not self._reads_as(source, self._temporary, step):
                raise Unavailable(
                    f"the copy of {source.label} differs from its source; check the disk of {self._dest}, then run the task again"
                )
            return digest.result() if digest else None

    def _check_space(self, source: Source) -> int:
        """See that the copy fits, and return about how many bytes are to be copied."""
        # the copy is sparse in every format; how far it can be compressed nobody knows
        if not self._wanted.compress:
            directory = os.path.dirname(self._dest)
            available = available_in(directory)
            needed = space_needed(self._qemu_img, source.path, source.format, source.virtual_size, available)
            check_space(f"dest: {directory}", available, needed, f"the copy of {source.label}")
        return min(source.virtual_size, sum(entry.allocated_size for entry in source.files))

    def _own(self) -> None:
        wanted = self._wanted
        os.chown(self._temporary, -1 if wanted.uid is None else wanted.uid, -1 if wanted.gid is None else wanted.gid)
        os.chmod(self._temporary, DEFAULT_MODE if wanted.mode is None else wanted.mode)

    def _object(self, source: Source, manifest: Manifest | None) -> dict[str, Any]:
        """Return the C(export) object of results; without a manifest, of what is still to be made."""
        return {
            "dest": self._dest,
            "image_id": None,
            "format": self._wanted.format,
            "virtual_size": source.files[0].virtual_size,
            "size_bytes": manifest.size_bytes if manifest else None,
            "checksum": manifest.checksum if manifest else None,
            "source": {"volume": source.volume.name, "snapshot": source.snapshot},
            "duration": manifest.duration if manifest else None,
            "bytes_per_second": manifest.bytes_per_second if manifest else None,
            "verified": manifest.verified if manifest else self._wanted.verify,
        }

    def _object_of(self, manifest: Manifest | None) -> dict[str, Any]:
        """Return the C(export) object of the file that is there before."""
        if manifest is None:
            return {}
        return {
            "dest": self._dest,
            "image_id": None,
            "format": manifest.format,
            "virtual_size": manifest.virtual_size,
            "size_bytes": manifest.size_bytes,
            "checksum": manifest.checksum,
            "source": {"volume": manifest.volume, "snapshot": manifest.snapshot},
            "duration": manifest.duration,
            "bytes_per_second": manifest.bytes_per_second,
            "verified": manifest.verified,
        }
