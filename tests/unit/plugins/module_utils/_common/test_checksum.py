# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A checksum is that of a file's bytes, however many of them are holes."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.checksum import checksum

MiB = 1 << 20
MAPS: dict[str, tuple[int, tuple[tuple[int, int], ...]]] = {
    "empty": (0, ()),
    "only a hole": (5 * MiB + 7, ()),
    "no hole": (3 * MiB + 1, ((0, 3 * MiB + 1),)),
    "data first": (8 * MiB, ((0, 100),)),
    "data last": (8 * MiB + 5, ((8 * MiB, 5),)),
    "data in the middle": (9 * MiB, ((4 * MiB - 3, MiB + 6),)),
    "many": (20 * MiB + 123, tuple((index * MiB, 4096 + index) for index in range(0, 20, 3))),
}


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("case", MAPS)
def test_the_checksum_of_a_sparse_file_is_that_of_its_bytes(tmp_path: Path, case: str, algorithm: str) -> None:
    size, extents = MAPS[case]
    rng = random.Random(case)
    path = tmp_path / "file"
    with path.open("wb") as stream:
        for offset, length in extents:
            stream.seek(offset)
            stream.write(rng.randbytes(length))
        stream.truncate(size)
    if case in ("only a hole", "many"):
        assert os.stat(path).st_blocks * 512 < size, "the file has no holes here"
    assert checksum(str(path), algorithm) == f"{algorithm}:{hashlib.new(algorithm, path.read_bytes()).hexdigest()}"


def test_one_that_is_not_wanted_any_more_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    assert checksum(str(tmp_path / "file"), "sha256", is_needed=lambda: False) == ""


def test_holes_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as stream:
        stream.truncate(64 * MiB)
    before = _bytes_read()
    checksum(str(path), "sha256")
    assert _bytes_read() - before < MiB


@pytest.mark.parametrize("length", [1, 4096, MiB, MiB + 1, 3 * MiB])
def test_the_start_of_a_file_that_is_zero_beyond(tmp_path: Path, length: int) -> None:
    path = tmp_path / "file"
    content = os.urandom(length)
    path.write_bytes(content + bytes(65536))
    os.truncate(path, 8 * MiB)
    assert checksum(str(path), "sha256", length=length) == f"sha256:{hashlib.sha256(content).hexdigest()}"
    with path.open("r+b") as stream:
        stream.seek(7 * MiB)
        stream.write(b"x")
    assert checksum(str(path), "sha256", length=length) == ""


def _bytes_read() -> int:
    with open("/proc/self/io", encoding="ascii") as stream:
        return int(next(line.split()[1] for line in stream if line.startswith("rchar")))
