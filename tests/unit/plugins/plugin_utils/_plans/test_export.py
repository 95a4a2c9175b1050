# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports get their names of a pattern; old ones go only where a manifest says that they are of that volume, whole and not wanted."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.vdisk.gluster.plugins.filter.checksum_file import checksum_file
from ansible_collections.vdisk.gluster.plugins.filter.export_plan import export_plan
from ansible_collections.vdisk.gluster.plugins.filter.export_result import export_result
from ansible_collections.vdisk.gluster.plugins.filter.export_retention import export_retention

NOW = "2026-01-10T04:00:00Z"


def volume(name: str, *snapshots: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "share": "h:/v", "exists": True, "snapshots": list(snapshots)}


def snapshot(name: str, day: int | None, label: str | None = None) -> dict[str, Any]:
    return {"name": name, "created": f"2026-01-{day:02d}T03:00:00.000001Z" if day else None, "label": label}


THERE = [
    volume("a", snapshot("s1", 1, "nightly"), snapshot("s2", 3, "nightly"), snapshot("s3", 5), snapshot("old", None)),
    volume("b", snapshot("s1", 2, "nightly")),
    {"name": "gone", "share": "h:/v", "exists": False, "snapshots": []},
]


def planned(wanted: Any, **options: str) -> list[tuple]:
    plan = export_plan(wanted, THERE, NOW, dest="/d", **options)
    assert plan["errors"] == []
    return [(entry["volume"], entry["snapshot"], entry["dest"]) for entry in plan["exports"]]


def test_volumes_and_snapshots_get_their_names() -> None:
    assert planned("a, b") == [("a", None, "/d/a.20260110T040000Z.raw"), ("b", None, "/d/b.20260110T040000Z.raw")]
    assert planned(["*"], label="nightly", format="qcow2") == [
        ("a", "s2", "/d/a.20260103T030000Z.qcow2"),
        ("b", "s1", "/d/b.20260102T030000Z.qcow2"),
    ]
    mixed = [{"volume": "a", "snapshot": "s3"}, {"volume": "b", "label": "nightly"}, "a"]
    assert planned(mixed, snapshot="old", name="{volume}-{snapshot}.{format}") == [
        ("a", "s3", "/d/a-s3.raw"),
        ("b", "s1", "/d/b-s1.raw"),
        ("a", "old", "/d/a-old.raw"),
    ]
    assert planned(["a"], name="{volume}-{snapshot}") == [("a", None, "/d/a-now")]


def test_images_have_names_without_files() -> None:
    (entry,) = export_plan(["a"], THERE, NOW, snapshot="s1", image_name="{volume} of %Y-%m-%d", name="{nothing}")["exports"]
    assert entry == {
        "volume": "a",
        "share": "h:/v",
        "snapshot": "s1",
        "time": "2026-01-01T03:00:00.000001Z",
        "dest": None,
        "image_name": "a of 2026-01-01",
    }


@pytest.mark.parametrize(
    ("wanted", "options", "told"),
    [
        ([], {}, "no volume is named"),
        (["gone"], {}, "volume gone does not exist"),
        (["x*"], {}, "no volume matches x*"),
        ([{"snapshot": "s1"}], {}, "names no volume"),
        ([{"volume": "a", "size": 1}], {}, "a has size"),
        ([{"volume": "a", "snapshot": "s1", "label": "x"}], {}, "a has a snapshot and a label"),
        (["a"], {"snapshot": "s1", "label": "x"}, "a snapshot and a label are given for all"),
        (["a", "b"], {"snapshot": "s3"}, "b has no snapshot s3"),
        (["a"], {"label": "x"}, "a has no snapshot with the label x"),
        (["a"], {"snapshot": "old"}, "is not on record"),
        (["a", "b"], {"name": "%Y.{format}"}, "two exports would be /d/2026.raw"),
        (["a"], {"name": "../{volume}"}, "is not a name for an export"),
        (["a"], {"name": ".{volume}"}, "is not a name for an export"),
        (["a"], {"name": "{volume}.manifest.json"}, "is not a name for an export"),
        (["a"], {"name": "{label}"}, "there is no {label}"),
    ],
    ids=str,
)
def test_what_cannot_be_exported_is_told_and_then_nothing_is(wanted: Any, options: dict[str, str], told: str) -> None:
    plan = export_plan(wanted, THERE, NOW, dest="/d", **options)
    assert told in "; ".join(plan["errors"]) and plan["exports"] == []


def export(name: str, day: int, **more: Any) -> dict[str, Any]:
    time = f"2026-01-{day:02d}T03:00:00.000001Z"
    values = {"share": "h:/v", "volume": "a", "snapshot_created": None, "created": time, "exists": True, "unmodified": True}
    return {"dest": f"/d/{name}", "checksum": f"sha256:{day:064x}", **values, **more}


def rotated(exports: list[dict[str, Any]], wanted: list[dict[str, Any]] | None = None, **rules: int) -> tuple[dict, dict]:
    found = export_retention(exports, wanted or [{"share": "h:/v", "volume": "a"}], NOW, rules)
    kept, removed = ({entry["dest"][3:]: entry["reason"] for entry in found[what]} for what in ("kept", "removed"))
    return kept, removed


def test_old_exports_of_the_volume_go_and_those_of_others_are_not_looked_at() -> None:
    exports = [export("1", 1), export("2", 2), export("3", 3), export("b", 1, volume="b"), export("w", 1, share="h:/w")]
    assert rotated(exports, last=2)[1] == {"1": "not one of the last 2"}
    assert sorted(rotated(exports)[0]) == ["1", "2", "3"], "without rules all are kept"


def test_the_time_of_an_export_is_that_of_its_snapshot() -> None:
    exports = [export("late", 9, snapshot_created="2026-01-01T03:00:00Z"), export("2", 2), export("3", 3)]
    assert list(rotated(exports, last=2)[1]) == ["late"]


def test_one_that_was_changed_or_is_wanted_stays() -> None:
    exports = [export("1", 1, unmodified=False), export("2", 2), export("3", 3), export("4", 4)]
    wanted = [{"share": "h:/v", "volume": "a", "dest": "/d/2", "time": "2026-01-02T03:00:00Z"}]
    kept, removed = rotated(exports, wanted, last=1)
    assert (list(kept), list(removed)) == (["4", "2", "1"], ["3"])
    assert kept["1"] == "it was changed after it was exported" and kept["2"] == "it is requested now"


def test_a_manifest_whose_file_is_gone_goes_only_with_a_retention() -> None:
    exports = [export("1", 1, exists=False, unmodified=False), export("2", 2)]
    assert rotated(exports, last=1)[1] == {"1": "its file no longer exists"}
    assert rotated(exports) == ({"2": "no retention is set"}, {})


def test_checksums_are_those_of_that_algorithm_and_of_what_stays() -> None:
    exports = [export("1", 1), export("2", 2), export("3", 3, checksum="sha512:00"), export("4", 4, checksum=None)]
    exports += [export("5\n", 5), export("6", 6, exists=False)]
    text = checksum_file(exports, "sha256", exclude=["/d/1"])
    assert text.splitlines()[1:] == [f"{2:064x}  2"] and text.startswith("# Written by vdisk.gluster.image_export.")


def test_the_result_tells_what_was_made_and_what_is_still_to_be() -> None:
    plan = export_plan(["a", "b"], THERE, NOW, dest="/d")["exports"]
    made = {"changed": False, "export": {"dest": "/d/x", "format": "qcow2", "size_bytes": 5, "checksum": "sha256:0", "verified": True}}
    first, second = export_result(plan, [made, {"skipped": True, "changed": False}], format="qcow2")
    assert (first["dest"], first["size_bytes"], first["changed"]) == ("/d/x", 5, False)
    assert (second["dest"], second["format"], second["size_bytes"], second["changed"]) == (plan[1]["dest"], "qcow2", None, True)
    assert export_result(plan, [])[0].keys() == first.keys()


def test_a_time_that_is_none_fails_with_a_sentence() -> None:
    with pytest.raises(AnsibleFilterError, match="is not a time in UTC"):
        export_plan(["a"], THERE, "now")
