# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gluster_volume_file: volumes are made, grown and removed as asked, several at a time, and nothing is done twice."""

from __future__ import annotations

import json
import os
import stat

import pytest

MODULE = "gluster_volume_file"
MIB = 1 << 20


def image_info(place, name: str, image_format: str) -> dict:
    return json.loads(place.command("qemu-img", "info", "--output=json", "-f", image_format, str(place.path(name))).stdout)


@pytest.mark.parametrize("allocation, on_disk", [(None, 0), ("sparse", 0), ("falloc", 8 * MIB), ("full", 8 * MIB)])
def test_a_raw_volume_takes_the_space_that_was_asked_for(place, allocation, on_disk):
    options = {"allocation": allocation} if allocation else {}
    made = place.check_run_again(MODULE, name=["v1"], size="8M", **options)
    assert made.actions == [f"Create v1 on {place.share} (raw, {allocation or 'sparse'}, 8 MiB), because it does not exist."]
    status = os.stat(place.path("v1"))
    # a brick may take a block for GlusterFS's own attributes
    assert status.st_size == 8 * MIB and on_disk <= status.st_blocks * 512 < on_disk + MIB // 8
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 0, 0o660)
    volume = made.volume
    assert made.volumes == [volume]
    assert (volume["name"], volume["share"], volume["exists"], volume["managed"]) == ("v1", place.share, True, True)
    assert volume["path"] == str(place.path("v1")) and volume["active_file"] == "v1"
    assert (volume["format"], volume["base_format"], volume["virtual_size"]) == ("raw", "raw", 8 * MIB)
    assert volume["allocated_size"] == status.st_blocks * 512
    assert volume["snapshots"] == [] and volume["problems"] == [] and volume["in_use"] is False and volume["domains"] == []
    assert made.diff["before"]["v1"]["exists"] is False and made.diff["after"] == {"v1": volume}
    assert place.names() == ["v1"] and place.read() == bytes(8 * MIB)


def test_a_qcow2_volume_is_one_that_qemu_takes(place):
    made = place.check_run_again(MODULE, name=["v1"], size="64M", format="qcow2")
    assert made.volume["format"] == made.volume["base_format"] == "qcow2" and made.volume["virtual_size"] == 64 * MIB
    assert os.stat(place.path("v1")).st_blocks * 512 < MIB and stat.S_IMODE(os.stat(place.path("v1")).st_mode) == 0o660
    found = image_info(place, "v1", "qcow2")
    assert found["virtual-size"] == 64 * MIB and "backing-filename" not in found
    place.command("qemu-img", "check", "-f", "qcow2", str(place.path("v1")))
    place.write(7, 0, MIB)
    assert place.read()[: MIB + 1] == b"\x07" * MIB + b"\0"


def test_check_mode_predicts_the_volume_and_writes_nothing(place):
    predicted = place.ok(MODULE, check=True, name=["v1"], size="8M", format="qcow2")
    assert predicted.msg == "v1 would be up to date." and os.listdir(place.mount_point()) == []
    made = place.ok(MODULE, name=["v1"], size="8M", format="qcow2")
    differing = {key for key in made.volume if predicted.volume[key] != made.volume[key]}
    # how many blocks a brick takes for a file is not known before
    assert differing <= {"allocated_size", "chain"}


def test_the_record_is_private_and_no_lock_or_temporary_file_is_in_the_way(place):
    place.volume()
    found = {name: mode[0] for name, mode in place.digest().items()}
    assert sorted(found) == [".vdisk", ".vdisk/v1.json", ".vdisk/v1.lock", "v1"]
    assert stat.S_IMODE(found[".vdisk"]) == 0o700 and stat.S_IMODE(found[".vdisk/v1.json"]) == 0o600


@pytest.mark.parametrize(
    "size, expected",
    [
        ("512", 512),
        ("1000", 1024),
        ("1k", 1024),
        ("1.5M", 3 << 19),
        ("2MiB", 2 << 20),
        ("1G", 1 << 30),
        ("1.5T", 3 << 39),
        ("2097152B", 2 << 20),
    ],
)
def test_sizes_are_in_powers_of_1024_and_whole_sectors(place, size, expected):
    assert place.volume(size=size, max_over_subscription_ratio=1000)["virtual_size"] == os.stat(place.path("v1")).st_size == expected


def test_owner_group_and_mode_are_given_and_changed(place):
    made = place.check_run_again(MODULE, name=["v1"], size="4M", owner="1234", group="daemon", mode="0600")
    status = os.stat(place.path("v1"))
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1234, 1, 0o600)
    place.snapshot("s1")
    made = place.check_run_again(MODULE, name=["v1"], owner="root", mode="0640")
    assert made.actions == ["Give v1.s1, v1, v1.info the owner 0, group 1 and mode 0640, because they differ."]
    for name in ("v1", "v1.s1"):
        status = os.stat(place.path(name))
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 1, 0o640)


def test_several_volumes_are_made_in_one_task_in_their_order(place):
    place.volume("v2")
    names = ["v3", "v1", "v2"]
    made = place.check_run_again(MODULE, name=names, size="4M")
    assert [volume["name"] for volume in made.volumes] == names and "volume" not in made.values
    assert [sentence.split(" on ")[0] for sentence in made.actions] == ["Create v3", "Create v1"]
    assert made.msg == "3 volumes are up to date now."
    gone = place.check_run_again(MODULE, name=names, state="absent")
    assert len(gone.actions) == 3 and place.names() == []


def test_more_volumes_than_are_locked_at_once_are_made_in_one_task(place):
    names = [f"v{number}" for number in range(150)]
    assert len(place.check_run_again(MODULE, name=names, size="1M").actions) == 150
    assert place.names() == sorted(names)


@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_a_volume_grows_and_keeps_its_content(place, image_format):
    place.volume(size="4M", format=image_format)
    place.write(5, 0, 4 * MIB)
    made = place.check_run_again(MODULE, name=["v1"], size="6M")
    assert made.actions == ["Grow v1 from 4 MiB to 6 MiB, because that size is requested."]
    assert made.volume["virtual_size"] == made.diff["after"]["v1"]["virtual_size"] == 6 * MIB
    assert made.diff["before"]["v1"]["virtual_size"] == 4 * MIB
    assert place.read() == b"\x05" * 4 * MIB + bytes(2 * MIB)


@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_a_volume_with_snapshots_grows_and_its_points_in_time_stay(place, image_format):
    place.volume(size="4M", format=image_format)
    place.write(5, 0, 4 * MIB)
    place.snapshot("s1")
    before = {name: facts for name, facts in place.digest().items() if name == "v1"}
    made = place.check_run_again(MODULE, name=["v1"], size="6M")
    assert made.actions == ["Grow v1.s1 from 4 MiB to 6 MiB, because that size is requested."]
    assert place.digest()["v1"] == before["v1"]
    assert place.read() == b"\x05" * 4 * MIB + bytes(2 * MIB) and place.read(snapshot="s1") == b"\x05" * 4 * MIB
    assert place.info()["snapshots"][0]["virtual_size"] == 4 * MIB
    place.drop("s1")
    assert place.read() == b"\x05" * 4 * MIB + bytes(2 * MIB)


def test_growing_says_in_check_mode_what_it_does_and_leaves_the_file(place):
    place.volume(size="4M")
    before = place.everything()
    assert place.ok(MODULE, check=True, name=["v1"], size="6M").volume["virtual_size"] == 6 * MIB
    assert place.everything() == before


@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_a_volume_is_removed_without_a_trace_but_the_lock(place, image_format):
    place.volume(format=image_format)
    made = place.check_run_again(MODULE, name=["v1"], state="absent")
    assert made.actions == ["Remove the volume (v1), because it is to be absent."]
    assert made.volume["exists"] is False and made.volume["path"] is None and made.diff["before"]["v1"]["exists"] is True
    assert sorted(place.digest()) == [".vdisk", ".vdisk/v1.lock"]
    assert place.volume(size="2M")["virtual_size"] == 2 * MIB


def test_a_volume_is_removed_with_its_snapshots_only_when_told(place):
    place.volume()
    place.snapshot("s1")
    place.snapshot("s2")
    told = place.refused_untouched(MODULE, name=["v1"], state="absent")
    assert told == f"v1 on {place.share} has 2 snapshots (s1, s2); set delete_snapshots to remove them too"
    made = place.check_run_again(MODULE, name=["v1"], state="absent", delete_snapshots=True)
    assert made.actions == ["Remove the volume and its snapshots s1, s2 (v1.s2, v1.s1, v1), because it is to be absent."]
    assert sorted(place.digest()) == [".vdisk", ".vdisk/v1.lock"]


def test_a_volume_that_once_had_snapshots_is_removed_with_its_info_file(place):
    place.volume()
    place.snapshot("s1")
    place.drop("s1")
    assert place.names() == ["v1", "v1.info"]
    place.check_run_again(MODULE, name=["v1"], state="absent")
    assert place.names() == []


def test_removing_a_volume_leaves_its_neighbours(place):
    for name in ("v1", "v1-2", "v10"):
        place.volume(name)
        place.snapshot("s1", volume=name)
    kept = {name: facts for name, facts in place.digest().items() if "v1." not in name and name != "v1"}
    place.ok(MODULE, name=["v1"], state="absent", delete_snapshots=True)
    assert {name: facts for name, facts in place.digest().items() if name != ".vdisk/v1.lock"} == kept


def test_what_was_never_there_is_absent_already(place):
    result = place.ok(MODULE, name=["v1", "v2"], state="absent")
    assert not result.changed and result.msg == "2 volumes are absent already." and os.listdir(place.mount_point()) == []


def test_what_one_host_does_the_other_sees_in_the_next_task(place):
    other = place.other_host()
    for number in range(3):
        assert not other.info()["exists"]
        place.volume(size="4M")
        assert other.info()["virtual_size"] == 4 * MIB
        other.ok(MODULE, name=["v1"], size="6M")
        assert not place.ok(MODULE, name=["v1"], size="6M").changed
        place.snapshot("s1")
        assert [entry["name"] for entry in other.info()["snapshots"]] == ["s1"]
        other.write(number + 1, 0, MIB)
        assert place.read()[:MIB] == bytes([number + 1]) * MIB
        other.drop("s1")
        assert place.info()["snapshots"] == [] and place.info()["problems"] == []
        place.ok(MODULE, name=["v1"], state="absent")
