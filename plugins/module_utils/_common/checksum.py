# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checksums of large sparse files."""

from __future__ import annotations

import hashlib
import os
from typing import Callable

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.sparse import extents

_READ_SIZE = 1 << 20


def checksum(
    path: str,
    algorithm: str,
    on_progress: Callable[[int], None] | None = None,
    length: int | None = None,
    is_needed: Callable[[], bool] = lambda: True,
) -> str:
    """Return C(algorithm:digest) of a file's bytes; its holes are hashed without being read.

    :param on_progress: called with the bytes done so far.
    :param is_needed: asked before each piece; where it says no, there is no sum (an empty text).
    :param length: bytes from the start to hash; what comes after them has to be zero, or there is no sum (an empty text).
    """
    digest = hashlib.new(algorithm)
    zeroes = bytes(_READ_SIZE)
    with open(path, "rb", buffering=0) as stream:
        size = os.fstat(stream.fileno()).st_size
        counted = size if length is None else length
        for start, end, is_data in extents(stream.fileno(), size):
            at = start
            while at < end:
                if not is_needed():
                    return ""
                until = min(at + _READ_SIZE, end, counted if at < counted else end)
                part = os.pread(stream.fileno(), until - at, at) if is_data else zeroes[: until - at]
                if not part:
                    raise Unavailable(f"{path} became shorter while it was read; find out what else writes to it")
                if at < counted:
                    digest.update(part)
                elif part.count(0) < len(part):
                    return ""
                at += len(part)
                if on_progress is not None:
                    on_progress(at)
    return f"{algorithm}:{digest.hexdigest()}"
