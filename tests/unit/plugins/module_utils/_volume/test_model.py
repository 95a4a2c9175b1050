# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a volume is told as the objects of the contract."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import absent, snapshot_object, volume_object, with_record
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import Record, SnapshotNote
from ansible_collections.vdisk.gluster.tests.harness.chains import SIZE, GiB, files, qcow2, raw, stack, volume


def test_a_volume_object_has_the_keys_of_the_contract() -> None:
    told = volume_object(stack(3 * GiB, GiB, 2 * GiB, locked_files=frozenset(["v.b"])))
    assert {key: told[key] for key in ("name", "share", "mount_point", "exists", "path", "format", "base_format")} == {
        "name": "v",
        "share": "gl1:/vms",
        "mount_point": "/mnt",
        "exists": True,
        "path": "/mnt/v.b",
        "format": "qcow2",
        "base_format": "raw",
    }
    assert (told["virtual_size"], told["allocated_size"], told["active_file"], told["in_use"]) == (SIZE, 6 * GiB, "v.b", True)
    assert (told["domains"], told["problems"], told["managed"]) == ([], [], True)
    assert [entry["file"] for entry in told["chain"]] == ["v.b", "v.a", "v"]
    sizes = {"virtual_size", "allocated_size", "internal_snapshots", "bitmaps"}
    assert set(told["chain"][0]) == {"file", "format", "backing_file", "backing_format", *sizes}


def test_a_snapshot_object_names_the_file_whose_chain_holds_the_frozen_data() -> None:
    found = stack(1, 1, 1, sizes=(GiB, 2 * GiB, SIZE))
    told = [snapshot_object(found, snapshot) for snapshot in found.snapshots]
    assert [(entry["name"], entry["file"], entry["point_in_time_file"], entry["virtual_size"]) for entry in told] == [
        ("a", "v.a", "v", GiB),
        ("b", "v.b", "v.a", 2 * GiB),
    ]
    assert set(told[0]) == {
        "volume",
        "name",
        "file",
        "point_in_time_file",
        "virtual_size",
        "created",
        "label",
        "description",
        "quiesced",
    }
    assert (told[0]["volume"], told[0]["created"], told[0]["quiesced"]) == ("v", "of a", False)


def test_a_snapshot_the_record_knows_nothing_of_is_told_without_a_note() -> None:
    found = volume(files(raw("v"), qcow2("v.a", "v", "raw")), "v.a", {"a": "v.a"}, record=Record("v", "raw", SIZE))
    assert found.snapshots[0].note == SnapshotNote()
    assert found.snapshot("a") == found.snapshots[0]
    assert found.snapshot("b") is None


def test_a_volume_that_is_not_there_has_the_same_keys() -> None:
    told = volume_object(absent("v", "gl1:/vms", "/mnt"))
    assert set(told) == set(volume_object(stack(1)))
    assert (told["exists"], told["path"], told["chain"], told["snapshots"], told["virtual_size"]) == (False, None, [], [], None)


def test_the_base_format_is_not_told_where_the_chain_breaks_off() -> None:
    broken = volume(files(qcow2("v.a", "v", "raw")), "v.a", {"a": "v.a"})
    assert broken.problems
    assert volume_object(broken)["base_format"] is None


def test_another_record_gives_other_formats_and_problems() -> None:
    unknown = volume(files(raw("v")), record=None)
    assert (unknown.active.format, unknown.active.virtual_size) == (None, None)
    known = with_record(unknown, Record("v", "raw", 2 * SIZE))
    assert known.active.format == "raw"
    assert len(known.problems) == 1 and "truncated" in known.problems[0]
    assert with_record(known, replace(known.record, virtual_size=SIZE)).problems == ()
