# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes moved to another share: all their points in time, byte for byte, and never lost between the two."""

from __future__ import annotations

import copy
import os

import pytest
from ansible_collections.vdisk.gluster.tests.harness.processes import Crash, start

KIB = 1 << 10
MIB = 1 << 20
MODULE = "gluster_volume_file"


class Two:
    """A share with the volume v1 of two snapshots, and an empty one."""

    def __init__(self, place, image_format="raw"):
        self.old, self.new = place, copy.copy(place)
        self.new.share = place.new_share()
        place.mount(self.old.share, self.new.share)
        place.volume(size="2M", format=image_format, owner="107", group="108", mode="0640")
        for number, name in enumerate(("s1", "s2"), 1):
            place.write(number, number * 128 * KIB, 512 * KIB)
            place.snapshot(name, label=f"number {number}")
        place.write(3, MIB, 128 * KIB)
        self.points = place.points()
        self.wish = {"share": self.new.share, "source_share": self.old.share, "name": ["v1"], "move": True}
        self.back = {**self.wish, "share": self.old.share, "source_share": self.new.share}

    def check_moved(self):
        """See that the volume is on the new share as it was on the old one, and that nothing of it is there any more."""
        assert self.new.points() == self.points
        found = self.new.info()
        assert found["problems"] == [] and found["managed"] and found["virtual_size"] == 2 * MIB
        assert [(entry["name"], entry["label"]) for entry in found["snapshots"]] == [("s1", "number 1"), ("s2", "number 2")]
        assert (found["owner"], found["group"], found["mode"]) == (107, 108, "0640")
        assert self.new.names() == ["v1", "v1.info", "v1.s1", "v1.s2"]
        assert self.old.names() == [] and not self.old.info()["exists"]
        for place, own in ((self.new, ["v1.json", "v1.lock"]), (self.old, ["v1.lock"])):
            assert sorted(os.listdir(place.path(".vdisk"))) == own

    def check_not_moved(self):
        """See that the volume is on the old share, with nothing on the new one."""
        assert self.old.points() == self.points and self.old.info()["problems"] == []
        assert self.old.names() == ["v1", "v1.info", "v1.s1", "v1.s2"] and self.new.names() == []


@pytest.fixture(params=["raw", "qcow2"])
def two(request, place):
    """Both kinds of base."""
    return Two(place, request.param)


@pytest.fixture
def raw(place):
    """One of them, where the kind of base makes no difference."""
    return Two(place)


def test_a_moved_volume_has_all_its_points_in_time(two):
    info = two.old.path("v1.info").read_bytes()
    record = two.old.path(".vdisk/v1.json").read_bytes()
    content = {name: two.old.path(name).read_bytes() for name in two.old.names()}
    before = two.new.digest()
    predicted = two.new.ok(MODULE, check=True, **two.wish)
    assert two.new.digest() == before
    two.check_not_moved()
    made = two.new.ok(MODULE, **two.wish)
    assert made.changed and predicted.changed and made.actions == predicted.actions and len(made.actions) == 2
    assert set(made.values) == set(predicted.values)
    same = ("name", "share", "path", "format", "virtual_size", "active_file", "snapshots", "origin", "owner", "mode")
    assert {key: made.volume[key] for key in same} == {key: predicted.volume[key] for key in same}
    two.check_moved()
    assert two.new.path("v1.info").read_bytes() == info and two.new.path(".vdisk/v1.json").read_bytes() == record
    assert {name: two.new.path(name).read_bytes() for name in two.new.names()} == content
    for check in (False, True):
        again = two.new.ok(MODULE, check=check, **two.wish)
        assert not again.changed and again.actions == []
    # it lives on there, and may come back
    two.new.drop("s1")
    assert two.new.points() == {name: value for name, value in two.points.items() if name != "s1"}
    two.points = two.new.points()
    assert two.old.ok(MODULE, **two.back).changed
    assert two.old.points() == two.points and two.new.names() == []


def test_a_sparse_volume_stays_sparse(place):
    place.volume(size="1G")
    place.write(7, 512 * MIB, 64 * KIB)
    elsewhere = place.new_share()
    place.mount(place.share, elsewhere)
    moved = place.ok(MODULE, share=elsewhere, source_share=place.share, name=["v1"], move=True).volume
    assert moved["virtual_size"] == 1 << 30 and moved["allocated_size"] < 4 * MIB


def test_several_volumes_move_and_those_that_are_there_stay(raw):
    raw.old.volume("v2", size="1M")
    raw.old.write(9, 0, 64 * KIB, volume="v2")
    content = raw.old.read("v2")
    raw.new.ok(MODULE, **raw.wish)
    made = raw.new.ok(MODULE, **{**raw.wish, "name": ["v1", "v2"]})
    assert made.changed and [entry["share"] for entry in made.volumes] == [raw.new.share] * 2
    assert raw.new.read("v2") == content and raw.new.points() == raw.points


def test_what_a_killed_move_left_on_the_old_share_is_cleared_away_by_the_next(raw):
    raw.new.ok(MODULE, **raw.wish)
    left = ".vdisk/.v1.journal.vdisk-0123456789ab"
    raw.old.path(left).write_bytes(b"{}")
    predicted = raw.new.ok(MODULE, check=True, **raw.wish)
    assert raw.old.path(left).exists()
    cleared = raw.new.ok(MODULE, **raw.wish)
    assert cleared.changed and cleared.actions == predicted.actions == [f"Remove {left}, because a task that was killed left it."]
    assert predicted.msg.endswith("; the interrupted move would be finished.")
    assert cleared.msg.endswith("; the interrupted move is finished.")
    raw.check_moved()
    assert not raw.new.ok(MODULE, **raw.wish).changed


def test_the_old_share_may_be_gone_when_all_is_moved(raw):
    raw.new.ok(MODULE, **raw.wish)
    raw.old.ok("gluster_share_mount", share=raw.old.share, state="unmounted")
    assert not raw.new.ok(MODULE, **raw.wish).changed
    assert "is not mounted" in raw.new.refused(MODULE, **{**raw.wish, "name": ["v9"]})


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"source_share": None}, "name the share it is on"),
        ({"size": "4M"}, "a move changes nothing else"),
        ({"format": "qcow2"}, "a move changes nothing else"),
        ({"source_volume": "v2"}, "a move changes nothing else"),
        ({"state": "absent"}, "requires state: present"),
        ({"name": ["v9"]}, "does not exist, so it cannot be moved"),
        ({"source_share": "localhost:/elsewhere"}, "is not mounted"),
        ({"reserved_percentage": 100}, "no share has space"),
    ],
    ids=str,
)
def test_moves_that_cannot_be_meant(raw, options, told):
    wish = {key: value for key, value in {**raw.wish, **options}.items() if value is not None}
    assert told in raw.new.refused_untouched(MODULE, **wish)
    same = {**raw.wish, "share": raw.old.share}
    assert "is also the target share" in raw.old.refused_untouched(MODULE, **same)


def test_a_volume_in_use_or_being_read_is_not_moved(raw):
    with raw.old.in_qemu("v1.s2", "qcow2"):
        assert "is in use" in raw.new.refused_untouched(MODULE, **raw.wish)
    with raw.old.in_qemu("v1", "raw", "-r"):
        assert "is being read" in raw.new.refused(MODULE, **raw.wish)
    raw.check_not_moved()
    raw.new.ok(MODULE, **raw.wish)


def test_a_volume_that_is_on_both_shares_or_not_sound_is_not_moved(raw):
    raw.new.volume(size="1M")
    assert "no unfinished move" in raw.new.refused_untouched(MODULE, **raw.wish)
    raw.new.ok(MODULE, name=["v1"], state="absent")
    raw.old.path("v1.stray").write_bytes(b"precious")
    assert "v1.stray is a stray file beside" in raw.new.refused_untouched(MODULE, **raw.wish)
    raw.old.path("v1.stray").unlink()
    raw.old.path("v1.s1").rename(raw.old.path("away"))
    assert "v1.s1" in raw.new.refused_untouched(MODULE, **raw.wish)


def test_a_share_that_is_too_small_takes_nothing(place, small_volumes):
    small = place.new_share(small_volumes[0])
    place.mount(place.share, small)
    place.volume(size="100M")
    place.write(7, 0, 80 * MIB)
    content = place.read()
    wish = {"share": small, "source_share": place.share, "name": ["v1"], "move": True}
    assert "no share has space" in place.refused(MODULE, **wish)
    assert "needs up to" in place.refused(MODULE, **wish, max_over_subscription_ratio=20.0)
    assert place.read() == content and os.listdir(place.mount_point(small)) in ([], [".vdisk"])


def test_a_share_that_fills_up_in_the_middle_keeps_nothing(place, small_volumes, monkeypatch):
    small = place.new_share(small_volumes[0])
    place.mount(place.share, small)
    place.volume(size="100M")
    place.write(7, 0, 80 * MIB)
    content = place.read()
    module = "ansible_collections.vdisk.gluster.plugins.module_utils._modules.volume_move.check_space"
    monkeypatch.setattr(module, lambda *_sizes: None)
    wish = {"share": small, "source_share": place.share, "name": ["v1"], "move": True, "max_over_subscription_ratio": 20.0}
    assert "no space is left" in place.refused(MODULE, **wish)
    assert os.listdir(place.mount_point(small)) == [".vdisk"] and os.listdir(place.mount_point(small) / ".vdisk") == ["v1.lock"]
    assert place.read() == content and place.info()["problems"] == []


def killed_at(two, at, tmp):
    """Kill a move at one of its calls; return the name of the call, or None where there are not so many."""
    crash = Crash([two.old.mount_point(), two.new.mount_point()], tmp / "calls", at)
    running = start(two.new, MODULE, prepare=crash.arm, **two.wish)
    if running.wait() == 0:
        return None
    return (tmp / "calls").read_text().splitlines()[-1]


def calls_of(two, tmp):
    """Return the calls of a move that is not killed; the volume is where it was then."""
    for _run in range(2):
        # the second time all directories and locks are there, as they will be when it is killed
        assert killed_at(two, None, tmp) is None
        two.old.ok(MODULE, **two.back)
    return (tmp / "calls").read_text().splitlines()


def test_killed_right_after_the_journals_a_machine_may_start_and_the_volume_stays(raw, tmp_path):
    """The copy is complete and decided on, but the rename has not happened: what is written to the old one then is not lost."""
    calls = calls_of(raw, tmp_path)
    (rename,) = (number for number, call in enumerate(calls, 1) if call == f"rename {raw.old.path('v1.s2')}")
    assert killed_at(raw, rename, tmp_path) == calls[rename - 1]
    assert os.path.exists(raw.old.path(".vdisk/v1.journal")) and os.path.exists(raw.new.path(".vdisk/v1.journal"))
    assert raw.old.points() == raw.points
    raw.old.write(0x99, 0, 64 * KIB)
    made = raw.old.ok("gluster_snapshot", volume=["v1"], name=["s3"])
    assert any("Abandon the interrupted operation" in action for action in made.actions)
    assert raw.old.read(snapshot="s3")[: 64 * KIB] == b"\x99" * (64 * KIB) and raw.old.read(snapshot="s2") == raw.points["s2"]
    assert raw.new.names() == []
    assert raw.new.ok(MODULE, **raw.wish).changed and raw.new.read(snapshot="s2") == raw.points["s2"]


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("start_at", "survivor"), list(enumerate(["the move again", "a task on the old share", "a task on the new share"]))
)
def test_killed_at_any_call_a_move_is_finished_or_undone_by_the_next_task(place, sample, tmp_path, start_at, survivor):
    """At no call both are the volume, and none is."""
    kinds = set()
    two = Two(place)
    calls = calls_of(two, tmp_path)
    # those that decide are in every sample: they give the files of the volume other names
    deciding = [at for at, call in enumerate(calls, 1) if call.startswith("rename ") and "/.vdisk/" not in call]
    assert len(deciding) >= len(two.points), calls
    chosen = sample.draw("calls", range(1, len(calls) + 1), 8, deciding, of=survivor)
    killed = 0
    for at in chosen:
        called = killed_at(two, at, tmp_path)
        killed += called is not None
        if start_at:
            place_ = two.old if survivor.endswith("old share") else two.new
            ended = place_.run("gluster_snapshot", volume=["v1"], name=["s1"], state="present")
            at_old, at_new = two.old.info()["exists"], two.new.info()["exists"]
            assert at_old != at_new, f"{called}: the volume is on {'both' if at_old else 'none'}"
            assert ended.failed == (at_new if place_ is two.old else at_old), ended.values
            kinds.add("moved" if at_new else "stayed")
            if at_new:
                # a journal that means nothing any more may still be on the share of which no task has been run, or lie aside
                assert two.new.points() == two.points and two.old.names() == []
                again = two.new.ok("gluster_snapshot", shares=[two.old.share, two.new.share], volume=["v1"], name=["s1"])
                assert all("/.v1.journal." in action for action in again.actions), (called, again.actions)
            else:
                # half-made copies on the new share are cleared away by the next task there
                assert two.old.points() == two.points and all(name.startswith(".v1.") for name in two.new.names())
                assert place_ is two.old or two.new.names() == []
        two.new.ok(MODULE, **two.wish)
        two.check_moved()
        two.old.ok(MODULE, **two.back)
        two.check_not_moved()
    assert killed >= len(chosen) - 1 and (start_at == 0 or kinds == {"moved", "stayed"})
