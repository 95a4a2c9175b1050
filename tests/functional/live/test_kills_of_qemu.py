# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU dies in the middle of a live operation: whether the task is run again before or after the machine is started, nothing is lost."""

from __future__ import annotations

import signal

import libvirt
import pytest
from ansible_collections.vdisk.gluster.tests.functional.live.hosts import Run
from ansible_collections.vdisk.gluster.tests.functional.live.scene import Scene, start_again

OPERATIONS = [("take", "grow", "export"), ("drop the middle", "drop the newest", "drop several")]


def _rest(scene: Scene) -> None:
    """Leave the machine off: the task is finished at rest."""


def _started(scene: Scene) -> None:
    start_again(scene.machine)


def _off_again(scene: Scene) -> None:
    """Let the machine start, write more, and be off when the task is run again."""
    start_again(scene.machine)
    scene.machine.wait_acks(50)
    scene.machine.shut_off()


BETWEEN = {"at rest": _rest, "started": _started, "started and off": _off_again}


def _kill(scene: Scene, run: Run, module_too: bool) -> None:
    """Kill QEMU while the module stands still, and let that find out, or not."""
    scene.machine.kill()
    if module_too:
        assert run.kill_with_children().status == -signal.SIGKILL
        return
    run.go_on()
    ended = run.wait()
    assert ended.status in (0, 1), ended
    assert ended.status == 0 or ended.values["msg"].count(" ") > 5, ended.values


@pytest.mark.parametrize("operations", OPERATIONS, ids=str)
def test_killed_around_a_call_of_the_module(lab, counts, sample, operations):
    scene = Scene(lab)
    for what in sample.draw("operations", operations, 2, of=str(operations)):
        task = scene.ready_for(what)
        meddler = scene.here.meddler()
        assert scene.start(task, meddler).wait().status == 0
        scene.end(task)
        calls = meddler.calls
        moments = [
            (at, after, between, module_too)
            for at in range(1, len(calls) + 1)
            for after in (False, True)
            for between in BETWEEN
            for module_too in (False, True)
        ]
        for moment in sample.draw("moments", moments, 1, of=what):
            _kill_and_end(scene, what, *moment)
            counts.add("kills survived")
    scene.finish()


def _kill_and_end(scene: Scene, what: str, at: int, after: bool, between: str, module_too: bool) -> None:
    task = scene.ready_for(what)
    meddler = scene.here.meddler(at, after, speed=256 << 10)
    run = scene.start(task, meddler)
    run.wait_until_stopped()
    _kill(scene, run, module_too)
    try:
        BETWEEN[between](scene)
        scene.end(task)
        if not scene.machine.is_running():
            start_again(scene.machine)
        scene.machine.wait_acks(20)
    except (AssertionError, libvirt.libvirtError) as error:
        moment = f"{'after' if after else 'before'} the last of {meddler.calls}, {between}{', the module too' * module_too}"
        raise AssertionError(f"{what}, killed {moment}: {error}") from error
