# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several volumes in one task of gluster_snapshot are one group: all or none."""

from __future__ import annotations

import pytest

GROUP = ["v3", "v1", "v2"]
KIB = 1 << 10


@pytest.fixture
def group(place):
    """A share with three volumes of different formats, with different content."""
    for number, name in enumerate(sorted(GROUP), 1):
        place.volume(name, size="1M", format="qcow2" if name == "v2" else "raw")
        place.write(number, 0, number * 128 * KIB, volume=name)
    return place


def test_a_group_is_taken_and_dropped_together(group):
    contents = {name: group.read(name) for name in GROUP}
    made = group.check_run_again("gluster_snapshot", volume=GROUP, name=["monday"], label="nightly")
    assert [volume["name"] for volume in made.volumes] == GROUP
    assert [snapshot["volume"] for snapshot in made.snapshots] == GROUP
    assert len({snapshot["created"] for snapshot in made.snapshots}) == 1, "one instant"
    # the overlays of all come first, then what the info files say
    assert [action.split()[2] for action in made.actions] == [f"{name}.monday" for name in GROUP]
    for name in GROUP:
        group.write(0xAA, 512 * KIB, 64 * KIB, volume=name)
    now = {name: group.read(name) for name in GROUP}
    assert {name: group.points(name) for name in GROUP} == {name: {"monday": contents[name], "now": now[name]} for name in GROUP}
    group.check_run_again("gluster_snapshot", volume=GROUP, name=["monday"], state="absent")
    assert {name: group.points(name) for name in GROUP} == {name: {"now": now[name]} for name in GROUP}
    assert group.names() == sorted([*GROUP, *(f"{name}.info" for name in GROUP)])


def test_a_group_of_which_some_have_the_snapshot_already_is_refused(group):
    group.snapshot("monday", volume="v1")
    sentence = group.refused_untouched("gluster_snapshot", volume=GROUP, name=["monday"])
    assert "v1 on" in sentence and "has a snapshot monday already" in sentence and "v3 on" in sentence
    group.ok("gluster_snapshot", volume=["v3", "v2"], name=["monday"])
    assert not group.ok("gluster_snapshot", volume=GROUP, name=["monday"]).changed


def test_dropping_from_a_group_leaves_those_alone_that_lack_the_snapshot(group):
    group.ok("gluster_snapshot", volume=["v1", "v2"], name=["monday"])
    group.snapshot("tuesday", volume="v3")
    before = group.digest()
    group.check_run_again("gluster_snapshot", volume=GROUP, name=["monday"], state="absent")
    assert {name: entry for name, entry in group.digest().items() if name.startswith("v3")} == {
        name: entry for name, entry in before.items() if name.startswith("v3")
    }


def leave_unrecorded(group):
    group.path(".vdisk/v2.json").unlink()


def make_stray(group):
    group.snapshot("other", volume="v2")
    group.path("v2.monday").write_bytes(b"notes")


def cut_short(group):
    group.path("v2").write_bytes(group.path("v2").read_bytes()[:1000])


def break_info_file(group):
    group.path("v2.info").write_bytes(b"{")


def remove(group):
    group.ok("gluster_volume_file", name=["v2"], state="absent")


@pytest.mark.parametrize("spoil", [leave_unrecorded, make_stray, cut_short, break_info_file, remove])
def test_one_member_that_is_refused_leaves_all_untouched(group, spoil):
    spoil(group)
    assert "v2" in group.refused_untouched("gluster_snapshot", volume=GROUP, name=["monday"])


def test_one_member_in_use_leaves_all_untouched(group):
    with group.in_qemu("v2", "qcow2"):
        sentence = group.refused_untouched("gluster_snapshot", volume=GROUP, name=["monday"])
        assert "v2 on" in sentence and "is in use" in sentence
    group.ok("gluster_snapshot", volume=GROUP, name=["monday"])
    with group.in_qemu("v2.monday", "qcow2"):
        sentence = group.refused_untouched("gluster_snapshot", volume=GROUP, name=["monday"], state="absent")
        assert "v2 on" in sentence and "is in use" in sentence


def test_a_group_can_lie_on_two_shares(group):
    elsewhere = group.new_share()
    group.mount(elsewhere)
    group.ok("gluster_volume_file", share=elsewhere, name=["w1"], size="1M")
    shares = [group.share, elsewhere]
    made = group.ok("gluster_snapshot", shares=shares, volume=["w1", "v1"], name=["monday"])
    assert [(volume["name"], volume["share"]) for volume in made.volumes] == [("w1", elsewhere), ("v1", group.share)]
    assert (group.mount_point(elsewhere) / "w1.monday").exists() and group.path("v1.monday").exists()
    with group.in_qemu("v1.monday", "qcow2"):
        group.refused_untouched("gluster_snapshot", shares=shares, volume=["w1", "v1"], name=["tuesday"])
    group.ok("gluster_snapshot", shares=shares, volume=["w1", "v1"], name=["monday"], state="absent")
    assert not (group.mount_point(elsewhere) / "w1.monday").exists() and not group.path("v1.monday").exists()
