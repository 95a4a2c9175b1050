# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random tasks on several volumes, by two hosts in turns, killed now and then: every point in time is what a model says, after each."""

from __future__ import annotations

import json
import os
import random
import traceback

import pytest
from ansible_collections.vdisk.gluster.tests.functional.faults.model import MIB, Chooser, Disk, Task
from ansible_collections.vdisk.gluster.tests.functional.faults.states import files_of, machine_write, points
from ansible_collections.vdisk.gluster.tests.harness.programs import command

KILLED = 0.3
"""Part of the tasks that are killed first."""
UNFINISHED = 0.4
"""Part of the killed tasks that stay unfinished until their volume is needed again."""


class Sequence:
    """One random sequence; what it does is told in C(log), and C(divergences) says what the model did not."""

    def __init__(self, hosts, seed, prefix):
        self._hosts, self._prefix = hosts, prefix
        self._chance = random.Random(f"hosts {seed}")
        self._chooser = Chooser(seed, [f"{prefix}{letter}" for letter in "abcd"])
        self._disks: dict[str, Disk] = {}
        self._unfinished: list[Task] = []
        self.log: list[str] = []
        self.killed = 0

    def _host(self):
        return self._chance.choice([self._hosts.here, self._hosts.there])

    def step(self):
        """Let a machine write, run a task, perhaps killed at first, and compare."""
        task = self._chooser.task(self._disks)
        while self._finish(task.volumes):
            task = self._chooser.task(self._disks)
        for name in task.volumes:
            if name in self._disks:
                self._write(name)
        if not task.refused and self._chance.random() < KILLED:
            at = int(self._chance.triangular(1, 40, 12))
            killer = self._hosts.killer(at, self._chance.random() < 0.5)
            ended = self._hosts.here.run(task.module, task.options, killer)
            self.log.append(f"{task.what}, killed at {at}: {ended.status}")
            assert ended.status in (0, -9), ended.values
            self.killed += ended.status == -9
            if ended.status == -9 and self._chance.random() < UNFINISHED:
                self._unfinished.append(task)
                return
        self._run(task)

    def end(self):
        """Finish what was left, and compare every volume once more from both hosts."""
        for task in list(self._unfinished):
            self._finish(task.volumes)
        for host in (self._hosts.here, self._hosts.there):
            for name in self._disks:
                self._compare(name, host)
        left = {os.path.basename(file).lstrip(".").split(".")[0] for file in files_of(self._hosts.here.root, self._prefix)}
        assert left == set(self._disks), f"there are files of {sorted(left)}"

    def adopt(self, name, snapshots):
        """Lay a volume down as Cinder's driver did, and adopt it."""
        root, disk, entries = self._hosts.here.root, Disk("raw", self._chance.randbytes(MIB)), {"active": name}
        (root / name).write_bytes(disk.now)
        for snapshot in snapshots:
            file = f"{name}.{snapshot}"
            below = "raw" if entries["active"] == name else "qcow2"
            command("qemu-img", "create", "-q", "-f", "qcow2", "-F", below, "-b", entries["active"], str(root / file), "1M")
            entries[snapshot] = entries["active"] = file
            disk.snapshots[snapshot] = disk.now
            disk.now = machine_write(root, name, disk.now, self._chance, entries["active"])
            (root / f"{name}.info").write_text(json.dumps(entries, indent=1, sort_keys=True))
        task = Task(f"adopt {name}", "gluster_volume_file", {"name": [name], "format": "raw"}, (name,))
        self._disks[name] = disk
        self._run(task)

    def _finish(self, names):
        """Run again what was left unfinished of volumes, and tell whether there was anything."""
        found = [task for task in self._unfinished if set(task.volumes) & set(names)]
        for task in found:
            self._unfinished.remove(task)
            self._run(task)
        return bool(found)

    def _run(self, task):
        host = self._host()
        ended = host.run(task.module, task.options)
        self.log.append(f"{task.what} {'here' if host is self._hosts.here else 'there'}: {ended.values['msg']}")
        assert ended.status == int(task.refused), ended.values["msg"]
        task.apply(self._disks)
        for name in task.volumes:
            self._compare(name, self._host())

    def _write(self, name):
        self._disks[name].now = machine_write(self._host().root, name, self._disks[name].now, self._chance)

    def _compare(self, name, host):
        found, disk = host.look(name), self._disks.get(name)
        have = points(host.root, name) if disk or found["exists"] else None
        assert found["exists"] == (disk is not None), f"{name} is there: {found['exists']}"
        if disk is None:
            return
        assert not found["problems"], found["problems"]
        assert [entry["name"] for entry in found["snapshots"]] == list(disk.snapshots), f"{name} has other snapshots"
        different = [point for point, content in disk.points().items() if have.get(point) != content]
        assert not different, f"{name}: {different} differ from the model"


def pytest_generate_tests(metafunc):
    """Make a test of each sequence."""
    option = metafunc.config.getoption
    first = option("seed") % 10**6
    metafunc.parametrize("seed", range(first, first + (option("sequences") or (20 if option("all") else 2))))


def test_every_point_in_time_is_what_the_model_says_after_each_task(hosts, request, record_property, seed):
    sequence = Sequence(hosts, seed, f"m{seed:03d}")
    steps = request.config.getoption("steps")
    diverged = None
    try:
        sequence.adopt(f"m{seed:03d}a", ["5e0b", "77aa"][: seed % 3])
        for _step in range(steps):
            sequence.step()
        sequence.end()
    except (AssertionError, OSError) as error:
        diverged = error
    record_property("counted", f"1 sequence, {len(sequence.log)} steps, {sequence.killed} killed, {int(diverged is not None)} divergences")
    if diverged is not None:
        pytest.fail("\n".join([*sequence.log, *traceback.format_exception(diverged)]))
