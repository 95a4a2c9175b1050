# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of other origin: those that qemu-img makes are known for what they are, those that name another file are not taken."""

from __future__ import annotations

import struct
import uuid

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.magic import HEAD, TAIL, looks_like
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.untrusted_image import FORMATS, complete_image_size, sound_format
from ansible_collections.vdisk.gluster.tests.harness.images import KiB, MiB, qemu_img, write

KINDS = {
    "raw": ("raw",),
    "qcow2": ("qcow2",),
    "qcow2 of version 2": ("qcow2", "compat=0.10"),
    "vmdk": ("vmdk",),
    "vmdk stream": ("vmdk", "subformat=streamOptimized"),
    "vdi": ("vdi",),
    "vdi static": ("vdi", "static=on"),
    "vhdx": ("vhdx",),
    "vhdx fixed": ("vhdx", "subformat=fixed"),
    "vpc": ("vpc", "force_size=on"),
    "vpc fixed": ("vpc", "subformat=fixed,force_size=on"),
}


def judge(path, image_format):
    with path.open("rb") as stream:

        def read(offset, length):
            stream.seek(offset)
            return stream.read(length)

        return complete_image_size(image_format, read, path.stat().st_size)


def refusal(path, image_format):
    with pytest.raises(Damaged) as caught:
        judge(path, image_format)
    return caught.value.message


def make(path, kind, size=3 * MiB + 512):
    """Make an image with data as qemu-img does."""
    image_format, *options = KINDS[kind]
    raw = path.with_suffix(".source")
    with raw.open("wb") as stream:
        stream.truncate(size)
    write(raw, "raw", (5, 64 * KiB, 700 * KiB))
    extra = ["-o", options[0]] if options else []
    qemu_img("convert", "-q", "-f", "raw", "-O", image_format, *extra, raw, path)
    return path


def patch(path, *pieces):
    with path.open("r+b") as stream:
        for offset, content in pieces:
            stream.seek(offset if offset >= 0 else path.stat().st_size + offset)
            stream.write(content)


@pytest.fixture(params=KINDS)
def image(request, tmp_path):
    """An image of each kind."""
    made = make(tmp_path / "image", request.param)
    made_of = KINDS[request.param][0]
    return made, made_of


def test_an_image_of_qemu_img_is_known_with_its_size(image):
    path, image_format = image
    assert judge(path, image_format) == 3 * MiB + 512


def test_it_is_nothing_else_than_what_it_says_it_is(image):
    path, image_format = image
    for other in set(FORMATS) - {"raw", image_format}:
        assert refusal(path, other)


@pytest.mark.parametrize("length", [0, 1, 511, 512, 600, 4096, 65536, 70000])
def test_one_that_was_cut_short_is_refused_or_shorter_and_never_an_accident(image, length):
    path, image_format = image
    with path.open("r+b") as stream:
        stream.truncate(min(length, path.stat().st_size))
    try:
        judge(path, image_format)
    except Damaged as error:
        assert error.message


def test_an_empty_file_is_no_image_of_any_format(tmp_path):
    (tmp_path / "empty").touch()
    assert {refusal(tmp_path / "empty", image_format) for image_format in FORMATS} == {"it is empty"}


def test_a_raw_image_is_bytes_whatever_they_look_like(tmp_path):
    path = make(tmp_path / "image", "qcow2")
    assert judge(path, "raw") == path.stat().st_size
    with path.open("ab") as stream:
        stream.write(b"x")
    assert judge(path, "raw") == (path.stat().st_size + 511) // 512 * 512


def test_a_qcow2_image_with_another_file_is_refused(tmp_path):
    backed, data = tmp_path / "backed", tmp_path / "data"
    qemu_img("create", "-q", "-f", "qcow2", "-u", "-F", "raw", "-b", "/etc/hostname", backed, "1M")
    assert "names the backing file '/etc/hostname'" in refusal(backed, "qcow2")
    qemu_img("create", "-q", "-f", "qcow2", "-o", f"data_file={tmp_path}/outside", data, "1M")
    assert "external data file" in refusal(data, "qcow2")
    # the name alone, without the feature bit that goes with it
    with data.open("r+b") as stream:
        stream.seek(79)
        stream.write(b"\0")
    assert "external data file" in refusal(data, "qcow2")


def test_a_qcow2_image_that_is_not_whole_is_refused(tmp_path):
    path = make(tmp_path / "image", "qcow2")
    for bit, clause in ((1, "not closed properly"), (2, "marked corrupt"), (64, "features 0x40")):
        patch(path, (79, bytes([bit])))
        assert clause in refusal(path, "qcow2")
    patch(path, (79, b"\0"), (32, b"\0\0\0\1"))
    assert "encrypted" in refusal(path, "qcow2")


VMDK_FORGERIES = {
    "a flat extent elsewhere": ((b"SPARSE", b"FLAT"), "an extent outside itself: FLAT"),
    "an extent by a path": ((b'SPARSE "image"', b'SPARSE "/etc/shadow"'), "an extent outside itself"),
    "another type": ((b"monolithicSparse", b"monolithicFlat"), "its VMDK type is 'monolithicFlat'"),
    "a parent": ((b"parentCID=ffffffff", b"parentCID=00000001"), "needs its parent"),
    "a parent by name": ((b"ddb.virtualHWVersion", b"parentFileNameHint"), "needs its parent"),
    "a second type": ((b"ddb.virtualHWVersion", b"createType"), "sets createtype twice"),
    "a line of its own": ((b"# The Disk Data Base", b"RW 2048 VMFSSPARSE x"), "no setting and no sparse extent"),
    "a second extent": ((b"# The Disk Data Base", b'RW 2048 SPARSE "more'), "no setting and no sparse extent"),
    "two extents": ((b"# The Disk Data Base", b'RW 2048 SPARSE "a"  '), "names 2 extents"),
}


@pytest.mark.parametrize("forgery", VMDK_FORGERIES)
def test_a_vmdk_descriptor_that_names_another_file_is_refused(tmp_path, forgery):
    path = make(tmp_path / "image", "vmdk")
    (old, new), clause = VMDK_FORGERIES[forgery]
    descriptor = path.read_bytes()[512 : 512 + 20 * 512]
    assert old in descriptor
    patch(path, (512, descriptor.replace(old, new)[: 20 * 512]))
    assert clause in refusal(path, "vmdk")


@pytest.mark.parametrize("digits", range(1, 9))
def test_what_qemu_leaves_of_a_longer_vmdk_descriptor_is_no_harm_and_anything_else_is(tmp_path, digits):
    path = make(tmp_path / "image", "vmdk")
    start, _cid, end = path.read_bytes()[512 : 512 + 20 * 512].partition(b"\nCID=")
    # qemu-img draws the number, and one of sixteen has fewer than eight digits; of fewer than seven it has left what this test makes
    end = b"fedcba98" + end[end.index(b"\n") :].split(b"\0")[0]
    descriptor = (start + b"\nCID=" + end).ljust(20 * 512, b"\0")
    # as block/vmdk.c does it: a number without leading zeroes, what follows behind it, a zero, and then what was there before
    shorter = start + b"\nCID=" + b"1" * digits + end[8:].split(b"\0")[0] + b"\0"
    written = shorter + descriptor[len(shorter) :]
    patch(path, (512, written))
    assert judge(path, "vmdk") == 3 * MiB + 512
    size = len(written.rstrip(b"\0"))
    for more in (b'RW 8 FLAT "/etc/shadow" 0\n', b"x"):
        patch(path, (512, written[: size + 1] + more + written[size + 1 + len(more) :]))
        assert "goes on after its end" in refusal(path, "vmdk")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("raw", "vmdk stream")])
def test_a_file_is_a_sound_image_only_where_all_of_its_header_is(tmp_path, kind):
    path = make(tmp_path / "image", kind)
    image_format = KINDS[kind][0]

    def seen():
        content = path.read_bytes()
        return sound_format(looks_like(content[:HEAD], content[-TAIL:]), lambda at, length: content[at : at + length], len(content))

    assert seen() == image_format
    content = path.read_bytes()
    path.write_bytes(content[:8].ljust(len(content), b"\x55"))
    assert seen() is None
    path.write_bytes(bytes(len(content)))
    assert seen() is None


def test_a_vmdk_that_leaves_all_to_its_descriptor_is_refused(tmp_path):
    path = make(tmp_path / "image", "vmdk")
    patch(path, (12, bytes(8)))
    assert "names no capacity" in refusal(path, "vmdk")
    stream = make(tmp_path / "stream", "vmdk stream")
    # as VMware writes it: the header that counts is the one in the footer
    header = stream.read_bytes()[:512]
    patch(stream, (56, b"\xff" * 8))
    assert "no VMDK sparse header" in refusal(stream, "vmdk")
    with stream.open("ab") as end:
        end.write(bytes(512) + header + bytes(512))
    assert judge(stream, "vmdk") == 3 * MiB + 512
    patch(stream, (-1024 + 12, bytes(8)))
    assert "footer does not fit" in refusal(stream, "vmdk")


def test_a_vmdk_whose_descriptor_lies_elsewhere_is_refused(tmp_path):
    path = make(tmp_path / "image", "vmdk")
    patch(path, (28, struct.pack("<Q", 2)))
    assert "where every program looks" in refusal(path, "vmdk")
    (tmp_path / "text").write_text('# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 8 FLAT "/etc/shadow" 0\n' + " " * 512)
    assert "data are in other files" in refusal(tmp_path / "text", "vmdk")


def test_a_vdi_with_a_parent_is_refused(tmp_path):
    path = make(tmp_path / "image", "vdi")
    content = path.read_bytes()
    for offset, forged in ((0x4C, struct.pack("<I", 4)), (0x1A8, b"\1" * 16), (0x1B8, b"\1" * 16)):
        patch(path, (0, content[:512]), (offset, forged))
        assert "needs its parent" in refusal(path, "vdi")


def test_a_vpc_with_a_parent_is_refused(tmp_path):
    path = make(tmp_path / "image", "vpc")
    content = path.read_bytes()
    for offset, forged in ((60, struct.pack(">I", 4)), (512 + 40, b"\1" * 16), (512 + 64, b"\0/\0e"), (512 + 576, b"W2ku")):
        patch(path, (0, content[:2048]), (offset, forged))
        assert "needs its parent" in refusal(path, "vpc")
    patch(path, (0, content[:2048]), (60, struct.pack(">I", 2)))
    assert "does not fit its layout" in refusal(path, "vpc")
    patch(path, (0, content[:2048]), (-512 + 48, struct.pack(">Q", 1 << 40)))
    assert "two VPC (VHD) footers differ" in refusal(path, "vpc")


def test_a_vhdx_with_a_parent_or_an_unfinished_log_is_refused(tmp_path):
    path = make(tmp_path / "image", "vhdx")
    content = path.read_bytes()
    parameters = content.index(bytes.fromhex("3767a1ca36fa434db3b633f0aa44e76b"))
    item = content.rindex(b"metadata", 0, parameters) + struct.unpack_from("<I", content, parameters + 16)[0]
    patch(path, (item + 4, b"\2"))
    assert "needs its parent" in refusal(path, "vhdx")
    patch(path, (item + 4, content[item + 4 : item + 5]))
    assert judge(path, "vhdx")
    for offset in (64 * KiB, 128 * KiB):
        patch(path, (offset + 48, b"\1" * 16))
    assert "log holds writes" in refusal(path, "vhdx")


TWO_TABLES = (192 * KiB, 256 * KiB)


def _metadata(path):
    """Return where the metadata table of a VHDX image lies, by its first region table."""
    content = path.read_bytes()
    table = content[TWO_TABLES[0] : TWO_TABLES[0] + 64 * KiB]
    where = table.index(uuid.UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e").bytes_le)
    return struct.unpack_from("<Q", table, where + 16)[0]


VHDX_FORGERIES = {
    "a table of too many regions": (
        lambda path, at: [(table + 8, struct.pack("<I", 5000)) for table in TWO_TABLES],
        "region table is too large",
    ),
    "no metadata": (
        lambda path, at: [(table + 8, struct.pack("<I", 0)) for table in TWO_TABLES],
        "has no VHDX metadata, or has them twice",
    ),
    "no metadata table": (lambda path, at: [(at, b"x")], "has no VHDX metadata table"),
    "too many metadata": (lambda path, at: [(at + 10, struct.pack("<H", 3000))], "metadata table is too large"),
    "metadata twice": (lambda path, at: [(at + 64, path.read_bytes()[at + 32 : at + 64])], "an entry twice"),
    "no size": (lambda path, at: [(at + 10, struct.pack("<H", 0))], "do not name its size"),
}


@pytest.mark.parametrize("forgery", VHDX_FORGERIES)
def test_a_vhdx_whose_tables_do_not_fit_together_is_refused(tmp_path, forgery):
    path = make(tmp_path / "image", "vhdx")
    pieces, clause = VHDX_FORGERIES[forgery]
    patch(path, *pieces(path, _metadata(path)))
    assert clause in refusal(path, "vhdx")


def test_a_vhdx_whose_two_region_tables_name_two_sizes_is_refused(tmp_path):
    path, other = make(tmp_path / "image", "vhdx"), make(tmp_path / "other", "vhdx", size=5 * MiB)
    at, there = _metadata(path), path.stat().st_size
    # the other metadata behind the end, and the second table leads there
    table = path.read_bytes()[TWO_TABLES[1] : TWO_TABLES[1] + 64 * KiB].replace(struct.pack("<Q", at), struct.pack("<Q", there))
    patch(path, (TWO_TABLES[1], table), (there, other.read_bytes()[_metadata(other) : _metadata(other) + 1 * MiB]))
    assert "two VHDX region tables differ" in refusal(path, "vhdx")


@pytest.mark.parametrize(
    ("place", "content", "clause"),
    [
        (0x44, struct.pack("<I", 0x00020000), "VDI version is 0x20000"),
        (0x168, struct.pack("<I", 4096), "is inconsistent"),
        (0x178, struct.pack("<I", 0), "is inconsistent"),
        (0x170, struct.pack("<Q", 1 << 62), "is inconsistent"),
        (0x170, struct.pack("<Q", 0), "virtual size of 0 bytes"),
    ],
)
def test_a_vdi_whose_header_does_not_fit_together_is_refused(tmp_path, place, content, clause):
    path = make(tmp_path / "image", "vdi")
    patch(path, (place, content))
    assert clause in refusal(path, "vdi")


@pytest.mark.parametrize(
    ("place", "content", "clause"), [(4, b"\x09", "VMDK version is 9"), (12, struct.pack("<Q", 8192), "differs in size from its header")]
)
def test_a_vmdk_whose_header_does_not_fit_is_refused(tmp_path, place, content, clause):
    path = make(tmp_path / "image", "vmdk")
    patch(path, (place, content))
    assert clause in refusal(path, "vmdk")
