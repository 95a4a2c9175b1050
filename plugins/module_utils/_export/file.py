# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One export to a file: whether it is needed, and making it."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from typing import Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.result import Result
from ansible_collections.vdisk.gluster.plugins.module_utils._common.single_flight import single_flight
from ansible_collections.vdisk.gluster.plugins.module_utils._export.destination import Destination
from ansible_collections.vdisk.gluster.plugins.module_utils._export.manifest_file import Manifest
from ansible_collections.vdisk.gluster.plugins.module_utils._export.request import ExportRequest, export_object, planned_object
from ansible_collections.vdisk.gluster.plugins.module_utils._export.verified_copy import VerifiedCopy, reads_as
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import Source


class FileExport:
    """One export to a file: whether it is needed, and making it."""

    def __init__(self, qemu_img: QemuImg, request: ExportRequest, dest: str) -> None:
        self._qemu_img = qemu_img
        self._request = request
        self._dest = dest
        self._destination = Destination(dest)

    def check(self, source: Source) -> None:
        """See that the destination may be written, without reading the source, and that what the export needs is there.

        :raises Refused: the file that is there is not for this task to replace.
        :raises Unavailable: there is no qemu-img.
        """
        with files.explained(self._dest, "look at"):
            if self._reason(source, self._destination.manifest()) is not None:
                self._qemu_img.require()
            if self._destination.exists() and not self._request.force:
                self._destination.replaceable(source.volume, self._destination.manifest())

    def predict(self, source: Source) -> Result:
        """Return the result of check mode."""
        with files.explained(self._dest, "look at"):
            before = self._destination.manifest()
            reason = self._reason(source, before)
            if reason is None and before is not None:
                return self._unchanged(source, before, check_mode=True)
            self._qemu_img.require()
            after = planned_object(source, self._dest, self._request.format, self._request.verify)
            return Result(
                f"{source.label} would be exported to {self._dest}.",
                True,
                (self._sentence(source, str(reason)),),
                {"export": after},
                export_object(self._dest, before) if before else {},
                after,
            )

    def make(self, source: Source, recovered: Sequence[str]) -> Result:
        """Make the file, unless it exists and holds what it should."""
        request, qemu_img = self._request, self._qemu_img
        subject = f"{source.label} {source.created} {request.format} {request.compress}"
        label = f"copy {source.label} to {self._dest}"
        with single_flight(f"export:{self._dest}", subject, label, qemu_img.progress, qemu_img.stall_timeout) as ours:
            if not ours:
                raise Refused(f"dest: another task is exporting to {self._dest} right now; wait until it ends")
            with files.explained(self._dest, "export to"):
                return self._make(source, recovered)

    def _make(self, source: Source, recovered: Sequence[str]) -> Result:
        self._destination.finish_renaming()
        before = self._destination.manifest()
        reason = self._reason(source, before)
        if reason is None and before is not None:
            result = self._unchanged(source, before, check_mode=False)
            return replace(result, changed=result.changed or bool(recovered), actions=(*recovered, *result.actions))
        made = VerifiedCopy(self._qemu_img, self._request, self._destination, source).make()
        after = export_object(self._dest, made)
        return Result(
            f"{source.label} was exported to {self._dest}.",
            True,
            (*recovered, self._sentence(source, str(reason))),
            {"export": after},
            export_object(self._dest, before) if before else {},
            after,
        )

    def _sentence(self, source: Source, reason: str) -> str:
        verb = "verify it, " if self._request.verify else ""
        return f"Copy {source.label} to {self._dest} as {self._request.format}, {verb}and rename it into place, because {reason}."

    def _reason(self, source: Source, manifest: Manifest | None) -> str | None:
        """Return why the export has to be made, or None where the file holds it already.

        :raises Refused: the file that is there is not for this task to replace.
        """
        if not self._destination.exists():
            return "it does not exist"
        if self._request.force:
            return "force is set"
        return self._difference(source, self._destination.replaceable(source.volume, manifest))

    def _difference(self, source: Source, manifest: Manifest) -> str | None:
        request = self._request
        if (manifest.snapshot, manifest.snapshot_created) != (source.snapshot, source.created):
            if manifest.snapshot is None:
                return "it holds another point in time"
            # two snapshots can have had one name, one after the other
            same = manifest.snapshot == source.snapshot
            return f"it holds {'another ' if same else ''}snapshot {manifest.snapshot}, taken at {manifest.snapshot_created}" + (
                f", and this one was taken at {source.created}" if same else ""
            )
        if (manifest.format, manifest.compressed) != (request.format, request.compress):
            return f"it is {manifest.format}{', compressed' if manifest.compressed else ''}"
        if request.algorithm != "none" and not (manifest.checksum or "").startswith(request.algorithm + ":"):
            return f"its manifest has no {request.algorithm} checksum"
        if request.verify and not manifest.verified:
            return "it was not verified"
        if source.running:
            return "the volume is in use and may have been written to since"
        if source.snapshot is None and not reads_as(self._qemu_img, source, self._dest, request.format):
            return "the volume was written to since"
        return None

    def _unchanged(self, source: Source, manifest: Manifest, check_mode: bool) -> Result:
        status = os.stat(self._dest)
        now = (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))
        requested = tuple(
            have if want is None else want for have, want in zip(now, (self._request.uid, self._request.gid, self._request.mode))
        )
        after = export_object(self._dest, manifest)
        if requested == now:
            return Result(f"{self._dest} holds {source.label} already.", False, (), {"export": after}, after, after)
        if not check_mode:
            os.chown(self._dest, requested[0], requested[1])
            os.chmod(self._dest, requested[2])
        action = f"Give {self._dest} the owner {requested[0]}, group {requested[1]} and mode {requested[2]:04o}, because they differ."
        return Result(
            f"{self._dest} holds {source.label} already, with another owner or mode.",
            True,
            (action,),
            {"export": after},
            after,
            after,
        )
