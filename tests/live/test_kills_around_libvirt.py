# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module, or libvirtd, dies right before or after the module has let libvirt change something: the guest goes on, and the next run
of the task finishes it."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.tests.live.hosts import Run
from ansible_collections.vdisk.gluster.tests.live.scene import Scene

SCENES = {
    "one disk": {},
    "two disks": {"disks": 2},
    "two machines": {"machines": 2, "mode": "fs"},
}
OPERATIONS = [
    ("take", "two disks"),
    ("take", "two machines"),
    ("drop the middle", "one disk"),
    ("drop the newest", "one disk"),
    ("drop several", "two disks"),
    ("grow", "one disk"),
    ("export", "one disk"),
]


def _kill_module(scene: Scene, run: Run) -> None:
    assert run.kill().status == -9


def _kill_group(scene: Scene, run: Run) -> None:
    assert run.kill_group().status == -9
    # a guest that was frozen is thawed by the process that was left for this
    for machine in scene.machines:
        machine.wait_acks(20)


def _kill_all(scene: Scene, run: Run) -> None:
    assert run.kill_with_children().status == -9


def _kill_libvirtd(scene: Scene, run: Run) -> None:
    ended = run.fail_without(scene.lab.hypervisor)
    # after the last call there is nothing left to ask
    assert ended.status in (0, 1), ended
    assert ended.status == 0 or "libvirt" in ended.values["msg"], ended.values


KILLS = {"module": _kill_module, "group": _kill_group, "module and its guards": _kill_all, "libvirtd": _kill_libvirtd}


@pytest.mark.parametrize("what, where", OPERATIONS)
def test_killed_around_a_call_of_libvirt(lab, counts, request, what, where):
    scene = Scene(lab, **SCENES[where])
    task = scene.task(what)
    meddler = scene.here.meddler()
    assert scene.start(task, meddler).wait().status == 0
    scene.end(task)
    calls = meddler.calls
    assert calls
    moments = [(at, after, kill) for at in range(1, len(calls) + 1) for after in (False, True) for kill in KILLS]
    if not request.config.getoption("all"):
        # each call is met by one kill, another one in each operation
        turn, kills = OPERATIONS.index((what, where)), list(KILLS)
        moments = [(at, at // 2 % 2 == turn % 2, kills[(at + turn) % len(kills)]) for at in range(1, len(calls) + 1)]
    for at, after, kill in moments:
        scene.refill()
        task = scene.task(what)
        run = scene.start(task, scene.here.meddler(at, after, speed=256 << 10))
        run.wait_until_stopped()
        KILLS[kill](scene, run)
        counts.add("kills survived")
        for machine in scene.machines:
            if machine.mode != "fs":
                machine.wait_acks(20)
        try:
            scene.end(task)
        except AssertionError as error:
            raise AssertionError(f"{kill} killed {'after' if after else 'before'} {at} of {calls}: {error}") from error
    scene.finish()
