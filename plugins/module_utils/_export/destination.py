# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file at C(dest) and the manifest beside it: what is there, whose it is, and how a new one takes its place."""

from __future__ import annotations

import os

from ansible_collections.vdisk.gluster.plugins.module_utils._common.checksum import checksum
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged, Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.sparse import write_all
from ansible_collections.vdisk.gluster.plugins.module_utils._export import manifest_file
from ansible_collections.vdisk.gluster.plugins.module_utils._export.manifest_file import Manifest
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume

_TEMPORARY = "export"


class Destination:
    """The path of an export, with the names that its file and its manifest have until they are complete."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.directory, name = os.path.split(path)
        self.temporary = os.path.join(self.directory, layout.temporary(name, _TEMPORARY))
        self._manifest_path = path + manifest_file.SUFFIX
        self._temporary_manifest = os.path.join(self.directory, layout.temporary(name + manifest_file.SUFFIX, _TEMPORARY))

    def exists(self) -> bool:
        """Return whether a file is there."""
        return files.exists(self.path)

    def manifest(self) -> Manifest | None:
        """Return the manifest of the file that is there; one whose file was renamed into place just before a kill counts."""
        for path in (self._temporary_manifest, self._manifest_path):
            content = files.read_text_file(path, manifest_file.LIMIT)
            try:
                found = None if content is None else manifest_file.parse(content)
            except Damaged:
                continue
            if found is not None and (path == self._manifest_path or self._is_as_made(found)):
                return found
        return None

    def finish_renaming(self) -> None:
        """Rename the manifest that a killed run wrote for the file it had just renamed into place; remove its other files."""
        content = files.read_text_file(self._temporary_manifest, manifest_file.LIMIT)
        try:
            if content is not None and self._is_as_made(manifest_file.parse(content)):
                os.rename(self._temporary_manifest, self._manifest_path)
        except Damaged:
            pass
        for path in (self.temporary, self._temporary_manifest):
            files.remove(path)

    def replaceable(self, volume: Volume, manifest: Manifest | None) -> Manifest:
        """Return the manifest of the file that is there if an export of the volume may replace that file.

        :raises Refused: it may not: the file is no export of the volume, or has been changed since.
        """
        if manifest is None:
            raise Refused(
                f"dest: {self.path} exists and was not exported by this collection; name another file, or set force to replace it"
            )
        if (manifest.share, manifest.volume) != (volume.share, volume.name):
            raise Refused(
                f"dest: {self.path} is an export of {manifest.volume} on {manifest.share}; "
                f"name another file for {volume.label}, or set force"
            )
        if not self._is_as_made(manifest) and not self._has_checksum_of(manifest):
            raise Refused(f"dest: {self.path} was changed after it was exported; name another file, or set force to replace it")
        return manifest

    def publish(self, manifest: Manifest, status: os.stat_result) -> None:
        """Rename a complete temporary file into place, and its manifest after it, durably.

        :param status: of the temporary file, whose owner and mode its manifest gets.
        """
        descriptor = files.create_temporary(self._temporary_manifest, 0o600)
        try:
            write_all(descriptor, manifest_file.dump(manifest), 0)
            files.copy_ownership(descriptor, status)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(self.temporary, self.path)
        # from here on the manifest's temporary name is enough for the next run to know the file
        files.sync_directory(self.directory)
        os.rename(self._temporary_manifest, self._manifest_path)
        files.sync_directory(self.directory)

    def _is_as_made(self, manifest: Manifest) -> bool:
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return False
        return (status.st_size, status.st_mtime_ns) == (manifest.size_bytes, manifest.modified_ns)

    def _has_checksum_of(self, manifest: Manifest) -> bool:
        """Tell whether a file whose time changed still has its content; only a checksum can show it."""
        if manifest.checksum is None or os.stat(self.path).st_size != manifest.size_bytes:
            return False
        return checksum(self.path, manifest.checksum.partition(":")[0]) == manifest.checksum
