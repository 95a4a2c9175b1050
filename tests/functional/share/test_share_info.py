# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gluster_share_info: what shares hold is told as it is, nothing is written, and it never fails for a share."""

from __future__ import annotations

import os

import pytest

MODULE = "gluster_share_info"
MIB = 1 << 20


def told_twice(place, **options) -> list[dict]:
    """Return what is told of the shares; check mode tells the same, and all stays as it was."""
    before = place.everything()
    result = place.ok(MODULE, **options)
    assert not result.changed and result.actions == []
    checked = place.ok(MODULE, check=True, **options).shares
    # others write to the same disk
    assert [{**entry, "available_bytes": None} for entry in checked] == [{**entry, "available_bytes": None} for entry in result.shares]
    assert place.everything() == before
    return result.shares


def test_an_empty_share(place):
    (found,) = told_twice(place)
    space = os.statvfs(place.mount_point())
    assert found["share"] == place.share and found["mount_point"] == str(place.mount_point())
    assert found["mounted"] is True and found["writable"] is True and "error" not in found
    assert found["total_bytes"] == space.f_blocks * space.f_frsize
    assert found["volumes"] == found["provisioned_bytes"] == found["allocated_bytes"] == 0
    assert place.ok(MODULE).msg == "1 of 1 shares are mounted and respond."


def test_what_is_promised_and_what_is_taken(place, small_volumes):
    share = place.new_share(small_volumes[0])
    place.mount(share)
    place.ok("gluster_volume_file", share=share, name=["v1"], size="8M", allocation="full")
    place.ok("gluster_volume_file", share=share, name=["v2"], size="1G", format="qcow2", max_over_subscription_ratio=100)
    place.ok("gluster_snapshot", share=share, volume=["v1"], name=["s1"])
    place.ok("gluster_volume_file", share=share, name=["v1"], size="16M")
    # what is no volume does not count
    (place.mount_point(share) / "notes.txt").write_bytes(b"x" * MIB)
    (place.mount_point(share) / "directory").mkdir()
    (found,) = told_twice(place, share=share)
    files = [place.mount_point(share) / name for name in ("v1", "v1.s1", "v2")]
    assert found["volumes"] == 2 and found["provisioned_bytes"] == (1 << 30) + 16 * MIB
    assert found["allocated_bytes"] == sum(os.stat(path).st_blocks * 512 for path in files) >= 8 * MIB
    assert found["total_bytes"] == 64 * MIB and 54 * MIB < found["available_bytes"] < 56 * MIB


def test_several_shares_in_their_order_one_not_mounted_one_dead(place):
    dead, unmounted = place.new_share(), place.new_share()
    place.mount(dead)
    place.kill_client(dead)
    result = place.ok(MODULE, shares=[unmounted, place.share, dead])
    assert [entry["share"] for entry in result.shares] == [unmounted, place.share, dead]
    assert [entry["mounted"] for entry in result.shares] == [False, True, False]
    assert f"{unmounted} is not mounted at {place.mount_point(unmounted)}" in result.shares[0]["error"]
    assert "is dead (transport endpoint is not connected)" in result.shares[2]["error"]
    for entry in (result.shares[0], result.shares[2]):
        assert [entry[key] for key in ("volumes", "provisioned_bytes", "allocated_bytes", "total_bytes", "writable")] == [None] * 5
    assert result.msg == "1 of 3 shares are mounted and respond."


def test_a_share_mounted_read_only_is_not_writable(unmounted):
    unmounted.ok("gluster_share_mount", options="ro", writable=False)
    (found,) = told_twice(unmounted)
    assert found["mounted"] is True and found["writable"] is False


def test_something_else_mounted_there_is_not_the_share(unmounted):
    unmounted.mount_point().mkdir(parents=True)
    unmounted.command("mount", "-t", "tmpfs", "vdt-other", str(unmounted.mount_point()))
    (found,) = told_twice(unmounted)
    assert found["mounted"] is False and "vdt-other (tmpfs) is mounted there" in found["error"]


def test_a_shares_file_gives_shares_and_options(place):
    file = place.tmp / "shares"
    file.write_text(f"# ours\n\n{place.share} -o backup-volfile-servers=gl2:gl3\nnonsense\n")
    result = place.ok(MODULE, shares_file=str(file))
    assert [(entry["share"], entry["options"], entry["mounted"]) for entry in result.shares] == [
        (place.share, "backup-volfile-servers=gl2:gl3", True)
    ]
    assert len(result.warnings) == 1 and "line 4" in result.warnings[0]


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_lies_in_the_place_of_our_own_directory_does_not_matter(place, kind):
    place.path("v1").write_bytes(bytes(MIB))
    if kind == "file":
        place.path(".vdisk").write_bytes(b"content")
    else:
        place.path(".vdisk").symlink_to("/etc")
    (found,) = told_twice(place)
    assert found["volumes"] == 1 and found["provisioned_bytes"] == MIB


def test_a_volume_that_is_not_sound_is_counted(place):
    place.volume()
    place.path("v1.info").write_bytes(b"")
    place.volume("v2")
    (found,) = told_twice(place)
    assert found["volumes"] == 2


@pytest.mark.parametrize("share", ["gl1", "gl1:/", "gl1:/vms/", ""])
def test_what_is_not_a_share_is_refused(place, share):
    assert f"{share!r} is not a share; write host:/volume" in place.refused_untouched(MODULE, share=share)


def test_two_ways_to_name_shares_are_refused(place):
    told = place.refused_untouched(MODULE, share=place.share, shares=[place.share])
    assert "mutually exclusive" in told and "share" in told
