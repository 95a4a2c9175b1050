# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge of the live tests is strict: it takes what a guest can have written, and nothing else."""

from __future__ import annotations

import struct
import zlib

import pytest
from ansible_collections.vdisk.gluster.tests.harness.guests.oracle import RECORD, Layout, Oracle, Wipe

SLOTS = 64


def record(layout: Layout, number: int) -> bytes:
    """Return a record as the writer makes it, but for its filling."""
    head = struct.pack("<8sQQQ", b"LIVEREC1", number, layout.slot(number), 0)
    content = head + bytes([number % 251 + 1]) * (RECORD - len(head))
    return content[:24] + struct.pack("<Q", zlib.crc32(content)) + content[32:]


class Written:
    """A disk on which so many records have been written."""

    def __init__(self, path, counts, point: int, layout: Layout | None = None, lane: int = 0) -> None:
        self._path, self._lane = path / f"disk-{lane}", lane
        self._layout = layout or Layout(SLOTS)
        self._oracle = Oracle(self._layout, counts)
        self._path.write_bytes(bytes(SLOTS * RECORD))
        for number in range(1, point + 1):
            if number % self._layout.lanes == lane:
                self.put(number)
            for wipe in self._layout.wipes:
                if wipe.after == number:
                    self.put_bytes(wipe.first, bytes(wipe.count * RECORD))

    def put(self, number: int) -> None:
        self.put_bytes(self._layout.slot(number), record(self._layout, number))

    def put_bytes(self, slot: int, content: bytes) -> None:
        with open(self._path, "r+b") as stream:
            stream.seek(slot * RECORD)
            stream.write(content)

    def found(self):
        return self._oracle.point_in_time(self._path, "raw", self._lane)


@pytest.mark.parametrize("point", [0, 1, 5, SLOTS - 1, SLOTS, SLOTS + 1, 5 * SLOTS + 7])
def test_what_a_guest_has_written_is_exact(tmp_path, counts, point):
    found = Written(tmp_path, counts, point).found()
    assert (found.point, found.reason) == (point, "exact")


@pytest.mark.parametrize("point", [10, 200])
def test_one_record_that_is_lost_or_old_is_found(tmp_path, counts, point):
    disk = Written(tmp_path, counts, point)
    slot = Layout(SLOTS).slot(point - 3)
    disk.put_bytes(slot, bytes(RECORD))
    assert disk.found().point is None and f"slot {slot} holds None, not {point - 3}" in disk.found().reason
    if point > SLOTS:
        disk.put(point - 3 - SLOTS)
        assert f"slot {slot} holds {point - 3 - SLOTS}, not {point - 3}" in disk.found().reason


def test_one_record_that_is_too_new_is_found(tmp_path, counts):
    disk = Written(tmp_path, counts, 100)
    disk.put(102)
    assert "holds" in disk.found().reason and disk.found().point is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"x" * RECORD, "is no record"),
        (b"\0" * (RECORD - 1) + b"x", "is no record"),
        (record(Layout(SLOTS), 7)[:-1] + b"x", "wrong checksum"),
        (record(Layout(SLOTS), 8), "belongs elsewhere"),
    ],
)
def test_one_block_that_is_damaged_is_found(tmp_path, counts, content, reason):
    disk = Written(tmp_path, counts, 10)
    disk.put_bytes(Layout(SLOTS).slot(7), content)
    assert disk.found().point is None and reason in disk.found().reason


def test_what_was_cleared_must_not_come_back(tmp_path, counts):
    layout = Layout(SLOTS, wipes=(Wipe(100, 0, SLOTS // 2),))
    disk = Written(tmp_path, counts, 104, layout)
    assert disk.found().point == 104
    old = next(number for number in range(100, 0, -1) if layout.slot(number) < SLOTS // 2)
    disk.put(old)
    assert disk.found().point is None and f"holds {old}, not None" in disk.found().reason


def test_while_something_is_cleared_both_states_are_taken(tmp_path, counts):
    layout = Layout(SLOTS, wipes=(Wipe(100, 0, SLOTS // 2),))
    before = Written(tmp_path, counts, 100, Layout(SLOTS))
    last_slot = layout.slot(100)
    assert last_slot >= SLOTS // 2, "the writer never clears its last record"
    before._oracle = Oracle(layout, counts)
    assert before.found().point == 100
    before.put_bytes(0, bytes(RECORD))
    assert before.found().point == 100
    before.put_bytes(last_slot, bytes(RECORD))
    assert before.found().point is None


@pytest.mark.parametrize("points", [(20, 20), (21, 21), (20, 21), (21, 20)])
def test_disks_of_one_instant_are_told_from_others(tmp_path, counts, points):
    layout = Layout(SLOTS, 2)
    disks = [Written(tmp_path, counts, point, layout, lane).found() for lane, point in enumerate(points)]
    oracle = Oracle(layout, counts)
    # record 20 is the last even one and 21 the last odd one: only the disk of the even ones at 20 needs nothing of the other
    assert oracle.assert_one_instant(disks) in (20, 21)
    later = Written(tmp_path, counts, 24, layout, 0).found()
    with pytest.raises(AssertionError, match="at one instant it would be"):
        oracle.assert_one_instant([later, disks[1]])


def test_what_is_lost_is_counted(tmp_path, counts):
    found = Written(tmp_path, counts, 90).found()
    assert found.assert_nothing_lost(90) == found.assert_snapshot_within(80, 95) == 90
    with pytest.raises(AssertionError, match="at record 90, but 93 was acknowledged"):
        found.assert_nothing_lost(93)
    with pytest.raises(AssertionError, match="not from 91 to 95"):
        found.assert_snapshot_within(91, 95)
    assert counts.numbers == {"acknowledged records checked": 90 + 80 + 93, "records lost": 3}
    # this one is lost on purpose, and is not told at the end
    counts.numbers.clear()
