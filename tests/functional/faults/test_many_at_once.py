# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many tasks at once on volumes that they share, from two hosts, some of them killed: each is done once, and no point in time is lost."""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.vdisk.gluster.tests.functional.faults.states import machine_write, points
from ansible_collections.vdisk.gluster.tests.harness.hosts import Worker
from ansible_collections.vdisk.gluster.tests.harness.killer import Killer

WORKERS = 5
ROUNDS = 3
KILLED = 0.3
SHARED = "shared"


@pytest.fixture
def workers(hosts):
    """Processes that run modules side by side."""
    made = [Worker(hosts.library) for _number in range(WORKERS)]
    yield made
    for worker in made:
        worker.close()


def own(number):
    """Return the volume that one worker alone changes, together with the shared one."""
    return f"{'az'[number % 2]}{number}"


def test_many_tasks_at_once_are_all_done_and_lose_nothing(hosts, workers, record_property):
    chance = random.Random(1)
    volumes = [SHARED, *(own(number) for number in range(WORKERS))]
    hosts.here.ok("gluster_volume_file", name=volumes, size="1M")
    disks = {name: bytes(1 << 20) for name in volumes}
    wanted = {name: {} for name in volumes}
    tried = killed = 0

    def run(number, module, seed, **options):
        """Run a task in a worker until it is done; return how often it was killed."""
        luck, host = random.Random(seed), (hosts.here, hosts.there)[(number + seed) % 2]
        deaths = 0
        for at in [int(luck.triangular(1, 40, 14))] if luck.random() < KILLED else []:
            killer = Killer(hosts.tmp / f"control-{number}", [host.root], at, luck.random() < 0.5)
            host.begin(module, options, killer, workers[number])
            ended = workers[number].end()
            assert ended.status in (0, -9), ended.values
            deaths += ended.status == -9
        host.begin(module, options, None, workers[number])
        ended = workers[number].end()
        assert ended.status == 0, ended.values
        assert deaths or ended.values["changed"] or options["state"] == "present", f"{options} was done by nobody"
        return deaths

    def tasks(number, turn):
        """Take a snapshot of both volumes in one instant, take another of the shared one, drop one of an earlier turn."""
        seed = 100 * turn + 10 * number
        both = [SHARED, own(number)]
        deaths = [
            run(number, "gluster_snapshot", seed, volume=both, name=[f"g{number}t{turn}"], state="present"),
            run(number, "gluster_snapshot", seed + 1, volume=[SHARED], name=[f"s{number}t{turn}"], state="present"),
        ]
        if turn:
            deaths.append(run(number, "gluster_snapshot", seed + 2, volume=[SHARED], name=[f"s{number}t{turn - 1}"], state="absent"))
        return deaths

    with ThreadPoolExecutor(WORKERS) as pool:
        for turn in range(ROUNDS):
            for name in volumes:
                disks[name] = machine_write(hosts.here.root, name, disks[name], chance)
            for deaths in pool.map(lambda number, now=turn: tasks(number, now), range(WORKERS)):
                tried, killed = tried + len(deaths), killed + sum(deaths)
            for number in range(WORKERS):
                wanted[SHARED].pop(f"s{number}t{turn - 1}", None)
                wanted[SHARED][f"s{number}t{turn}"] = wanted[SHARED][f"g{number}t{turn}"] = disks[SHARED]
                wanted[own(number)][f"g{number}t{turn}"] = disks[own(number)]
            for host in (hosts.here, hosts.there):
                for name in volumes:
                    assert host.look(name)["problems"] == []
                    assert points(host.root, name) == {**wanted[name], "now": disks[name]}, f"{name} after turn {turn}"
    record_property("counted", f"{tried} tasks by {WORKERS} workers, {killed} killed, 0 lost")
    assert killed, "no task was killed"
    assert {os.path.splitext(name)[1] for name in os.listdir(hosts.here.root / ".vdisk")} == {".json", ".lock"}
