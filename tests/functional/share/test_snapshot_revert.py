# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reverting: the volume reads as it did at the snapshot, and every point in time that was not given up stays what it was."""

from __future__ import annotations

import pytest

MIB = 1 << 20


@pytest.fixture
def history(place):
    """A volume with three snapshots, and what it read as at each of them and now."""
    place.volume(size="4M")
    points = {}
    for number, name in enumerate(["s1", "s2", "s3"]):
        place.write(0x11 * (number + 1), number * MIB // 2, MIB)
        points[name] = place.read()
        place.snapshot(name)
    place.write(0x44, 0, 3 * MIB)
    points["now"] = place.read()
    return points


def test_the_newest_snapshot_comes_back_and_the_path_stays(place, history):
    path = place.info()["path"]
    made = place.check_run_again("gluster_snapshot", volume=["v1"], name=["s3"], state="reverted")
    assert place.read() == history["s3"] != history["now"]
    assert made.volumes[0]["path"] == path
    for name in ("s1", "s2", "s3"):
        assert place.read(snapshot=name) == history[name]
    assert place.names() == ["v1", "v1.info", "v1.s1", "v1.s2", "v1.s3"]


def test_an_older_one_is_refused_unless_the_newer_may_go(place, history):
    before = place.digest()
    for check in (True, False):
        said = place.refused("gluster_snapshot", check=check, volume=["v1"], name=["s1"], state="reverted")
        assert "s2, s3 came after it" in said and "discard_newer" in said
    assert place.digest() == before


def test_an_older_one_comes_back_and_the_newer_are_gone(place, history):
    place.check_run_again("gluster_snapshot", volume=["v1"], name=["s2"], state="reverted", discard_newer=True)
    assert place.read() == history["s2"]
    assert [entry["name"] for entry in place.info()["snapshots"]] == ["s1", "s2"]
    assert place.read(snapshot="s1") == history["s1"]
    assert place.read(snapshot="s2") == history["s2"]
    assert place.names() == ["v1", "v1.info", "v1.s1", "v1.s2_2"]
    assert place.info()["problems"] == []


def test_after_a_growth_the_size_stays_and_the_rest_reads_as_zeroes(place, history):
    place.ok("gluster_volume_file", name=["v1"], size="6M")
    place.write(0x55, 5 * MIB, MIB)
    place.ok("gluster_snapshot", volume=["v1"], name=["s3"], state="reverted")
    assert place.read() == history["s3"] + bytes(2 * MIB)


def test_what_cannot_be_reverted_is_refused(place, history):
    before = place.digest()
    assert "has no snapshot s9 to revert to (it has: s1, s2, s3)" in place.refused(
        "gluster_snapshot", volume=["v1"], name=["s9"], state="reverted"
    )
    assert "does not exist" in place.refused("gluster_snapshot", volume=["v9"], name=["s1"], state="reverted")
    assert "name one" in place.refused("gluster_snapshot", volume=["v1"], name=["s1", "s2"], state="reverted")
    assert place.digest() == before


def test_a_merge_and_a_new_snapshot_after_it_work(place, history):
    place.ok("gluster_snapshot", volume=["v1"], name=["s2"], state="reverted", discard_newer=True)
    place.write(0x66, 0, MIB // 4)
    now = place.read()
    place.snapshot("s3")
    place.drop("s2")
    assert place.read() == place.read(snapshot="s3") == now
    assert place.read(snapshot="s1") == history["s1"]
