# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes of running machines with snapshots, the tasks that are disturbed on them, and what has to be found after each of those."""

from __future__ import annotations

import dataclasses
import pathlib
import re
from typing import Any

from ansible_collections.vdisk.gluster.tests.functional.live.hosts import Run
from ansible_collections.vdisk.gluster.tests.functional.live.lab import Lab
from ansible_collections.vdisk.gluster.tests.functional.live.meddling import Meddler
from ansible_collections.vdisk.gluster.tests.harness.guests.file_system import records_in_file_system
from ansible_collections.vdisk.gluster.tests.harness.guests.machine import Disk, Machine
from ansible_collections.vdisk.gluster.tests.harness.guests.oracle import Finding, raw_copy

MIB = 1 << 20
_SLOTS = 2048
_SIZE = 16
"""MiB of each disk."""

SCENES: dict[str, dict[str, Any]] = {"one disk": {}, "two disks": {"disks": 2}, "two machines": {"machines": 2, "mode": "fs"}}
"""What scenes are made of, by what they are called."""


@dataclasses.dataclass(frozen=True)
class Task:
    """A task, the snapshots that it takes and drops, and the file that it makes."""

    module: str
    options: dict[str, Any]
    takes: str | None = None
    drops: tuple[str, ...] = ()
    makes: pathlib.Path | None = None


class Scene:
    """Machines that write, each with the same number of volumes, and the snapshots of all of them, which are taken together."""

    def __init__(
        self, lab: Lab, machines: int = 1, disks: int = 1, image_format: str = "raw", snapshots: int = 3, records: int = 50, **how: Any
    ) -> None:
        """Make volumes, start the machines and take snapshots with so many records between them."""
        self.lab = lab
        self.here = lab.here
        self.base_format = image_format
        self.volumes = [f"v{number}" for number in range(machines * disks)]
        self.size = _SIZE
        self.here.ok("gluster_volume_file", name=self.volumes, size=f"{_SIZE}M", format=image_format)
        self.machines: list[Machine] = []
        for number in range(machines):
            own = [Disk(self.here.path(name), image_format) for name in self._own(number, disks)]
            self.machines.append(lab.machine(*own, **{"slots": _SLOTS, **how}).start())
        self.disks = disks
        self.names: list[str] = []
        self._taken = 0
        self._records = records
        self._points: dict[tuple[str, str], int] = {}
        self._windows: dict[str, list[tuple[int, int]]] = {}
        self._before: list[int] = []
        if how.get("mode") == "fs":
            for machine in self.machines:
                machine.wait_for_agent()
        self.refill(snapshots)
        self.assert_sound()

    @staticmethod
    def _own(number: int, disks: int) -> list[str]:
        return [f"v{number * disks + disk}" for disk in range(disks)]

    @property
    def machine(self) -> Machine:
        """The first machine."""
        return self.machines[0]

    def refill(self, snapshots: int = 3) -> None:
        """Take snapshots until there are so many, and drop the oldest where there are more than some."""
        while len(self.names) < snapshots:
            task = self.task("take")
            self.begin(task)
            self.here.ok(task.module, **task.options)
            self.note(task)
        if len(self.names) > snapshots + 2:
            self.do(self.task("drop several"))

    def ready_for(self, what: str) -> Task:
        """Take what snapshots a task needs for being the same work each time, and return it."""
        # with the oldest and the two newest of fewer, neighbours would be merged at once
        self.refill(4 if what == "drop several" else 3)
        return self.task(what)

    def task(self, what: str) -> Task:
        """Return a task that can be done now."""
        names = self.names
        dropped = {
            "drop the oldest": names[:1],
            "drop the middle": names[1:2],
            "drop the newest": names[-1:],
            "drop several": [*names[:1], *names[-2:]],
        }.get(what)
        if dropped is not None:
            assert dropped, "there is no such snapshot"
            return Task("gluster_snapshot", {"volume": self.volumes, "name": dropped, "state": "absent"}, drops=tuple(dropped))
        if what == "take":
            self._taken += 1
            name = f"s{self._taken}"
            return Task("gluster_snapshot", {"volume": self.volumes, "name": [name]}, takes=name)
        if what == "grow":
            self.size += 1
            return Task("gluster_volume_file", {"name": self.volumes, "size": f"{self.size}M", "format": self.base_format})
        assert what == "export", what
        out = self.here.base.parent / "out"
        out.mkdir(exist_ok=True)
        made = out / "copy"
        made.unlink(missing_ok=True)
        return Task("gluster_image_export", {"volume": self.volumes[0], "dest": str(made), "force": True}, makes=made)

    def begin(self, task: Task) -> None:
        """Let the machines write, and note from when on an instant of the task may be."""
        self._before = [machine.wait_acks(self._records) if machine.is_running() else machine.acked() for machine in self.machines]

    def start(self, task: Task, meddler: Meddler) -> Run:
        """Begin a task that is meddled with."""
        self.begin(task)
        return self.here.start_with(meddler, task.module, task.options)

    def do(self, task: Task) -> dict[str, Any]:
        """Do a task undisturbed."""
        self.begin(task)
        return self.end(task)

    def end(self, task: Task) -> dict[str, Any]:
        """Do a task that was disturbed once more, and see that it is done then, and well."""
        self.let_jobs_run()
        values = self.here.ok(task.module, **task.options)
        after = self.note(task)
        if task.makes is not None:
            self.machine.oracle.of_records(task.makes, 0, str(task.makes)).assert_snapshot_within(self._before[0], after[0])
        else:
            again = self.here.ok(task.module, **task.options)
            assert not again["changed"], f"the next run still has something to do: {again['actions']}"
        self.assert_sound()
        return values

    def note(self, task: Task) -> list[int]:
        """Note what a task has done, and return the last record that may be part of its instant."""
        running = [machine for machine in self.machines if machine.is_running()]
        # one that is off may have written somewhat more than it could acknowledge
        after = [machine.wait_acks(20) if machine in running else machine.acked() + 5000 for machine in self.machines]
        self.lab.counts.add("operations under load", bool(running))
        if task.takes is not None:
            self.names.append(task.takes)
            self._windows[task.takes] = list(zip(self._before, after))
        self.names = [name for name in self.names if name not in task.drops]
        return after

    def let_jobs_run(self) -> None:
        """Take the limit of a meddler from block jobs: one onto what a guest writes to would never have copied all."""
        for machine in self.machines:
            for letter in "ab"[: self.disks] if machine.is_running() else "":
                if machine.domain.blockJobInfo(f"vd{letter}", 0):
                    machine.domain.blockJobSetSpeed(f"vd{letter}", 0, 0)

    def assert_sound(self) -> None:
        """See that every snapshot is the point in time that it was, and that books, chain, definitions and files agree."""
        looked = {volume["name"]: volume for volume in self.here.ok("gluster_volume_file_info", name=self.volumes)["volumes"]}
        for number, machine in enumerate(self.machines):
            own = [looked[name] for name in self._own(number, self.disks)]
            for lane, volume in enumerate(own):
                self._assert_books(machine, f"vd{'ab'[lane]}", volume)
            for name in self.names:
                self._assert_exact(number, name, own)

    def _assert_books(self, machine: Machine, target: str, volume: dict[str, Any]) -> None:
        assert not volume["problems"], volume["problems"]
        assert [snapshot["name"] for snapshot in volume["snapshots"]] == self.names
        chain = [self.here.path(entry["file"]) for entry in volume["chain"]]
        left = {path.name for path in self.here.root.iterdir() if re.match(rf"\.?{volume['name']}\b", path.name)}
        # one that never had a snapshot has no info file
        info = {f"{volume['name']}.info"} if self._taken else set()
        assert left == {*(path.name for path in chain), *info}, left
        own = {path.name for path in (self.here.root / ".vdisk").iterdir() if path.name.lstrip(".").startswith(f"{volume['name']}.")}
        assert own == {f"{volume['name']}.json", f"{volume['name']}.lock"}, own
        if machine.is_running():
            assert machine.sources(target) == chain, f"the domain has {machine.sources(target)} open, not {chain}"
            assert not machine.domain.blockJobInfo(target, 0)
        if machine.is_defined() and machine.domain.isPersistent():
            stored = machine.sources(target, stored=True)
            assert stored == chain[: len(stored)], f"the domain is to start on {stored}, not on {chain}"

    def _assert_exact(self, number: int, name: str, volumes: list[dict[str, Any]]) -> None:
        machine = self.machines[number]
        found = []
        for lane, volume in enumerate(volumes):
            snapshot = next(snapshot for snapshot in volume["snapshots"] if snapshot["name"] == name)
            chain = {entry["file"]: entry["format"] for entry in volume["chain"]}
            file = snapshot["point_in_time_file"]
            found.append(self.finding(machine, self.here.path(file), chain[file], lane))
        point = machine.oracle.assert_one_instant(found)
        before, after = self._windows[name][number]
        dataclasses.replace(found[0], point=point).assert_snapshot_within(before, after)
        kept = self._points.setdefault((name, machine.name), point)
        assert point == kept, f"snapshot {name} was record {kept} and is {point} now"

    def assert_is(self, name: str, copy: pathlib.Path) -> None:
        """See that a raw copy is what a snapshot of the first volume is."""
        found = self.machine.oracle.of_records(copy, 0, str(copy)).point
        assert found == self._points[name, self.machine.name], f"{copy} is record {found}"

    def finding(self, machine: Machine, path: pathlib.Path, image_format: str, lane: int = 0) -> Finding:
        """Judge an image that stands still."""
        if machine.mode != "fs":
            return machine.oracle.point_in_time(path, image_format, lane)
        with raw_copy(path, image_format) as copy:
            return records_in_file_system(machine, copy, str(path))

    def finish(self) -> None:
        """See that nothing is lost: after a new start of each machine, and on its disks when it is off."""
        for machine in self.machines:
            if machine.is_running():
                machine.wait_acks(50)
            if machine.persistent:
                machine.restart() if machine.is_running() else start_again(machine)
            acknowledged = machine.acked()
            machine.shut_off()
            found = []
            for lane, name in enumerate(self._own(self.machines.index(machine), self.disks)):
                volume = self.here.look(name)
                assert not volume["problems"], volume["problems"]
                found.append(self.finding(machine, pathlib.Path(volume["path"]), volume["format"], lane))
            point = machine.oracle.assert_one_instant(found)
            dataclasses.replace(found[0], point=point).assert_nothing_lost(acknowledged)
        self.assert_sound()


def start_again(machine: Machine) -> None:
    """Start a machine that is off from its stored definition, and see that it finds all that it had acknowledged."""
    acknowledged = machine.acked()
    machine.start()
    machine.assert_rescanned(acknowledged)
