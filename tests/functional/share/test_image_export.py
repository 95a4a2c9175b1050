# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports of a volume and of its snapshots to a file: complete, verified, described, and made only when needed."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time

import pytest
from ansible_collections.vdisk.gluster.tests.harness.programs import command

KIB = 1 << 10
MIB = 1 << 20


@pytest.fixture
def exported(place, tmp_path):
    """A share with the volume v1 and its snapshots s1 and s2, and a directory for exports."""
    place.volume(size="2M")
    for number, name in enumerate(("s1", "s2"), 1):
        place.write(number, number * 128 * KIB, 512 * KIB)
        place.snapshot(name)
    place.write(3, MIB, 128 * KIB)
    place.out = tmp_path / "out"
    place.out.mkdir()
    return place


def listing(place):
    return sorted(os.listdir(place.out))


def manifest(dest):
    with open(f"{dest}.manifest.json", encoding="utf-8") as stream:
        return json.load(stream)


@pytest.mark.sample(7)
@pytest.mark.parametrize(
    "options",
    [
        {"format": "raw"},
        {"format": "qcow2"},
        {"format": "qcow2", "compress": True},
        {"format": "vmdk"},
        {"format": "vmdk", "compress": True},
        {"format": "vdi"},
        {"format": "vhdx"},
        {"format": "vpc"},
    ],
    ids=str,
)
@pytest.mark.parametrize("snapshot", ["s1", "s2", None])
def test_a_copy_reads_as_its_source_and_is_made_once(exported, snapshot, options):
    place, dest = exported, str(exported.out / "copy")
    before = place.digest()
    options = {"volume": "v1", "dest": dest, **options, **({"snapshot": snapshot} if snapshot else {})}
    made = place.check_run_again("gluster_image_export", **options)
    content = (place.out / "copy").read_bytes()
    if options["format"] == "raw":
        assert content == place.read(snapshot=snapshot)
    else:
        assert place.read_image(place.out / "copy", options["format"]) == place.read(snapshot=snapshot)
    export = made.values["export"]
    assert (export["dest"], export["image_id"], export["format"]) == (dest, None, options["format"])
    assert (export["virtual_size"], export["size_bytes"]) == (2 * MIB, len(content))
    assert export["checksum"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert export["source"] == {"volume": "v1", "snapshot": snapshot}
    assert export["verified"] is True and export["duration"] > 0 and export["bytes_per_second"] > 0
    assert listing(place) == ["copy", "copy.manifest.json"]
    after = place.digest()
    assert {name: after[name] for name in before} == before, "an export changes nothing on the share"


def test_compression_makes_the_copy_smaller(exported):
    sizes = {}
    for compress in (False, True):
        dest = str(exported.out / f"{compress}.qcow2")
        made = exported.ok("gluster_image_export", volume="v1", dest=dest, format="qcow2", compress=compress)
        sizes[compress] = made.values["export"]["size_bytes"]
    assert sizes[True] < sizes[False]
    for image_format in ("raw", "vdi", "vhdx", "vpc"):
        options = {"volume": "v1", "dest": "/nowhere/x", "format": image_format, "compress": True}
        assert "only a qcow2 image" in exported.refused_untouched("gluster_image_export", **options)


@pytest.mark.sample(6)
@pytest.mark.parametrize("image_format", ["raw", "qcow2", "vmdk", "vdi", "vhdx", "vpc"])
@pytest.mark.parametrize("size", [MIB + 512, 5 * MIB - 512, 300 * MIB + 4096])
def test_a_copy_of_any_size_is_exactly_as_large_as_its_source(place, tmp_path, image_format, size):
    place.volume(size=str(size))
    place.write(7, size - 4096, 4096)
    dest = tmp_path / "copy"
    made = place.ok("gluster_image_export", volume="v1", dest=str(dest), format=image_format).values["export"]
    assert made["virtual_size"] == size and made["verified"]
    command("qemu-img", "compare", "-q", "-f", "raw", "-F", image_format, str(place.path("v1")), str(dest))
    said = json.loads(command("qemu-img", "info", "--output=json", "-f", image_format, str(dest)).stdout)
    assert said["virtual-size"] == size and dest.stat().st_blocks * 512 < 64 * MIB


def test_what_is_exported_can_be_imported_again(exported):
    for image_format in ("raw", "qcow2", "vmdk", "vdi", "vhdx", "vpc"):
        made = exported.ok("gluster_image_export", volume="v1", snapshot="s2", dest=f"{exported.out}/", format=image_format).values[
            "export"
        ]
        options = {"source_image": made["dest"], "source_format": image_format, "source_checksum": made["checksum"]}
        exported.ok("gluster_volume_file", name=[f"v-{image_format}"], **options)
        assert exported.read(f"v-{image_format}") == exported.read(snapshot="s2")


def test_an_export_is_no_faster_than_allowed(place, tmp_path):
    place.volume(size="16M")
    place.write(7, 0, 8 * MIB)
    options = {"volume": "v1", "dest": str(tmp_path / "copy"), "checksum_algorithm": "none", "verify": False}
    began = time.monotonic()
    place.ok("gluster_image_export", rate_limit="4M", **options)
    assert time.monotonic() - began > 1
    assert (tmp_path / "copy").read_bytes() == place.read()
    for malformed in ("fast", "0", "-1M"):
        assert "rate_limit" in place.refused_untouched("gluster_image_export", rate_limit=malformed, **options)


def test_a_raw_copy_of_an_empty_disk_takes_no_space_and_is_as_long(place, tmp_path):
    place.volume(size="1G")
    place.write(7, 512 * MIB, 64 * KIB)
    dest = tmp_path / "copy"
    made = place.ok("gluster_image_export", volume="v1", dest=str(dest), checksum_algorithm="none")
    assert dest.stat().st_size == made.values["export"]["size_bytes"] == 1 << 30
    assert dest.stat().st_blocks * 512 < 4 * MIB


def test_the_manifest_says_what_the_file_is(exported):
    dest = str(exported.out / "copy")
    made = exported.ok("gluster_image_export", volume="v1", snapshot="s1", dest=dest, checksum_algorithm="sha512").values["export"]
    said = manifest(dest)
    assert (said["share"], said["volume"], said["snapshot"]) == (exported.share, "v1", "s1")
    assert said["snapshot_created"] == exported.info()["snapshots"][0]["created"]
    assert (said["format"], said["virtual_size"], said["size_bytes"]) == ("raw", 2 * MIB, 2 * MIB)
    assert said["checksum"] == made["checksum"] == f"sha512:{hashlib.sha512((exported.out / 'copy').read_bytes()).hexdigest()}"
    assert said["verified"] is True and said["exported"].endswith("Z") and said["qemu_img"][0].isdigit()
    assert stat.S_IMODE(os.stat(f"{dest}.manifest.json").st_mode) & 0o007 == 0


def test_the_same_snapshot_again_is_unchanged_without_reading_a_byte_of_it(exported):
    place, dest = exported, exported.out / "copy"
    made = place.ok("gluster_image_export", volume="v1", snapshot="s1", dest=str(dest)).values["export"]
    # other bytes in the source and in the copy, each with its old times: only who reads them could tell
    for path in (place.path("v1"), dest):
        status = path.stat()
        with open(path, "r+b") as stream:
            stream.seek(256 * KIB)
            stream.write(b"\xfe" * KIB)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    for check in (False, True):
        again = place.ok("gluster_image_export", check=check, volume="v1", snapshot="s1", dest=str(dest))
        assert not again.changed and again.actions == [] and again.values["export"] == made


def test_an_export_of_now_is_made_anew_only_when_the_content_changed(exported):
    place, dest = exported, exported.out / "copy"
    place.ok("gluster_image_export", volume="v1", dest=str(dest))
    # the same bytes once more: other times, the same content
    place.write(3, MIB, 128 * KIB)
    assert not place.ok("gluster_image_export", volume="v1", dest=str(dest)).changed
    place.snapshot("s3")
    assert not place.ok("gluster_image_export", volume="v1", dest=str(dest)).changed
    place.write(4, MIB + 64 * KIB, 4 * KIB)
    made = place.check_run_again("gluster_image_export", volume="v1", dest=str(dest))
    assert made.actions[-1].endswith("because the volume was written to since.")
    assert dest.read_bytes() == place.read()
    place.ok("gluster_volume_file", name=["v1"], size="3M")
    place.check_run_again("gluster_image_export", volume="v1", dest=str(dest))
    assert dest.stat().st_size == 3 * MIB


def test_a_snapshot_taken_again_under_the_same_name_is_exported_anew(exported):
    place, dest = exported, exported.out / "copy"
    place.ok("gluster_image_export", volume="v1", snapshot="s2", dest=str(dest))
    first = dest.read_bytes()
    place.drop("s2")
    place.write(9, 0, 256 * KIB)
    place.snapshot("s2")
    made = place.check_run_again("gluster_image_export", volume="v1", snapshot="s2", dest=str(dest))
    assert "it holds" in made.actions[-1]
    assert dest.read_bytes() == place.read(snapshot="s2") != first


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"snapshot": "s1"}, {"snapshot": "s2"}),
        ({"snapshot": "s1"}, {}),
        ({}, {"snapshot": "s1"}),
        ({"snapshot": "s1"}, {"snapshot": "s1", "format": "qcow2"}),
        ({"snapshot": "s1", "format": "qcow2"}, {"snapshot": "s1", "format": "qcow2", "compress": True}),
        ({"snapshot": "s1", "checksum_algorithm": "none"}, {"snapshot": "s1"}),
        ({"snapshot": "s1"}, {"snapshot": "s1", "checksum_algorithm": "sha512"}),
        ({"snapshot": "s1", "verify": False}, {"snapshot": "s1"}),
        ({"snapshot": "s1"}, {"snapshot": "s1", "force": True}),
    ],
    ids=str,
)
def test_another_export_of_the_same_volume_replaces_the_file_and_says_why(exported, first, second):
    place, dest = exported, exported.out / "copy"
    place.ok("gluster_image_export", volume="v1", dest=str(dest), **first)
    options = {"volume": "v1", "dest": str(dest), **second}
    made = place.ok("gluster_image_export", **options) if "force" in second else place.check_run_again("gluster_image_export", **options)
    assert made.changed and "because " in made.actions[-1]
    assert place.read_image(dest, second.get("format", "raw")) == place.read(snapshot=second.get("snapshot"))
    if "force" in second:
        assert place.ok("gluster_image_export", **options).changed


@pytest.mark.parametrize("wish", [{"checksum_algorithm": "none"}, {"verify": False}], ids=str)
def test_less_than_what_was_made_needs_no_new_copy(exported, wish):
    options = {"volume": "v1", "snapshot": "s1", "dest": str(exported.out / "copy")}
    exported.ok("gluster_image_export", **options)
    assert not exported.ok("gluster_image_export", **options, **wish).changed


def test_without_checksum_and_without_verification(exported):
    dest = exported.out / "copy"
    made = exported.check_run_again(
        "gluster_image_export", volume="v1", snapshot="s1", dest=str(dest), checksum_algorithm="none", verify=False
    )
    assert made.values["export"]["checksum"] is None and made.values["export"]["verified"] is False
    assert "verify" not in made.actions[0]
    assert dest.read_bytes() == exported.read(snapshot="s1")


def test_owner_group_and_mode(exported):
    dest = exported.out / "copy"
    options = {"volume": "v1", "snapshot": "s1", "dest": str(dest)}

    def owned():
        status = dest.stat()
        return status.st_uid, status.st_gid, oct(stat.S_IMODE(status.st_mode))

    exported.ok("gluster_image_export", **options)
    assert owned() == (0, 0, "0o640")
    made = exported.check_run_again("gluster_image_export", **options, owner="65534", group="1", mode="0600")
    assert owned() == (65534, 1, "0o600") and "owner" in made.actions[0]
    assert not exported.ok("gluster_image_export", **options).changed, "what is not asked for stays"
    exported.ok("gluster_image_export", **options, force=True, mode="0444")
    assert owned() == (0, 0, "0o444")


def test_a_directory_gets_a_file_named_after_volume_snapshot_and_format(exported):
    for options, name in (
        ({}, "v1.raw"),
        ({"snapshot": "s1"}, "v1.s1.raw"),
        ({"snapshot": "s2", "format": "qcow2"}, "v1.s2.qcow2"),
    ):
        for dest in (str(exported.out), f"{exported.out}/"):
            made = exported.ok("gluster_image_export", volume="v1", dest=dest, **options)
            assert made.values["export"]["dest"] == str(exported.out / name)
            assert made.changed == (dest == str(exported.out)), "with or without a slash it is the same directory"


def test_all_shares_of_a_list_are_looked_at_for_the_volume(exported):
    elsewhere = exported.new_share()
    exported.mount(elsewhere)
    made = exported.ok("gluster_image_export", shares=[elsewhere, exported.share], volume="v1", dest=str(exported.out))
    assert made.changed and manifest(exported.out / "v1.raw")["share"] == exported.share
