# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role snapshot_rotate, run by ansible-playbook: what it keeps reads as it did, and what is not its own it does not touch."""

from __future__ import annotations

import calendar
from unittest import mock

import pytest
from ansible_collections.vdisk.gluster.tests.harness.playing import until
from ansible_collections.vdisk.gluster.tests.harness.roles import Player
from ansible_collections.vdisk.gluster.tests.harness.shifted_clock import ShiftedClock

MIB = 1 << 20


@pytest.fixture(scope="session")
def clock(tmp_path_factory):
    """Another time of day for tasks."""
    return ShiftedClock(tmp_path_factory.mktemp("clock"))


@pytest.fixture
def role(place):
    """The role, on two volumes db-1 and db-2, beside a volume web that is none of its business."""
    for name in ("db-1", "db-2", "web"):
        place.volume(name)
    return Player(place, "snapshot_rotate")


def night(role, clock, day, **values):
    """Return a task that rotates at three o'clock of a day of June 2027."""
    return role.call({"environment": clock.at(f"2027-06-{day:02d}T03:00:00Z")}, volumes=["db-*"], name="n%Y%m%d", label="nightly", **values)


def taken(place, *days):
    """Take the snapshots of nights of June 2027 without the role, which takes longer."""
    for day in days:
        now = calendar.timegm((2027, 6, day, 3, 0, 0)) * 10**9
        with mock.patch("time.time_ns", lambda now=now: now):
            place.ok("gluster_snapshot", volume=["db-1", "db-2"], name=[f"n202706{day:02d}"], label="nightly")


def names(entries):
    return [entry["name"] for entry in entries]


def snapshots(place, volume="db-1"):
    return names(place.info(volume)["snapshots"])


@pytest.mark.whole("unit tests prove which snapshots stay over months, the test below that a role does so; this plays three nights")
def test_nights_go_by_and_what_is_kept_reads_as_it_did(place, role, clock):
    place.snapshot("precious", volume="db-1")
    place.snapshot("hourly", volume="db-2", label="hourly")
    points = {}
    for byte, day in enumerate((26, 27, 28), 1):
        for volume in ("db-1", "db-2"):
            place.write(byte + 10 * (volume == "db-2"), byte * MIB // 2, MIB, volume)
            points[volume, f"n202706{day}"] = place.read(volume)
        # Sunday the 27th stands for its week, and goes when nobody wants weeks
        played = role.calls(night(role, clock, day, keep={"daily": 1, "weekly": 2}))
    assert played.facts["taken"] == "n20270628" and names(played.facts["removed"]) == []
    assert snapshots(place) == ["precious", "n20270627", "n20270628"]
    assert place.info("db-1")["snapshots"][-1]["created"].startswith("2027-06-28T03:00")
    for volume in ("db-1", "db-2"):
        for name in ("n20270627", "n20270628"):
            assert place.read(volume, name) == points[volume, name]
    assert place.info("web")["snapshots"] == [] and snapshots(place, "db-2")[0] == "hourly"


def test_check_mode_tells_the_same_then_a_run_does_it_and_another_one_nothing(place, role, clock):
    taken(place, 5, 6, 7)
    place.snapshot("precious", volume="db-1")
    place.snapshot("hourly", volume="db-2", label="hourly")
    points = {volume: place.read(volume, "n20270607") for volume in ("db-1", "db-2")}
    before = place.digest()
    task = night(role, clock, 8, keep={"last": 1, "daily": 2})
    checked = role.calls(task, options=["--check", "--diff"])
    assert place.digest() == before, "check mode wrote to the share"
    made = role.calls(task, options=["--diff"])
    again = role.calls(task)
    for played in (checked, made, again):
        assert not played.failed
        assert played.facts["taken"] == "n20270608" and names(played.facts["kept"]) == ["n20270608", "n20270607"]
    assert names(made.facts["removed"]) == ["n20270606", "n20270605"]
    # without its label, and with that of somebody else
    assert snapshots(place) == ["n20270607", "precious", "n20270608"] and snapshots(place, "db-2") == ["n20270607", "hourly", "n20270608"]
    assert {volume: place.read(volume, "n20270607") for volume in points} == points
    assert [[(entry["name"], entry["reason"]) for entry in checked.facts[what]] for what in ("kept", "removed")] == [
        [(entry["name"], entry["reason"]) for entry in made.facts[what]] for what in ("kept", "removed")
    ]
    assert made.facts["removed"][0]["reason"] == "not one of the last 1; day 2027-06-06 is before the 2 kept"
    assert len([action for action in made.facts["actions"] if "Merge" in action]) == 2, "one merge for each volume"
    assert checked.facts["actions"][:2] == made.facts["actions"][:2]
    assert checked.counts["changed"] >= made.counts["changed"] == 2
    assert again.counts["changed"] == 0 and again.facts["actions"] == [] and again.facts["removed"] == []
    assert '"db-1.n20270608"' in made.text and '"db-1.n20270608"' in checked.text


def test_what_somebody_reads_is_kept_with_the_reason_also_where_he_comes_late(place, role, clock):
    taken(place, 1, 2, 3)
    task = night(role, clock, 4, keep={"last": 1}, take=False)
    with place.in_qemu("db-2", "raw", "-r"):
        played = role.calls(task)
        assert [(entry["name"], entry["reason"]) for entry in played.facts["kept"][1:]] == [
            ("n20270601", "an export, a clone or another program is reading it on db-2")
        ]
        assert names(played.facts["removed"]) == ["n20270602"]
        assert snapshots(place) == snapshots(place, "db-2") == ["n20270601", "n20270603"]
    # now one that begins after the role has looked
    task = night(role, clock, 4, keep={"last": 1})
    started = role.start(task)
    until(lambda: "Choose the volumes" in started.text(), "the role to have looked")
    with place.in_qemu("db-2", "raw", "-r"):
        played = role.finish(started)
    assert "Look again who reads" in played.text and not played.failed
    assert names(played.facts["kept"]) == ["n20270604", "n20270601"] and names(played.facts["removed"]) == ["n20270603"]
    assert snapshots(place) == snapshots(place, "db-2") == ["n20270601", "n20270604"]
    assert names(role.calls(task).facts["removed"]) == ["n20270601"] and snapshots(place) == ["n20270604"]


def test_what_cannot_be_meant_is_refused_and_nothing_is_taken(place, role):
    before = place.everything()
    wrong = [
        {"volumes": ["db-*"]},
        {"volumes": ["db-*"], "keep": {"last": 1}, "label": ""},
        {"volumes": ["db-1", "db-9", "x*"], "keep": {"last": 1}},
        {"volumes": [], "keep": {"last": 1}},
        {"volumes": ["db-*"], "keep": {"within": "7"}},
        {"volumes": ["db-*"], "keep": {"daily": -1}},
        {"volumes": ["db-1"], "keep": {"last": 1}, "name": "%x"},
        {"volumes": ["db-1"], "keep": {"last": 1}, "now": "tonight"},
        {"volumes": ["db-1"], "keep": {"last": "some"}},
    ]
    told = role.refused(*wrong)
    assert place.everything() == before
    expected = [
        "keeps nothing",
        "has no label",
        "volume db-9 does not exist; no volume matches x*",
        "has no volumes",
        "keep.within: '7' is not an age",
        "keep.daily: -1 is not a number",
        "a name has no %x",
        "'tonight' is not a time in UTC",
        "snapshot_rotate_keep",
    ]
    assert [sentence for sentence, part in zip(told, expected) if part not in sentence] == []


def test_the_playbook_hands_on_what_it_did(place, role):
    values = {"volumes": "db-1,\n db-2", "label": "nightly", "keep": {"last": 1}, "now": "2027-06-01T03:00:00Z"}
    played = role.playbook(**values)
    assert not played.failed and played.counts["changed"] == 1, played.text
    taken_now = snapshots(place)
    done = {"taken": taken_now[0], "kept": taken_now, "removed": []}
    assert played.artifacts == {"vdisk_snapshot_rotate": {"box": done, "idle": {}}}
    assert "No host of this play (box, idle) has snapshot_rotate_volumes" in role.playbook(volumes=[]).text
