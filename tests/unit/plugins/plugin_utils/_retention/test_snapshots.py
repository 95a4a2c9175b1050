# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which snapshots of a group a rotation removes: its own only, from all volumes or from none."""

from __future__ import annotations

import itertools

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.vdisk.gluster.plugins.filter.choose_volumes import choose_volumes
from ansible_collections.vdisk.gluster.plugins.filter.snapshot_retention import snapshot_retention
from ansible_collections.vdisk.gluster.plugins.filter.timed_name import timed_name

NOW = "2026-01-10T04:00:00Z"


def volume(name: str, *entries: dict) -> dict:
    return {"name": name, "exists": True, "snapshots": [{"volume": name, **entry} for entry in entries]}


def snapshot(day: int, label: str | None = "nightly", **more: object) -> dict:
    return {"name": f"s{day}", "created": f"2026-01-{day:02d}T03:00:00.000001Z", "label": label, **more}


def names(entries: list[dict]) -> list[str]:
    return [entry["name"] for entry in entries]


def test_only_what_carries_the_label_is_looked_at() -> None:
    one = volume("a", snapshot(1), snapshot(2, None), snapshot(3, "other"), snapshot(4), snapshot(5))
    found = snapshot_retention([one], "nightly", NOW, keep={"last": 1})
    assert (names(found["kept"]), names(found["removed"])) == (["s5"], ["s4", "s1"])
    assert found["kept"][0] == {
        "name": "s5",
        "created": "2026-01-05T03:00:00.000001Z",
        "volumes": ["a"],
        "reason": "the newest; one of the last 1",
    }


def test_whatever_the_labels_are_nothing_foreign_and_never_the_newest_is_removed() -> None:
    labels = ("nightly", "other", None)
    for first in itertools.product(labels, repeat=3):
        for second in itertools.product(labels, repeat=3):
            group = [
                volume(name, *(snapshot(day + 1, label) for day, label in enumerate(row))) for name, row in (("a", first), ("b", second))
            ]
            found = snapshot_retention(group, "nightly", NOW, keep={"last": 1})
            removed = names(found["removed"])
            assert all(first[int(name[1:]) - 1] == second[int(name[1:]) - 1] == "nightly" for name in removed)
            own = [day for day in range(3) if "nightly" in (first[day], second[day])]
            if own:
                assert names(found["kept"])[0] == f"s{own[-1] + 1}"
            assert sorted(names(found["kept"]) + removed) == [f"s{day + 1}" for day in own]


def test_a_point_that_only_some_volumes_have_goes_from_those() -> None:
    found = snapshot_retention([volume("a", snapshot(1), snapshot(2)), volume("b", snapshot(2))], "nightly", NOW, keep={"last": 1})
    assert [(entry["name"], entry["volumes"]) for entry in found["removed"]] == [("s1", ["a"])]
    assert found["kept"][0]["volumes"] == ["a", "b"]


def test_one_that_is_read_on_any_volume_stays_on_all() -> None:
    group = [volume(name, snapshot(1), snapshot(2), snapshot(3)) for name in "ab"]
    readers = [volume("b", snapshot(1, in_use=True), snapshot(2, in_use=False))]
    found = snapshot_retention(group, "nightly", NOW, keep={"last": 1}, usage=readers)
    assert names(found["removed"]) == ["s2"]
    assert found["kept"][-1]["reason"] == "an export, a clone or another program is reading it on b"


def test_one_without_a_time_on_any_volume_stays() -> None:
    group = [volume("a", snapshot(1), snapshot(2)), volume("b", {**snapshot(1), "created": None}, snapshot(2))]
    found = snapshot_retention(group, "nightly", NOW, keep={"last": 1})
    assert found["removed"] == [] and found["kept"][-1]["reason"] == "when it was made is not on record"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"label": "", "now": NOW, "keep": {"last": 1}}, "without a label"),
        ({"label": "nightly", "now": NOW, "keep": {}}, "keeps nothing"),
        ({"label": "nightly", "now": "today", "keep": {"last": 1}}, "'today' is not a time in UTC"),
    ],
)
def test_a_rotation_that_is_no_rotation_is_refused(options: dict, told: str) -> None:
    with pytest.raises(AnsibleFilterError, match=told):
        snapshot_retention([], **options)


def test_a_name_is_made_of_a_time_in_utc_and_fields() -> None:
    assert timed_name("{label}-%Y%m%dT%H%M%SZ", "2026-11-24T03:00:00.5Z", {"label": "nightly"}) == "nightly-20261124T030000Z"
    assert timed_name("w%G-%V-%j-%u-%y-%%", "2024-12-30T00:00:00Z") == "w2025-01-365-1-24-%"


@pytest.mark.parametrize(("pattern", "told"), [("%x", "a name has no %x"), ("{volume}", "there is no {volume}"), ("{}", "there is no {}")])
def test_a_pattern_of_what_there_is_not_is_refused(pattern: str, told: str) -> None:
    with pytest.raises(AnsibleFilterError, match=told):
        timed_name(pattern, NOW, {"label": "x"})


def test_volumes_are_chosen_by_name_and_pattern_each_once() -> None:
    there = [volume(name) for name in ("db-2", "db-1", "web")] + [{"name": "gone", "exists": False}]
    assert choose_volumes(["db-1", "db-*"], there) == {"names": ["db-1", "db-2"], "errors": []}
    assert choose_volumes("web, db-2\n", there)["names"] == ["web", "db-2"]
    assert choose_volumes(["gone", "x*"], there) == {"names": [], "errors": ["volume gone does not exist", "no volume matches x*"]}
