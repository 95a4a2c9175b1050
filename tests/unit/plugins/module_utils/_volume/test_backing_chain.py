# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every doubt about a chain is a problem in a sentence, and a chain without problems is safe to hand to QEMU."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.backing_chain import ChainFile, FileFacts, assemble
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.info_file import Info
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import Record
from ansible_collections.vdisk.gluster.tests.harness.chains import SIZE, GiB, files, qcow2, raw, stack

RECORD = Record("v", "raw", SIZE)
INFO = Info("v.b", {"a": "v.a", "b": "v.b"})
BASE, A, B = raw("v"), qcow2("v.a", "v", "raw"), qcow2("v.b", "v.a", "qcow2")


def problems(*facts: FileFacts, info: Info | None = INFO, record: Record | None = RECORD) -> tuple[str, ...]:
    """Return what is wrong with a volume v of these files."""
    return assemble("v", files(*facts), info, record).problems


def test_a_sound_chain_is_walked_from_the_active_file_down() -> None:
    chain = assemble("v", files(BASE, A, B), INFO, RECORD)
    assert chain.problems == ()
    assert chain.files == (
        ChainFile("v.b", "qcow2", "v.a", "qcow2", SIZE, GiB),
        ChainFile("v.a", "qcow2", "v", "raw", SIZE, GiB),
        ChainFile("v", "raw", None, None, SIZE, GiB),
    )
    assert list(chain.snapshots.items()) == [("a", "v.a"), ("b", "v.b")]
    assert chain.above("v.a") == chain.get("v.b")
    assert chain.above("v.b") is None


def test_snapshots_are_told_oldest_first_whatever_their_names() -> None:
    chain = stack(1, 1, 1, 1).chain
    assert list(chain.snapshots) == ["a", "b", "c"]
    turned = assemble(
        "v", files(BASE, qcow2("v.z", "v", "raw"), qcow2("v.a", "v.z", "qcow2")), Info("v.a", {"a": "v.a", "z": "v.z"}), RECORD
    )
    assert (list(turned.snapshots), turned.problems) == (["z", "a"], ())


def test_a_volume_without_snapshots_needs_no_info_file() -> None:
    assert problems(BASE, info=None) == ()
    assert problems(BASE, info=Info("v", {})) == ()
    assert problems(qcow2("v"), info=None, record=Record("v", "qcow2", SIZE)) == ()


def test_without_a_record_the_header_above_tells_the_format_of_the_base_and_nothing_else_does() -> None:
    assert assemble("v", files(BASE, A, B), INFO, None).files[-1].format == "raw"
    for seen in (raw("v"), qcow2("v")):
        exclusive = assemble("v", files(seen), None, None)
        assert (exclusive.files[0].format, exclusive.files[0].virtual_size, exclusive.problems) == (None, None, ())


@pytest.mark.parametrize("header", [{"backing_file": "/etc/passwd", "backing_format": "raw"}, {"data_file": True}, {"corrupt": True}])
def test_a_crafted_qcow2_header_in_a_raw_base_is_treated_as_the_bytes_it_is(header: dict[str, object]) -> None:
    """CVE-2014-3641: a guest owns every byte of its raw disk."""
    crafted = FileFacts("v", "file", SIZE, GiB, qcow2("v", **header).header, looks_like="qcow2")
    chain = assemble("v", files(crafted, A, B), INFO, RECORD)
    assert chain.problems == ()
    assert chain.files[-1] == ChainFile("v", "raw", None, None, SIZE, GiB)
    assert problems(crafted, info=None) == ()


def test_a_volume_that_lost_its_base_name_in_a_live_delete_of_cinder_is_a_volume() -> None:
    exclusive = qcow2("v.x")
    chain = assemble("v", files(exclusive), Info("v.x", {}), None)
    assert (chain.problems, chain.files[0].format, chain.files[0].virtual_size) == ((), "qcow2", SIZE)
    assert problems(exclusive, info=Info("v.x", {}), record=Record("v.x", "qcow2", SIZE)) == ()
    over = qcow2("v.y", "v.x", "qcow2")
    assert problems(exclusive, over, info=Info("v.y", {"y": "v.y"}), record=Record("v.x", "qcow2", SIZE)) == ()


def test_a_file_may_carry_the_id_of_another_snapshot_as_after_a_merge_up() -> None:
    chain = assemble("v", files(BASE, qcow2("v.b", "v", "raw")), Info("v.b", {"a": "v.b"}), RECORD)
    assert (chain.problems, dict(chain.snapshots)) == ((), {"a": "v.b"})


PROBLEMS = {
    "a circle": (
        "the backing files of v form a circle: the header of v.a names v.b again",
        {"facts": (BASE, qcow2("v.a", "v.b", "qcow2"), B)},
    ),
    "a circle of one": (
        "the backing files of v form a circle: the header of v.b names v.b again",
        {"facts": (qcow2("v.b", "v.b", "qcow2"), A)},
    ),
    "a missing base": ("v is missing, although the header of v.a names it", {"facts": (A, B)}),
    "a missing overlay in the middle": ("v.a is missing, although the header of v.b names it", {"facts": (BASE, B)}),
    "a missing active file": ("v.b is missing, although v.info names it", {"facts": (BASE, A)}),
    "a missing overlay of a snapshot": (
        "v.c is missing, although v.info names it for snapshot c",
        {"info": Info("v.b", {**INFO.snapshots, "c": "v.c"})},
    ),
    "a missing file without info": ("v is missing, although the layout names it", {"facts": (), "info": None}),
    "a link": ("v.a is a symlink, not a regular file", {"facts": (BASE, FileFacts("v.a", "symlink", 0, 0), B)}),
    "a link as base": ("v is a symlink, not a regular file", {"facts": (FileFacts("v", "symlink", 0, 0), A, B)}),
    "a directory": ("v is a directory, not a regular file", {"facts": (FileFacts("v", "directory", 0, 0), A, B)}),
    "a pipe": ("v.b is a special file, not a regular file", {"facts": (BASE, A, FileFacts("v.b", "other", 0, 0))}),
    "no qcow2": ("v.a is not a sound qcow2 image: it has no qcow2 header", {"facts": (BASE, raw("v.a"), B)}),
    "a damaged header": (
        "v.a is not a sound qcow2 image: its qcow2 header ends too early",
        {"facts": (BASE, raw("v.a", header_problem="its qcow2 header ends too early"), B)},
    ),
    "an external data file": ("v.a keeps its data in another file", {"facts": (BASE, qcow2("v.a", "v", "raw", data_file=True), B)}),
    "marked corrupt": ("v.a is marked corrupt by QEMU", {"facts": (BASE, qcow2("v.a", "v", "raw", corrupt=True), B)}),
    "encrypted": ("v.a is encrypted by QEMU", {"facts": (BASE, qcow2("v.a", "v", "raw", encrypted=True), B)}),
    "unknown features": (
        "v.a has qcow2 features 0x20 that this collection does not know",
        {"facts": (BASE, qcow2("v.a", "v", "raw", unknown_features=0x20), B)},
    ),
    "tables beyond its end": ("v.a is truncated: it ends after", {"facts": (BASE, qcow2("v.a", "v", "raw", tables_end=1 << 30), B)}),
    "no format named": (
        "the header of v.a names v without its format, so that QEMU would guess it",
        {"facts": (BASE, qcow2("v.a", "v", None), B)},
    ),
    "no format named in the middle": (
        "the header of v.b names v.a without its format, so that QEMU would guess it",
        {"facts": (BASE, A, qcow2("v.b", "v.a", None))},
    ),
    "a format no volume has": (
        "the header of v.a gives v the format 'vmdk', which no file of a volume has",
        {"facts": (BASE, qcow2("v.a", "v", "vmdk"), B)},
    ),
    "another format than recorded": (
        "the header of v.a gives v the format qcow2, the record gives raw",
        {"facts": (BASE, qcow2("v.a", "v", "qcow2"), B)},
    ),
    "an overlay taken for raw": (
        "the record names v as the base of v, but its chain ends in v.a",
        {"facts": (BASE, A, qcow2("v.b", "v.a", "raw"))},
    ),
    "another base than recorded": (
        "the record names v.x as the base of v, but its chain ends in v",
        {"record": Record("v.x", "raw", SIZE)},
    ),
    "a base with a backing file": (
        "the header of v names '/etc/passwd' as a backing file",
        {"facts": (qcow2("v", "/etc/passwd", "raw"),), "info": None, "record": Record("v", "qcow2", SIZE)},
    ),
    "a backing file without info": (
        "v has the backing file v.a, but v has no info file",
        {"facts": (qcow2("v", "v.a", "qcow2"), qcow2("v.a")), "info": None, "record": Record("v", "qcow2", SIZE)},
    ),
    "an overlay no snapshot has": (
        "the overlay v.b is in the chain of v, but v.info names no snapshot for it",
        {"info": Info("v.b", {"a": "v.a"})},
    ),
    "a snapshot beside the chain": (
        "v.c of snapshot c is not in the chain of the active file v.b",
        {"facts": (BASE, A, B, qcow2("v.c", "v.a", "qcow2")), "info": Info("v.b", {**INFO.snapshots, "c": "v.c"})},
    ),
    "a snapshot on the base": (
        "snapshot z has no point in time: its file v has no backing file",
        {"info": Info("v.b", {**INFO.snapshots, "z": "v"})},
    ),
    "a snapshot whose file has no backing file": (
        "snapshot a has no point in time: its file v.a has no backing file",
        {"facts": (BASE, qcow2("v.a"), B), "record": None},
    ),
    "overlays but no info file": ("v.a is beside v, but there is no v.info that names it", {"facts": (BASE, A), "info": None}),
    "cut short": (
        f"v has a virtual size of {GiB} bytes, but v was {SIZE} bytes large: it is truncated",
        {"facts": (raw("v", GiB),), "info": None},
    ),
    "an overlay cut short": (
        f"v.b has a virtual size of {GiB} bytes, but v was {SIZE} bytes large: it is truncated",
        {"facts": (BASE, A, qcow2("v.b", "v.a", "qcow2", size=GiB))},
    ),
    "an empty base": (f"v has a virtual size of 0 bytes, but v was {SIZE} bytes large", {"facts": (raw("v", 0),), "info": None}),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_what_is_wrong_is_said(case: str) -> None:
    sentence, given = PROBLEMS[case]
    found = problems(*given.get("facts", (BASE, A, B)), info=given.get("info", INFO), record=given.get("record", RECORD))
    assert any(problem.startswith(sentence) for problem in found), found


@pytest.mark.parametrize(
    "name",
    ["/mnt/v", "../v", "./v", "sub/v", "w", "w.a", "v.info", "json:{}", 'json:{"driver":"file"}', "nbd://x/y", "file:v", "v ", "V", ""],
)
def test_a_backing_file_that_is_no_bare_name_of_a_file_of_this_volume_is_never_followed(name: str) -> None:
    """CVE-2015-1851, CVE-2024-4467: the name in a header decides what QEMU opens."""
    chain = assemble("v", files(BASE, raw("w"), qcow2("v.a", name, "raw"), B), INFO, RECORD)
    assert f"the header of v.a names {name!r} as a backing file, which is not a bare name of a file of v" in chain.problems
    assert [entry.file for entry in chain.files] == ["v.b", "v.a"]


def test_overlays_beside_a_volume_with_an_info_file_are_no_problem_of_its_chain() -> None:
    assert problems(BASE, A, B, qcow2("v.stray", "v", "raw")) == ()


def test_an_active_file_below_its_snapshots_is_a_problem() -> None:
    """As an info file of yesterday beside the files of today."""
    found = problems(BASE, A, B, info=Info("v.a", dict(INFO.snapshots)))
    assert found == ("v.b of snapshot b is not in the chain of the active file v.a",)
