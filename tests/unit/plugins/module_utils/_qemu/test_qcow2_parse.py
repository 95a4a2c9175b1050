# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers are read as qemu-img means them, and nothing that is no sound header is taken for one."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import qcow2
from ansible_collections.vdisk.gluster.tests.harness import images
from ansible_collections.vdisk.gluster.tests.harness.images import MiB

SECRET = ("--object", "secret,id=s,data=geheim")
OPTIONS = [
    *(f"compat={compat},cluster_size={1 << bits}" for compat in ("0.10", "1.1") for bits in range(9, 22)),
    *(f"refcount_bits={bits}" for bits in (1, 8, 16, 64)),
    "lazy_refcounts=on",
    "compression_type=zstd",
    "extended_l2=on,cluster_size=64k",
    "extended_l2=on,cluster_size=2M",
    "preallocation=metadata",
    "preallocation=full",
    "data_file=DIRECTORY/data",
    "data_file=DIRECTORY/data,data_file_raw=on",
    "encrypt.format=aes,encrypt.key-secret=s",
]

# qemu-img makes no such image with a backing file
ALONE = [options for options in OPTIONS if any(word in options for word in ("preallocation", "data_file_raw"))]


@pytest.mark.parametrize(
    ("options", "backing"),
    [(options, backing) for options in OPTIONS for backing in (None, "raw", "qcow2") if not (backing and options in ALONE)],
)
def test_what_qemu_img_makes_is_read_as_qemu_img_describes_it(tmp_path: Path, options: str, backing: str | None) -> None:
    path, over = tmp_path / "v.a", ()
    if backing:
        images.qemu_img("create", "-q", "-f", backing, tmp_path / "v", "2M")
        over = ("-F", backing, "-b", "v")
    options = options.replace("DIRECTORY", str(tmp_path))
    images.qemu_img("create", "-q", *SECRET, "-f", "qcow2", "-o", options, *over, path, "2M")
    header, said = images.parsed(path), images.info(path)
    data = said["format-specific"]["data"]
    assert header.virtual_size == said["virtual-size"] == 2 * MiB
    assert 1 << header.cluster_bits == said["cluster-size"]
    assert header.version == (2 if data["compat"] == "0.10" else 3)
    assert (header.backing_file, header.backing_format) == (said.get("backing-filename"), said.get("backing-filename-format"))
    assert header.backing_format == backing
    assert header.data_file == ("data-file" in data) == ("data_file" in options)
    assert header.encrypted == bool(said.get("encrypted")) == ("encrypt" in options)
    assert (header.dirty, header.corrupt, header.unknown_features, header.internal_snapshots) == (False, False, 0, 0)
    assert header.tables_end <= path.stat().st_size


def test_an_image_of_another_program_may_lack_the_backing_format(tmp_path: Path) -> None:
    images.qemu_img("create", "-q", "-f", "raw", tmp_path / "v", "1M")
    images.qemu_img("create", "-q", "-f", "qcow2", "-F", "raw", "-b", "v", tmp_path / "v.a")
    images.qemu_img("rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", "v", tmp_path / "v.a")
    content = (tmp_path / "v.a").read_bytes()
    without = content.replace(struct.pack(">II", 0xE2792ACA, 3), struct.pack(">II", 0x12345678, 3), 1)
    assert without != content
    header = qcow2.parse(without[:4096])
    assert (header.backing_file, header.backing_format) == ("v", None)


def test_internal_snapshots_and_bitmaps_and_a_resize_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "v"
    images.qemu_img("create", "-q", "-f", "qcow2", path, "1M")
    images.qemu_img("snapshot", "-q", "-c", "s1", path)
    images.qemu_img("snapshot", "-q", "-c", "s2", path)
    images.qemu_img("bitmap", "--add", "-f", "qcow2", path, "b0")
    assert images.parsed(path).internal_snapshots == 2
    images.qemu_img("snapshot", "-q", "-d", "s1", path)
    images.qemu_img("snapshot", "-q", "-d", "s2", path)
    images.qemu_img("resize", "-q", "-f", "qcow2", path, "3T")
    header = images.parsed(path)
    assert (header.internal_snapshots, header.virtual_size, header.unknown_features) == (0, 3 << 40, 0)
    assert header.tables_end <= path.stat().st_size


def test_an_image_left_open_with_lazy_refcounts_is_dirty(tmp_path: Path) -> None:
    path = tmp_path / "v"
    images.qemu_img("create", "-q", "-f", "qcow2", "-o", "lazy_refcounts=on", path, "1M")
    with pytest.raises(AssertionError):
        images.run("qemu-io", "-f", "qcow2", "-c", "write -q 0 64k", "-c", "abort", path)
    assert images.parsed(path).dirty


# name, and what is changed in a sound header: offset, struct format, value
CRAFTED = [
    ("version is 1", 4, ">I", 1),
    ("version is 4", 4, ">I", 4),
    ("cluster size is 2\\^8", 20, ">I", 8),
    ("cluster size is 2\\^22", 20, ">I", 22),
    ("cluster size is 2\\^4294967295", 20, ">I", 0xFFFFFFFF),
    ("size that QEMU does not allow", 24, ">Q", 1 << 63),
    ("size that QEMU does not allow", 36, ">I", 0x400001),
    ("wrong length", 100, ">I", 96),
    ("wrong length", 100, ">I", 108),
    ("wrong length", 100, ">I", 0xFFFFFFF8),
    ("name is outside", 8, ">Q", 0xFFFFFFFFFFFFFFFF),
    ("name is outside", 16, ">I", 1024),
    ("name is outside", 16, ">I", 0xFFFFFFFF),
    ("extensions end too early", 116, ">I", 0xFFFFFFFF),
]
SOUND = b"".join(piece for _offset, piece in qcow2.new_image(MiB, "v", "raw").pieces[:1]).ljust(4096, b"\x00")


@pytest.mark.parametrize(("clause", "offset", "form", "value"), CRAFTED)
def test_a_crafted_header_is_damaged_and_the_clause_tells_why(clause: str, offset: int, form: str, value: int) -> None:
    crafted = bytearray(SOUND)
    struct.pack_into(form, crafted, offset, value)
    if offset == 116:
        struct.pack_into(">I", crafted, 108, value)
    with pytest.raises(Damaged, match=clause):
        qcow2.parse(bytes(crafted))


def test_an_extension_that_stands_twice_is_damaged_since_qemu_would_believe_the_last() -> None:
    twice = (
        qcow2._EXTENSION.pack(0xE2792ACA, 3) + b"raw".ljust(8, b"\x00") + qcow2._EXTENSION.pack(0xE2792ACA, 4) + b"vmdk".ljust(8, b"\x00")
    )
    start = bytearray(SOUND[:104] + twice + bytes(8) + b"v").ljust(4096, b"\x00")
    struct.pack_into(">QI", start, 8, 104 + len(twice) + 8, 1)
    with pytest.raises(Damaged, match="twice"):
        qcow2.parse(bytes(start))


@pytest.mark.parametrize(
    ("bit", "seen"),
    [(0, "dirty"), (1, "corrupt"), (2, "data_file"), (5, "unknown_features"), (63, "unknown_features")],
)
def test_incompatible_features_are_seen(bit: int, seen: str) -> None:
    changed = bytearray(SOUND)
    struct.pack_into(">Q", changed, 72, 1 << bit)
    assert getattr(qcow2.parse(bytes(changed)), seen)
    assert not getattr(qcow2.parse(SOUND), seen)


def test_a_backing_name_that_is_no_text_is_shown_and_equals_no_name_of_ours() -> None:
    changed = bytearray(SOUND)
    struct.pack_into(">QI", changed, 8, 200, 3)
    changed[200:203] = b"v\xff\x00"
    assert qcow2.parse(bytes(changed)).backing_file == "v\\xff\x00"


@pytest.mark.parametrize("layout", ["overlay", "plain", "of qemu-img", "of qemu-img, compat 0.10"])
def test_a_header_cut_off_at_any_byte_is_damaged(tmp_path: Path, layout: str) -> None:
    if "qemu-img" in layout:
        path = tmp_path / "v.a"
        images.qemu_img("create", "-q", "-f", "raw", tmp_path / "v", "1M")
        compat = "compat=0.10" if "0.10" in layout else "compat=1.1"
        images.qemu_img("create", "-q", "-f", "qcow2", "-o", compat, "-F", "raw", "-b", "v", path)
        whole = images.header_bytes(path)
        end = struct.unpack_from(">Q", whole, 8)[0] + 1
    else:
        whole = qcow2.new_image(MiB, *(("v", "raw") if layout == "overlay" else ())).pieces[0][1]
        end = len(whole)
    assert qcow2.parse(whole[:end]).backing_file == (None if layout == "plain" else "v")
    for length in range(end):
        with pytest.raises(Damaged):
            qcow2.parse(whole[:length])


def test_random_bytes_never_make_anything_but_damage() -> None:
    rng = random.Random(20260101)
    for _round in range(3000):
        noise = rng.randbytes(rng.choice((0, 3, 4, 71, 72, 103, 104, 112, 512, 4096)))
        for start in (noise, qcow2.MAGIC + noise, qcow2.MAGIC + struct.pack(">I", rng.choice((2, 3))) + noise):
            parsed_or_damaged(start)


def test_a_header_with_any_bytes_changed_is_read_or_damaged() -> None:
    rng = random.Random(20260102)
    for _round in range(6000):
        changed = bytearray(SOUND[: rng.choice((4096, 200, 131))])
        for _byte in range(rng.randint(1, 6)):
            changed[rng.randrange(4, min(len(changed), 160))] = rng.choice((0, 1, 2, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        parsed_or_damaged(bytes(changed))


def parsed_or_damaged(start: bytes) -> None:
    """Read a header, which may find it damaged and may fail in no other way."""
    assert qcow2.bytes_needed(start) <= 4096 + (2 << 20)
    try:
        header = qcow2.parse(start)
    except Damaged as error:
        assert error.message.startswith("it")
        return
    try:
        changed = qcow2.with_backing(start, "v.b", "qcow2")
    except Damaged:
        return
    again = qcow2.parse(changed.ljust(len(start), b"\x00"))
    assert (again.backing_file, again.backing_format) == ("v.b", "qcow2")
    assert (again.virtual_size, again.data_file, again.encrypted) == (header.virtual_size, header.data_file, header.encrypted)
