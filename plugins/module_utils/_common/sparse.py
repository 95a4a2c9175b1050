# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Large files with holes, read and compared without reading the holes."""

from __future__ import annotations

import errno
import os
from typing import Callable, Iterator

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Unavailable

_PIECE = 4 << 20
"""Bytes that are read at a time: larger pieces were no faster on GlusterFS, smaller ones were."""

_BLOCK = 64 << 10
"""Bytes of zeroes that are worth a hole."""


def write_all(descriptor: int, content: bytes, offset: int) -> None:
    """Write all of a content at an offset; a share that is filling up may take only a part at a time."""
    view = memoryview(content)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def copy_data(source: int, target: int, size: int, on_progress: Callable[[int], None] | None = None) -> None:
    """Write into an empty file what another holds, its holes left out; descriptors of both, not yet durable.

    :param on_progress: called with the bytes of the file that are done, holes included.
    """
    for start, end, is_data in extents(source, size):
        at = start
        while is_data and at < end:
            piece = _read(source, at, min(_PIECE, end - at))
            write_all(target, piece, at)
            at += len(piece)
            if on_progress is not None:
                on_progress(at)
    os.ftruncate(target, size)


def same_bytes(one: int, other: int) -> bool:
    """Tell whether two files, by their descriptors, hold the same bytes; what is a hole in both is not read."""
    size = os.fstat(one).st_size
    if size != os.fstat(other).st_size:
        return False
    ranges = sorted((start, end) for descriptor in (one, other) for start, end, is_data in extents(descriptor, size) if is_data)
    done = 0
    for start, end in ranges:
        position = max(start, done)
        while position < end:
            length = min(_PIECE, end - position)
            if _read(one, position, length) != _read(other, position, length):
                return False
            position += length
        done = max(done, end)
    return True


class SparseWriter:
    """A new file that gets its bytes piece by piece; blocks of zeroes become holes."""

    def __init__(self, path: str) -> None:
        self.length = 0
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> SparseWriter:
        return self

    def __exit__(self, *failure: object) -> None:
        try:
            if failure[0] is None:
                os.ftruncate(self._descriptor, self.length)
        finally:
            os.close(self._descriptor)

    def write(self, piece: bytes) -> None:
        """Append bytes."""
        start = 0
        while start < len(piece):
            # up to the next block of the file
            end = min(len(piece), start + _BLOCK - self.length % _BLOCK)
            block = piece[start:end]
            if block.count(0) < len(block):
                write_all(self._descriptor, block, self.length)
            self.length += len(block)
            start = end


def _read(descriptor: int, offset: int, length: int) -> bytes:
    """Return exactly so many bytes of a file."""
    parts = []
    while length:
        part = os.pread(descriptor, length, offset)
        if not part:
            raise Unavailable("a file became shorter while it was read; find out what else writes to it")
        parts.append(part)
        offset, length = offset + len(part), length - len(part)
    return b"".join(parts) if len(parts) != 1 else parts[0]


def extents(descriptor: int, size: int) -> Iterator[tuple[int, int, bool]]:
    """Yield start, end and whether there are data, over the whole of a file."""
    position = 0
    while position < size:
        try:
            data = os.lseek(descriptor, position, os.SEEK_DATA)
            hole = os.lseek(descriptor, data, os.SEEK_HOLE)
        except OSError as error:
            # ENXIO: nothing but a hole follows; a file system without holes answers otherwise and is read whole
            data, hole = (size, size) if error.errno == errno.ENXIO else (position, size)
        if data > position:
            yield position, min(data, size), False
        if data < size:
            yield data, min(hole, size), True
        position = hole
