# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an image is a disk as it was at one instant, and at which: the judge of every live test.

The writer in the guest (guest/writer.c) has one write under way at a time. So an image is a true point in time exactly if there
is one number P such that each slot holds the greatest record that was written to it up to P, or zeroes if it was cleared since.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import struct
import subprocess
import tempfile
import zlib
from typing import Iterator, Sequence

from ansible_collections.vdisk.gluster.tests.harness.guests.counting import Counts

RECORD = 4096
_MULTIPLIER = 2654435761
_HEAD = struct.Struct("<8sQQQ")
_MAGIC = b"LIVEREC1"


@dataclasses.dataclass(frozen=True)
class Wipe:
    """The clearing of C(count) slots from C(first) on, after record C(after) and before the next one."""

    after: int
    first: int
    count: int

    def hides(self, record: int, slot: int, point: int) -> bool:
        """Tell whether at a point in time a record of this slot has been cleared."""
        return record <= self.after < point and self.first <= slot < self.first + self.count


@dataclasses.dataclass(frozen=True)
class Layout:
    """How the writer lays out its records: slots of each disk, over how many disks, what it cleared."""

    slots: int = 4096
    lanes: int = 1
    wipes: tuple[Wipe, ...] = ()

    def slot(self, record: int) -> int:
        return record // self.lanes * _MULTIPLIER % self.slots

    def expected(self, lane: int, point: int) -> dict[int, int]:
        """Return which record each used slot of a disk holds at a point in time."""
        last = point - (point - lane) % self.lanes
        records = range(last, max(0, last - self.slots * self.lanes), -self.lanes)
        held = {self.slot(record): record for record in records}
        return {slot: record for slot, record in held.items() if not any(wipe.hides(record, slot, point) for wipe in self.wipes)}

    def half_wiped(self, lane: int, point: int) -> set[int]:
        """Return the slots of which nobody knows whether they are cleared: that was going on at the point in time."""
        under_way = [wipe for wipe in self.wipes if wipe.after - point in range(self.lanes)]
        return {slot for wipe in under_way for slot in range(wipe.first, wipe.first + wipe.count)}


@dataclasses.dataclass(frozen=True)
class Finding:
    """What an image is: a point in time, or not one, with the reason."""

    image: str
    point: int | None
    reason: str
    counts: Counts = dataclasses.field(compare=False, repr=False)

    def assert_snapshot_within(self, before: int, after: int) -> int:
        """See that it is a true point in time between two acknowledged records, and return it."""
        assert self.point is not None, f"{self.image} is no point in time: {self.reason}"
        assert before <= self.point <= after, f"{self.image} is at record {self.point}, not from {before} to {after}"
        self.counts.add("acknowledged records checked", before)
        return self.point

    def assert_nothing_lost(self, acknowledged: int) -> int:
        """See that it is a true point in time and holds all that was acknowledged, and return it."""
        lost = acknowledged if self.point is None else max(0, acknowledged - self.point)
        self.counts.add("acknowledged records checked", acknowledged)
        self.counts.add("records lost", lost)
        assert self.point is not None, f"{self.image} is no point in time: {self.reason}"
        assert not lost, f"{self.image} is at record {self.point}, but {acknowledged} was acknowledged"
        return self.point


@contextlib.contextmanager
def raw_copy(path: pathlib.Path, image_format: str) -> Iterator[pathlib.Path]:
    """Copy what an image reads as to a raw file for a while; with QEMU's own locks, so that a moving image is refused."""
    descriptor, name = tempfile.mkstemp(prefix="vdisk-live-")
    os.close(descriptor)
    copy = pathlib.Path(name)
    try:
        # past the caches: what another mount wrote is to be seen
        argv = ["qemu-img", "convert", "-T", "none", "-f", image_format, "-O", "raw", str(path), name]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, f"{argv} ended with {done.returncode}: {done.stderr}"
        yield copy
    finally:
        copy.unlink()


class Oracle:
    """Judges the images of one machine by the layout of its records."""

    def __init__(self, layout: Layout, counts: Counts) -> None:
        self.layout = layout
        self._counts = counts

    def point_in_time(self, path: pathlib.Path, image_format: str, lane: int = 0) -> Finding:
        """Judge an image with its backing files; C(lane) is the number of the disk, from 0."""
        with raw_copy(path, image_format) as copy:
            return self.of_records(copy, lane, str(path))

    def of_records(self, copy: pathlib.Path, lane: int = 0, image: str = "") -> Finding:
        """Judge a raw copy of a disk, or of the file of records in its file system."""
        held, reason = self._read(copy, lane)
        if reason:
            return Finding(image, None, reason, self._counts)
        point = max(held.values(), default=0)
        expected, unknown = self.layout.expected(lane, point), self.layout.half_wiped(lane, point)
        wrong = {
            slot: (held.get(slot), expected.get(slot))
            for slot in held.keys() | expected.keys()
            if held.get(slot) != expected.get(slot) and not (slot in unknown and slot not in held)
        }
        if wrong:
            examples = "; ".join(f"slot {slot} holds {found}, not {right}" for slot, (found, right) in sorted(wrong.items())[:3])
            return Finding(image, None, f"of {point} records {len(wrong)} slots are lost or stale: {examples}", self._counts)
        return Finding(image, point, "exact", self._counts)

    def assert_one_instant(self, findings: Sequence[Finding]) -> int:
        """See that images of all disks, in order, are of one instant, and return its record."""
        for finding in findings:
            assert finding.point is not None, f"{finding.image} is no point in time: {finding.reason}"
        point = max(finding.point for finding in findings)
        due = [max(0, point - (point - lane) % self.layout.lanes) for lane in range(self.layout.lanes)]
        found = [finding.point for finding in findings]
        assert found == due, f"{[finding.image for finding in findings]} are at records {found}; at one instant it would be {due}"
        return point

    def _read(self, copy: pathlib.Path, lane: int) -> tuple[dict[int, int], str]:
        """Return the record that each used slot holds, and what is wrong with one of them."""
        held = {}
        with open(copy, "rb") as stream:
            for slot in range(self.layout.slots):
                block = stream.read(RECORD)
                if not block.strip(b"\0"):
                    continue
                magic, record, own_slot, checksum = _HEAD.unpack_from(block)
                if magic != _MAGIC:
                    return {}, f"slot {slot} holds what is no record"
                if zlib.crc32(block[:24] + bytes(8) + block[32:]) != checksum:
                    return {}, f"slot {slot} holds a record with a wrong checksum"
                if own_slot != slot or record % self.layout.lanes != lane or self.layout.slot(record) != slot:
                    return {}, f"slot {slot} of disk {lane} holds record {record}, which belongs elsewhere"
                held[slot] = record
        return held, ""
