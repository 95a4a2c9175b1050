# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots that are refused: in use, being read, not known, badly named; a sentence, and nothing changed."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.vdisk.gluster.tests.harness.processes import wait_until

KIB = 1 << 10
MIB = 1 << 20


@pytest.fixture
def chain(place):
    """A share with the volume v1 and its snapshots s1, s2 and s3."""
    place.volume(size="1M")
    for number, name in enumerate(("s1", "s2", "s3"), 1):
        place.write(number, number * 128 * KIB, 256 * KIB)
        place.snapshot(name)
    return place


def take(place, name, *volumes):
    return place.refused_untouched("gluster_snapshot", volume=list(volumes or ["v1"]), name=[name])


def drop(place, *names):
    return place.refused_untouched("gluster_snapshot", volume=["v1"], name=list(names), state="absent")


def test_a_volume_that_is_not_there_is_given_no_snapshot(place):
    assert "v9 on" in take(place, "s1", "v9") and "does not exist" in take(place, "s1", "v9")


@pytest.mark.parametrize("content", [b"", b"\0" * MIB, b"QFI\xfb" + b"\0" * MIB], ids=["empty", "zeroes", "magic"])
def test_a_volume_of_another_making_has_to_be_adopted_first(place, content):
    place.path("v1").write_bytes(content)
    assert take(place, "s1").endswith("adopt it first with gluster_volume_file, state present and its format")
    assert not place.ok("gluster_snapshot", volume=["v1"], name=["s1"], state="absent").changed
    assert place.names() == ["v1"]


def test_a_chain_of_another_making_has_to_be_adopted_before_its_snapshots_are_dropped(chain):
    chain.path(".vdisk/v1.json").unlink()
    for sentence in (take(chain, "s4"), drop(chain, "s2")):
        assert sentence.endswith("adopt it first with gluster_volume_file, state present and its format")


def test_a_volume_in_use_is_left_alone_and_its_user_is_named(chain):
    with chain.in_qemu("v1.s3", "qcow2"):
        for sentence in (take(chain, "s4"), drop(chain, "s1"), drop(chain, "s3")):
            assert "v1 on" in sentence and "is in use" in sentence and "v1.s3" in sentence
        assert chain.info()["in_use"] is True
        assert not chain.snapshot("s2").changed, "what needs no change is not refused"
    assert chain.info()["in_use"] is False
    chain.drop("s1")


def test_a_volume_without_snapshots_in_use_is_left_alone(place):
    place.volume(size="1M")
    with place.in_qemu("v1", "raw"):
        assert "is in use" in take(place, "s1")
    assert place.names() == ["v1"]
    place.snapshot("s1")


def test_use_on_another_host_counts(chain):
    other = chain.other_host()
    with other.in_qemu("v1.s3", "qcow2"):
        assert "is in use" in take(chain, "s4") and "is in use" in drop(chain, "s2")


@pytest.mark.sample(1, pinned=["v1.s1-qcow2-s2-s3"])
@pytest.mark.parametrize(
    ("read", "image_format", "kept", "free"),
    [("v1", "raw", "s1", None), ("v1.s1", "qcow2", "s2", "s3"), ("v1.s2", "qcow2", "s3", None)],
)
def test_a_frozen_file_that_is_being_read_is_not_merged(chain, read, image_format, kept, free):
    points = chain.points()
    # who reads a file reads all below it
    with chain.other_host().in_qemu(read, image_format, "-r"):
        sentence = drop(chain, kept)
        assert "is being read" in sentence and "wait until it ends, then run the task again" in sentence
        chain.snapshot("s4")
        if free:
            chain.drop(free)
    chain.drop(kept)
    rest = {name: content for name, content in points.items() if name not in (kept, free)}
    assert chain.points() == {**rest, "s4": points["now"]}


def test_a_slow_copy_of_a_snapshot_holds_off_its_deletion_and_comes_out_right(place, tmp_path):
    place.volume(size="16M")
    place.write(1, 0, 10 * MIB)
    place.snapshot("s1")
    place.write(2, MIB, MIB)
    place.snapshot("s2")
    points = place.points()
    # several pieces, of which each waits for its turn
    argv = ["qemu-img", "convert", "-r", "700k", "-f", "raw", "-O", "raw", str(place.path("v1")), str(tmp_path / "copy")]
    with subprocess.Popen(argv) as copying:
        wait_until(lambda: (tmp_path / "copy").exists() and (tmp_path / "copy").stat().st_blocks, "the copy to begin")
        assert "is being read" in drop(place, "s1")
        assert copying.poll() is None, "the copy was over too soon to prove anything"
        assert copying.wait(60) == 0
    assert (tmp_path / "copy").read_bytes() == points["s1"]
    place.drop("s1")
    assert place.points() == {"s2": points["s2"], "now": points["now"]}


def test_a_stray_file_in_the_place_of_an_overlay_stays_as_it_is(chain):
    for content in (b"", b"somebody's notes"):
        chain.path("v1.s4").write_bytes(content)
        sentence = take(chain, "s4")
        assert "v1.s4 is on" in sentence and "move it away" in sentence
    chain.snapshot("s5")
    chain.drop("s1", "s2", "s3", "s5")
    assert chain.path("v1.s4").read_bytes() == b"somebody's notes"
    chain.path("v1.s4").unlink()
    chain.snapshot("s4")


def test_a_stray_file_beside_a_volume_that_has_no_info_file_stops_every_change(place):
    place.volume(size="1M")
    place.path("v1.s1").write_bytes(b"somebody's notes")
    for name in ("s1", "s2"):
        assert "v1.s1 is beside v1" in take(place, name)


@pytest.mark.parametrize(
    "name",
    ["active", "info", "json", "lock", "journal", "", ".", "..", "../v2", "a/b", "a.b", "-a", "_a", "a b", "a\n", "ä", "a" * 65, "%s"],
)
def test_a_malformed_or_reserved_name_is_refused_before_a_file_is_touched(unmounted, name):
    # not even the share is mounted: the name alone decides
    for options in ({"name": [name]}, {"name": [name], "state": "absent"}, {"name": ["s1", name], "state": "absent"}):
        sentence = unmounted.refused_untouched("gluster_snapshot", volume=["v1"], **options)
        assert "snapshot" in sentence and ("is not a snapshot name" in sentence or "cannot be named" in sentence)


@pytest.mark.parametrize("volume", ["", "../v1", "v1.s1", "v1.info", ".vdisk", "a" * 129])
def test_a_malformed_volume_name_is_refused(unmounted, volume):
    sentence = unmounted.refused_untouched("gluster_snapshot", volume=[volume], name=["s1"])
    assert "is not a volume name" in sentence


def test_longest_and_shortest_names_are_taken(place):
    volume, names = "v" * 128, ["s" * 64, "0", "A_-"]
    place.volume(volume, size="1M")
    for name in names:
        place.snapshot(name, volume=volume)
    assert place.names() == sorted([volume, f"{volume}.info", *(f"{volume}.{name}" for name in names)])
    place.drop(*names, volume=volume)


def test_what_a_task_cannot_mean_is_said(unmounted):
    refused = unmounted.refused_untouched
    assert "only be deleted together" in refused("gluster_snapshot", volume=["v1"], name=["s1", "s2"])
    assert "empty" in refused("gluster_snapshot", volume=["v1"], name=[])
    assert "empty" in refused("gluster_snapshot", volume=[], name=["s1"])
    assert "named twice" in refused("gluster_snapshot", volume=["v1", "v1"], name=["s1"])


def test_a_share_that_is_not_mounted_is_refused(unmounted):
    for state in ("present", "absent"):
        assert "not mounted" in unmounted.refused_untouched("gluster_snapshot", volume=["v1"], name=["s1"], state=state)
