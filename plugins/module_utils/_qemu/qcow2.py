# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers of qcow2 images, read, made and changed as bytes (pure).

The format: U(https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.txt). Reading a header here, before
any program opens the file, is what keeps a crafted image from making qemu-img open other files (CVE-2024-32498).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, Damaged

MAGIC = b"QFI\xfb"
CLUSTER_BITS = 16
CLUSTER_SIZE = 1 << CLUSTER_BITS
HEADER_READ = 4096
"""Bytes from the start of a file that hold every header qemu-img makes, backing name included."""

_V2 = struct.Struct(">4sIQIIQIIQQIIQ")
_V3 = struct.Struct(">QQQII")
_EXTENSION = struct.Struct(">II")
_END, _BACKING_FORMAT, _DATA_FILE, _BITMAPS = 0x00000000, 0xE2792ACA, 0x44415441, 0x23852875
_BACKING_NAME_LIMIT = 1023
_INCOMPATIBLE_DIRTY, _INCOMPATIBLE_CORRUPT, _INCOMPATIBLE_DATA_FILE = 1, 2, 4
_INCOMPATIBLE_KNOWN = 0x1F
_AUTOCLEAR_KNOWN = 0x3
_L1_LIMIT = 32 << 20


@dataclass(frozen=True)
class Header:
    """What the header of a qcow2 image says; sizes in bytes. C(tables_end) is where the last table it points to ends.

    C(bitmaps) are persistent dirty bitmaps, which are what checkpoints of libvirt are kept in.
    """

    version: int
    virtual_size: int
    cluster_bits: int
    backing_file: str | None
    backing_format: str | None
    data_file: bool
    encrypted: bool
    internal_snapshots: int
    dirty: bool
    corrupt: bool
    unknown_features: int
    tables_end: int = 0
    bitmaps: int = 0

    @property
    def can_grow(self) -> bool:
        """Whether QEMU can enlarge the image: one of version 2 (compat=0.10) with internal snapshots it cannot."""
        return self.version > 2 or not self.internal_snapshots


def looks_like_qcow2(start: bytes) -> bool:
    """Tell whether a file that begins with these bytes claims to be a qcow2 image."""
    return start[:4] == MAGIC


def bytes_needed(start: bytes) -> int:
    """Return how many bytes from the start of the file C(parse) needs, given its first 4096 or fewer."""
    if len(start) < _V2.size or not looks_like_qcow2(start):
        return HEADER_READ
    fields = _V2.unpack_from(start)
    offset: int = fields[2]
    length: int = fields[3]
    bits: int = fields[4]
    if offset and 9 <= bits <= 21 and length <= _BACKING_NAME_LIMIT and offset + length <= 1 << bits:
        return max(HEADER_READ, offset + length)
    return HEADER_READ


def parse(start: bytes) -> Header:
    """Return what a header says, from the first C(bytes_needed) bytes of the file.

    :raises Damaged: it is no header that this collection or QEMU would write; the message is a clause on the reason.
    """
    if not looks_like_qcow2(start) or len(start) < _V2.size:
        raise Damaged("it is too short for a qcow2 header" if looks_like_qcow2(start) else "it has no qcow2 header")
    (_magic, version, name_offset, name_length, bits, size, crypt, l1_size, l1, rt, rt_clusters, snapshots, _so) = _V2.unpack_from(start)
    if version == 1:
        raise Damaged("its qcow2 version is 1 (qcow), which is out of date; convert it (qemu-img convert -f qcow -O qcow2)")
    if version not in (2, 3):
        raise Damaged(f"its qcow2 version is {version}, not 2 or 3")
    if not 9 <= bits <= 21:
        raise Damaged(f"its qcow2 cluster size is 2^{bits}, which QEMU does not allow")
    tables_end = max(l1 + l1_size * 8, rt + (rt_clusters << bits))
    if l1_size * 8 > _L1_LIMIT or size >= 1 << 63 or tables_end >= 1 << 63:
        raise Damaged("its qcow2 header names a size that QEMU does not allow")
    incompatible, length = 0, _V2.size
    if version == 3:
        if len(start) < _V2.size + _V3.size:
            raise Damaged("its qcow2 header ends too early")
        incompatible, _compatible, _autoclear, _order, length = _V3.unpack_from(start, _V2.size)
        if length < _V2.size + _V3.size or length % 8 or length > len(start):
            raise Damaged("its qcow2 header has a wrong length")
    backing_file = _backing_name(start, name_offset, name_length, bits)
    extensions = _extensions(start, length, name_offset or 1 << bits)
    backing_format = next((_text(data) for kind, data in extensions if kind == _BACKING_FORMAT), None)
    return Header(
        version=version,
        virtual_size=size,
        cluster_bits=bits,
        backing_file=backing_file,
        backing_format=backing_format if backing_file is not None else None,
        data_file=bool(incompatible & _INCOMPATIBLE_DATA_FILE) or any(kind == _DATA_FILE for kind, _data in extensions),
        encrypted=bool(crypt),
        internal_snapshots=snapshots,
        dirty=bool(incompatible & _INCOMPATIBLE_DIRTY),
        corrupt=bool(incompatible & _INCOMPATIBLE_CORRUPT),
        unknown_features=incompatible & ~_INCOMPATIBLE_KNOWN,
        tables_end=tables_end,
        bitmaps=next((int.from_bytes(data[:4], "big") for kind, data in extensions if kind == _BITMAPS), 0),
    )


def _backing_name(start: bytes, offset: int, length: int, bits: int) -> str | None:
    if not offset:
        return None
    if length > _BACKING_NAME_LIMIT or offset + length > 1 << bits or offset + length > len(start):
        raise Damaged("its qcow2 backing file name is outside the header")
    return _text(start[offset : offset + length])


def _text(raw: bytes) -> str:
    # a name that is not UTF-8 stays different from every name of ours, and can still be shown
    return raw.decode("utf-8", "backslashreplace")


def _extensions(start: bytes, offset: int, end: int) -> list[tuple[int, bytes]]:
    """Return the header extensions in order, without the closing one.

    :raises Damaged: they are not all there, or one stands twice: QEMU would go by the last of them.
    """
    found: list[tuple[int, bytes]] = []
    limit = min(end, len(start))
    while offset + _EXTENSION.size <= end:
        if offset + _EXTENSION.size > limit:
            raise Damaged("its qcow2 header extensions end too early")
        kind, length = _EXTENSION.unpack_from(start, offset)
        if kind == _END:
            break
        offset += _EXTENSION.size
        if offset + length > limit:
            raise Damaged("its qcow2 header extensions end too early")
        if kind in (known for known, _data in found):
            raise Damaged(f"its qcow2 header has the extension {kind:#x} twice")
        found.append((kind, start[offset : offset + length]))
        offset += -(-length // 8) * 8
    return found


def _packed(extensions: list[tuple[int, bytes]]) -> bytes:
    parts = [_EXTENSION.pack(kind, len(data)) + data + bytes(-len(data) % 8) for kind, data in extensions]
    return b"".join(parts) + _EXTENSION.pack(_END, 0)


def cluster_map(start: bytes) -> tuple[int, int]:
    """Return offset and length, in bytes, of the table (L1) that is all zero as long as an image holds no data of its own.

    C(start) holds a header that C(parse) took.
    """
    fields = _V2.unpack_from(start)
    return fields[8], fields[7] * 8


@dataclass(frozen=True)
class Layout:
    """The content of a new image: pieces to write at their offsets, and the length of the file; the rest is zero."""

    pieces: tuple[tuple[int, bytes], ...]
    length: int


def new_image(virtual_size: int, backing_file: str | None = None, backing_format: str | None = None) -> Layout:
    """Return a new empty qcow2 image (version 3, 64 KiB clusters, 16 bit reference counts).

    :param virtual_size: in bytes, a multiple of 512.
    :raises BadInput: the size is more than such an image can have.
    :raises ValueError: the size is none, or the backing file comes without its format (CVE-2015-1851: never probed).
    """
    if virtual_size <= 0 or virtual_size % 512:
        raise ValueError("a virtual size is a positive multiple of 512")
    if (backing_file is None) != (backing_format is None):
        raise ValueError("a backing file and its format go together")
    l1_entries = _l1_entries(virtual_size)
    if l1_entries * 8 > _L1_LIMIT:
        raise BadInput(f"a qcow2 image with 64 KiB clusters, such as an overlay, is at most 2 PiB large, not {virtual_size} bytes")
    l1_clusters = -(-l1_entries * 8 // CLUSTER_SIZE)
    table, block, l1 = CLUSTER_SIZE, 2 * CLUSTER_SIZE, 3 * CLUSTER_SIZE
    extensions = [] if backing_format is None else [(_BACKING_FORMAT, backing_format.encode())]
    name = (backing_file or "").encode()
    name_offset = _V2.size + _V3.size + len(_packed(extensions)) if name else 0
    header = _V2.pack(MAGIC, 3, name_offset, len(name), CLUSTER_BITS, virtual_size, 0, l1_entries, l1, table, 1, 0, 0) + _V3.pack(
        0, 0, 0, 4, _V2.size + _V3.size
    )
    clusters = 3 + l1_clusters
    return Layout(
        pieces=(
            (0, header + _packed(extensions) + name),
            (table, struct.pack(">Q", block)),
            (block, struct.pack(">H", 1) * clusters),
        ),
        length=clusters * CLUSTER_SIZE,
    )


def can_be_size(virtual_size: int) -> bool:
    """Tell whether C(new_image) can make an image with so many bytes."""
    return virtual_size > 0 and virtual_size % 512 == 0 and _l1_entries(virtual_size) * 8 <= _L1_LIMIT


def _l1_entries(virtual_size: int) -> int:
    return max(1, -(-virtual_size // (CLUSTER_SIZE * (CLUSTER_SIZE // 8))))


def with_backing(start: bytes, backing_file: str, backing_format: str) -> bytes:
    """Return the bytes that make an image's header name another backing file; all else in it stays as it is.

    They are written at offset 0, at once. C(start) holds the header as C(parse) takes it.

    :raises Damaged: the header has features unknown here, or no room for the name.
    """
    header = parse(start)
    if header.unknown_features:
        raise Damaged(f"its qcow2 header has features {header.unknown_features:#x} unknown to this collection")
    fields = list(_V2.unpack_from(start))
    length = _V2.size
    tail = b""
    if header.version == 3:
        incompatible, compatible, autoclear, order, length = _V3.unpack_from(start, _V2.size)
        # who changes an image clears the automatic feature bits it does not know (qcow2.txt, "autoclear_features")
        tail = _V3.pack(incompatible, compatible, autoclear & _AUTOCLEAR_KNOWN, order, length) + start[_V2.size + _V3.size : length]
    old = _extensions(start, length, fields[2] or 1 << header.cluster_bits)
    extensions = [(_BACKING_FORMAT, backing_format.encode())] + [item for item in old if item[0] != _BACKING_FORMAT]
    name = backing_file.encode()
    old_end = max(fields[2] + fields[3], length + len(_packed(old)))
    fields[2], fields[3] = length + len(_packed(extensions)), len(name)
    if fields[2] + len(name) > 1 << header.cluster_bits or len(name) > _BACKING_NAME_LIMIT:
        raise Damaged("its qcow2 header has no space for the name of its backing file")
    changed = _V2.pack(*fields) + tail + _packed(extensions) + name
    # zeroes over the rest of a longer header before, as QEMU writes them: no end of an old name stays behind
    return changed + bytes(max(0, old_end - len(changed)))
