# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever call of a task fails, once or for good, it says so in a sentence, nothing is lost, and the task run again ends as it should."""

from __future__ import annotations

import errno
import functools
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Callable, Sequence

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._corridor import Planner
from ansible_collections.vdisk.gluster.plugins.module_utils._errors import VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._plan_snapshot import plan_absent, plan_present, plan_reverted
from ansible_collections.vdisk.gluster.plugins.module_utils._plan_volume import Wanted
from ansible_collections.vdisk.gluster.plugins.module_utils._plan_volume import plan_absent as plan_no_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._plan_volume import plan_present as plan_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._record import SnapshotNote
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import Volume
from ansible_collections.vdisk.gluster.tests.unit.failing import Failing
from ansible_collections.vdisk.gluster.tests.unit.images import KiB
from ansible_collections.vdisk.gluster.tests.unit.share import PlainShare

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


def foreign(share: PlainShare) -> None:
    """Lay a file there that another program made."""
    (share.root / "v").write_bytes(b"\x07" * SIZE)


def one(plan: Callable[..., object], *arguments: object) -> Planner:
    """Return a planner that makes a plan for each volume."""
    return lambda volumes: [plan(volume, *arguments) for volume in volumes]


def wanted(**options: object) -> Planner:
    """Return a planner of a volume that is to be present."""
    own = {"uid": os.getuid(), "gid": os.getgid()}
    return one(plan_volume, Wanted(**{**own, **options}))


def taken(volumes: Sequence[Volume]) -> object:
    """Plan the snapshot c."""
    return plan_present(volumes, "c", SnapshotNote("2026-11-24T00:00:00.000000Z"))


TASKS: dict[str, tuple[Callable[[PlainShare], None], Planner]] = {
    "make raw": (nothing, wanted(size=SIZE)),
    "make whole": (nothing, wanted(size=SIZE, allocation="full")),
    "make reserved": (nothing, wanted(size=SIZE, allocation="falloc")),
    "make qcow2": (nothing, wanted(size=SIZE, format="qcow2")),
    "adopt": (foreign, wanted(format="raw")),
    "grow": (chain, wanted(size=2 * SIZE)),
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


def changed(share: PlainShare, planner: Planner) -> bool:
    """Run a task."""
    return share.corridor().change({"v": share.share}, planner).changed


@pytest.mark.parametrize("lasting", [False, True], ids=["one call", "the mount"])
@pytest.mark.parametrize("task", TASKS)
def test_a_call_that_fails_is_told_and_loses_nothing(task: str, lasting: bool, top: Path, tmp_path: Path) -> None:
    prepare, planner = TASKS[task]
    template = _template(prepare, top)

    def fresh(name: str) -> PlainShare:
        return PlainShare(Path(shutil.copytree(template, tmp_path / name, symlinks=True)))

    content = Seen().content
    before = content(fresh("before"))
    share = fresh("calm")
    with Failing(share.root).armed() as calm:
        assert changed(share, planner)
    wanted_in_the_end, wanted_files = content(share), all_files(share)
    assert wanted_in_the_end != before
    changing = set(calm.changing())
    failed = 0
    for at in range(1, len(calm.calls) + 1):
        if lasting and at not in changing and at % 4:
            continue  # looks are many and alike
        number = errno.ENOTCONN if lasting else errno.ENOSPC if at in changing else errno.EIO
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
