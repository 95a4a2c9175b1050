# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files with holes: copied with their holes, and compared wherever one of the two has data."""

from __future__ import annotations

import os

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.sparse import SparseWriter, copy_data, same_bytes

MIB = 1 << 20


def sparse(path, size, *pieces):
    """Make a file of a size with pieces, each an offset and a content."""
    with path.open("wb") as stream:
        for offset, content in pieces:
            stream.seek(offset)
            stream.write(content)
        stream.truncate(size)
    return path


def same(one, other):
    with one.open("rb") as left, other.open("rb") as right:
        answers = {same_bytes(left.fileno(), right.fileno()), same_bytes(right.fileno(), left.fileno())}
    assert len(answers) == 1, "it depends on which of the two comes first"
    return answers.pop()


@pytest.mark.parametrize("size", [0, 1, 512, 9 * MIB, 64 * MIB + 511])
def test_a_copy_has_the_same_bytes_and_the_same_holes(tmp_path, size):
    pieces = [(at, os.urandom(70000)) for at in (0, 5 * MIB, 40 * MIB) if at + 70000 < size]
    source, copy = sparse(tmp_path / "source", size, *pieces), tmp_path / "copy"
    with source.open("rb") as reading, copy.open("wb") as writing:
        copy_data(reading.fileno(), writing.fileno(), size)
    assert copy.read_bytes() == source.read_bytes() and same(source, copy)
    assert copy.stat().st_blocks <= source.stat().st_blocks


@pytest.mark.parametrize("at", [0, 4 * MIB - 1, 4 * MIB, 17 * MIB, 64 * MIB - 1])
def test_one_other_byte_is_found_wherever_it_is(tmp_path, at):
    pieces = [(4 * MIB, b"\1" * 5 * MIB), (20 * MIB, b"\2" * 100)]
    one, other = sparse(tmp_path / "one", 64 * MIB, *pieces), sparse(tmp_path / "other", 64 * MIB, *pieces)
    assert same(one, other)
    with other.open("r+b") as stream:
        stream.seek(at)
        stream.write(b"\xff")
    assert not same(one, other)


def test_zeroes_and_a_hole_are_the_same_and_lengths_are_not(tmp_path):
    hole, zeroes = sparse(tmp_path / "hole", MIB), sparse(tmp_path / "zeroes", MIB, (0, bytes(MIB)))
    assert same(hole, zeroes)
    assert not same(hole, sparse(tmp_path / "longer", MIB + 1))


def test_a_source_that_is_cut_short_meanwhile_is_told(tmp_path, monkeypatch):
    source, copy = sparse(tmp_path / "source", 9 * MIB, (0, b"\1" * 9 * MIB)), tmp_path / "copy"
    with source.open("rb") as reading, copy.open("wb") as writing:
        os.truncate(source, 9 * MIB)
        real = os.pread

        def cut(descriptor, length, offset):
            os.truncate(source, 5 * MIB)
            return real(descriptor, length, offset)

        monkeypatch.setattr(os, "pread", cut)
        with pytest.raises(Unavailable, match="became shorter"):
            copy_data(reading.fileno(), writing.fileno(), 9 * MIB)


def test_a_file_written_piece_by_piece_has_holes_where_there_are_zeroes(tmp_path):
    content = bytes(MIB) + b"a" * 100_000 + bytes(MIB) + b"b" + bytes(3 * MIB + 7)
    for size in (1000, 65536, 1 << 20, len(content)):
        path = tmp_path / str(size)
        with SparseWriter(str(path)) as writer:
            for start in range(0, len(content), size):
                writer.write(content[start : start + size])
        assert path.read_bytes() == content and writer.length == len(content)
        assert path.stat().st_blocks * 512 <= 4 * 65536
