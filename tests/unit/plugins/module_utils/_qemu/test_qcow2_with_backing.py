# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A header is made to name another backing file, and all else in the image stays as it is."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import qcow2
from ansible_collections.vdisk.gluster.tests.harness import images
from ansible_collections.vdisk.gluster.tests.harness.images import KiB, MiB

LONG = "v." + "s" * 64
MAKERS = {
    "compat 0.10": "compat=0.10",
    "compat 0.10, small clusters": "compat=0.10,cluster_size=512",
    "compat 1.1": "compat=1.1",
    "small clusters": "cluster_size=1k",
    "large clusters": "cluster_size=2M",
    "extended": "extended_l2=on,compression_type=zstd,lazy_refcounts=on",
    "bitmaps": "compat=1.1",
    "in process": "",
}


def make(directory: Path, maker: str, backing_file: str, backing_format: str) -> Path:
    """Make an overlay with data of its own over an image of another name and format."""
    overlay = directory / "overlay"
    images.qemu_img("create", "-q", "-f", backing_format, directory / backing_file, "4M")
    images.write(directory / backing_file, backing_format, (1, 0, 4 * MiB))
    if maker == "in process":
        images.put(overlay, qcow2.new_image(4 * MiB, backing_file, backing_format))
    else:
        images.qemu_img("create", "-q", "-f", "qcow2", "-o", MAKERS[maker], "-F", backing_format, "-b", backing_file, overlay)
    images.write(overlay, "qcow2", (2, 64 * KiB, 192 * KiB), (3, 4 * MiB - 64 * KiB, 64 * KiB))
    if maker == "bitmaps":
        images.qemu_img("bitmap", "--add", "-g", "64k", "-f", "qcow2", overlay, "b0")
        images.write(overlay, "qcow2", (4, 1 * MiB, 64 * KiB))
    return overlay


def repoint(overlay: Path, backing_file: str, backing_format: str) -> bytes:
    """Write the changed header as a step does and return what was written."""
    changed = qcow2.with_backing(images.header_bytes(overlay), backing_file, backing_format)
    with overlay.open("r+b") as stream:
        stream.write(changed)
    return changed


@pytest.mark.parametrize(
    ("old", "new", "old_format", "new_format"),
    [("v", LONG, "raw", "qcow2"), (LONG, "v", "qcow2", "raw"), ("v", "w", "raw", "raw")],
    ids=["longer", "shorter", "as long"],
)
@pytest.mark.parametrize("maker", MAKERS)
def test_an_image_reads_the_same_over_another_name_of_the_same_data(
    tmp_path: Path, maker: str, old: str, new: str, old_format: str, new_format: str
) -> None:
    overlay = make(tmp_path, maker, old, old_format)
    reference = images.content(overlay, "qcow2")
    before, said_before = images.parsed(overlay), images.info(overlay)
    data_before = overlay.read_bytes()[1 << before.cluster_bits :]
    images.qemu_img("convert", "-q", "-f", old_format, "-O", new_format, tmp_path / old, tmp_path / new)
    (tmp_path / old).unlink()
    repoint(overlay, new, new_format)
    images.check(overlay)
    said = images.info(overlay)
    assert (said["backing-filename"], said["backing-filename-format"]) == (new, new_format)
    for key in ("virtual-size", "cluster-size", "format-specific", "dirty-flag"):
        assert said[key] == said_before[key]
    assert images.content(overlay, "qcow2") == reference
    after = images.parsed(overlay)
    assert (after.backing_file, after.backing_format, after.version) == (new, new_format, before.version)
    assert overlay.read_bytes()[1 << before.cluster_bits :] == data_before, "something beyond the header changed"
    if old == LONG:
        assert b"sss" not in overlay.read_bytes()[: 1 << after.cluster_bits], "a part of the old name stayed behind"


@pytest.mark.parametrize("maker", ["compat 1.1", "extended", "bitmaps"])
def test_the_other_extensions_stay_byte_for_byte(tmp_path: Path, maker: str) -> None:
    overlay = make(tmp_path, maker, "v", "raw")

    def others() -> list[tuple[int, bytes]]:
        start = images.header_bytes(overlay)
        length, name = struct.unpack_from(">I", start, 100)[0], struct.unpack_from(">Q", start, 8)[0]
        return [(kind, data) for kind, data in qcow2._extensions(start, length, name) if kind != 0xE2792ACA]

    before = others()
    assert 0x6803F857 in dict(before), "qemu-img wrote no feature name table"
    assert (0x23852875 in dict(before)) == (maker == "bitmaps")
    repoint(overlay, LONG, "qcow2")
    assert others() == before
    repoint(overlay, "v", "raw")
    assert others() == before
    if maker == "bitmaps":
        assert [bitmap["name"] for bitmap in images.info(overlay)["format-specific"]["data"]["bitmaps"]] == ["b0"]


def test_the_header_of_qemu_img_is_restored_byte_for_byte_there_and_back(tmp_path: Path) -> None:
    overlay = make(tmp_path, "in process", "v", "raw")
    before = overlay.read_bytes()
    repoint(overlay, LONG, "qcow2")
    repoint(overlay, "v", "raw")
    assert overlay.read_bytes() == before


def test_an_image_without_a_backing_file_gets_one(tmp_path: Path) -> None:
    images.qemu_img("create", "-q", "-f", "raw", tmp_path / "v", "1M")
    images.write(tmp_path / "v", "raw", (7, 0, MiB))
    overlay = tmp_path / "v.a"
    images.qemu_img("create", "-q", "-f", "qcow2", overlay, "1M")
    repoint(overlay, "v", "raw")
    images.check(overlay)
    assert images.content(overlay, "qcow2") == b"\x07" * MiB


def test_an_image_with_features_unknown_here_is_not_touched() -> None:
    start = bytearray(qcow2.new_image(MiB, "v", "raw").pieces[0][1])
    struct.pack_into(">Q", start, 72, 1 << 40)
    with pytest.raises(Damaged, match="0x10000000000 unknown"):
        qcow2.with_backing(bytes(start), "w", "raw")


def test_automatic_feature_bits_unknown_here_are_cleared_and_known_ones_kept() -> None:
    start = bytearray(qcow2.new_image(MiB, "v", "raw").pieces[0][1])
    struct.pack_into(">Q", start, 88, 0xFFFFFFFFFFFFFFFF)
    struct.pack_into(">Q", start, 80, 0x1)
    changed = qcow2.with_backing(bytes(start), "w", "raw")
    assert struct.unpack_from(">QQ", changed, 80) == (0x1, 0x3)


def test_a_name_for_which_there_is_no_room_is_refused(tmp_path: Path) -> None:
    overlay = make(tmp_path, "compat 0.10, small clusters", "v", "raw")
    start = images.header_bytes(overlay)
    for name in ("v." + "s" * 450, "x" * 1024):
        with pytest.raises(Damaged, match="no space"):
            qcow2.with_backing(start, name, "raw")
    with pytest.raises(Damaged, match="no space"):
        qcow2.with_backing(qcow2.new_image(MiB, "v", "raw").pieces[0][1], "x" * 1024, "raw")
