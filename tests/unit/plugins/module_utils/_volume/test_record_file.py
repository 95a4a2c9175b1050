# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record keeps what the layout cannot tell, and one that was not written here is not believed."""

from __future__ import annotations

import json

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import record_file
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import Record, SnapshotNote

RECORD = Record(
    "v",
    "raw",
    1 << 30,
    "falloc",
    {"monday": SnapshotNote("2026-01-05T00:00:00.000000Z", "before the update", 'ä\n"x"', True), "tuesday": SnapshotNote()},
)
ENTRIES = record_file.to_json(RECORD)


@pytest.mark.parametrize("record", [RECORD, Record("v.x", "qcow2", 0), Record("v", "qcow2", 8 << 40, "sparse")])
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    assert record_file.parse(record_file.dump(record)) == record
    assert record_file.dump(record_file.parse(record_file.dump(record))) == record_file.dump(record)


@pytest.mark.parametrize(
    ("content", "clause"),
    [
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (record_file.dump(RECORD)[:-9], "not JSON"),
        (bytes(64), "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "schema is None"),
    ],
)
def test_what_is_no_record_is_damaged(content: bytes, clause: str) -> None:
    with pytest.raises(Damaged, match=clause):
        record_file.parse(content)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("base_file", None),
        ("base_file", 1),
        ("base_format", "vmdk"),
        ("base_format", None),
        ("virtual_size", "1G"),
        ("virtual_size", -1),
        ("virtual_size", 1.5),
        ("virtual_size", True),
        ("allocation", "thick"),
        ("snapshots", []),
        ("snapshots", {"a": 1}),
        ("snapshots", None),
    ],
)
def test_a_record_with_a_value_that_none_has_is_damaged(key: str, value: object) -> None:
    with pytest.raises(Damaged, match=f"its {key} is"):
        record_file.parse(json.dumps({**ENTRIES, key: value}).encode())


@pytest.mark.parametrize("value", [{"a": []}, []])
def test_a_format_or_allocation_that_is_no_text_is_damaged(value: object) -> None:
    for key in ("base_format", "allocation"):
        with pytest.raises(Damaged, match=f"its {key} is"):
            record_file.parse(json.dumps({**ENTRIES, key: value}).encode())


@pytest.mark.parametrize("schema", [0, 2, "1", None])
def test_a_record_of_another_release_is_left_to_it(schema: object) -> None:
    with pytest.raises(Damaged, match="a newer one may be needed"):
        record_file.parse(json.dumps({**ENTRIES, "schema": schema}).encode())


def test_notes_that_are_no_text_are_dropped_rather_than_shown() -> None:
    note = {"created": 1, "label": None, "description": [], "quiesced": "yes"}
    assert record_file.from_json({**ENTRIES, "snapshots": {"a": note}}).snapshots == {"a": SnapshotNote()}
