# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images read without QEMU and without the collection: what they hold, and whether their own books are right."""

from __future__ import annotations

import os
import pathlib
import struct

CLUSTER = 1 << 16
_OFFSET = 0x00FFFFFFFFFFFE00
_COPIED = 1 << 63
_COMPRESSED = 1 << 62
_ZERO = 1


def read_fresh(path: pathlib.Path) -> bytes:
    """Return the content of a file as it is on the share, not as a FUSE client that has read it before remembers it."""
    with path.open("rb") as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return stream.read()


class Qcow2:
    """A qcow2 image with 64 KiB clusters and 16 bit reference counts, read whole."""

    def __init__(self, path: pathlib.Path) -> None:
        self.content = read_fresh(path)
        head = struct.unpack_from(">4sIQIIQIIQQIIQ", self.content)
        assert head[0] == b"QFI\xfb" and head[1] == 3 and head[4] == 16, f"{path}: {head}"
        self.path, self.size = path, head[5]
        self.backing = self.content[head[2] : head[2] + head[3]].decode() if head[2] else None
        self._l1_offset, self._l1_entries = head[8], head[7]
        self._counts_offset, self._counts_clusters = head[9], head[10]

    def read(self, below: bytes) -> bytes:
        """Return what the image reads as over what its backing file reads as."""
        result = bytearray(below[: self.size].ljust(self.size, b"\0"))
        for index, table in enumerate(self._numbers(self._l1_offset, self._l1_entries)):
            if not table & _OFFSET:
                continue
            for place, entry in enumerate(self._numbers(table & _OFFSET, CLUSTER // 8)):
                start = (index * CLUSTER // 8 + place) * CLUSTER
                length = min(CLUSTER, self.size - start)
                if not entry & (_OFFSET | _ZERO) or length <= 0:
                    continue
                assert not entry & _COMPRESSED, f"{self.path}: a compressed cluster"
                offset = entry & _OFFSET
                content = b"" if entry & _ZERO else self.content[offset : offset + length]
                result[start : start + length] = content.ljust(length, b"\0")
        return bytes(result)

    def check(self) -> None:
        """See that every cluster in use is counted as often as it is used; what is counted too often is only lost space."""
        used = {0: 1}

        def use(offset: int, length: int) -> None:
            for cluster in range(offset // CLUSTER, (offset + length + CLUSTER - 1) // CLUSTER):
                used[cluster] = used.get(cluster, 0) + 1

        use(self._l1_offset, self._l1_entries * 8)
        use(self._counts_offset, self._counts_clusters * CLUSTER)
        blocks = self._numbers(self._counts_offset, self._counts_clusters * CLUSTER // 8)
        for block in blocks:
            if block:
                use(block, CLUSTER)
        for table in self._numbers(self._l1_offset, self._l1_entries):
            if table & _OFFSET:
                use(table & _OFFSET, CLUSTER)
                for entry in self._numbers(table & _OFFSET, CLUSTER // 8):
                    if entry & _OFFSET:
                        use(entry & _OFFSET, CLUSTER)
                        assert entry & _COPIED, f"{self.path}: a cluster that is marked as shared"
        for cluster, times in used.items():
            block, index = divmod(cluster, CLUSTER // 2)
            counted = struct.unpack_from(">H", self.content, blocks[block] + 2 * index)[0] if blocks[block] else 0
            assert counted >= times == 1, f"{self.path}: cluster {cluster} is used {times} times and counted {counted} times"

    def _numbers(self, offset: int, count: int) -> tuple[int, ...]:
        return struct.unpack(f">{count}Q", self.content[offset : offset + 8 * count].ljust(8 * count, b"\0"))


def read_chain(root: pathlib.Path, file: str, base: str, base_format: str, check: bool = True) -> bytes:
    """Return what a file of a volume reads as; C(base) is the lowest file of its chain."""
    if file == base and base_format == "raw":
        return read_fresh(root / file)
    image = Qcow2(root / file)
    if check:
        image.check()
    if image.backing is None:
        assert file == base, f"{file} has no backing file"
        return image.read(b"")
    return image.read(read_chain(root, image.backing.rpartition("/")[2], base, base_format, check))
