# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The copy of an export: complete, durable and verified before it is renamed into place."""

from __future__ import annotations

import concurrent.futures
import os
import time

from ansible_collections.vdisk.gluster.plugins.module_utils._common.checksum import checksum
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import ProgressStep
from ansible_collections.vdisk.gluster.plugins.module_utils._common.space import available_in, check_space
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import SECTOR, round_up
from ansible_collections.vdisk.gluster.plugins.module_utils._export.destination import Destination
from ansible_collections.vdisk.gluster.plugins.module_utils._export.manifest_file import Manifest
from ansible_collections.vdisk.gluster.plugins.module_utils._export.request import ExportRequest
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.untrusted_image import complete_image_size
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.frozen_read import (
    check_unchanged,
    identity,
    space_needed,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import utc_now
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import Source

DEFAULT_MODE = 0o640


def reads_as(qemu_img: QemuImg, source: Source, path: str, image_format: str, step: ProgressStep | None = None) -> bool:
    """Tell whether a copy reads as its source, and is as long; by its header first: one not of ours could name any file."""
    with open(path, "rb") as stream:
        descriptor = stream.fileno()
        length = os.fstat(descriptor).st_size
        try:
            size = complete_image_size(image_format, lambda offset, count: os.pread(descriptor, count, offset), length)
        except Damaged:
            return False
    expected = round_up(source.virtual_size, SECTOR)
    if size != expected or (image_format == "raw" and length != expected):
        return False
    return qemu_img.compare(source.path, source.format, path, image_format, step)


class VerifiedCopy:
    """A copy of a source at its temporary path, until it is published."""

    def __init__(self, qemu_img: QemuImg, request: ExportRequest, destination: Destination, source: Source) -> None:
        self._qemu_img = qemu_img
        self._progress = qemu_img.progress
        self._request = request
        self._destination = destination
        self._path = destination.temporary
        self._source = source

    def make(self) -> Manifest:
        """Copy, make durable, verify, rename into place; return the manifest."""
        request, source = self._request, self._source
        started = time.monotonic()
        os.close(files.create_temporary(self._path))
        try:
            self._check_space()
            size = min(source.virtual_size, sum(entry.allocated_size for entry in source.files))
            identities = tuple(identity(path, private=False) for path in source.paths)
            step = self._progress.step(f"copy {source.label} to {self._destination.path}", size)
            self._qemu_img.convert(
                source.path, source.format, self._path, request.format, request.compress, request.rate_limit, source.label, step
            )
            check_unchanged(identities, source.label)
            files.sync_file(self._path)
            digest = self._verify(size)
            self._set_ownership()
            status = os.stat(self._path)
            manifest = self._manifest(status, digest, time.monotonic() - started)
            self._destination.publish(manifest, status)
            return manifest
        except BaseException:
            files.remove(self._path, quietly=True)
            raise

    def _manifest(self, status: os.stat_result, digest: str | None, duration: float) -> Manifest:
        request, source = self._request, self._source
        return Manifest(
            source.volume.share,
            source.volume.name,
            source.snapshot,
            source.created,
            request.format,
            request.compress,
            source.virtual_size,
            status.st_size,
            status.st_mtime_ns,
            digest,
            request.verify,
            utc_now(),
            round(duration, 3),
            int(status.st_size / duration) if duration else 0,
            self._qemu_img.version(),
        )

    def _verify(self, size: int) -> str | None:
        """Compare the copy with its source and return its checksum, as far as each is wanted, side by side."""
        request, label = self._request, self._source.label
        summing = None
        if not request.verify:
            summing = self._progress.step(f"checksum of the copy of {label}", os.stat(self._path).st_size).update
        with concurrent.futures.ThreadPoolExecutor(1) as beside:
            digest = None if request.algorithm == "none" else beside.submit(checksum, self._path, request.algorithm, summing)
            step = self._progress.step(f"compare the copy with {label}", size) if request.verify else None
            if request.verify and not reads_as(self._qemu_img, self._source, self._path, request.format, step):
                raise Unavailable(
                    f"the copy of {label} differs from its source; check the disk of {self._destination.path}, then run the task again"
                )
            return digest.result() if digest else None

    def _check_space(self) -> None:
        # the copy is sparse in every format; how far it can be compressed nobody knows
        if self._request.compress:
            return
        source, directory = self._source, self._destination.directory
        available = available_in(directory)
        needed = space_needed(self._qemu_img, source.path, source.format, source.virtual_size, available)
        check_space(f"dest: {directory}", available, needed, f"the copy of {source.label}")

    def _set_ownership(self) -> None:
        request = self._request
        os.chown(self._path, -1 if request.uid is None else request.uid, -1 if request.gid is None else request.gid)
        os.chmod(self._path, DEFAULT_MODE if request.mode is None else request.mode)
