# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of people are checked before anything is touched, and names of files follow from them."""

from __future__ import annotations

import hashlib

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import check_share, mount_point_of
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout


@pytest.mark.parametrize(
    "share",
    [
        "gl1:/vms",
        "gl1.example.org:/vms",
        "192.0.2.1:/vms",
        "[2001:db8::1]:/vms",
        "2001:db8::1:/vms",
        "gl1:/vms/a",
        "gl1:/vms/a b/c",
        "g:/v_1-2",
    ],
)
def test_a_share_is_a_host_a_volume_and_perhaps_a_directory(share: str) -> None:
    assert check_share(share) == share


@pytest.mark.parametrize(
    "share",
    [
        "",
        "gl1",
        "gl1:",
        "gl1:/",
        "gl1:vms",
        ":/vms",
        "gl1:/vms/",
        "gl1://vms",
        "gl1:/vms//a",
        "gl1:/vms/..",
        "gl1:/vms/../other",
        "gl1:/vms/./a",
        "gl1:/vms\n",
        "gl1:/vms/a\nb",
        "-o:/vms",
        "--help:/vms",
        "gl1 gl2:/vms",
        "gl1:/vms,gl2:/vms",
        "/vms",
        "gl1:/v ms",
        "gl1:/vms/a\x00b",
    ],
)
def test_anything_else_is_no_share_and_the_sentence_says_how_to_write_one(share: str) -> None:
    with pytest.raises(BadInput, match="write host:/volume") as caught:
        check_share(share)
    assert repr(share) in caught.value.message


@pytest.mark.parametrize("name", ["a", "0", "volume-1", "Volume_1", "x" * 128, "active", "info"])
def test_a_volume_name_is_letters_digits_underscore_and_hyphen(name: str) -> None:
    assert layout.check_volume(name) == name
    assert layout.is_volume_name(name)


BAD = ["", "-a", "_a", ".a", "a.b", "a/b", "a b", "a\n", "ä", "../a", "a\x00", "a:b", "json:{}"]


@pytest.mark.parametrize("name", [*BAD, "x" * 129])
def test_no_other_name_is_a_volume(name: str) -> None:
    with pytest.raises(BadInput, match="not a volume name"):
        layout.check_volume(name)
    assert not layout.is_volume_name(name)


@pytest.mark.parametrize("name", ["a", "monday", "2026-01-01_12-00", "x" * 64, "Active", "ACTIVE", "infos"])
def test_a_snapshot_name_is_up_to_64_such_characters(name: str) -> None:
    assert layout.check_snapshot(name) == name


@pytest.mark.parametrize("name", [*BAD, "x" * 65])
def test_no_other_name_is_a_snapshot(name: str) -> None:
    with pytest.raises(BadInput, match="not a snapshot name"):
        layout.check_snapshot(name)


@pytest.mark.parametrize("name", ["active", "info", "json", "lock", "journal"])
def test_a_snapshot_never_takes_the_name_of_a_file_beside_the_volume(name: str) -> None:
    with pytest.raises(BadInput, match="cannot be named"):
        layout.check_snapshot(name)


def test_a_share_is_mounted_where_cinder_mounted_it() -> None:
    digest = hashlib.md5(b"gl1:/vms").hexdigest()
    assert mount_point_of("/mnt", "gl1:/vms") == f"/mnt/{digest}"


def test_files_beside_a_volume() -> None:
    assert layout.info_file("v") == "v.info"
    assert layout.overlay("v", "monday") == "v.monday"
    assert (layout.record("v"), layout.journal("v"), layout.lock("v")) == (".vdisk/v.json", ".vdisk/v.journal", ".vdisk/v.lock")


@pytest.mark.parametrize("name", ["v", "v.monday", "v.monday_2", "v.tmp-snap-1", "v.a.b"])
def test_the_base_name_and_its_overlays_are_files_of_a_volume(name: str) -> None:
    assert layout.is_file_of("v", name)


@pytest.mark.parametrize(
    "name",
    ["", "v.", "v.info", "v2", "v2.monday", "w.monday", "v/x", "v./x", "v.a/../../x", "/v", "./v", "json:{}", "v:x", "nbd:v", "v.a\x00b"],
)
def test_nothing_else_is_a_file_of_a_volume(name: str) -> None:
    assert not layout.is_file_of("v", name)


@pytest.mark.parametrize("final", ["v", "v.monday", "v.info", "v.json", "v.journal"])
def test_a_temporary_name_is_hidden_and_known_again_as_this_volumes(final: str) -> None:
    name = layout.temporary(final, "0123456789ab")
    assert name.startswith(".")
    assert layout.temporary_of("v", name)
    assert not layout.temporary_of("w", name)
    assert not layout.is_file_of("v", name)


@pytest.mark.parametrize("name", [".v", ".v.swp", ".v.monday", "v.vdisk-0a", ".v.vdisk-", ".v.vdisk-XY", ".v/x.vdisk-0a"])
def test_a_hidden_file_of_somebody_else_is_not_taken_for_ours(name: str) -> None:
    assert not layout.temporary_of("v", name)


@pytest.mark.parametrize(
    ("volume", "snapshot", "breaks"),
    [
        ("volume-0d1a0b6e-66d5-4a3e-9be0-5a9b7c1f4a55", "nightly", True),
        ("volume-0d1a0b6e-66d5-4a3e-9be0-5a9b7c1f4a55", "Monday-1", True),
        ("volume-0d1a0b6e-66d5-4a3e-9be0-5a9b7c1f4a55", "5f3a0b6e-66d5-4a3e-9be0-5a9b7c1f4a55", False),
        ("volume-0d1a0b6e-66d5-4a3e-9be0-5a9b7c1f4a55", "tmp-snap-5f3a0b6e", False),
        ("web-1", "nightly", False),
        ("volume-1", "nightly", False),
    ],
)
def test_a_snapshot_that_cinder_could_not_manage_is_known(volume: str, snapshot: str, breaks: bool) -> None:
    assert layout.breaks_cinder(volume, snapshot) is breaks
