# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VMDK images of other origin (pure): only those that are complete in one file.

A descriptor can name any file of the host as an extent or a parent (CVE-2022-47951), and a header whose capacity is zero makes
QEMU go by the descriptor alone. Taken are monolithicSparse and streamOptimized, with the one descriptor that every program reads.
"""

from __future__ import annotations

import re
import struct
from typing import Callable

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import SECTOR

_HEADER = struct.Struct("<4sIIQQQQIQQQ")
_AT_END = (1 << 64) - 1
_DESCRIPTOR_LIMIT = 128
"""Sectors that a descriptor has at most here; those of qemu-img and VMware have 20."""

_DIGITS = 8
"""Hexadecimal digits that the number of an image's content (CID) has at most."""

_EXTENT = re.compile(r'^\s*(?:RW|RDONLY|NOACCESS)\s+(\d+)\s+(\S+)\s+"([^"]*)"(.*)$')
_TYPES = ("monolithicSparse", "streamOptimized")


def vmdk_size(read: Callable[[int, int], bytes], size: int) -> int:
    """Return the virtual size, in bytes, of a VMDK image that is complete in one file.

    :raises Damaged: it is none, or needs another file; the message is a clause on the reason.
    """
    start = read(0, SECTOR)
    if start.startswith(b"# Disk DescriptorFile"):
        raise Damaged("it is a VMDK descriptor, whose data are in other files")
    capacity, descriptor_offset, descriptor_size, tables = _header(start)
    if tables == _AT_END:
        footer_capacity, *_rest, footer_tables = _header(read(max(0, size - 2 * SECTOR), SECTOR))
        if footer_capacity != capacity or footer_tables == _AT_END:
            raise Damaged("its VMDK footer does not fit its header")
    if capacity == 0:
        raise Damaged("its VMDK header names no capacity, so that its descriptor would decide what is read")
    if descriptor_offset != 1 or not 1 <= descriptor_size <= _DESCRIPTOR_LIMIT:
        raise Damaged("its VMDK descriptor does not follow its header, where every program looks for it")
    _check_descriptor(read(SECTOR, descriptor_size * SECTOR), capacity)
    return capacity * SECTOR


def _header(start: bytes) -> tuple[int, int, int, int]:
    """Return capacity, place and length of the descriptor (in sectors each), and place of the tables."""
    if len(start) < SECTOR or start[:4] != b"KDMV":
        raise Damaged("it has no VMDK sparse header")
    (_magic, version, _flags, capacity, _grain, offset, length, _entries, _redundant, tables, _overhead) = _HEADER.unpack_from(start)
    if version not in (1, 2, 3):
        raise Damaged(f"its VMDK version is {version}, not 1 to 3")
    return capacity, offset, length, tables


def _check_descriptor(raw: bytes, capacity: int) -> None:
    text = raw.split(b"\0", 1)[0].decode("latin-1")
    if not text.startswith("# Disk DescriptorFile"):
        raise Damaged("it has no embedded VMDK descriptor")
    # what follows the zero that ends it is not part of it, and has to be nothing, or what was its end before: QEMU (block/vmdk.c) gives
    # a written image a new number of 1 to 8 digits in place of the old one of 8, and where it has fewer than 7 what followed is left
    after = raw[len(text) + 1 :].rstrip(b"\0")
    if len(after) >= _DIGITS or not text.encode("latin-1").endswith(after):
        raise Damaged("its VMDK descriptor goes on after its end")
    pairs: dict[str, str] = {}
    extents = []
    for line in map(str.strip, re.split(r"[\r\n]+", text)):
        if not line or line.startswith("#"):
            continue
        extent = _EXTENT.match(line)
        if extent:
            extents.append(extent)
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise Damaged(f"its VMDK descriptor has a line that is no setting and no sparse extent: {line[:80]!r}")
        key = key.strip().lower()
        if key in pairs:
            raise Damaged(f"its VMDK descriptor sets {key} twice")
        pairs[key] = value.strip().strip('"')
    if pairs.get("createtype") not in _TYPES:
        raise Damaged(f"its VMDK type is {pairs.get('createtype')!r}; supported are {' and '.join(_TYPES)}, which are complete in one file")
    if "parentfilenamehint" in pairs or pairs.get("parentcid", "ffffffff").lower() != "ffffffff":
        raise Damaged("it is a VMDK delta, which needs its parent")
    if len(extents) != 1:
        raise Damaged(f"its VMDK descriptor names {len(extents)} extents, not the one that is in it")
    sectors, kind, name, rest = extents[0].groups()
    if kind != "SPARSE" or rest.strip() or "/" in name or "\\" in name:
        raise Damaged(f"its VMDK descriptor names an extent outside itself: {kind} {name!r}")
    if int(sectors) != capacity:
        raise Damaged("the extent in its VMDK descriptor differs in size from its header")
