# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gluster_volume_file: volumes that another program made are adopted as what they are said to be, never as what they look like."""

from __future__ import annotations

import json

import pytest

MODULE = "gluster_volume_file"
MIB = 1 << 20


def image(place, name: str, image_format: str, *options: str, size: str = "4M") -> None:
    """Make a file on the share as another program would."""
    place.command("qemu-img", "create", "-q", "-f", image_format, *options, str(place.path(name)), size)


def adopted(place, **options) -> dict:
    """Adopt v1; no file of the layout changes."""
    before = place.digest()
    made = place.check_run_again(MODULE, name=["v1"], **options)
    assert len(made.actions) == 1 and made.actions[0].startswith(f"Adopt v1 on {place.share} as ")
    after = {name: facts for name, facts in place.digest().items() if not name.startswith(".vdisk")}
    assert after == before
    assert made.diff["before"]["v1"]["managed"] is False and made.diff["after"]["v1"]["managed"] is True
    return made.volume


@pytest.mark.parametrize("options", [{}, {"format": "raw"}, {"size": "4M"}])
def test_a_raw_file_is_adopted(place, options):
    image(place, "v1", "raw")
    place.command("qemu-io", "-f", "raw", "-c", "write -P 9 0 1M", str(place.path("v1")))
    volume = adopted(place, **options)
    assert (volume["format"], volume["virtual_size"], volume["managed"]) == ("raw", 4 * MIB, True)
    assert place.read() == b"\x09" * MIB + bytes(3 * MIB)


def test_a_raw_file_of_an_odd_length_is_adopted_as_it_is(place):
    place.path("v1").write_bytes(b"x" * 1000)
    assert adopted(place)["virtual_size"] == 1000


def test_a_qcow2_image_is_adopted_when_it_is_said_to_be_one(place):
    image(place, "v1", "qcow2")
    volume = adopted(place, format="qcow2")
    assert (volume["format"], volume["base_format"], volume["virtual_size"]) == ("qcow2", "qcow2", 4 * MIB)


def test_an_adopted_volume_can_do_what_others_can(place):
    image(place, "v1", "qcow2")
    place.command("qemu-io", "-f", "qcow2", "-c", "write -P 9 0 1M", str(place.path("v1")))
    assert "adopt it first" in place.refused_untouched("gluster_snapshot", volume=["v1"], name=["s1"])
    assert "to adopt it, give its format" in place.refused_untouched(MODULE, name=["v1"], size="8M")
    place.ok(MODULE, name=["v1"], format="qcow2")
    place.snapshot("s1")
    place.ok(MODULE, name=["v1"], size="8M")
    assert place.read() == b"\x09" * MIB + bytes(7 * MIB)
    place.ok(MODULE, name=["v1"], state="absent", delete_snapshots=True)
    assert place.names() == []


def test_a_volume_is_adopted_and_grown_in_one_task(place):
    image(place, "v1", "raw")
    made = place.check_run_again(MODULE, name=["v1"], format="raw", size="6M")
    assert [sentence.split(" ")[0] for sentence in made.actions] == ["Adopt", "Grow"]
    assert made.volume["virtual_size"] == 6 * MIB


def test_a_qcow2_image_is_not_adopted_as_anything_when_nothing_is_said(place):
    image(place, "v1", "qcow2")
    told = place.refused_untouched(MODULE, name=["v1"])
    assert told.startswith(f"v1 on {place.share} was not created by this collection, and its content looks like qcow2; to adopt it, ")


def test_a_sound_qcow2_image_is_adopted_as_raw_only_when_that_is_confirmed(place):
    image(place, "v1", "qcow2")
    content = place.path("v1").read_bytes()
    told = place.refused_untouched(MODULE, name=["v1"], format="raw")
    assert (
        "not adopted as raw, because its content is a sound qcow2 image" in told
        and "give format: qcow2, or set confirm_format: true" in told
    )
    assert place.info()["content_format"] == "qcow2"
    made = place.check_run_again(MODULE, name=["v1"], format="raw", confirm_format=True).volume
    assert (made["format"], made["virtual_size"], made["content_format"]) == ("raw", len(content), None)
    assert place.path("v1").read_bytes() == content


MAGICS = {
    "qcow2": b"QFI\xfb",
    "qed": b"QED\x00",
    "vmdk": b"KDMV",
    "vmdk descriptor": b"# Disk DescriptorFile\nversion=1\n",
    "vhdx": b"vhdxfile",
    "vpc": b"conectix",
    "luks": b"LUKS\xba\xbe",
    "parallels": b"WithoutFreeSpace",
    "vdi": b"<<< Oracle VM VirtualBox Disk Image >>>\n".ljust(64, b"\0") + b"\x7f\x10\xda\xbe",
}


@pytest.mark.sample(3)
@pytest.mark.parametrize("kind", MAGICS)
def test_what_looks_like_another_format_is_adopted_only_when_told_and_then_stays_raw(place, kind):
    content = MAGICS[kind].ljust(MIB, b"\x55")
    place.path("v1").write_bytes(content)
    told = place.refused_untouched(MODULE, name=["v1"])
    assert f"its content looks like {kind.split()[0]}; to adopt it, give its format (raw, if a guest wrote that)" in told
    volume = adopted(place, format="raw")
    assert (volume["format"], volume["virtual_size"], volume["problems"]) == ("raw", MIB, [])
    assert place.read() == content


@pytest.mark.parametrize("magic, kind", [(b"conectix", "vpc"), (b"koly", "dmg")])
def test_a_format_that_is_told_by_the_end_of_a_file_is_seen(place, magic, kind):
    place.path("v1").write_bytes(bytes(MIB - 512) + magic.ljust(512, b"\0"))
    assert f"its content looks like {kind}" in place.refused_untouched(MODULE, name=["v1"])


def test_a_guest_that_writes_a_qcow2_header_into_its_raw_disk_reads_no_file_of_the_host(place):
    place.volume(size="4M")
    secret = place.tmp / "secret"
    secret.write_bytes(b"secret of the host".ljust(4 * MIB, b"!"))
    crafted = place.tmp / "crafted"
    place.command("qemu-img", "create", "-q", "-f", "qcow2", "-b", str(secret), "-F", "raw", str(crafted), "4M")
    content = crafted.read_bytes()
    with place.path("v1").open("r+b") as disk:
        disk.write(content)
    place.snapshot("s1")
    place.ok(MODULE, name=["v1"], size="8M")
    place.drop("s1")
    volume = place.info()
    assert (volume["format"], volume["virtual_size"], volume["problems"]) == ("raw", 8 * MIB, [])
    assert [entry["backing_file"] for entry in volume["chain"]] == [None]
    assert place.read() == content.ljust(8 * MIB, b"\0")


def test_what_is_no_qcow2_image_is_not_adopted_as_one(place):
    image(place, "v1", "raw")
    told = place.refused_untouched(MODULE, name=["v1"], format="qcow2")
    assert told == f"v1 on {place.share} cannot be adopted as qcow2: it has no qcow2 header"


def test_a_qcow2_image_that_reads_from_elsewhere_is_not_adopted(place):
    outside = place.tmp / "outside"
    outside.write_bytes(bytes(4 * MIB))
    image(place, "v1", "qcow2", "-b", str(outside), "-F", "raw")
    told = place.refused_untouched(MODULE, name=["v1"], format="qcow2")
    assert f"v1 on {place.share} cannot be adopted as qcow2: its header names the backing file '{outside}', and a base has none" in told
    place.path("v1").unlink()
    image(place, "v1", "qcow2", "-o", f"data_file={place.tmp / 'data'}")
    told = place.refused_untouched(MODULE, name=["v1"], format="qcow2")
    assert "v1 keeps its data in another file" in told


def test_an_encrypted_image_is_not_adopted(place):
    image(place, "v1", "qcow2")
    with place.path("v1").open("r+b") as stream:
        stream.seek(32)  # the header's crypt_method; 2 is LUKS
        stream.write((2).to_bytes(4, "big"))
    assert "v1 is encrypted by QEMU" in place.refused_untouched(MODULE, name=["v1"], format="qcow2")


@pytest.mark.parametrize("image_format", [None, "raw", "qcow2"])
def test_an_empty_file_is_not_adopted(place, image_format):
    place.path("v1").touch()
    told = place.refused_untouched(MODULE, name=["v1"], **({"format": image_format} if image_format else {}))
    assert told.startswith(f"v1 on {place.share} cannot be adopted")


@pytest.fixture
def cinder(place):
    """A share as OpenStack's driver left it: a raw base and two snapshots, the base written before each."""
    first, second = "7b1d5c0e-0000-4000-8000-000000000001", "7b1d5c0e-0000-4000-8000-000000000002"
    image(place, "v1", "raw")
    write = ["qemu-io", "-c"]
    place.command(*write, "write -P 1 0 1M", "-f", "raw", str(place.path("v1")))
    for number, (below, below_format, name) in enumerate([("v1", "raw", f"v1.{first}"), (f"v1.{first}", "qcow2", f"v1.{second}")], 2):
        place.command("qemu-img", "create", "-q", "-f", "qcow2", "-b", below, "-F", below_format, str(place.path(name)), "4M")
        place.command(*write, f"write -P {number} {number - 1}M 1M", "-f", "qcow2", str(place.path(name)))
    entries = {"active": f"v1.{second}", first: f"v1.{first}", second: f"v1.{second}"}
    place.path("v1.info").write_text(json.dumps(entries, indent=1, sort_keys=True))
    place.first, place.second = first, second
    return place


def test_a_volume_of_cinder_is_adopted_with_its_snapshots(cinder):
    volume = adopted(cinder, format="raw")
    assert (volume["format"], volume["base_format"], volume["active_file"]) == ("qcow2", "raw", f"v1.{cinder.second}")
    assert [entry["name"] for entry in volume["snapshots"]] == [cinder.first, cinder.second]
    assert [entry["created"] for entry in volume["snapshots"]] == [None, None]
    assert cinder.read(snapshot=cinder.second) == b"\x01" * MIB + b"\x02" * MIB + bytes(2 * MIB)


def test_a_volume_of_cinder_says_its_format_itself(cinder):
    assert adopted(cinder)["base_format"] == "raw"


def test_a_volume_of_cinder_is_not_adopted_as_what_its_overlays_deny(cinder):
    told = cinder.refused_untouched(MODULE, name=["v1"], format="qcow2")
    assert told == f"v1 on {cinder.share} is to be adopted as qcow2, but the header above v1 gives its format as raw"


def test_a_volume_of_cinder_lives_on(cinder):
    cinder.ok(MODULE, name=["v1"])
    content = b"\x01" * MIB + b"\x02" * MIB + b"\x03" * MIB + bytes(MIB)
    cinder.drop(cinder.first)
    assert cinder.read() == content and cinder.read(snapshot=cinder.second) == content[: 2 * MIB] + bytes(2 * MIB)
    cinder.snapshot("weekly")
    cinder.ok(MODULE, name=["v1"], size="8M")
    assert cinder.read() == content + bytes(4 * MIB)
    entries = json.loads(cinder.path("v1.info").read_text())
    assert entries.keys() == {"active", cinder.second, "weekly"}
    assert cinder.path("v1.info").read_text() == json.dumps(entries, indent=1, sort_keys=True)


def test_a_volume_of_cinder_that_lost_its_base_name_is_still_a_volume(place):
    # what its live delete left: an overlay that has become the base, and no snapshot
    image(place, "v1.s1", "qcow2")
    place.command("qemu-io", "-f", "qcow2", "-c", "write -P 9 0 4M", str(place.path("v1.s1")))
    place.path("v1.info").write_text('{\n "active": "v1.s1"\n}')
    assert place.info()["exists"] and place.info()["active_file"] == "v1.s1"
    told = place.refused_untouched(MODULE, name=["v1"])
    assert f"v1 on {place.share} was not created by this collection" in told and "give format: qcow2" in told
    adopted(place, format="qcow2")
    place.ok(MODULE, name=["v1"], size="6M")
    place.snapshot("s2")
    place.drop("s2")
    assert place.read() == b"\x09" * 4 * MIB + bytes(2 * MIB)
    place.ok(MODULE, name=["v1"], state="absent")
    assert place.names() == []


def test_a_whole_share_is_taken_over_by_one_task_with_a_list_of_names(cinder):
    place, names = cinder, ["v1", "v2", "v3"]
    image(place, "v2", "raw")
    image(place, "v3", "raw")
    place.command("qemu-img", "create", "-q", "-f", "qcow2", "-b", "v3", "-F", "raw", str(place.path("v3.a")), "4M")
    place.path("v3.info").write_text('{\n "a": "v3.a",\n "active": "v3.a"\n}')
    found = [entry["name"] for entry in place.ok("gluster_volume_file_info").volumes]
    assert found == names
    before = {name: entry for name, entry in place.digest().items() if not name.startswith(".vdisk")}
    made = place.check_run_again(MODULE, name=found, format="raw")
    assert {name: entry for name, entry in place.digest().items() if not name.startswith(".vdisk")} == before
    assert [volume["base_format"] for volume in made.volumes] == ["raw"] * 3
    assert [len(volume["snapshots"]) for volume in made.volumes] == [2, 0, 1]
    assert len(made.actions) == 3
    place.ok("gluster_snapshot", volume=names, name=["both"])


def test_a_share_with_one_volume_of_another_format_is_taken_over_by_no_guess(cinder):
    place = cinder
    image(place, "v2", "qcow2")
    told = place.refused_untouched(MODULE, name=["v1", "v2"])
    assert "v2" in told
    place.ok(MODULE, name=["v1"], format="raw")
    made = place.ok(MODULE, name=["v2"], format="qcow2")
    assert made.volume["problems"] == [] and made.volume["base_format"] == "qcow2"
