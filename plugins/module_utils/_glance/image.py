# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image of an OpenStack Image service as plain data (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

DISK_FORMATS = {"raw": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhdx": "vhdx", "vpc": "vhd"}
"""What the service calls the formats that C(qemu-img) writes."""


@dataclass(frozen=True)
class Image:
    """An image as the service describes it; C(size) is that of its data in bytes, and None until it has any."""

    id: str
    name: str
    status: str
    disk_format: str | None
    visibility: str | None
    size: int | None
    virtual_size: int | None
    hash_algorithm: str | None
    hash_value: str | None
    created: str
    properties: Mapping[str, str]

    @property
    def hash(self) -> str | None:
        """The hash of its data, after its algorithm; None for no data."""
        return f"{self.hash_algorithm}:{self.hash_value}" if self.hash_algorithm and self.hash_value else None

    @property
    def format(self) -> str | None:
        """What C(qemu-img) calls its format; None for one it does not know."""
        return next((name for name, known in DISK_FORMATS.items() if known == self.disk_format), None)


def image_of(entries: Mapping[str, Any]) -> Image:
    """Return an image of what version 2 of the API says of it."""
    return Image(
        str(entries["id"]),
        str(entries.get("name") or ""),
        str(entries.get("status")),
        entries.get("disk_format"),
        entries.get("visibility"),
        entries.get("size"),
        entries.get("virtual_size"),
        entries.get("os_hash_algo"),
        entries.get("os_hash_value"),
        str(entries.get("created_at") or ""),
        {name: value for name, value in entries.items() if isinstance(value, str)},
    )
