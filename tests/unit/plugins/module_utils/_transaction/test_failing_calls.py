# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever call of a task fails, once or for good, it says so in a sentence, nothing is lost, and the task run again ends as it should."""

from __future__ import annotations

import contextlib
import errno
import functools
import itertools
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Callable, Sequence

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share, mount_point_of
from ansible_collections.vdisk.gluster.plugins.module_utils._modules import volume_move
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.copy import plan_copy
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.move import is_there, plan_move
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.restore import plan_restored
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import plan_absent, plan_present, plan_reverted
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import VolumeRequest
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import plan_absent as plan_no_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import plan_present as plan_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.frozen_read import identity
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction import recovery
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.session import Planner
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Definition, Disk
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import SnapshotNote
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import CopySource
from ansible_collections.vdisk.gluster.tests.harness.failing_calls import Failing
from ansible_collections.vdisk.gluster.tests.harness.images import KiB
from ansible_collections.vdisk.gluster.tests.harness.shares import PlainShare

SIZE = 512 * KiB


def nothing(share: PlainShare) -> None:
    """Leave the share empty."""


def chain(share: PlainShare) -> None:
    """Make a volume with the snapshots a and b, and different data in each file."""
    share.create(size=SIZE)
    for number, name in enumerate("ab", 1):
        share.write((number, number * 64 * KiB, 256 * KiB))
        share.take(name)
    share.write((9, 0, 64 * KiB))


def blank(share: PlainShare) -> None:
    """Make a volume without snapshots."""
    share.create(size=SIZE)
    share.write((5, 0, 256 * KiB))


def foreign(share: PlainShare) -> None:
    """Lay a file there that another program made."""
    (share.root / "v").write_bytes(b"\x07" * SIZE)


def one(plan: Callable[..., object], *arguments: object) -> Planner:
    """Return a planner that makes a plan for each volume."""
    return lambda volumes: [plan(volume, *arguments) for volume in volumes]


def wanted(**options: object) -> Planner:
    """Return a planner of a volume that is to be present."""
    own = {"uid": os.getuid(), "gid": os.getgid()}
    return one(plan_volume, VolumeRequest(**{**own, **options}))


def taken(volumes: Sequence[Volume]) -> object:
    """Plan the snapshot c."""
    return plan_present(volumes, "c", SnapshotNote("2026-11-24T00:00:00.000000Z"))


def restored(volumes: Sequence[Volume]) -> object:
    """Plan to put another disk on top of a volume."""
    note = SnapshotNote("2026-11-24T00:00:00.000000Z")
    return [
        Plan(volume, volume)
        if volume.snapshot("old")
        else plan_restored(volume, "old", note, f"{volume.mount_point}/../disk", "a disk", SIZE, {})
        for volume in volumes
    ]


def copied(volumes: Sequence[Volume]) -> object:
    """Plan a copy of another disk."""
    return [
        plan_copy(
            volume,
            VolumeRequest(uid=os.getuid(), gid=os.getgid()),
            CopySource("a disk", f"{volume.mount_point}/../disk", "raw", SIZE, "qcow2", (identity(f"{volume.mount_point}/../disk"),), {}),
        )
        for volume in volumes
    ]


TASKS: dict[str, tuple[Callable[[PlainShare], None], Planner]] = {
    "make raw": (nothing, wanted(size=SIZE)),
    "make whole": (nothing, wanted(size=SIZE, allocation="full")),
    "make reserved": (nothing, wanted(size=SIZE, allocation="falloc")),
    "make qcow2": (nothing, wanted(size=SIZE, format="qcow2")),
    "adopt": (foreign, wanted(format="raw")),
    "copy": (nothing, copied),
    "grow": (chain, wanted(size=2 * SIZE)),
    "grow without snapshots": (blank, wanted(size=2 * SIZE)),
    "restore": (blank, restored),
    "give away": (chain, wanted(mode=0o600)),
    "take": (chain, taken),
    "drop the newest": (chain, one(plan_absent, ["b"])),
    "drop the oldest": (chain, one(plan_absent, ["a"])),
    "revert": (chain, one(plan_reverted, "b", False)),
    "revert further": (chain, one(plan_reverted, "a", True)),
    "remove": (chain, one(plan_no_volume, True)),
}


@functools.lru_cache(maxsize=None)
def _template(prepare: Callable[[PlainShare], None], top: Path) -> Path:
    root = top / f"template-{prepare.__name__}"
    root.mkdir()
    prepare(PlainShare(root))
    return root


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the shares are made that each run begins with."""
    return tmp_path_factory.mktemp("templates")


class Seen:
    """What volumes read as, looked at by qemu-img once for the same bytes."""

    def __init__(self) -> None:
        self._points: dict[tuple[tuple[str, bytes], ...], dict[str, bytes]] = {}

    def content(self, share: PlainShare) -> object:
        """Return all that is promised of a volume: its points in time, what it reads as, what its books say; None where there is none."""
        volume = share.read()
        if not volume.exists:
            return None
        if volume.record is None:
            return (share.root / "v").read_bytes(), volume.problems
        files = tuple((name, (share.root / name).read_bytes()) for name in sorted(share.files()))
        if files not in self._points:
            self._points[files] = share.points()
        # of a growth the record follows, and only tells the least size that the file must have
        sizes = [(entry.file, entry.format, entry.virtual_size) for entry in volume.chain.files]
        return sizes, volume.info, replace(volume.record, virtual_size=0), self._points[files], volume.ownership


def all_files(share: PlainShare) -> set[str]:
    """Return the names of all that lies on a share, but for the lock."""
    names = {str(path.relative_to(share.root)) for path in share.root.rglob("*") if path.is_file()}
    return {name for name in names if not name.endswith(".lock")}


def copy_with_links(of: Path, to: Path) -> Path:
    """Copy a directory with its hard links: a file may have its final name and its temporary one."""
    first: dict[str, str] = {}

    def copy(source: str, target: str) -> None:
        state = os.stat(source, follow_symlinks=False)
        key = f"{state.st_dev}:{state.st_ino}"
        if key in first:
            os.link(first[key], target, follow_symlinks=False)
            return
        first[key] = target
        shutil.copy2(source, target, follow_symlinks=False)
        os.chown(target, state.st_uid, state.st_gid, follow_symlinks=False)

    shutil.copytree(of, to, symlinks=True, copy_function=copy)
    return to


def changed(share: PlainShare, planner: Planner) -> bool:
    """Run a task."""
    return share.session().change({"v": share.share}, planner).changed


@pytest.mark.sample(8)
@pytest.mark.parametrize("lasting", [False, True], ids=["one call", "the mount"])
@pytest.mark.parametrize("task", TASKS)
def test_a_call_that_fails_is_told_and_loses_nothing(task: str, lasting: bool, top: Path, tmp_path: Path) -> None:
    prepare, planner = TASKS[task]
    template = _template(prepare, top)

    def fresh(name: str) -> PlainShare:
        return PlainShare(Path(shutil.copytree(template, tmp_path / name, symlinks=True)))

    # what copies are made of
    (tmp_path / "disk").write_bytes(b"\x06" * SIZE)
    content = Seen().content
    before = content(fresh("before"))
    share = fresh("calm")
    with Failing(share.root).armed() as calm:
        assert changed(share, planner)
    wanted_in_the_end, wanted_files = content(share), all_files(share)
    assert wanted_in_the_end != before
    failed = 0
    for at, number in calm.numbers(lasting, every=3):
        where = f"{task}: {at} of {len(calm.calls)}, {calm.calls[at - 1]}"
        share = fresh(f"{at}")
        with Failing(share.root, at, number, lasting).armed():
            try:
                changed(share, planner)
            except VdiskError as error:
                failed += 1
                assert len(error.message.split()) > 4, where
        volume = share.read()
        if not volume.unfinished and not volume.leftovers:
            assert content(share) in (before, wanted_in_the_end), where
        changed(share, planner)
        assert (content(share), all_files(share)) == (wanted_in_the_end, wanted_files), where
        shutil.rmtree(share.root)
    assert failed


@pytest.mark.sample(3)
@pytest.mark.parametrize("late", [False, True], ids=["early", "late"])
@pytest.mark.parametrize("task", ["restore", "take", "drop the newest", "drop the oldest", "revert", "revert further", "remove"])
def test_a_recovery_that_fails_gives_nothing_up(task: str, late: bool, top: Path, tmp_path: Path) -> None:
    prepare, planner = TASKS[task]
    template = _template(prepare, top)

    def copy(of: Path, name: str) -> PlainShare:
        return PlainShare(copy_with_links(of, tmp_path / name))

    (tmp_path / "disk").write_bytes(b"\x06" * SIZE)
    content = Seen().content
    done = copy(template, "done")
    with Failing(done.root).armed() as calm:
        changed(done, planner)
    wanted_in_the_end, wanted_files = content(done), all_files(done)
    changing = calm.changing()
    for at in reversed(changing) if late else changing:
        left = copy(template, f"left {at}")
        with Failing(left.root, at, errno.ENOTCONN, lasting=True).armed(), contextlib.suppress(VdiskError):
            changed(left, planner)
        if left.read().unfinished:
            break
    else:
        raise AssertionError("no call leaves a plan unfinished")
    with Failing(tmp_path / "recovered").armed() as calm:
        changed(copy(left.root, "recovered"), planner)
    failed = 0
    for at, number in calm.numbers(lasting=False, every=2):
        share = copy(left.root, f"{at}")
        with Failing(share.root, at, number).armed():
            try:
                changed(share, planner)
            except VdiskError:
                failed += 1
        changed(share, planner)
        assert (content(share), all_files(share)) == (wanted_in_the_end, wanted_files), f"{at} of {len(calm.calls)}, {calm.calls[at - 1]}"
        shutil.rmtree(share.root)
    assert failed


class TwoShares:
    """A volume with snapshots on one share, and another share below the same mount point base."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.old, self.new = (PlainShare(Path(mount_point_of(str(base), name))) for name in ("gl1:/old", "gl1:/new"))
        self.old.share, self.new.share = Share("gl1:/old", str(self.old.root)), Share("gl1:/new", str(self.new.root))

    def move(self, running: bool) -> None:
        """Move it; C(running): by the plan for a machine that runs on it, which is gone when the plan is applied."""
        session = self.old.session()
        with session.locked_together([("v", self.old.share), ("v", self.new.share)], lambda volumes: is_there(*volumes)) as (old, new):
            session.apply(self._live(old, new) if running else volume_move._plans(old, new))

    def _live(self, old: Volume, new: Volume) -> Sequence[Plan]:
        files = Definition(tuple(f"{old.mount_point}/{entry.file}" for entry in old.chain.files), "qcow2", True, True)
        machine = Disk("web", "0a", "vda", True, files, None)
        return plan_move(replace(old, disks=() if is_there(old, new) else (machine,)), new, (), f"{next(_tokens):x}")


_tokens = itertools.count(0x100000)


@pytest.mark.sample(1)
@pytest.mark.parametrize("lasting", [False, True], ids=["one call", "the mounts"])
@pytest.mark.parametrize("running", [False, True], ids=["at rest", "of a machine that has died"])
def test_a_move_that_fails_anywhere_leaves_one_volume_and_all_of_it(
    running: bool, lasting: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # these are plain directories
    monkeypatch.setattr(recovery, "check_mounted", lambda share, table: None)
    content = Seen().content
    first = TwoShares(tmp_path / "first")
    for share in (first.old, first.new):
        share.root.mkdir(parents=True)
    chain(first.old)
    before = content(first.old)

    def fresh(name: str) -> TwoShares:
        # hard links would be the same inodes; a copy's are others, as the plan expects
        return TwoShares(Path(shutil.copytree(first.base, tmp_path / name, symlinks=True)))

    both = fresh("calm")
    with Failing(both.base).armed() as calm:
        both.move(running)
    assert content(both.new) == before and content(both.old) is None
    wanted_files = all_files(both.old), all_files(both.new)
    failed = 0
    for at, number in calm.numbers(lasting, every=3):
        where = f"{at} of {len(calm.calls)}, {calm.calls[at - 1]}"
        both = fresh(f"{at}")
        with Failing(both.base, at, number, lasting).armed():
            try:
                both.move(running)
            except VdiskError as error:
                failed += 1
                assert len(error.message.split()) > 4, where
        if not (both.old.read().unfinished or both.new.read().unfinished):
            assert [content(both.old), content(both.new)] in ([before, None], [None, before]), where
        both.move(running)
        assert content(both.new) == before and content(both.old) is None, where
        assert (all_files(both.old), all_files(both.new)) == wanted_files, where
        shutil.rmtree(both.base)
    assert failed
