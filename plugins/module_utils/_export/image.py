# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One export to an image service: a verified file first, as for any export, then its upload, read back before it counts."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import time
from dataclasses import dataclass, replace
from typing import Any, Callable, Iterator, Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._common.checksum import checksum
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import Progress
from ansible_collections.vdisk.gluster.plugins.module_utils._common.result import Result
from ansible_collections.vdisk.gluster.plugins.module_utils._common.scratch import FILE, scratch_directory, scratch_path
from ansible_collections.vdisk.gluster.plugins.module_utils._export import manifest_file
from ansible_collections.vdisk.gluster.plugins.module_utils._export.request import planned_object
from ansible_collections.vdisk.gluster.plugins.module_utils._glance import image_marker
from ansible_collections.vdisk.gluster.plugins.module_utils._glance.client import ImageService
from ansible_collections.vdisk.gluster.plugins.module_utils._glance.image import DISK_FORMATS, Image
from ansible_collections.vdisk.gluster.plugins.module_utils._glance.image_marker import Decision, Marker
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import Source

_REPEATABLE = ("raw", "qcow2")
"""Formats in which two copies of the same data are the same bytes."""


@dataclass(frozen=True)
class ImageRequest:
    """The image that a task wants, and what is to be in it; C(dest) is a file that it wants as well."""

    name: str
    cloud: str | None
    visibility: str
    properties: Mapping[str, str]
    dest: str | None
    scratch_dir: str
    format: str
    compress: bool
    algorithm: str
    verify: bool
    force: bool


class ImageExport:
    """One export to an image service: whether it is needed, and making it."""

    def __init__(
        self,
        request: ImageRequest,
        service: ImageService,
        read_source: Callable[[], Source],
        make_file: Callable[[str], Result],
        progress: Progress,
    ) -> None:
        """Take what an export needs.

        :param read_source: returns what is to be read, as it is now.
        :param make_file: makes the export's file at a path, or predicts that in check mode.
        """
        self._request = request
        self._service = service
        self._read_source = read_source
        self._make_file = make_file
        self._progress = progress
        self._began = time.monotonic()
        self._scratch = scratch_path(request.scratch_dir, f"{request.cloud}:{request.name}")

    def predict(self) -> Result:
        """Return the result of check mode."""
        source = self._read_source()
        requested = self._marker(source)
        decision = self._decide(requested)
        reason = self._difference(decision.there, requested)
        file, export = None, planned_object(source, None, self._request.format, self._request.verify)
        if self._request.dest is not None or reason is not None or source.snapshot is None:
            file = self._make_file(self._request.dest or f"{self._scratch}.{FILE}")
            export = dict(file.values["export"])
        # whether what was written makes a difference only a run can tell
        if reason is None and source.snapshot is None and export["size_bytes"] is None and _state_in(decision.there) != requested.state:
            reason = "the volume was written to since"
        if reason is None and export["checksum"] and decision.there and not self._has(decision.there, requested, export["checksum"]):
            reason = "it holds another file"
        if reason is None and decision.there is not None:
            return self._unchanged(source, decision, decision.there, file, export, check_mode=True)
        return self._result(source, decision, file, export, str(reason), None)

    def make(self) -> Result:
        """Make the image, unless it exists and holds what it should."""
        source = self._read_source()
        requested = self._marker(source)
        decision = self._decide(requested)
        with self._file_to_upload() as dest:
            path = dest
            for image in decision.half_made:
                self._service.delete(image)
            reason = self._difference(decision.there, requested)
            file, export = None, planned_object(source, None, self._request.format, self._request.verify)
            if self._request.dest is not None or reason is not None or source.snapshot is None:
                file = self._make_file(path)
                export = dict(file.values["export"])
                path = export["dest"]
            there = decision.there
            if reason is None and file is not None and there is not None and not self._has(there, requested, export["checksum"], path):
                reason = "the volume was written to since" if source.snapshot is None else "it holds another file"
            if reason is None and there is not None:
                return self._unchanged(source, decision, there, file, export, check_mode=False)
            # the snapshot may have been taken again since the source was read: the manifest is of what was read
            created = manifest_file.read(path).snapshot_created or ""
            image = self._upload(path, replace(requested, created=created, checksum=export["checksum"] or ""))
            for old in _old(decision):
                self._service.delete(old)
            return self._result(source, decision, file, export, str(reason), image)

    def _decide(self, requested: Marker) -> Decision:
        return image_marker.decide(self._request.name, self._service.images(self._request.name), requested, self._request.force)

    def _marker(self, source: Source) -> Marker:
        request = self._request
        return Marker(
            source.volume.share,
            source.volume.name,
            source.snapshot or "",
            source.created or "",
            request.format,
            str(request.compress).lower(),
            str(request.verify).lower(),
            "",
            _state(source) if source.snapshot is None else "",
            socket.gethostname(),
        )

    def _difference(self, there: Image | None, requested: Marker) -> str | None:
        """Return why an image has to be made, as far as that can be told without reading, or None."""
        if there is None:
            return "it does not exist"
        found = image_marker.parse(there)
        algorithm = self._request.algorithm
        if self._request.force:
            return "force is set"
        if requested.verified == "true" and found is not None and found.verified != "true":
            return "it was not verified"
        if algorithm != "none" and found is not None and not found.checksum.startswith(algorithm + ":"):
            return f"it has no {algorithm} checksum"
        return None

    def _has(self, image: Image, requested: Marker, digest: str | None, path: str | None = None) -> bool:
        """Tell whether an image holds a file; without checksums of both the file is read.

        Formats that give every copy an id of its own tell nothing of their content: then the times of the volume's files do.
        """
        marker = image_marker.parse(image)
        recorded = marker.checksum if marker else ""
        if requested.state and requested.format not in _REPEATABLE:
            return marker is not None and marker.state == requested.state
        if digest and recorded.partition(":")[0] == digest.partition(":")[0]:
            return recorded == digest
        return path is None or checksum(path, str(image.hash_algorithm)) == image.hash

    def _upload(self, path: str, marker: Marker) -> Image:
        """Upload a file as a new image, read back what the service has, and only then mark the image as complete."""
        service, request = self._service, self._request
        image = service.create(
            request.name, DISK_FORMATS[self._request.format], request.visibility, {**request.properties, **image_marker.dump(marker)}
        )
        try:
            size = _size_of(path)
            step = self._progress.step(f"upload {request.name} to {service.label}", size)
            algorithm = marker.checksum.partition(":")[0]
            sent = service.upload(image, path, sorted({"sha512", algorithm} - {""}), step)
            if algorithm and f"{algorithm}:{sent[algorithm]}" != marker.checksum:
                raise Unavailable(f"{path} was changed while it was uploaded; find out what else writes to it, then run the task again")
            now = service.settled(image)
            if now.status != "active":
                raise Unavailable(
                    f"{service.label} did not accept the data of image {request.name}: it is {now.status} after the upload; "
                    f"check whether the service accepts disk format {image.disk_format}, and its log"
                )
            name = str(now.hash_algorithm or "sha512")
            ours = sent.get(name) or checksum(path, name).partition(":")[2]
            if now.size != size or (now.hash is not None and now.hash_value != ours):
                raise Unavailable(f"{service.label} has other data in image {request.name} than were sent; run the task again")
            if now.hash is None:
                raise Unavailable(
                    f"{service.label} gives no hash of image {request.name}, so the upload cannot be verified; the service is too old"
                )
            return service.amend(now, None, {image_marker.HASH: now.hash})
        except BaseException:
            service.delete_half_made(image)
            raise

    def _unchanged(
        self, source: Source, decision: Decision, there: Image, file: Result | None, export: dict[str, Any], check_mode: bool
    ) -> Result:
        request = self._request
        properties = {key: value for key, value in request.properties.items() if there.properties.get(key) != value}
        visibility = request.visibility if there.visibility != request.visibility else None
        actions = [*_clearing(decision), *self._actions_of(file)]
        amended = [*(["visibility"] if visibility else []), *properties]
        if amended:
            actions.append(f"Set {', '.join(amended)} of image {request.name}, because they differ.")
        actions += [_removal(image) for image in decision.replaced]
        if not check_mode:
            if amended:
                self._service.amend(there, visibility, properties)
            for image in decision.replaced:
                self._service.delete(image)
        after = {**export, "dest": request.dest and export["dest"], "image_id": there.id}
        if request.dest is None:
            marker = image_marker.parse(there)
            after.update(
                size_bytes=there.size,
                checksum=(marker.checksum or None) if marker else None,
                verified=marker is not None and marker.verified == "true",
                duration=None,
                bytes_per_second=None,
            )
        before = {**after, "image_id": there.id}
        return Result(
            f"Image {request.name} of {self._service.label} holds {source.label} already.",
            bool(actions),
            actions,
            {"export": after},
            before,
            after,
        )

    def _result(
        self, source: Source, decision: Decision, file: Result | None, export: dict[str, Any], reason: str, image: Image | None
    ) -> Result:
        request = self._request
        upload = (
            f"Upload {source.label} to {self._service.label} as image {request.name} in format {DISK_FORMATS[self._request.format]}, "
            f"and read back its status and hash, because {reason}."
        )
        actions = [*_clearing(decision), *self._actions_of(file), upload, *(_removal(old) for old in _old(decision))]
        after = {**export, "dest": request.dest and export["dest"], "image_id": image.id if image else None}
        if image is not None and request.dest is None:
            seconds = time.monotonic() - self._began
            after.update(duration=round(seconds, 3), bytes_per_second=int((image.size or 0) / seconds) if seconds else 0)
        old = _old(decision)
        done = "would be" if image is None else "was"
        return Result(
            f"{source.label} {done} exported to image {request.name} of {self._service.label}.",
            True,
            actions,
            {"export": after},
            {"image_id": old[0].id, "size_bytes": old[0].size} if old else {},
            after,
        )

    def _actions_of(self, file: Result | None) -> list[str]:
        """Return what making the file did; a temporary one is none of what the task wants, but what was finished before it is."""
        if file is None:
            return []
        copying = f" to {self._scratch}"
        return [action for action in file.actions if self._request.dest is not None or copying not in action]

    @contextlib.contextmanager
    def _file_to_upload(self) -> Iterator[str]:
        """Give the path of the file that is uploaded: C(dest), or one in a private directory that is gone in the end."""
        if self._request.dest is not None:
            yield self._request.dest
            return
        with scratch_directory(self._scratch) as path:
            yield path


def _state_in(image: Image | None) -> str | None:
    marker = image_marker.parse(image) if image else None
    return marker.state if marker else None


def _old(decision: Decision) -> tuple[Image, ...]:
    """Return the images that a new one replaces."""
    return (*((decision.there,) if decision.there else ()), *decision.replaced)


def _clearing(decision: Decision) -> list[str]:
    return [f"Delete image {image.name} ({image.id}), because its upload was never finished." for image in decision.half_made]


def _removal(image: Image) -> str:
    return f"Delete image {image.name} ({image.id}), because another one replaces it."


def _size_of(path: str) -> int:
    with files.explained(path, "look at"):
        return os.stat(path).st_size


def _state(source: Source) -> str:
    """Return what changes when a volume is written to: names, lengths and times of its files."""
    digest = hashlib.sha256()
    for path in source.paths:
        with files.explained(path, "look at"):
            status = os.stat(path)
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]
