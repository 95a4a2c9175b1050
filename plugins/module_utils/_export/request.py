# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task wants to have exported, and the C(export) object that results show of it (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.vdisk.gluster.plugins.module_utils._export.manifest_file import Manifest
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import Source


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


def planned_object(source: Source, dest: str | None, image_format: str, verify: bool) -> dict[str, Any]:
    """Return the C(export) object of a copy that does not exist yet."""
    return {
        "dest": dest,
        "image_id": None,
        "format": image_format,
        "virtual_size": source.virtual_size,
        "size_bytes": None,
        "checksum": None,
        "source": {"volume": source.volume.name, "snapshot": source.snapshot},
        "duration": None,
        "bytes_per_second": None,
        "verified": verify,
    }


def export_object(dest: str, manifest: Manifest) -> dict[str, Any]:
    """Return the C(export) object of an exported file."""
    return {
        "dest": dest,
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
