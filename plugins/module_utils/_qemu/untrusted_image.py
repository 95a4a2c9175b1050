# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image files of other origin, judged by their own headers before any program opens them (pure).

A crafted image can name other files, as a backing file, a data file, an extent or a parent, and whatever program opens it
would copy those into a volume (CVE-2015-1851, CVE-2022-47951, CVE-2024-32498, CVE-2024-4467). So nothing here follows a name: an
image is one complete file or it is not taken. The format is what the task says, never what the content suggests.
"""

from __future__ import annotations

import struct
from typing import Callable

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import LARGEST, SECTOR, round_up
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import qcow2
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.untrusted_vmdk import vmdk_size

Reader = Callable[[int, int], bytes]
"""Takes offset and length, returns that part of the file, shorter where the file ends."""

FORMATS = ("raw", "qcow2", "vmdk", "vdi", "vhdx", "vpc")

_VHDX_METADATA = bytes.fromhex("06a27c8b90479a4bb8fe575f050f886e")
_VHDX_FILE_PARAMETERS = bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b")
_VHDX_DISK_SIZE = bytes.fromhex("2442a52f1bcd7648b2115dbed83bf4b8")
_VHDX_PARENT_LOCATOR = bytes.fromhex("2d5fd3a80bb34d45abf7d3d84834ab0c")
_VHDX_TABLE_LIMIT = 2047


def complete_image_size(image_format: str, read: Reader, size: int) -> int:
    """Return the virtual size, in bytes, of an image that is complete in one file of this format.

    :param size: length of the file in bytes.
    :raises Damaged: it is no such image, or needs another file; the message is a clause on the reason.
    """
    if size <= 0:
        raise Damaged("it is empty")
    if image_format == "raw":
        found = round_up(size, SECTOR)
    else:
        found = {"qcow2": _qcow2_size, "vmdk": vmdk_size, "vdi": _vdi_size, "vhdx": _vhdx_size, "vpc": _vpc_size}[image_format](read, size)
    if not 0 < found <= LARGEST:
        raise Damaged(f"its header names a virtual size of {found} bytes")
    return found


def sound_format(resembles: str | None, read: Reader, size: int) -> str | None:
    """Return the format that a file resembles, where its header is sound and what that names lies within the file; else None.

    An image that needs a file below it is one all the same.

    :param size: length of the file in bytes.
    """
    if resembles == "qcow2":
        start = read(0, qcow2.HEADER_READ)
        try:
            return resembles if qcow2.parse(read(0, qcow2.bytes_needed(start))).tables_end <= size else None
        except Damaged:
            return None
    if resembles not in ("vmdk", "vdi", "vhdx", "vpc"):
        return None
    try:
        complete_image_size(resembles, read, size)
    except Damaged:
        return None
    return resembles


def _qcow2_size(read: Reader, size: int) -> int:
    start = read(0, qcow2.HEADER_READ)
    header = qcow2.parse(read(0, qcow2.bytes_needed(start)))
    for wrong, clause in (
        (
            header.backing_file is not None,
            f"it names the backing file {header.backing_file!r}, so it is not complete; run qemu-img convert where that file is",
        ),
        (header.data_file, "it keeps its data in another file (qcow2 external data file)"),
        (header.encrypted, "it is encrypted"),
        (header.corrupt, "it is marked corrupt; run qemu-img check on it"),
        (header.dirty, "it was not closed properly; run qemu-img check -r all on it"),
        (header.unknown_features, f"it has qcow2 features {header.unknown_features:#x} that this collection does not know"),
        (header.tables_end > size, f"it ends after {size} bytes, before its own tables do"),
    ):
        if wrong:
            raise Damaged(clause)
    return header.virtual_size


def _vdi_size(read: Reader, size: int) -> int:
    header = read(0, 512)
    if len(header) < 512 or header[0x40:0x44] != b"\x7f\x10\xda\xbe":
        raise Damaged("it has no VDI header")
    version, kind = struct.unpack_from("<I", header, 0x44)[0], struct.unpack_from("<I", header, 0x4C)[0]
    if version != 0x00010001:
        raise Damaged(f"its VDI version is {version:#x}, not 1.1")
    if kind not in (1, 2) or header[0x1A8:0x1C8].strip(b"\0"):
        raise Damaged("it is a differencing VDI, which needs its parent")
    map_offset, data_offset = struct.unpack_from("<II", header, 0x154)
    sector_size, (disk_size, block_size) = struct.unpack_from("<I", header, 0x168)[0], struct.unpack_from("<QI", header, 0x170)
    blocks = struct.unpack_from("<I", header, 0x180)[0]
    if sector_size != SECTOR or not block_size or blocks * block_size < disk_size or map_offset + 4 * blocks > max(size, data_offset):
        raise Damaged("its VDI header is inconsistent")
    return round_up(disk_size, SECTOR)


def _vpc_size(read: Reader, size: int) -> int:
    head, end = read(0, 512), read(max(0, size - 512), 512)
    # QEMU takes the copy at the start where there is one, others the footer: both have to say the same
    dynamic = head[:8] == b"conectix"
    footers = [part for part in (head, end) if part[:8] == b"conectix" and len(part) == 512]
    if not footers:
        raise Damaged("it has no VPC (VHD) footer")
    found = set()
    for footer in footers:
        data_offset, kind, current_size = (
            struct.unpack_from(">Q", footer, 16)[0],
            struct.unpack_from(">I", footer, 60)[0],
            struct.unpack_from(">Q", footer, 48)[0],
        )
        if kind == 4:
            raise Damaged("it is a differencing VPC (VHD) image, which needs its parent")
        if kind != (3 if dynamic else 2):
            raise Damaged(f"its VPC (VHD) footer names the disk type {kind}, which does not fit its layout")
        found.add((data_offset, current_size))
    if len(found) > 1:
        raise Damaged("its two VPC (VHD) footers differ")
    data_offset, current_size = found.pop()
    if dynamic:
        header = read(data_offset, 1024) if data_offset <= size else b""
        if len(header) < 1024 or header[:8] != b"cxsparse":
            raise Damaged("it has no VPC (VHD) dynamic disk header")
        # parent identifier, time, name, and the locators that say where to look for it
        if header[40:56].strip(b"\0") or header[64:576].strip(b"\0") or header[576:768].strip(b"\0"):
            raise Damaged("it is a differencing VPC (VHD) image, which needs its parent")
    return round_up(current_size, SECTOR)


def _vhdx_size(read: Reader, size: int) -> int:
    if read(0, 8) != b"vhdxfile":
        raise Damaged("it has no VHDX header")
    newest = max((_vhdx_header(read(offset, 4096)) for offset in (64 << 10, 128 << 10)), default=(-1, b""))
    if newest[0] < 0:
        raise Damaged("it has no sound VHDX header")
    if newest[1].strip(b"\0"):
        raise Damaged(
            "its VHDX log holds writes that were not finished; run qemu-img check -r all on a copy of it, or open it once with the program "
            "that made it"
        )
    # which of the two copies of the table a program takes is its own choice
    sizes = {_vhdx_size_by(read, offset) for offset in (192 << 10, 256 << 10)}
    if len(sizes) != 1:
        raise Damaged("its two VHDX region tables differ")
    return sizes.pop()


def _vhdx_header(header: bytes) -> tuple[int, bytes]:
    """Return sequence number and log identifier of one of the two headers; the number is negative where it is none."""
    if header[:4] != b"head" or len(header) < 4096:
        return -1, b""
    return struct.unpack_from("<Q", header, 8)[0], header[48:64]


def _vhdx_size_by(read: Reader, table_offset: int) -> int:
    table = read(table_offset, 64 << 10)
    if table[:4] != b"regi" or len(table) < 64 << 10:
        raise Damaged("it has no VHDX region table")
    count = struct.unpack_from("<I", table, 8)[0]
    if count > _VHDX_TABLE_LIMIT:
        raise Damaged("its VHDX region table is too large")
    entries = [table[16 + 32 * index : 48 + 32 * index] for index in range(count)]
    regions = [struct.unpack_from("<QI", entry, 16) for entry in entries if entry[:16] == _VHDX_METADATA]
    if len(regions) != 1:
        raise Damaged("it has no VHDX metadata, or has them twice")
    offset = regions[0][0]
    metadata = read(offset, 64 << 10)
    if metadata[:8] != b"metadata":
        raise Damaged("it has no VHDX metadata table")
    count = struct.unpack_from("<H", metadata, 10)[0]
    if count > _VHDX_TABLE_LIMIT:
        raise Damaged("its VHDX metadata table is too large")
    items: dict[bytes, bytes] = {}
    for index in range(count):
        entry = metadata[32 + 32 * index : 64 + 32 * index]
        if len(entry) < 32 or entry[:16] in items:
            raise Damaged("its VHDX metadata table has an entry twice, or ends too early")
        place, length = struct.unpack_from("<II", entry, 16)
        items[entry[:16]] = read(offset + place, min(length, 8))
    parameters, disk_size = items.get(_VHDX_FILE_PARAMETERS, b""), items.get(_VHDX_DISK_SIZE, b"")
    if len(parameters) < 8 or len(disk_size) < 8:
        raise Damaged("its VHDX metadata do not name its size")
    if struct.unpack_from("<I", parameters, 4)[0] & 2 or _VHDX_PARENT_LOCATOR in items:
        raise Damaged("it is a differencing VHDX image, which needs its parent")
    virtual_size: int = struct.unpack("<Q", disk_size)[0]
    return virtual_size
