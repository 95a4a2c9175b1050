# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every image whose header is written in process is one that the real qemu-img finds sound and reads as its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import qcow2
from ansible_collections.vdisk.gluster.tests.harness import images
from ansible_collections.vdisk.gluster.tests.harness.images import GiB, KiB, MiB, TiB

POWERS = [1 << bits for bits in range(20, 44)]
# around the ends of clusters, of second level tables (512 MiB) and of first level clusters (4 TiB)
ODD = [
    512,
    64 * KiB - 512,
    64 * KiB + 512,
    MiB - 512,
    MiB + 512,
    12345 * 512,
    512 * MiB - 512,
    512 * MiB + 512,
    GiB + 3 * 512,
    4 * TiB - 512,
    4 * TiB + 512,
    8 * TiB - 512,
]


def test_the_sizes_tried_reach_from_1_mib_to_8_tib() -> None:
    assert (POWERS[0], POWERS[-1]) == (MiB, 8 * TiB)
    assert all(size % 512 == 0 and size // 512 % 2 for size in ODD)


@pytest.mark.sample(12)
@pytest.mark.parametrize("size", [*POWERS, *ODD])
def test_a_new_image_is_sound_empty_and_after_writes(tmp_path: Path, size: int) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    images.put(ours, qcow2.new_image(size))
    images.qemu_img("create", "-q", "-f", "qcow2", theirs, str(size))
    see_the_same(ours, theirs, size, None, None)
    fill(ours, theirs, size)
    see_the_same(ours, theirs, size, None, None)


@pytest.mark.sample(10, pinned=["raw-66048", "qcow2-536871424"])
@pytest.mark.parametrize("size", [*POWERS[::4], *ODD])
@pytest.mark.parametrize("backing_format", ["raw", "qcow2"])
def test_a_new_overlay_is_sound_empty_and_after_writes(tmp_path: Path, size: int, backing_format: str) -> None:
    ours, theirs = tmp_path / "v.a", tmp_path / "theirs"
    images.qemu_img("create", "-q", "-f", backing_format, tmp_path / "v", str(size))
    images.write(tmp_path / "v", backing_format, *places(size, 0x11, 4 * 64 * KiB))
    images.put(ours, qcow2.new_image(size, "v", backing_format))
    images.qemu_img("create", "-q", "-f", "qcow2", "-F", backing_format, "-b", "v", theirs, str(size))
    see_the_same(ours, theirs, size, "v", backing_format)
    fill(ours, theirs, size)
    see_the_same(ours, theirs, size, "v", backing_format)


@pytest.mark.parametrize("backing_size", [MiB, 3 * MiB])
def test_an_overlay_may_be_larger_or_smaller_than_what_it_lies_on(tmp_path: Path, backing_size: int) -> None:
    images.qemu_img("create", "-q", "-f", "raw", tmp_path / "v", str(backing_size))
    images.write(tmp_path / "v", "raw", (1, 0, backing_size))
    images.put(tmp_path / "v.a", qcow2.new_image(2 * MiB, "v", "raw"))
    expected = (b"\x01" * backing_size)[: 2 * MiB].ljust(2 * MiB, b"\x00")
    assert images.content(tmp_path / "v.a", "qcow2") == expected
    images.check(tmp_path / "v.a")


@pytest.mark.parametrize("name", ["v", "v.a", "v" * 128 + "." + "s" * 64])
def test_names_of_any_length_that_is_allowed_are_kept(tmp_path: Path, name: str) -> None:
    images.qemu_img("create", "-q", "-f", "qcow2", tmp_path / name, "1M")
    overlay = tmp_path / "overlay"
    images.put(overlay, qcow2.new_image(MiB, name, "qcow2"))
    said = images.info(overlay)
    assert (said["backing-filename"], said["backing-filename-format"]) == (name, "qcow2")
    assert (images.parsed(overlay).backing_file, images.parsed(overlay).backing_format) == (name, "qcow2")
    images.same(overlay, "qcow2", tmp_path / name, "qcow2")
    images.check(overlay)


def places(size: int, byte: int, length: int) -> list[tuple[int, int, int]]:
    """Return patterns at the start, in the middle and at the very end of an image."""
    length = min(length, size)
    middle = min(size // 2 // 512 * 512, size - length)
    return [(byte, 0, length), (byte + 1, middle, length), (byte + 2, size - length, length)]


def fill(ours: Path, theirs: Path, size: int) -> None:
    """Write the same into both images and see that it can be read back."""
    patterns = places(size, 0x21, 3 * 512)
    for path in (ours, theirs):
        images.write(path, "qcow2", *patterns)
    images.reads(ours, "qcow2", patterns[-1])


def see_the_same(ours: Path, theirs: Path, size: int, backing_file: str | None, backing_format: str | None) -> None:
    """See that qemu-img finds an image sound, describes it as meant, and reads it as one of its own."""
    images.check(ours)
    said = images.info(ours)
    assert said["virtual-size"] == size
    assert (said.get("backing-filename"), said.get("backing-filename-format")) == (backing_file, backing_format)
    assert (said["cluster-size"], said["dirty-flag"], said["encrypted"] if "encrypted" in said else False) == (65536, False, False)
    data = said["format-specific"]["data"]
    assert (data["compat"], data["corrupt"], data["refcount-bits"], data["lazy-refcounts"]) == ("1.1", False, 16, False)
    # theirs was made of that size
    images.qemu_img("compare", "-q", "-f", "qcow2", "-F", "qcow2", ours, theirs)
    header = images.parsed(ours)
    assert (header.virtual_size, header.backing_file, header.backing_format) == (size, backing_file, backing_format)
    assert header.tables_end <= ours.stat().st_size


@pytest.mark.parametrize("size", [0, -512, 1, 511, 513, MiB + 1])
def test_a_size_that_is_no_whole_number_of_sectors_is_a_mistake_of_the_caller(size: int) -> None:
    with pytest.raises(ValueError, match="multiple of 512"):
        qcow2.new_image(size)


def test_a_backing_file_never_comes_without_its_format() -> None:
    """CVE-2015-1851: what is not said would be probed."""
    for backing in (("v", None), (None, "raw")):
        with pytest.raises(ValueError, match="go together"):
            qcow2.new_image(MiB, *backing)


def test_an_image_beyond_what_qcow2_can_hold_is_refused_with_a_sentence() -> None:
    assert qcow2.new_image(2 << 50).length == (3 + 512) * 64 * KiB
    with pytest.raises(BadInput, match="at most 2 PiB"):
        qcow2.new_image((2 << 50) + 512)
