# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deleting snapshots: whatever goes, in whatever order and direction, every other point in time stays what it was."""

from __future__ import annotations

import itertools

import pytest

MIB = 1 << 20


@pytest.mark.sample(6)
@pytest.mark.parametrize("base_format", ["raw", "qcow2"])
@pytest.mark.parametrize("heavy", ["lower", "upper"], ids=["commit", "pull"])
@pytest.mark.parametrize("order", list(itertools.permutations(["s1", "s2", "s3"])), ids="".join)
def test_every_remaining_point_and_the_disk_stay_right_in_every_order(place, order, heavy, base_format):
    place.volume(size="4M", format=base_format)
    # what is written before each snapshot overlaps what was written before the others, and makes the files unequal in size
    lengths = [2 * MIB, 3 * MIB // 2, MIB, MIB // 2] if heavy == "lower" else [MIB // 16, MIB // 8, 3 * MIB // 4, 3 * MIB]
    points = {}
    for number, length in enumerate(lengths):
        place.write(0x11 * (number + 1), number * 96 * 1024, length)
        if number < 3:
            points[f"s{number + 1}"] = place.read()
            place.snapshot(f"s{number + 1}")
    points["now"] = place.read()
    assert len(set(points.values())) == 4
    for name in order:
        merge = next(action for action in place.drop(name).actions if action.startswith("Merge "))
        # nothing is pulled out of the base: the oldest snapshot always goes down into it
        oldest = name == min(snapshot for snapshot in points if snapshot != "now")
        assert (" up into " if heavy == "upper" and not oldest else " down into ") in merge
        del points[name]
        for snapshot, content in points.items():
            assert place.read(snapshot=None if snapshot == "now" else snapshot) == content, f"{snapshot} after {name} was dropped"
        found = place.info()
        assert found["problems"] == []
        assert [entry["name"] for entry in found["snapshots"]] == [name for name in ("s1", "s2", "s3") if name in points]
        assert len(found["chain"]) == len(points)
    assert place.names() == ["v1", "v1.info"]
