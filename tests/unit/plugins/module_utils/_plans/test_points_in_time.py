# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random writes, snapshots, drops, reverts and growths leave every point in time as a model in memory has it."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import plan_absent, plan_present, plan_reverted
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import VolumeRequest
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import plan_present as plan_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import SnapshotNote
from ansible_collections.vdisk.gluster.tests.harness import images
from ansible_collections.vdisk.gluster.tests.harness.images import KiB, MiB
from ansible_collections.vdisk.gluster.tests.harness.shares import PlainShare, Planner, kinds, predicted

LARGEST = 3 * MiB
NAMES = "abcdef"


class Model:
    """A volume in memory: what it reads as now, and what it read as at each snapshot, oldest first."""

    def __init__(self, size: int) -> None:
        self.now = bytearray(size)
        self.points: dict[str, bytes] = {}

    def everything(self) -> dict[str, bytes]:
        """Return what each point and the volume read as."""
        return {**self.points, "now": bytes(self.now)}


class Run:
    """One random run on a real directory, beside its model."""

    def __init__(self, share: PlainShare, seed: int) -> None:
        self.share = share
        self.random = random.Random(seed)
        size = self.random.choice((MiB, 2 * MiB + 512))
        self.model = Model(size)
        self.steps: Counter[str] = Counter()
        share.create(size=size, format=self.random.choice(("raw", "qcow2")))

    def write(self) -> None:
        """Write patterns, zeroes and discards into the active file, most of them small and some large."""
        volume, now = self.share.read(), self.model.now
        commands = []
        for _write in range(self.random.randint(1, 2)):
            start = self.random.randrange(0, len(now) - 512, 512)
            most = min(len(now) - start, self.random.choice((4 * KiB, 64 * KiB, LARGEST)))
            length = self.random.randrange(512, most + 1, 512)
            byte = self.random.choice((0, self.random.randrange(1, 256)))
            commands += ["-c", f"write -q -P {byte} {start} {length}" if byte else f"write -q -z {start} {length}"]
            now[start : start + length] = bytes([byte]) * length
        images.run("qemu-io", "-f", str(volume.active.format), *commands, Path(volume.path))

    def walk(self, planner: Planner) -> None:
        """Let a task do what a planner wants, sometimes killed on the way, and see that check mode foretold it."""
        foretold = self.share.session(check_mode=True).change({"v": self.share.share}, planner)
        if self.random.random() < 0.25:
            self.steps.update(kinds(self.share.kill(planner, self.random.randint(0, 3))))
            self.steps["killed"] += 1
            self.share.recover()
        else:
            done = self.share.session().change({"v": self.share.share}, planner)
            assert done.actions == foretold.actions
            self.steps.update("Pull" if " up into " in action else action.partition(" ")[0] for action in done.actions)
        assert predicted(self.share.sound()) == predicted(foretold.after[0])

    def take(self) -> None:
        """Take a snapshot under a name that is free, perhaps one that was used before."""
        free = [name for name in NAMES if name not in self.model.points]
        if free:
            name = self.random.choice(free)
            self.model.points[name] = bytes(self.model.now)
            self.walk(lambda volumes: plan_present(volumes, name, SnapshotNote()))

    def drop(self) -> None:
        """Drop some snapshots at once."""
        if self.model.points:
            names = self.random.sample(list(self.model.points), self.random.randint(1, min(3, len(self.model.points))))
            for name in names:
                del self.model.points[name]
            self.walk(lambda volumes: [plan_absent(volumes[0], names)])

    def grow(self) -> None:
        """Grow the volume."""
        size = len(self.model.now) + self.random.choice((512, 64 * KiB, 300 * KiB))
        if size <= LARGEST:
            self.model.now.extend(bytes(size - len(self.model.now)))
            volume = self.share.read()
            self.share.apply(plan_volume(volume, VolumeRequest(size=size)))

    def revert(self) -> None:
        """Revert to a snapshot, discarding newer ones."""
        if self.model.points:
            name = self.random.choice(list(self.model.points))
            newest = name == list(self.model.points)[-1]
            if newest and self.share.session(check_mode=True).change({"v": self.share.share}, self._reverting(name)).actions == ():
                return
            size, names = len(self.model.now), list(self.model.points)
            self.model.now = bytearray(self.model.points[name].ljust(size, b"\x00"))
            self.model.points = {kept: self.model.points[kept] for kept in names[: names.index(name) + 1]}
            self.walk(self._reverting(name))

    def _reverting(self, name: str) -> Planner:
        return lambda volumes: [plan_reverted(volumes[0], name, True)]

    def go(self, turns: int) -> None:
        """Do so many random things, and compare every point in time after each."""
        for _turn in range(turns):
            self.write()
            act = self.random.choices((self.take, self.drop, self.grow, self.revert), (12, 6, 1, 1))[0]
            act()
            told = f"after {act.__name__}, {len(self.model.points)} snapshots"
            points = self.share.points()
            assert list(points) == list(self.model.everything()), told
            for name, data in self.model.everything().items():
                assert points[name] == data, f"{told}: {name} differs"


@pytest.mark.parametrize("seed", [11, 1, 2, 3, 4, 5])  # with the first, merges go up too
def test_every_point_in_time_stays_what_the_model_says(share: PlainShare, seed: int) -> None:
    Run(share, seed).go(12)
