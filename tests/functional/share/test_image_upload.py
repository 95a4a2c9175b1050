# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports to a real OpenStack Image service: complete, read back, made once, and nothing half made left."""

from __future__ import annotations

import hashlib
import os

import pytest
from ansible_collections.vdisk.gluster.tests.harness.glance import CLOUD

KIB, MIB = 1 << 10, 1 << 20
EXPORT = "gluster_image_export"


@pytest.fixture
def cloud(place, glance, tmp_path):
    """A share with the volume v1 and its snapshots s1 and s2, and an image service."""
    place.volume(size="4M")
    for number, name in enumerate(("s1", "s2"), 1):
        place.write(number, number * 128 * KIB, 512 * KIB)
        place.snapshot(name)
    place.write(3, MIB, 128 * KIB)
    place.glance = glance
    place.out = tmp_path / "out"
    place.out.mkdir()
    (tmp_path / "spool").mkdir()
    place.wish = {"volume": "v1", "image_name": "web", "cloud": CLOUD, "scratch_dir": str(tmp_path / "spool")}
    return place


def spool(place):
    return os.listdir(place.tmp / "spool")


def read_image(place, image_id, image_format="raw"):
    """Return what an image of the service reads as."""
    path = place.tmp / "downloaded"
    path.write_bytes(place.glance.data(image_id))
    return place.read_image(path, image_format)


@pytest.mark.sample(3)
@pytest.mark.parametrize("options", [{"format": "raw"}, {"format": "qcow2"}, {"format": "qcow2", "compress": True}], ids=str)
@pytest.mark.parametrize("snapshot", ["s1", "s2", None])
def test_an_image_reads_as_its_source_and_is_made_once(cloud, snapshot, options):
    place = cloud
    before = place.digest()
    wish = {**place.wish, **options, **({"snapshot": snapshot} if snapshot else {})}
    made = place.check_run_again(EXPORT, **wish)
    [image] = place.glance.images()
    export = made.values["export"]
    data = place.glance.data(image["id"])
    assert (export["image_id"], export["dest"], export["format"]) == (image["id"], None, options["format"])
    assert read_image(place, image["id"], options["format"]) == place.read(snapshot=snapshot)
    assert (image["name"], image["status"], image["visibility"]) == ("web", "active", "private")
    assert (image["disk_format"], image["container_format"]) == (options["format"], "bare")
    assert image["os_hash_value"] == hashlib.sha512(data).hexdigest()
    assert export["checksum"] == f"sha256:{hashlib.sha256(data).hexdigest()}" and export["verified"] is True
    assert export["size_bytes"] == len(data) == image["size"]
    assert export["duration"] > 0 and export["bytes_per_second"] > 0
    assert image["vdisk_gluster_volume"] == "v1" and image["vdisk_gluster_share"] == place.share
    assert (image["vdisk_gluster_snapshot"], image["vdisk_gluster_checksum"]) == (snapshot or "", export["checksum"])
    assert spool(place) == []
    after = place.digest()
    assert {name: after[name] for name in before} == before, "an export changes nothing on the share"
    again = place.ok(EXPORT, **wish).values["export"]
    assert {key: again[key] for key in ("image_id", "checksum", "size_bytes", "verified")} == {
        key: export[key] for key in ("image_id", "checksum", "size_bytes", "verified")
    }


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    "options", [{"format": "vmdk"}, {"format": "vmdk", "compress": True}, *({"format": name} for name in ("vdi", "vhdx", "vpc"))], ids=str
)
@pytest.mark.parametrize("snapshot", ["s1", None])
def test_every_format_has_the_name_the_service_knows(cloud, snapshot, options):
    made = cloud.check_run_again(EXPORT, **cloud.wish, **options, **({"snapshot": snapshot} if snapshot else {}))
    image = cloud.glance.image(made.values["export"]["image_id"])
    assert image["disk_format"] == {"vpc": "vhd"}.get(options["format"], options["format"])
    assert read_image(cloud, image["id"], options["format"]) == cloud.read(snapshot=snapshot)


def test_the_same_snapshot_again_is_unchanged_without_reading_a_byte_of_it(cloud):
    cloud.ok(EXPORT, **cloud.wish, snapshot="s1")
    path = cloud.path("v1")
    status = path.stat()
    with open(path, "r+b") as stream:
        stream.seek(256 * KIB)
        stream.write(b"\xfe" * KIB)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    for check in (False, True):
        assert not cloud.ok(EXPORT, check=check, **cloud.wish, snapshot="s1").changed


def test_a_file_and_an_image_of_it(cloud):
    dest = cloud.out / "copy"
    wish = {**cloud.wish, "dest": str(cloud.out / "copy"), "snapshot": "s1"}
    made = cloud.check_run_again(EXPORT, **wish)
    export = made.values["export"]
    assert dest.read_bytes() == cloud.read(snapshot="s1") == cloud.glance.data(export["image_id"])
    assert export["dest"] == str(dest) and len(made.actions) == 2
    cloud.glance.clear()
    again = cloud.check_run_again(EXPORT, **wish)
    assert len(again.actions) == 1 and again.actions[0].startswith("Upload ")
    dest.unlink()
    again = cloud.check_run_again(EXPORT, **wish)
    assert len(again.actions) == 1 and again.actions[0].startswith("Copy ")
    # a directory gets a file named after what it is of
    made = cloud.ok(EXPORT, **{**wish, "dest": str(cloud.out), "image_name": "other"})
    assert made.values["export"]["dest"] == str(cloud.out / "v1.s1.raw")
    assert cloud.glance.data(made.values["export"]["image_id"]) == cloud.read(snapshot="s1")


def test_an_export_of_now_is_uploaded_anew_only_when_the_content_changed(cloud):
    first = cloud.ok(EXPORT, **cloud.wish).values["export"]["image_id"]
    # the same bytes once more: other times, the same content
    cloud.write(3, MIB, 128 * KIB)
    assert not cloud.ok(EXPORT, **cloud.wish).changed
    assert not cloud.ok(EXPORT, **cloud.wish, checksum_algorithm="none").changed
    cloud.write(4, MIB, 4 * KIB)
    made = cloud.check_run_again(EXPORT, **cloud.wish)
    assert made.actions[0].endswith("because the volume was written to since.") and made.actions[1].startswith("Delete image web")
    [image] = cloud.glance.images()
    assert image["id"] != first and cloud.glance.data(image["id"]) == cloud.read()
    assert cloud.glance.stored() == [image["id"]]


def test_another_point_in_time_of_the_same_volume_replaces_the_image(cloud):
    cloud.ok(EXPORT, **cloud.wish, snapshot="s1")
    made = cloud.check_run_again(EXPORT, **cloud.wish, snapshot="s2")
    [image] = cloud.glance.images()
    assert cloud.glance.data(image["id"]) == cloud.read(snapshot="s2")
    assert made.diff["before"]["image_id"] != image["id"] == made.diff["after"]["image_id"]
    cloud.drop("s2")
    cloud.write(9, 0, 64 * KIB)
    cloud.snapshot("s2")
    made = cloud.check_run_again(EXPORT, **cloud.wish, snapshot="s2")
    [image] = cloud.glance.images()
    assert cloud.glance.data(image["id"]) == cloud.read(snapshot="s2")


@pytest.mark.sample(1)
@pytest.mark.parametrize("more", [{"checksum_algorithm": "sha512"}, {"verify": True}, {"force": True}], ids=str)
def test_what_the_image_lacks_or_force_makes_it_anew(cloud, more):
    cloud.ok(EXPORT, **cloud.wish, snapshot="s1", verify=False)
    made = cloud.ok(EXPORT, **{**cloud.wish, "snapshot": "s1", "verify": False, **more})
    assert made.changed and len(cloud.glance.images()) == 1
    assert cloud.ok(EXPORT, **{**cloud.wish, "snapshot": "s1", "verify": False, **more}).changed == ("force" in more)


def test_properties_and_visibility_are_set_and_others_stay(cloud):
    wish = {**cloud.wish, "snapshot": "s1"}
    cloud.ok(EXPORT, **wish, image_properties={"hw_qemu_guest_agent": True, "hw_disk_bus": "virtio", "min": 3})
    [image] = cloud.glance.images()
    assert (image["hw_qemu_guest_agent"], image["hw_disk_bus"], image["min"]) == ("true", "virtio", "3")
    made = cloud.check_run_again(EXPORT, **wish, image_properties={"hw_disk_bus": "scsi", "a/b~c": "x"}, visibility="shared")
    assert made.actions == ["Set visibility, hw_disk_bus, a/b~c of image web, because they differ."]
    [now] = cloud.glance.images()
    assert now["id"] == image["id"]
    assert (now["hw_qemu_guest_agent"], now["hw_disk_bus"], now["a/b~c"], now["visibility"]) == ("true", "scsi", "x", "shared")
    cloud.check_run_again(EXPORT, **wish, visibility="community")
    assert cloud.glance.image(image["id"])["visibility"] == "community"


def test_check_mode_makes_nothing(cloud):
    before = cloud.digest()
    predicted = cloud.ok(EXPORT, check=True, **cloud.wish)
    assert predicted.changed and predicted.values["export"]["image_id"] is None
    assert cloud.glance.images() == [] and spool(cloud) == [] and cloud.digest() == before
