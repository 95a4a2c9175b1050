# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gluster_volume_file: where a new volume goes, where an existing one is found, and shares that are full."""

from __future__ import annotations

import os
import re

import pytest

MODULE = "gluster_volume_file"
MIB = 1 << 20


def about(available: int, total: int, room: int | None = None) -> re.Pattern:
    """Return what is told of a share's space in MiB; GlusterFS itself may have taken a block or two."""

    def size(number: int) -> str:
        return rf"({number}|{number - 1}\.9\d?) MiB"

    return re.compile(f"has {size(available)} available of {total} MiB" + (f" and may take {size(room)}" if room else ""))


@pytest.fixture
def shares(place, small_volumes):
    """Three mounted shares: the first and third can hold 64 MiB, the second 96 MiB."""
    small, larger = small_volumes
    made = [place.new_share(small), place.new_share(larger), place.new_share(small)]
    place.mount(*made)
    return made


def test_a_new_volume_goes_to_the_share_with_the_most_space(place, shares):
    made = place.check_run_again(MODULE, shares=shares, name=["v1"], size="20M", allocation="falloc")
    assert made.volume["share"] == shares[1] and (place.mount_point(shares[1]) / "v1").exists()
    # 76 MiB are left there, still the most
    assert place.ok(MODULE, shares=shares, name=["v2"], size="20M", allocation="falloc").volume["share"] == shares[1]
    # and now 56 MiB, less than the 64 MiB of the others, of which the first is taken
    made = place.check_run_again(MODULE, shares=shares, name=["v3"], size="20M", allocation="falloc")
    assert made.volume["share"] == shares[0]


def test_the_share_named_first_wins_a_tie(place, shares):
    for order in (shares[0], shares[2]), (shares[2], shares[0]):
        made = place.ok(MODULE, check=True, shares=list(order), name=["v1"], size="1M")
        assert made.volume["share"] == order[0]


def test_volumes_of_one_task_are_spread_as_if_they_were_made_one_by_one(place, shares):
    made = place.check_run_again(MODULE, shares=shares, name=["v1", "v2", "v3"], size="24M", allocation="falloc")
    assert [volume["share"] for volume in made.volumes] == [shares[1], shares[1], shares[0]]


def test_a_share_is_chosen_that_has_the_room_and_none_gets_what_fits_nowhere(place, shares):
    assert place.ok(MODULE, check=True, shares=shares, name=["v1"], size="80M").volume["share"] == shares[1]
    told = place.refused_untouched(MODULE, shares=shares, name=["v1"], size="97M")
    assert told.startswith("no share has space for 97 MiB of v1: ")
    for share, size in zip(shares, (64, 96, 64)):
        assert about(size, size, size).match(told.partition(f"{share} ")[2])
    assert "name another share, free space, or set max_over_subscription_ratio" in told


def test_a_reserve_is_left_free(place, shares):
    options = {"shares": shares, "name": ["v1"], "reserved_percentage": 50}
    assert place.ok(MODULE, check=True, size="47M", **options).volume["share"] == shares[1]
    told = place.refused_untouched(MODULE, size="49M", **options)
    assert about(96, 96, 48).match(told.partition(f"{shares[1]} ")[2])


def test_more_than_there_is_can_be_promised_as_far_as_the_ratio_goes(place, shares):
    options = {"share": shares[0], "max_over_subscription_ratio": 2.0}
    place.ok(MODULE, name=["v1"], size="100M", **options)
    told = place.refused_untouched(MODULE, name=["v2"], size="29M", **options)
    assert about(64, 64, 28).match(told.partition(f"{shares[0]} ")[2])
    place.ok(MODULE, name=["v2"], size="28M", **options)
    # what is not thin cannot be promised
    told = place.refused_untouched(MODULE, name=["v3"], size="80M", allocation="falloc", share=shares[2], max_over_subscription_ratio=9)
    assert about(64, 64, 64).search(told) and told.endswith("MiB; name another share, or free space on one")


def test_growth_keeps_to_the_limits_of_a_new_volume(place, shares):
    place.ok(MODULE, share=shares[0], name=["v1"], size="60M")
    told = place.refused_untouched(MODULE, share=shares[0], name=["v1"], size="60G")
    assert "no share has space" in told and "of v1" in told
    place.ok(MODULE, share=shares[0], name=["v1"], size="60G", max_over_subscription_ratio=1000)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"reserved_percentage": -1}, "reserved_percentage: -1 is not a percentage"),
        ({"reserved_percentage": 101}, "reserved_percentage: 101 is not a percentage"),
        ({"max_over_subscription_ratio": 0}, "max_over_subscription_ratio: 0.0 is not a ratio"),
        ({"max_over_subscription_ratio": -2.5}, "max_over_subscription_ratio: -2.5 is not a ratio"),
    ],
)
def test_limits_that_cannot_be_meant_are_refused(place, options, words):
    assert words in place.refused_untouched(MODULE, name=["v1"], size="1M", **options)


def test_an_existing_volume_is_found_on_whichever_share_has_it(place, shares):
    place.ok(MODULE, share=shares[2], name=["v1"], size="4M")
    made = place.check_run_again(MODULE, shares=shares, name=["v1"], size="6M")
    assert made.volume["share"] == shares[2]
    place.check_run_again(MODULE, shares=shares, name=["v1"], state="absent")
    assert os.listdir(place.behind(shares[2])) == [".vdisk"]


def test_a_volume_on_two_shares_is_refused_until_one_is_named(place, shares):
    for share in shares[:2]:
        place.ok(MODULE, share=share, name=["v1"], size="4M")
    for state in ("present", "absent"):
        told = place.refused_untouched(MODULE, shares=shares, name=["v1"], state=state)
        assert told == f"v1 is on {shares[0]} and on {shares[1]}; set share to one of them"
    place.ok(MODULE, share=shares[0], name=["v1"], state="absent")
    assert place.ok(MODULE, shares=shares, name=["v1"]).volume["share"] == shares[1]


def test_a_share_that_is_not_mounted_may_hold_what_was_not_found(place, shares):
    unmounted = place.new_share()
    everywhere = [*shares, unmounted]
    place.ok(MODULE, share=shares[0], name=["v1"], size="4M")
    for options in ({"size": "4M"}, {"state": "absent"}):
        told = place.refused_untouched(MODULE, shares=everywhere, name=["v2"], **options)
        assert f"{unmounted} is not mounted at {place.mount_point(unmounted)}; mount it with gluster_share_mount first" in told
    # what was found is worked on
    assert place.ok(MODULE, shares=everywhere, name=["v1"], size="6M").changed


def test_a_share_that_is_not_mounted_gets_no_file_on_the_disk_below(unmounted):
    unmounted.mount_point().mkdir(parents=True)
    told = unmounted.refused_untouched(MODULE, name=["v1"], size="4M")
    assert f"{unmounted.share} is not mounted at {unmounted.mount_point()}" in told
    assert os.listdir(unmounted.mount_point()) == []


def test_a_dead_mount_is_named_as_such(place):
    place.volume()
    place.kill_client()
    for options in ({"name": ["v1"], "size": "6M"}, {"name": ["v1"], "state": "absent"}, {"name": ["v2"], "size": "4M"}):
        for check in (True, False):
            told = place.refused(MODULE, check=check, **options)
            assert f"the mount of {place.share} at {place.mount_point()} is dead" in told and "gluster_share_mount repairs it" in told


def test_what_else_is_mounted_in_the_shares_place_gets_no_file(unmounted):
    unmounted.mount_point().mkdir(parents=True)
    unmounted.command("mount", "-t", "tmpfs", "vdt-other", str(unmounted.mount_point()))
    told = unmounted.refused_untouched(MODULE, name=["v1"], size="4M")
    assert "vdt-other (tmpfs) is mounted there" in told


@pytest.mark.parametrize("allocation", ["sparse", "falloc", "full"])
def test_what_is_larger_than_the_space_left_is_refused_before_a_byte_is_written(place, shares, allocation):
    with (place.mount_point(shares[0]) / "of-somebody-else").open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, 40 * MIB)
    told = place.refused_untouched(MODULE, share=shares[0], name=["v1"], size="30M", allocation=allocation)
    assert about(24, 64).match(told.partition(f"{shares[0]} ")[2])


@pytest.mark.parametrize("allocation", ["falloc", "full"])
def test_space_that_runs_out_on_the_way_is_told_and_nothing_is_left(place, shares, allocation, monkeypatch):
    fill = place.mount_point(shares[0]) / "of-somebody-else"
    real = os.posix_fallocate if allocation == "falloc" else os.write

    def taken_meanwhile(descriptor, *arguments):
        if not fill.exists():
            with fill.open("wb") as stream:
                posix_fallocate(stream.fileno(), 0, 50 * MIB)
        return real(descriptor, *arguments)

    posix_fallocate = os.posix_fallocate
    monkeypatch.setattr(os, "posix_fallocate" if allocation == "falloc" else "write", taken_meanwhile)
    told = place.refused(MODULE, share=shares[0], name=["v1"], size="30M", allocation=allocation)
    monkeypatch.undo()
    path = place.mount_point(shares[0]) / "v1"
    assert f"cannot write {path}: no space is left; free some, or add bricks if it is a share, then run the task again" in told
    assert sorted(os.listdir(path.parent)) == [".vdisk", "of-somebody-else"]
    assert os.listdir(path.parent / ".vdisk") == ["v1.lock"]
    fill.unlink()
    assert place.ok(MODULE, share=shares[0], name=["v1"], size="30M", allocation=allocation).changed


def test_a_read_only_share_is_told_and_stays_as_it_is(unmounted):
    unmounted.ok("gluster_share_mount", options="ro", writable=False)
    told = unmounted.refused(MODULE, name=["v1"], size="4M")
    assert "the file system is read-only" in told and str(unmounted.mount_point()) in told
    assert os.listdir(unmounted.behind()) == []
