# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task that has lost the lock of a volume finds out before it does harm, and what another task has made meanwhile stays."""

from __future__ import annotations

import errno
import itertools
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, ClassVar, Sequence

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import DeadMount, LostLock, Unavailable, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.files import remove_unless
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import plan_present
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step, StepContext
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import lock
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.journal import Journal
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.lock import volume_lock
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import SnapshotNote
from ansible_collections.vdisk.gluster.tests.harness.shares import PlainShare


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The root of an empty share."""
    (tmp_path / ".vdisk").mkdir()
    return tmp_path


def take_over(root: Path, volume: str = "v") -> None:
    """Sign as the next holder does, after servers gave up the lock of the one before."""
    os.setxattr(root / f".vdisk/{volume}.lock", "user.vdisk.holder", b'{"host": "other"}')


def test_a_lock_that_another_host_has_taken_is_lost(root: Path) -> None:
    seconds = itertools.count(0, 2)
    with volume_lock(str(root), "v", 0, clock=lambda: next(seconds)) as lock:
        assert lock is not None
        lock.check()
        take_over(root)
        with pytest.raises(LostLock, match="the lock of v was lost"):
            lock.check()


def test_who_takes_the_lock_next_has_it(root: Path) -> None:
    for _turn in range(2):
        with volume_lock(str(root), "v", 0) as lock:
            assert lock is not None
            lock.check(now=True)


def test_a_look_holds_for_a_second_unless_it_is_wanted_now(root: Path) -> None:
    with volume_lock(str(root), "v", 0, clock=lambda: 5.0) as lock:
        assert lock is not None
        take_over(root)
        lock.check()
        with pytest.raises(LostLock):
            lock.check(now=True)


def test_a_file_that_is_somebody_elses_by_now_is_put_back(root: Path) -> None:
    (root / "v.s1").write_bytes(b"theirs")

    def lost() -> None:
        assert not (root / "v.s1").exists(), "it is looked at before it is taken from its name"
        raise LostLock("lost")

    with pytest.raises(LostLock):
        remove_unless(str(root / "v.s1"), str(root / ".v.s1.aside"), lost)
    assert {path.name: path.read_bytes() for path in root.iterdir() if path.is_file()} == {"v.s1": b"theirs"}


def test_a_file_is_not_put_back_over_one_that_has_got_its_name(root: Path) -> None:
    (root / "v.s1").write_bytes(b"older")

    def lost() -> None:
        (root / "v.s1").write_bytes(b"newer")
        raise LostLock("lost")

    with pytest.raises(LostLock):
        remove_unless(str(root / "v.s1"), str(root / ".v.s1.aside"), lost)
    assert (root / "v.s1").read_bytes() == b"newer" and (root / ".v.s1.aside").read_bytes() == b"older"


def test_a_file_is_removed_where_nothing_speaks_against_it(root: Path) -> None:
    (root / "v.s1").touch()
    for _turn in range(2):
        remove_unless(str(root / "v.s1"), str(root / ".v.s1.aside"), lambda: None)
        assert not [path for path in root.iterdir() if path.is_file()]


def test_the_journal_of_another_task_is_not_removed(root: Path) -> None:
    seconds = itertools.count(0)
    journal = Journal(str(root), "v", clock=lambda: next(seconds) * 0.1)
    journal.begin([])
    Journal(str(root), "v").begin([{"theirs": True}])
    with pytest.raises(LostLock):
        journal.end()
    assert [path.name for path in (root / ".vdisk").iterdir()] == ["v.journal"]
    assert json.loads((root / ".vdisk/v.journal").read_text())["steps"] == [{"theirs": True}]


def test_no_journal_takes_its_name_after_the_lock_was_lost(root: Path) -> None:
    def lost() -> None:
        raise LostLock("lost")

    with pytest.raises(LostLock):
        Journal(str(root), "v", check=lost).begin([])
    assert not list((root / ".vdisk").iterdir())


@dataclass(frozen=True)
class Slow(Step):
    """A step during which another host takes over."""

    root: ClassVar[Path]
    fails: ClassVar[bool]
    internal: ClassVar[bool] = True

    def apply(self, context: StepContext) -> None:
        take_over(self.root)
        time.sleep(1.1)
        if self.fails:
            raise Unavailable("the share did not answer")

    def can_be_undone(self, context: StepContext) -> bool:
        return True


@pytest.mark.parametrize("fails", [False, True], ids=["goes on", "fails and would take back"])
def test_a_task_that_was_taken_over_neither_goes_on_nor_takes_anything_back(tmp_path: Path, fails: bool, monkeypatch) -> None:
    share = PlainShare(tmp_path)
    share.create(size=1 << 20)
    monkeypatch.setattr(Slow, "root", tmp_path, raising=False)
    monkeypatch.setattr(Slow, "fails", fails, raising=False)

    def planner(volumes: Sequence[Volume]) -> list[Plan]:
        (plan,) = plan_present(volumes, "s1", SnapshotNote())
        return [Plan(plan.before, plan.after, (plan.steps[0], Slow(), *plan.steps[1:]), journaled=False)]

    with pytest.raises(LostLock):
        share.session().change({"v": share.share}, planner)
    # the overlay that was made stays, for it may be the other task's by now, and the info file is not written
    assert share.files() == {"v", "v.s1"}


@dataclass(frozen=True)
class Frozen(Step):
    """A step that fails with the mount under it, while it holds something."""

    released: ClassVar[list[bool]] = []
    internal: ClassVar[bool] = True

    def apply(self, context: StepContext) -> None:
        raise Unavailable("the first thing that went wrong")

    def can_be_undone(self, context: StepContext) -> bool:
        raise DeadMount("the mount does not respond")

    def release(self, context: StepContext) -> None:
        self.released.append(True)


def test_what_a_step_holds_is_let_go_also_where_nothing_can_be_taken_back(tmp_path: Path) -> None:
    share = PlainShare(tmp_path)
    share.create(size=1 << 20)
    with pytest.raises(Unavailable, match="the first thing that went wrong"):
        share.session().change({"v": share.share}, lambda volumes: [Plan(volumes[0], volumes[0], (Frozen(),))])
    assert Frozen.released == [True]


def test_a_task_of_a_list_whose_lock_was_lost_stops_before_the_next_volume(tmp_path: Path, monkeypatch) -> None:
    share = PlainShare(tmp_path)
    for name in ("v", "w"):
        share.create(name, size=1 << 20)
    monkeypatch.setattr(Slow, "root", tmp_path, raising=False)
    monkeypatch.setattr(Slow, "fails", False, raising=False)

    def planner(volumes: Sequence[Volume]) -> list[Plan]:
        plans = plan_present(volumes, "s1", SnapshotNote())
        return [
            Plan(plan.before, plan.after, (plan.steps[0], Slow(), *plan.steps[1:]), journaled=False) if plan.before.name == "v" else plan
            for plan in plans
        ]

    # neither tried again by itself nor told as one of two that failed: nothing is known of what others did meanwhile
    with pytest.raises(LostLock):
        share.session().change({"v": share.share, "w": share.share}, planner)
    assert {path.name for path in tmp_path.iterdir()} == {".vdisk", "v", "v.s1", "w"}


def refusing(number: int) -> Callable[..., None]:
    """Return a call to the operating system that fails."""

    def refuse(*_arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


def test_a_lock_that_the_share_does_not_give_is_no_lock(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock.fcntl, "flock", refusing(errno.ENOLCK))
    with pytest.raises(VdiskError, match="cannot take the lock of v: No locks available"):
        with volume_lock(str(root), "v", 0):
            pytest.fail("the lock is held")


@pytest.mark.parametrize(("number", "kind"), [(errno.EBADFD, LostLock), (errno.ENODATA, LostLock), (errno.ENOTCONN, DeadMount)])
def test_a_share_that_says_nothing_of_a_lock_is_not_taken_for_one_that_was_lost(
    root: Path, number: int, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    with volume_lock(str(root), "v", 0) as lock:
        assert lock is not None
        monkeypatch.setattr(os, "getxattr", refusing(number))
        with pytest.raises(kind):
            lock.check(now=True)


def test_where_there_is_no_room_for_the_name_of_the_holder_nobody_finds_an_old_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with volume_lock(str(root), "v", 0):
        pass
    monkeypatch.setattr(os, "setxattr", refusing(errno.ENOSPC))
    with volume_lock(str(root), "v", 0) as lock:
        assert lock is not None
        lock.check(now=True)
        with pytest.raises(Unavailable, match="another task, here or on another host, and"):
            with volume_lock(str(root), "v", 0):
                pytest.fail("two hold it")
    assert os.listxattr(root / ".vdisk/v.lock") == []
