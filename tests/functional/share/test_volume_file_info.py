# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gluster_volume_file_info: volumes are told as they are, with what a hypervisor needs, and nothing is written."""

from __future__ import annotations

import os
import subprocess
import xml.etree.ElementTree

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import image_lock

MODULE = "gluster_volume_file_info"
MIB = 1 << 20


def told(place, **options) -> list[dict]:
    """Return what is told of volumes; check mode tells the same, and all stays as it was."""
    before = place.everything()
    result = place.ok(MODULE, **options)
    assert not result.changed and result.actions == []
    assert place.ok(MODULE, check=True, **options).volumes == result.volumes
    assert place.everything() == before
    return result.volumes


def test_an_empty_share_has_no_volumes(place):
    assert told(place) == [] and place.ok(MODULE).msg == "0 volumes found."
    assert os.listdir(place.mount_point()) == []


def test_a_volume_with_its_chain(place):
    place.volume(size="4M", format="qcow2")
    place.snapshot("s1", label="first", description="before the change")
    place.write(1, 0, MIB)
    place.snapshot("s2")
    (volume,) = told(place, name=["v1"])
    assert volume["path"] == str(place.path("v1.s2")) and volume["active_file"] == "v1.s2"
    assert (volume["name"], volume["share"], volume["mount_point"]) == ("v1", place.share, str(place.mount_point()))
    assert (volume["format"], volume["base_format"], volume["virtual_size"]) == ("qcow2", "qcow2", 4 * MIB)
    assert [(entry["file"], entry["backing_file"], entry["backing_format"]) for entry in volume["chain"]] == [
        ("v1.s2", "v1.s1", "qcow2"),
        ("v1.s1", "v1", "qcow2"),
        ("v1", None, None),
    ]
    assert volume["allocated_size"] == sum(os.stat(place.path(name)).st_blocks * 512 for name in ("v1", "v1.s1", "v1.s2"))
    assert [entry["allocated_size"] for entry in volume["chain"]][1] >= MIB
    first, second = volume["snapshots"]
    assert (first["name"], first["file"], first["point_in_time_file"]) == ("s1", "v1.s1", "v1")
    assert (first["label"], first["description"], first["quiesced"]) == ("first", "before the change", False)
    assert (second["name"], second["file"], second["point_in_time_file"]) == ("s2", "v1.s2", "v1.s1")
    assert first["created"] <= second["created"] and first["created"].endswith("Z")


@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_what_a_hypervisor_needs_to_connect(place, image_format):
    place.volume(format=image_format)
    (volume,) = told(place, name=["v1"])
    assert volume["connection"] == {
        "driver_volume_type": "glusterfs",
        "data": {"export": place.share, "name": "v1", "format": image_format, "options": None},
        "mount_point_base": str(place.base),
        "libvirt_disk": volume["connection"]["libvirt_disk"],
    }
    disk = xml.etree.ElementTree.fromstring(volume["connection"]["libvirt_disk"])
    assert disk.tag == "disk" and disk.find("source").get("file") == str(place.path("v1"))
    driver = disk.find("driver")
    assert (driver.get("type"), driver.get("cache"), driver.get("discard")) == (image_format, "none", "unmap")


def test_the_connection_follows_the_active_file_and_the_shares_file(place):
    place.volume()
    place.snapshot("s1")
    file = place.tmp / "shares"
    file.write_text(f"{place.share} -o log-level=WARNING\n")
    (volume,) = told(place, name=["v1"], shares_file=str(file))
    data = {"export": place.share, "name": "v1.s1", "format": "qcow2", "options": "-o log-level=WARNING"}
    assert volume["connection"]["data"] == data
    assert "v1.s1" in volume["connection"]["libvirt_disk"]


def test_all_volumes_of_all_shares_are_found_and_nothing_else(place):
    other = place.new_share()
    place.mount(other)
    for share, name in ((place.share, "b"), (place.share, "a"), (other, "c")):
        place.ok("gluster_volume_file", share=share, name=[name], size="1M")
    place.snapshot("s1", volume="a")
    for name in ("notes.txt", ".hidden", "lost+found"):
        place.path(name).write_bytes(b"x")
    place.path("directory").mkdir()
    found = told(place, shares=[place.share, other])
    assert [(volume["share"], volume["name"]) for volume in found] == [(place.share, "a"), (place.share, "b"), (other, "c")]
    assert [share["share"] for share in place.ok(MODULE, shares=[place.share, other]).shares] == [place.share, other]


def test_a_volume_that_is_not_there_is_told_and_no_failure(place):
    place.volume("v2")
    gone, there = told(place, name=["v1", "v2"])
    assert gone["exists"] is False and gone["connection"] is None and gone["path"] is None and gone["problems"] == []
    assert there["exists"] is True and place.ok(MODULE, name=["v1", "v2"]).msg == "1 volume found."


def test_the_names_of_a_task_give_the_order(place):
    for name in ("a", "b", "c"):
        place.volume(name)
    assert [volume["name"] for volume in told(place, name=["c", "a", "b"])] == ["c", "a", "b"]


def test_a_volume_on_two_shares_is_told_twice(place):
    other = place.new_share()
    place.mount(other)
    for share in (place.share, other):
        place.ok("gluster_volume_file", share=share, name=["v1"], size="1M")
    assert [volume["share"] for volume in told(place, shares=[place.share, other], name=["v1"])] == [place.share, other]


def test_a_share_that_is_not_mounted_is_told_and_no_failure(unmounted):
    result = unmounted.ok(MODULE, name=["v1"])
    assert result.volumes[0]["exists"] is False and "is not mounted" in result.volumes[0]["problems"][0]
    assert result.shares[0]["mounted"] is False and "mount it with gluster_share_mount first" in result.shares[0]["error"]
    assert unmounted.ok(MODULE).volumes == [] and not unmounted.base.exists()


def test_a_dead_mount_is_told_and_no_failure(place):
    place.volume()
    place.kill_client()
    result = place.ok(MODULE)
    assert result.volumes == [] and "is dead" in result.shares[0]["error"]


def test_a_volume_that_another_program_made_has_no_format_until_it_is_adopted(place):
    place.path("v1").write_bytes(bytes(MIB))
    (volume,) = told(place)
    assert volume["exists"] is True and volume["managed"] is False and volume["format"] is None
    assert volume["connection"]["data"]["format"] is None and volume["connection"]["libvirt_disk"] is None
    place.ok("gluster_volume_file", name=["v1"])
    assert told(place)[0]["format"] == "raw"


@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_a_volume_in_use_on_another_host_is_told(place, image_format):
    place.volume(format=image_format)
    path = place.other_host().path("v1")
    with subprocess.Popen(["qemu-io", "-f", image_format, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as machine:
        machine.stdin.write("read 0 512\n")
        machine.stdin.flush()
        assert "read 512/512" in machine.stdout.readline()
        (volume,) = told(place)
        assert volume["in_use"] is True and volume["domains"] == []
        machine.stdin.close()
    assert told(place)[0]["in_use"] is False


def test_snapshots_that_are_being_read_are_told(place):
    place.volume()
    for name in ("s1", "s2", "s3"):
        place.snapshot(name)

    def read():
        (volume,) = told(place)
        return [entry["name"] for entry in volume["snapshots"] if entry["in_use"]]

    assert read() == []
    # who reads the second point in time reads the file of the first one too
    with place.other_host().in_qemu("v1.s1", "qcow2", "-r"):
        assert read() == ["s1", "s2"]
    with place.in_qemu("v1.s3", "qcow2"):
        assert told(place)[0]["in_use"] is True
        assert read() == [], "a machine has all files open and reads no snapshot"
        # an export of a running machine's snapshot is told by the lock that is this collection's own
        with image_lock.reading(str(place.other_host().path("v1"))):
            assert read() == ["s1"]
    assert read() == []


def test_an_unfinished_operation_is_told_and_not_touched(place):
    place.volume()
    place.path(".vdisk/v1.journal").write_bytes(b"{}")
    (volume,) = told(place)
    assert "an operation on v1" in volume["problems"][-1] and "is unfinished" in volume["problems"][-1]


def test_no_program_is_needed(place, only_these_programs):
    place.volume(format="qcow2")
    place.snapshot("s1")
    only_these_programs()
    assert told(place)[0]["problems"] == []


@pytest.mark.parametrize("name", [["v.1"], ["v1", "v1"], []])
def test_names_that_cannot_be_meant_are_refused(place, name):
    assert "volume" in place.refused_untouched(MODULE, name=name)


def test_a_long_chain_is_told_whole(place):
    place.volume(format="qcow2")
    for number in range(12):
        place.snapshot(f"s{number}")
    (volume,) = told(place)
    assert [entry["name"] for entry in volume["snapshots"]] == [f"s{number}" for number in range(12)]
    assert len(volume["chain"]) == 13 and volume["problems"] == []
