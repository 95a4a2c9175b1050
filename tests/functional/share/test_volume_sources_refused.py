# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies that are refused or fail: nothing is left of them, and no file of this host finds its way into a volume."""

from __future__ import annotations

import os

import pytest
from ansible_collections.vdisk.gluster.tests.functional.share.test_volume_sources import KIB, MIB, MODULE
from ansible_collections.vdisk.gluster.tests.harness.programs import command

SECRET = b"what a crafted image is not to show " * 64


@pytest.fixture
def other(place):
    """A share with a volume that has a snapshot, so that a refused task finds all it needs and leaves it as it is."""
    place.volume("v0", size="2M")
    place.write(5, 0, MIB, volume="v0")
    place.snapshot("s1", volume="v0")
    secret = place.tmp / "secret"
    secret.write_bytes(SECRET.ljust(64 * KIB, b"s"))
    place.secret = secret
    return place


def refused(place, **options):
    told = place.refused_untouched(MODULE, **{"name": ["v1"], **options})
    assert place.names() == ["v0", "v0.info", "v0.s1"]
    return told


@pytest.mark.sample(6)
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"source_snapshot": "s1"}, "source_snapshot requires source_volume"),
        ({"source_share": "localhost:/x"}, "source_share requires source_volume"),
        ({"source_format": "raw"}, "source_format requires source_image"),
        ({"source_checksum": "sha256:x"}, "source_checksum requires source_image"),
        ({"source_volume": "v0", "source_image": "/x", "source_format": "raw"}, "are 2 sources"),
        ({"source_image": "/x"}, "never guessed"),
        ({"source_image": "x", "source_format": "raw"}, "is not an absolute path"),
        ({"source_image": "json:{}", "source_format": "raw"}, "is not an absolute path"),
        ({"source_image": "/x", "source_format": "raw"}, "cannot be opened"),
        ({"source_volume": "v0", "state": "absent"}, "requires state: present"),
        ({"source_volume": "v1"}, "a copy of itself"),
        ({"source_volume": "../v0"}, "is not a volume name"),
        ({"source_volume": "v0", "source_snapshot": "active"}, "cannot be named"),
        ({"source_volume": "v9"}, "v9 does not exist on"),
        ({"source_volume": "v0", "source_snapshot": "s9"}, "has no snapshot s9"),
        ({"source_volume": "v0", "source_share": "localhost:/elsewhere"}, "is not mounted"),
        ({"source_volume": "v0", "size": "1M"}, "never smaller"),
        ({"source_volume": "v0", "format": "qcow2", "allocation": "full"}, "is for raw volumes"),
    ],
    ids=str,
)
def test_options_that_do_not_go_together_and_sources_that_are_not_there(other, options, told):
    assert told in refused(other, **options)


def test_a_source_that_is_not_sound_or_not_adopted_is_not_copied(other):
    record = other.path(".vdisk/v0.json")
    content = record.read_bytes()
    record.unlink()
    assert "adopt it first" in refused(other, source_volume="v0")
    record.write_bytes(content)
    other.path("v0.s1").write_bytes(b"QFI\xfb")
    assert "v0.s1" in refused(other, source_volume="v0")


def crafted(place, kind):
    """Make an image that names the secret, or is else not what it seems, and return its format."""
    path, secret = place.tmp / "image", str(place.secret)
    forged = place.tmp / "forged.vmdk"
    if kind == "qcow2 with a backing file":
        command("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", secret, str(path), "1M")
    elif kind == "qcow2 with a json backing file":
        named = f'json:{{"driver":"raw","file":{{"driver":"file","filename":"{secret}"}}}}'
        command("qemu-img", "create", "-q", "-f", "qcow2", "-u", "-F", "raw", "-b", named, str(path), "1M")
    elif kind == "qcow2 with a data file":
        command("qemu-img", "create", "-q", "-f", "qcow2", "-o", f"data_file={place.tmp}/data,data_file_raw=on", str(path), "64K")
        with path.open("r+b") as stream:
            content = stream.read()
            where = content.index(b"/data") + 1 - len(f"{place.tmp}/")
            stream.seek(where)
            stream.write(secret.encode().ljust(len(f"{place.tmp}/data"), b"\0")[: len(f"{place.tmp}/data")])
    elif kind.startswith("vmdk"):
        text = f'# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 128 FLAT "{secret}" 0\n'
        if kind == "vmdk of a descriptor alone":
            path.write_text(text)
            return "vmdk"
        command("qemu-img", "create", "-q", "-f", "vmdk", str(forged), "64K")
        content = bytearray(forged.read_bytes())
        content[512 : 512 + 20 * 512] = text.encode().ljust(20 * 512, b"\0")
        if kind == "vmdk without a capacity":
            content[12:20] = bytes(8)
        path.write_bytes(content)
    elif kind == "vpc with a parent":
        command("qemu-img", "create", "-q", "-f", "vpc", str(path), "1M")
        with path.open("r+b") as stream:
            stream.seek(60)
            stream.write(b"\0\0\0\4")
    elif kind == "vdi with a parent":
        command("qemu-img", "create", "-q", "-f", "vdi", str(path), "1M")
        with path.open("r+b") as stream:
            stream.seek(0x4C)
            stream.write(b"\4")
    elif kind == "vhdx with a parent":
        command("qemu-img", "create", "-q", "-f", "vhdx", str(path), "1M")
        content = path.read_bytes()
        entry = content.index(bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b"))
        item = content.rindex(b"metadata", 0, entry) + int.from_bytes(content[entry + 16 : entry + 20], "little")
        with path.open("r+b") as stream:
            stream.seek(item + 4)
            stream.write(b"\2")
    return kind.split()[0]


CRAFTED = (
    "qcow2 with a backing file",
    "qcow2 with a json backing file",
    "qcow2 with a data file",
    "vmdk of a descriptor alone",
    "vmdk with an extent outside",
    "vmdk without a capacity",
    "vdi with a parent",
    "vhdx with a parent",
    "vpc with a parent",
)


@pytest.mark.parametrize("kind", CRAFTED)
def test_a_crafted_image_is_refused_before_any_program_opens_it(other, only_these_programs, kind):
    image_format = crafted(other, kind)
    only_these_programs()
    told = refused(other, source_image=str(other.tmp / "image"), source_format=image_format)
    assert f"is not accepted as {image_format}, because" in told and "qemu-img was not found" not in told


@pytest.mark.sample(3)
@pytest.mark.parametrize("kind", CRAFTED)
def test_a_crafted_image_is_only_bytes_where_it_is_raw(other, kind):
    crafted(other, kind)
    made = other.check_run_again(
        MODULE, name=["v1"], source_image=str(other.tmp / "image"), source_format="raw", confirm_format=True
    ).volume
    assert other.path("v1").read_bytes().rstrip(b"\0") == (other.tmp / "image").read_bytes().rstrip(b"\0")
    assert SECRET[:64] not in other.path("v1").read_bytes() and made["base_format"] == "raw"
    # and it stays bytes when it is copied on
    other.ok(MODULE, name=["v2"], source_volume="v1", format="qcow2")
    assert other.read("v2") == other.path("v1").read_bytes()
    assert SECRET[:64] not in other.path("v2").read_bytes()


@pytest.mark.parametrize("said", ["qcow2", "vmdk", "vdi", "vhdx", "vpc"])
def test_an_image_of_another_format_than_it_is_said_to_be_is_refused(other, said):
    path = other.tmp / "image"
    path.write_bytes(b"no image of any kind" * 4096)
    assert f"is not accepted as {said}, because it has no" in refused(other, source_image=str(path), source_format=said)


def test_what_is_no_file_is_no_image(other):
    for path in ("/dev/zero", str(other.tmp)):
        assert "is not a regular file" in refused(other, source_image=path, source_format="raw")
    os.mkfifo(other.tmp / "pipe")
    assert "is not a regular file" in refused(other, source_image=str(other.tmp / "pipe"), source_format="raw")
    (other.tmp / "empty").touch()
    assert "because it is empty" in refused(other, source_image=str(other.tmp / "empty"), source_format="raw")


def test_an_image_that_needs_more_to_be_looked_at_than_a_sound_one_is_refused(other):
    # a table of 32 MiB for a disk of 2 PiB: what qemu-img allocates for it is limited, what it would read is not there
    path = other.tmp / "image"
    command("qemu-img", "create", "-q", "-f", "qcow2", str(path), "1M")
    with path.open("r+b") as stream:
        stream.seek(24)
        stream.write((1 << 51).to_bytes(8, "big"))
        stream.seek(36)
        stream.write((1 << 22).to_bytes(4, "big"))
    assert "is not accepted as qcow2" in refused(other, source_image=str(path), source_format="qcow2")


def test_an_image_is_looked_at_with_limits(other, tmp_path, monkeypatch):
    programs = tmp_path / "programs"
    programs.mkdir()
    script = f'#!/bin/sh\n[ "$1" != info ] || ulimit -a >{tmp_path}/limits\nexec {command("which", "qemu-img").stdout.strip()} "$@"\n'
    (programs / "qemu-img").write_text(script)
    (programs / "qemu-img").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    (tmp_path / "image").write_bytes(b"x" * MIB)
    other.ok(MODULE, name=["v1"], source_image=str(tmp_path / "image"), source_format="raw")
    limits = (tmp_path / "limits").read_text()
    lines = {line.split("(")[0].strip(): line.split()[-1] for line in limits.splitlines()}
    assert next(value for name, value in lines.items() if name.startswith(("vmemory", "address space"))) == str(1 << 20)
    assert next(value for name, value in lines.items() if name.startswith(("time", "cpu time"))) == "30"


def test_a_full_share_is_known_before_a_copy_begins_and_nothing_is_left_where_it_fills_up(place, small_volumes, monkeypatch, tmp_path):
    small = place.new_share(small_volumes[0])
    place.mount(place.share, small)
    place.volume(size="200M")
    place.write(7, 0, 100 * MIB)
    options = {"share": small, "name": ["v2"], "source_volume": "v1", "source_share": place.share}
    for promised in ({}, {"max_over_subscription_ratio": 20.0}):
        for check in (True, False):
            told = place.refused(MODULE, check=check, **options, **promised)
            assert ("needs up to" if promised else "no share has space") in told and "MiB" in told
    assert sorted(os.listdir(place.mount_point(small))) == []
    # another program takes the space after it was looked at
    module = "ansible_collections.vdisk.gluster.plugins.module_utils._modules.volume_source.check_space"
    monkeypatch.setattr(module, lambda *_sizes: None)
    for image_format in ("raw", "qcow2"):
        told = place.refused(MODULE, **options, max_over_subscription_ratio=20.0, format=image_format)
        assert "no space left" in told or "is full" in told
        assert os.listdir(place.mount_point(small)) == [".vdisk"]
        assert os.listdir(place.mount_point(small) / ".vdisk") == ["v2.lock"]
    # what is mostly zero fits
    place.ok(MODULE, name=["v3"], size="200M")
    place.write(7, 0, 8 * MIB, volume="v3")
    monkeypatch.undo()
    place.ok(MODULE, **{**options, "source_volume": "v3"}, max_over_subscription_ratio=20.0)
    command("qemu-img", "compare", "-q", "-f", "raw", "-F", "raw", str(place.path("v3")), str(place.mount_point(small) / "v2"))


def test_a_share_that_may_not_promise_more_takes_no_copy(other):
    # nothing, on whatever disk the brick lies: a millionth of 5 TiB has room for this volume
    assert "no share has space" in refused(other, source_volume="v0", max_over_subscription_ratio=1e-300)
    assert "no share has space" in refused(other, source_volume="v0", reserved_percentage=100)
