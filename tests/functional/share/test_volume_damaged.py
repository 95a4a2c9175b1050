# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes whose files do not fit together: shown with their problem, changed by no task, and nothing outside is ever opened."""

from __future__ import annotations

import json

import pytest

MODULE = "gluster_volume_file"
INFO = "gluster_volume_file_info"


def is_left_alone(place, words: str) -> None:
    """See that the information module tells the problem, and that every change is refused for it."""
    problems = place.info()["problems"]
    assert any(words in problem for problem in problems), problems
    connection = place.info()["connection"]
    assert connection is None or connection["libvirt_disk"] is None
    for options in ({"size": "64M"}, {"mode": "0600"}, {"state": "absent", "delete_snapshots": True}):
        told = place.refused_untouched(MODULE, name=["v1"], **options)
        assert told.startswith(f"v1 on {place.share} is not changed, because {problems[0]}")
    for options in ({"name": ["s9"]}, {"name": ["s1"], "state": "absent"}):
        assert f"v1 on {place.share}" in place.refused_untouched("gluster_snapshot", volume=["v1"], **options)
    # the other volumes of the share can still be listed
    place.volume("v2")
    assert [volume["name"] for volume in place.ok(INFO).volumes] == ["v1", "v2"]


def entries(**names: str) -> bytes:
    return json.dumps(names, indent=1, sort_keys=True).encode()


WHOLE = entries(active="v1.s1", s1="v1.s1")


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "v1.info on {share} cannot be used: it is empty"),
        (b"\n", "it is empty"),
        (WHOLE[: len(WHOLE) // 2], "it is not JSON"),
        (b"\x00" * 40, "it is not JSON"),
        (b"\xff\xfe{}", "it is not JSON"),
        (b"[" * 100000, "it is not JSON"),
        (b"[]", "it is not a JSON object of names"),
        (b'{"active": 1}', "it is not a JSON object of names"),
        (b"{}", "it names no active file"),
        (b'{"active": "v1", "active": "v1.s1"}', "it is not JSON"),
        (entries(active="/etc/passwd"), "it names '/etc/passwd' for active, which is not a file of v1"),
        (entries(active="../v2"), "it names '../v2' for active"),
        (entries(active="v2"), "it names 'v2' for active, which is not a file of v1"),
        (entries(active="v1.s1", s1="v2.s1"), "it names 'v2.s1' for s1"),
        (entries(active="v1.info"), "it names 'v1.info' for active"),
        (entries(active="v1.s1", s1="v1.s1", s2="v1.s1"), "it names v1.s1 for two snapshots, s1 and s2"),
        (entries(active="v1.gone", s1="v1.s1"), "v1.gone is missing, although v1.info names it"),
        (entries(active="v1.s1", s1="v1.s1", s2="v1.gone"), "v1.gone is missing, although v1.info names it for snapshot s2"),
        (entries(active="v1", s1="v1.s1"), "v1.s1 of snapshot s1 is not in the chain of the active file v1"),
        (entries(active="v1.s1", s0="v1", s1="v1.s1"), "snapshot s0 has no point in time: its file v1 has no backing file"),
    ],
)
def test_a_damaged_info_file(place, content, words):
    place.volume()
    place.snapshot("s1")
    place.path("v1.info").write_bytes(content)
    is_left_alone(place, words.format(share=place.share))


def test_a_lost_info_file(place):
    place.volume()
    place.snapshot("s1")
    place.path("v1.info").unlink()
    is_left_alone(place, "v1.s1 is beside v1, but there is no v1.info that names it")


def test_an_info_file_that_is_a_link(place):
    place.volume()
    outside = place.tmp / "outside"
    outside.write_bytes(entries(active="v1"))
    place.path("v1.info").symlink_to(outside)
    is_left_alone(place, "v1.info")


def test_an_info_file_without_any_volume(place):
    place.path("v1.info").write_bytes(entries(active="v1"))
    is_left_alone(place, "v1 is missing")


@pytest.mark.sample(1)
@pytest.mark.parametrize("lost", ["v1", "v1.s1", "v1.s2"])
def test_a_lost_file_of_the_chain(place, lost):
    place.volume()
    place.snapshot("s1")
    place.snapshot("s2")
    place.path(lost).unlink()
    is_left_alone(place, f"{lost} is missing")


def overlay(place, name: str, backing: str, backing_format: str | None = "qcow2", image_format: str = "qcow2") -> None:
    """Write an overlay with a header that says so, whatever is or is not there."""
    place.path(name).unlink(missing_ok=True)
    options = ["-F", backing_format] if backing_format else []
    place.command("qemu-img", "create", "-q", "-u", "-f", image_format, "-b", backing, *options, str(place.path(name)), "4M")


def test_backing_files_in_a_circle(place):
    place.volume(format="qcow2")
    place.snapshot("s1")
    overlay(place, "v1", "v1.s1")
    is_left_alone(place, "the backing files of v1 form a circle")


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "backing", ["/etc/passwd", "../v2", "v2", "json:{}", "nbd://localhost/x", "sub/v1", "v1/../v1", "file:v1", "v1.info", "./v1", "v10"]
)
def test_a_backing_file_that_is_none_of_the_volume(place, backing):
    place.volume()
    place.snapshot("s1")
    # of the same length, so that qemu-img need not like the name
    overlay(place, "v1.s1", "B" * len(backing), "raw")
    content = place.path("v1.s1").read_bytes()
    place.path("v1.s1").write_bytes(content.replace(b"B" * len(backing), backing.encode(), 1))
    is_left_alone(place, f"the header of v1.s1 names {backing!r} as a backing file, which is not a bare name of a file of v1")


def test_a_backing_file_without_a_format_is_not_guessed(place):
    place.volume()
    place.snapshot("s1")
    overlay(place, "v1.s1", "v1", "raw")
    content = place.path("v1.s1").read_bytes()
    # the extension that names the format becomes one that a reader passes over
    place.path("v1.s1").write_bytes(content.replace(b"\xe2\x79\x2a\xca", b"\x11\x22\x33\x44", 1))
    words = "the header of v1.s1 names v1 without its format, so that QEMU would guess it"
    assert words in place.info()["problems"][0]
    assert words in place.refused_untouched(MODULE, name=["v1"], size="64M")
    assert words in place.refused_untouched("gluster_snapshot", volume=["v1"], name=["s2"])
    assert words in place.refused_untouched("gluster_snapshot", volume=["v1"], name=["s1"], state="absent")


def test_a_backing_format_that_contradicts_the_record(place):
    place.volume()
    place.snapshot("s1")
    overlay(place, "v1.s1", "v1", "vmdk")
    is_left_alone(place, "the header of v1.s1 gives v1 the format 'vmdk', which no file of a volume has")
    overlay(place, "v1.s1", "v1", "qcow2")
    is_left_alone(place, "the header of v1.s1 gives v1 the format qcow2, the record gives raw")


def test_a_data_file_outside_the_image_is_never_opened(place):
    place.volume(format="qcow2")
    outside = place.tmp / "outside"
    options = f"data_file={outside},data_file_raw=on"
    place.path("v1").unlink()
    place.command("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, str(place.path("v1")), "4M")
    is_left_alone(place, "v1 keeps its data in another file (qcow2 external data file)")


def test_a_base_that_has_got_a_backing_file(place):
    place.volume("v3")
    place.volume(format="qcow2")
    overlay(place, "v1", "v3", "raw")
    problems = place.info()["problems"]
    assert "the header of v1 names 'v3' as a backing file, which is not a bare name of a file of v1" in problems
    assert place.refused_untouched(MODULE, name=["v1"], size="64M").startswith(f"v1 on {place.share} is not changed, because ")


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "has no qcow2 header"),
        (b"\x00" * 65536, "has no qcow2 header"),
        (b"QFI\xfb\x00\x00", "v1.s1 is not a sound qcow2 image"),
        (b"QFI\xfb\x00\x00\x00\x09" + bytes(512), "v1.s1 is not a sound qcow2 image"),
        (b"QFI\xfb\x00\x00\x00\x03" + b"\xff" * 512, "v1.s1 is not a sound qcow2 image"),
    ],
)
def test_an_overlay_that_is_no_image_any_more(place, content, words):
    place.volume()
    place.snapshot("s1")
    place.path("v1.s1").write_bytes(content)
    is_left_alone(place, words)


def test_a_volume_that_was_cut_short(place):
    place.volume(size="8M")
    place.path("v1").open("r+b").truncate(4 << 20)
    is_left_alone(place, "v1 has a virtual size of 4194304 bytes, but v1 was 8388608 bytes large: it is truncated")


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "cannot be used: it is empty"),
        (b'{"schema": 1', "it is not JSON"),
        (b"[]", "it is not a JSON object"),
        (b'{"schema": 2}', "its schema is 2; this release knows 1, a newer one may be needed"),
        (b'{"schema": 1, "base_file": "/etc/passwd", "base_format": "raw", "virtual_size": 1, "allocation": null}', "'/etc/passwd'"),
        (b'{"schema": 1, "base_file": "v1", "base_format": "vmdk", "virtual_size": 1, "allocation": null}', "base_format"),
        (b'{"schema": 1, "base_file": "v1", "base_format": "raw", "virtual_size": -1, "allocation": null}', "virtual_size"),
    ],
)
def test_a_damaged_record(place, content, words):
    place.volume()
    place.path(".vdisk/v1.json").write_bytes(content)
    is_left_alone(place, words)
