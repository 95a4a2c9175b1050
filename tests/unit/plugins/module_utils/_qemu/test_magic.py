# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that resembles an image of some format is noticed, with the real images of qemu-img."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.magic import HEAD, TAIL, looks_like
from ansible_collections.vdisk.gluster.tests.harness import images


def seen(path: Path) -> str | None:
    """Return what a file resembles by its first and last bytes."""
    content = path.read_bytes()
    return looks_like(content[:HEAD], content[-TAIL:])


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ("-f qcow2", "qcow2"),
        ("-f qcow", "qcow"),
        ("-f qed", "qed"),
        ("-f vmdk", "vmdk"),
        ("-f vmdk -o subformat=twoGbMaxExtentSparse", "vmdk"),
        ("-f vmdk -o subformat=streamOptimized", "vmdk"),
        ("-f vdi", "vdi"),
        ("-f vhdx", "vhdx"),
        ("-f vpc", "vpc"),
        ("-f vpc -o subformat=fixed", "vpc"),
        ("-f parallels", "parallels"),
    ],
)
def test_an_image_of_qemu_img_is_noticed(tmp_path: Path, options: str, name: str) -> None:
    words = options.split()
    path = tmp_path / ("v.vmdk" if name == "vmdk" else "v")
    try:
        images.qemu_img("create", "-q", *words, path, "1M")
    except AssertionError as error:
        if "Unknown file format" in str(error) or "not supported" in str(error):
            pytest.skip(f"this qemu-img makes no {name}")
        raise
    assert seen(path) == ("qcow2" if name == "qcow" else name)


@pytest.mark.parametrize("content", [b"", b"x", bytes(4096), b"\xeb\x63\x90" + bytes(507) + b"\x55\xaa", b"\x00QFI\xfb", b"# Disk"])
def test_what_a_guest_usually_writes_resembles_nothing(content: bytes) -> None:
    assert looks_like(content, content[-TAIL:]) is None


def test_a_fixed_vhd_is_noticed_by_its_end_alone() -> None:
    assert looks_like(bytes(HEAD), b"conectix" + bytes(504)) == "vpc"
    assert looks_like(bytes(HEAD), b"koly" + bytes(508)) == "dmg"


def test_an_encrypted_disk_is_noticed() -> None:
    """As made by qemu-img or cryptsetup, which take seconds for it."""
    assert looks_like(b"LUKS\xba\xbe\x00\x01" + bytes(HEAD), bytes(TAIL)) == "luks"
