# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module, or libvirtd, dies right before or after the module has let libvirt change something: the guest goes on, and the next run
of the task finishes it."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.tests.functional.live.hosts import Run
from ansible_collections.vdisk.gluster.tests.functional.live.scene import SCENES, Scene

OPERATIONS = [
    ("one disk", ("drop the middle", "drop the newest", "grow")),
    ("one disk", ("export",)),
    ("two disks", ("take", "drop several")),
    ("two machines", ("take",)),
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


@pytest.mark.sample(1, pinned=[f"{where}-{operations}" for where, operations in OPERATIONS[:1]])
@pytest.mark.parametrize("where, operations", OPERATIONS, ids=str)
def test_killed_around_a_call_of_libvirt(lab, counts, sample, where, operations):
    scene = Scene(lab, **SCENES[where])
    for what in operations:
        task = scene.ready_for(what)
        meddler = scene.here.meddler()
        assert scene.start(task, meddler).wait().status == 0
        scene.end(task)
        calls = meddler.calls
        assert calls
        moments = [(at, after, kill) for at in range(1, len(calls) + 1) for after in (False, True) for kill in KILLS]
        # every second call is met by one kill
        for at, after, kill in sample.draw("moments", moments, (len(calls) + 1) // 2, of=f"{where}, {what}"):
            _kill(scene, what, at, after, kill)
            counts.add("kills survived")
    scene.finish()


def _kill(scene: Scene, what: str, at: int, after: bool, kill: str) -> None:
    task = scene.ready_for(what)
    meddler = scene.here.meddler(at, after, speed=256 << 10)
    run = scene.start(task, meddler)
    run.wait_until_stopped()
    KILLS[kill](scene, run)
    for machine in scene.machines:
        if machine.mode != "fs":
            machine.wait_acks(20)
    try:
        scene.end(task)
    except AssertionError as error:
        raise AssertionError(f"{what}, {kill} killed {'after' if after else 'before'} the last of {meddler.calls}: {error}") from error
