# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What volumes must hold: every point in time as bytes in memory, and tasks that change them, chosen at random."""

from __future__ import annotations

import dataclasses
import random
from typing import Any, Callable

MIB = 1 << 20


@dataclasses.dataclass
class Disk:
    """A volume of the model: what it reads as now, and its points in time, oldest first."""

    base_format: str
    now: bytes
    snapshots: dict[str, bytes] = dataclasses.field(default_factory=dict)

    def points(self) -> dict[str, bytes]:
        return {**self.snapshots, "now": self.now}

    def copy(self) -> Disk:
        return Disk(self.base_format, self.now, dict(self.snapshots))


@dataclasses.dataclass(frozen=True)
class Task:
    """A task: module and options, what it does to the disks of the model, and whether it has to be refused."""

    what: str
    module: str
    options: dict[str, Any]
    volumes: tuple[str, ...]
    apply: Callable[[dict[str, Disk]], None] = lambda disks: None
    refused: bool = False


class Chooser:
    """Chooses tasks that fit the state of a model; the same seed gives the same sequence."""

    def __init__(self, seed: int, names: list[str]) -> None:
        self.random = random.Random(seed)
        self._names = names
        self._count = 0

    def task(self, disks: dict[str, Disk]) -> Task:
        """Return a task for the disks as they are."""
        chance = self.random
        missing = [name for name in self._names if name not in disks]
        if missing and (not disks or chance.random() < 0.25):
            return self._create(chance.choice(missing))
        name = chance.choice(sorted(disks))
        kinds = [self._take, self._take, self._drop, self._drop, self._revert, self._grow, self._group, self._remove, self._refused]
        return chance.choice(kinds)(name, disks)

    def _new_snapshot(self) -> str:
        self._count += 1
        return f"s{self._count}"

    def _create(self, name: str) -> Task:
        base_format = self.random.choice(["raw", "qcow2"])

        def apply(disks: dict[str, Disk]) -> None:
            disks[name] = Disk(base_format, bytes(MIB))

        return Task(f"create {name} {base_format}", "gluster_volume_file", _volume(name, size="1M", format=base_format), (name,), apply)

    def _remove(self, name: str, disks: dict[str, Disk]) -> Task:
        if self.random.random() < 0.6:
            return self._take(name, disks)
        options = _volume(name, state="absent", delete_snapshots=True)
        return Task(f"remove {name}", "gluster_volume_file", options, (name,), lambda disks: disks.__delitem__(name))

    def _grow(self, name: str, disks: dict[str, Disk]) -> Task:
        size = len(disks[name].now) + self.random.randrange(1, 512) * 512

        def apply(disks: dict[str, Disk]) -> None:
            disks[name].now = disks[name].now.ljust(size, b"\0")

        return Task(f"grow {name} to {size}", "gluster_volume_file", _volume(name, size=str(size)), (name,), apply)

    def _take(self, name: str, disks: dict[str, Disk]) -> Task:
        return self._take_of((name,))

    def _group(self, name: str, disks: dict[str, Disk]) -> Task:
        return self._take_of(tuple(self.random.sample(sorted(disks), min(len(disks), 3))))

    def _take_of(self, names: tuple[str, ...]) -> Task:
        snapshot = self._new_snapshot()

        def apply(disks: dict[str, Disk]) -> None:
            for name in names:
                disks[name].snapshots[snapshot] = disks[name].now

        return Task(f"take {snapshot} of {', '.join(names)}", "gluster_snapshot", _snapshot(names, [snapshot]), names, apply)

    def _drop(self, name: str, disks: dict[str, Disk]) -> Task:
        there = list(disks[name].snapshots)
        if not there:
            return self._take(name, disks)
        gone = self.random.sample(there, self.random.randint(1, min(3, len(there))))

        def apply(disks: dict[str, Disk]) -> None:
            for snapshot in gone:
                del disks[name].snapshots[snapshot]

        return Task(f"drop {', '.join(gone)} of {name}", "gluster_snapshot", _snapshot((name,), gone, state="absent"), (name,), apply)

    def _revert(self, name: str, disks: dict[str, Disk]) -> Task:
        there = list(disks[name].snapshots)
        if not there:
            return self._take(name, disks)
        index = self.random.choice([len(there) - 1, self.random.randrange(len(there))])
        newer = there[index + 1 :]

        def apply(disks: dict[str, Disk]) -> None:
            disk = disks[name]
            disk.now = disk.snapshots[there[index]].ljust(len(disk.now), b"\0")
            for snapshot in newer:
                del disk.snapshots[snapshot]

        options = _snapshot((name,), [there[index]], state="reverted", discard_newer=bool(newer))
        return Task(f"revert {name} to {there[index]}, {len(newer)} newer", "gluster_snapshot", options, (name,), apply)

    def _refused(self, name: str, disks: dict[str, Disk]) -> Task:
        if len(disks[name].snapshots) > 1:
            oldest = next(iter(disks[name].snapshots))
            options = _snapshot((name,), [oldest], state="reverted")
            return Task(f"revert {name} over newer ones", "gluster_snapshot", options, (name,), refused=True)
        options = _volume(name, size=str(len(disks[name].now) - 512))
        return Task(f"make {name} smaller", "gluster_volume_file", options, (name,), refused=True)


def _volume(name: str, **options: Any) -> dict[str, Any]:
    return {"name": [name], **options}


def _snapshot(names: tuple[str, ...], snapshots: list[str], **options: Any) -> dict[str, Any]:
    return {"volume": list(names), "name": snapshots, **options}
