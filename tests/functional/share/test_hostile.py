# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crafted images: a file of the host that an image names never shows in an output, an overlay, a merge or an export.

Each case is the content that a guest wrote into its raw disk, or that lies on the share as a file of qcow2. Whatever is done
with the volume, it either works on the bytes as they are or is refused with a sentence, and the secret stays where it is.
"""

from __future__ import annotations

import json
import secrets
import struct

import pytest
from ansible_collections.vdisk.gluster.tests.harness.programs import command

MIB = 1 << 20
SECRET = ("secret-" + secrets.token_hex(16)).encode()

BACKING = "a qcow2 header with the host's file as its backing file (CVE-2014-3641, CVE-2015-1851)"
JSON_BACKING = "a qcow2 header with a json: backing name (CVE-2024-4467)"
DATA_FILE = "a qcow2 header with the host's file as its external data file (CVE-2024-32498)"
FLAT_VMDK = "a VMDK descriptor with the host's file as its flat extent (CVE-2022-47951)"
JSON_DATA_FILE = "a qcow2 header with a json: name of its external data file (CVE-2024-4467)"
FORMATLESS = "a qcow2 header whose backing file has no format, so that QEMU would probe it"
CASES = [BACKING, JSON_BACKING, DATA_FILE, JSON_DATA_FILE, FLAT_VMDK, FORMATLESS]
QCOW2_CASES = [case for case in CASES if case != FLAT_VMDK]


@pytest.fixture
def secret(place):
    """A file of the host that no volume has to do with."""
    path = place.tmp / "shadow"
    path.write_bytes(SECRET + bytes(MIB - len(SECRET)))
    return path


def crafted(place, secret, case: str) -> bytes:
    """Return the bytes of a crafted image."""
    path = place.tmp / "crafted"
    if case == FLAT_VMDK:
        lines = ["# Disk DescriptorFile", "version=1", "CID=fffffffe", "parentCID=ffffffff", 'createType="monolithicFlat"']
        return "\n".join([*lines, f'RW {MIB // 512} FLAT "{secret}" 0', 'ddb.adapterType = "ide"', ""]).encode()
    json_name = f'json:{{"driver":"raw","file":{{"driver":"file","filename":"{secret}"}}}}'
    if case in (DATA_FILE, JSON_DATA_FILE):
        name = json_name if case == JSON_DATA_FILE else str(secret)
        # made over a file whose name is as long, which then becomes the secret's in the header extension that holds it
        long = place.tmp / ("d" * (len(name) - len(f"{place.tmp}/")))
        command("qemu-img", "create", "-q", "-f", "qcow2", "-o", f"data_file={long},data_file_raw=on", str(path), "1M")
        content = path.read_bytes()
        assert content.count(str(long).encode()) == 1
        return content.replace(str(long).encode(), name.encode())
    name = json_name if case == JSON_BACKING else str(secret)
    command("qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", name, str(path), "1M")
    if case == FORMATLESS:
        content = bytearray(path.read_bytes())
        at = bytes(content).index(struct.pack(">I", 0xE2792ACA))
        content[at : at + 4] = struct.pack(">I", 0x6E6F6E65)  # an extension that nobody knows
        return bytes(content)
    return path.read_bytes()


def nothing_leaked(place, *results) -> None:
    """See that the secret is in no output and in no file but its own."""
    for result in results:
        assert SECRET.decode() not in json.dumps(result.values)
    for directory in (place.mount_point(), place.tmp / "out"):
        for path in directory.rglob("*"):
            if path.is_file() and not path.is_symlink():
                assert SECRET not in path.read_bytes(), f"the secret is in {path}"


# QEMU 7.2 of Debian follows no json: name of a data file any more
@pytest.mark.parametrize("case", [case for case in CASES if case != JSON_DATA_FILE])
def test_the_crafted_images_of_these_tests_do_leak_where_qemu_is_left_to_guess(place, secret, case):
    image, copy = place.tmp / "image", place.tmp / "copy"
    image.write_bytes(crafted(place, secret, case))
    command("qemu-img", "convert", "-O", "raw", str(image), str(copy))
    assert SECRET in copy.read_bytes()


@pytest.mark.sample(2)
@pytest.mark.parametrize("case", CASES)
def test_what_a_guest_writes_into_its_raw_disk_stays_the_bytes_it_is(place, secret, case):
    (place.tmp / "out").mkdir()
    place.volume(size="2M", format="raw")
    content = crafted(place, secret, case)
    with open(place.path("v1"), "r+b") as disk:
        disk.write(content)
    disk_now = place.path("v1").read_bytes()
    done = [place.ok("gluster_volume_file_info", name=["v1"])]
    assert done[0].volumes[0]["base_format"] == "raw" and done[0].volumes[0]["problems"] == []
    done.append(place.snapshot("s1"))
    place.write(0x5A, MIB + MIB // 2, 4096)
    done.append(place.snapshot("s2"))
    for snapshot in ("s1", None):
        options = {"snapshot": snapshot} if snapshot else {}
        for image_format in ("raw", "qcow2"):
            dest = place.tmp / "out" / f"{snapshot}.{image_format}"
            done.append(place.ok("gluster_image_export", volume="v1", dest=str(dest), format=image_format, **options))
    assert (place.tmp / "out" / "s1.raw").read_bytes() == disk_now
    done.append(place.ok("gluster_volume_file", name=["v1"], size="3M"))
    done.append(place.drop("s1"))
    done.append(place.drop("s2"))
    assert place.path("v1").read_bytes()[: len(content)] == content
    nothing_leaked(place, *done)


@pytest.mark.parametrize("case", QCOW2_CASES)
def test_growing_a_raw_disk_that_holds_a_crafted_header_touches_no_file_of_the_host(place, secret, case):
    """CVE-2026-24708: without a format qemu-img resizes what the header names."""
    place.volume(size="2M", format="raw")
    content = crafted(place, secret, case)
    with open(place.path("v1"), "r+b") as disk:
        disk.write(content)
    before = secret.read_bytes()
    grown = place.ok("gluster_volume_file", name=["v1"], size="3M")
    assert place.path("v1").stat().st_size == 3 * MIB and grown.volume["virtual_size"] == 3 * MIB
    assert place.path("v1").read_bytes() == content.ljust(3 * MIB, b"\0")[: 3 * MIB]
    assert secret.read_bytes() == before
    nothing_leaked(place, grown)


@pytest.mark.sample(6)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("options", [{}, {"format": "qcow2"}, {"format": "qcow2", "repair": True}], ids=["unsaid", "qcow2", "repair"])
def test_a_crafted_file_on_the_share_is_adopted_by_nobodys_guess(place, secret, case, options):
    (place.tmp / "out").mkdir()
    place.path("v1").write_bytes(crafted(place, secret, case))
    before = place.digest()
    adopted = place.run("gluster_volume_file", name=["v1"], **options)
    assert adopted.failed and "v1" in adopted.msg
    exported = place.run("gluster_image_export", volume="v1", dest=str(place.tmp / "out" / "copy"))
    taken = place.run("gluster_snapshot", volume=["v1"], name=["s1"])
    assert exported.failed and taken.failed
    told = place.ok("gluster_volume_file_info")
    assert place.digest() == before
    nothing_leaked(place, adopted, exported, taken, told)


@pytest.mark.sample(4, pinned=[f"base-{DATA_FILE}"])
@pytest.mark.parametrize("case", QCOW2_CASES)
@pytest.mark.parametrize("place_in_chain", ["base", "overlay", "active"])
def test_a_crafted_file_in_a_chain_stops_every_change(place, secret, case, place_in_chain):
    (place.tmp / "out").mkdir()
    place.volume(size="1M", format="qcow2")
    place.snapshot("s1")
    place.snapshot("s2")
    content = crafted(place, secret, case)
    place.path({"base": "v1", "overlay": "v1.s1", "active": "v1.s2"}[place_in_chain]).write_bytes(content)
    before = place.digest()
    told = place.ok("gluster_volume_file_info", name=["v1"])
    assert told.volumes[0]["problems"] and told.volumes[0]["connection"]["libvirt_disk"] is None
    done = [
        place.run("gluster_snapshot", volume=["v1"], name=["s3"]),
        place.run("gluster_snapshot", volume=["v1"], name=["s1"], state="absent"),
        place.run("gluster_snapshot", volume=["v1"], name=["s2"], state="absent"),
        place.run("gluster_snapshot", volume=["v1"], name=["s2"], state="reverted"),
        place.run("gluster_volume_file", name=["v1"], size="2M"),
        place.run("gluster_volume_file", name=["v1"], repair=True),
        place.run("gluster_image_export", volume="v1", dest=str(place.tmp / "out" / "now")),
        place.run("gluster_image_export", volume="v1", snapshot="s1", dest=str(place.tmp / "out" / "s1")),
    ]
    assert all(result.failed for result in done), [result.msg for result in done if not result.failed]
    assert place.digest() == before
    nothing_leaked(place, told, *done)
