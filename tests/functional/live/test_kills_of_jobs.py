# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills at moments of a block job that no call marks: amid its data, at its end before that is noted, and with no stored definition."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.vdisk.gluster.tests.functional.live.scene import Scene, start_again
from ansible_collections.vdisk.gluster.tests.harness.processes import wait_until

_SLOW = 128 << 10


def _begin_job(scene: Scene, what: str):
    """Begin a task, and return it and its run, which stands still right after its job has begun; the job is slow."""
    task = scene.task(what)
    run = scene.start(task, scene.here.meddler(1, True, speed=_SLOW))
    run.wait_until_stopped()
    return task, run


def _amid(scene: Scene) -> None:
    def moved() -> bool:
        state = scene.machine.domain.blockJobInfo("vda", 0)
        assert state, "the job has ended too soon"
        return state["cur"] >= 128 << 10

    wait_until(moved, "some data to be moved", 60)


@pytest.mark.sample(1)
@pytest.mark.parametrize("what", ["drop the middle", "drop the newest"])
def test_qemu_killed_amid_the_data(lab, counts, sample, what):
    scene = Scene(lab, records=300)
    for started in sample.draw("ways to go on", (False, True), 1, of=what):
        scene.refill()
        task, run = _begin_job(scene, what)
        _amid(scene)
        scene.machine.kill()
        run.go_on()
        ended = run.wait()
        assert ended.status == 1 and scene.machine.name in ended.values["msg"], ended
        assert "has ended" in ended.values["msg"] or "not running" in ended.values["msg"], ended
        counts.add("kills survived")
        if started:
            start_again(scene.machine)
        scene.end(task)
        if not started:
            start_again(scene.machine)
    scene.finish()


@pytest.mark.sample(1)
@pytest.mark.parametrize("what", ["drop the middle", "drop the newest"])
def test_a_module_killed_amid_the_data_leaves_a_job_that_the_next_one_joins(lab, counts, what):
    scene = Scene(lab, records=300)
    task, run = _begin_job(scene, what)
    _amid(scene)
    assert run.kill_with_children().status == -9
    counts.add("kills survived")
    refused = scene.here.run("gluster_snapshot", {"volume": scene.volumes, "name": ["other"], "_ansible_check_mode": True})
    assert refused.status == 1 and "block job" in refused.values["msg"], refused
    meddler = scene.here.meddler()
    again = scene.here.start_with(meddler, task.module, task.options)
    scene.machine.wait_acks(50)
    assert not again.is_over() and "blockCommit" not in meddler.calls, "it has not joined the job"
    scene.machine.domain.blockJobSetSpeed("vda", 0, 0)
    ended = again.wait()
    assert ended.status == 0 and any("Finish the interrupted operation" in action for action in ended.values["actions"]), ended
    assert "blockCommit" not in meddler.calls
    scene.end(task)
    scene.finish()


def test_qemu_killed_right_after_a_merge_whose_end_nobody_has_noted(lab, counts, sample):
    scene = Scene(lab)
    for between in sample.draw("ways to go on", ("at rest", "started", "started and off"), 1):
        scene.refill()
        task, run = _begin_job(scene, "drop the middle")
        scene.let_jobs_run()
        wait_until(lambda: not scene.machine.domain.blockJobInfo("vda", 0), "the job to end", 60)
        assert run.kill_with_children().status == -9
        scene.machine.kill()
        counts.add("kills survived", 2)
        if between != "at rest":
            start_again(scene.machine)
            scene.machine.wait_acks(50)
            if between == "started and off":
                scene.machine.shut_off()
        values = scene.end(task)
        assert any("Finish the interrupted operation" in action for action in values["actions"]), values["actions"]
        if between != "started":
            start_again(scene.machine)
    scene.finish()


@pytest.mark.sample(1)
@pytest.mark.parametrize("at, after", [(1, True), (2, False), (2, True)], ids=["before ready", "ready", "after the pivot"])
def test_qemu_of_a_machine_without_stored_definition_killed_in_an_active_commit(lab, counts, at, after):
    scene = Scene(lab, persistent=False)
    machine = scene.machine
    task = scene.task("drop the newest")
    top, base = machine.sources()[:2]
    run = scene.start(task, scene.here.meddler(at, after, speed=_SLOW if at == 1 else 0))
    run.wait_until_stopped()
    if (at, after) == (2, True):
        machine.wait_acks(50)
    acknowledged = machine.acked()
    machine.kill()
    run.go_on()
    ended = run.wait()
    assert ended.status == 1 and machine.name in ended.values["msg"], ended
    counts.add("kills survived")
    again = scene.here.run(task.module, task.options)
    if at == 1:
        assert again.status == 0, again
    elif again.status == 1:
        # nothing tells which of the two is newer: both are left as they are, and who knows says so by a definition
        assert "compare them" in again.values["msg"] and top.exists(), again
        newer = base if after else top
        image_format = "qcow2"
        scene.finding(machine, newer, image_format).assert_nothing_lost(acknowledged)
        machine.persistent = True
        machine.disks = [dataclasses.replace(machine.disks[0], path=newer, format=image_format)]
        machine.define()
    scene.end(task)
    found = scene.here.look(scene.volumes[0])
    assert found["active_file"] == base.name
    scene.finding(machine, base, found["format"]).assert_nothing_lost(acknowledged)


@pytest.mark.sample(1)
@pytest.mark.parametrize("persistent", [True, False], ids=["stored", "not stored"])
def test_qemu_killed_after_it_has_gone_over_to_an_overlay_and_written_to_it(lab, counts, sample, persistent):
    scene = Scene(lab, persistent=persistent, snapshots=1, agent=False)
    for module_too in sample.draw("deaths", (False, True), 1) if persistent else (False,):
        task = scene.task("take")
        run = scene.start(task, scene.here.meddler(1, True))
        run.wait_until_stopped()
        scene.machine.wait_acks(100)
        scene.machine.kill()
        counts.add("kills survived")
        if module_too:
            assert run.kill().status == -9
        else:
            run.go_on()
            ended = run.wait()
            assert ended.status == 1 and scene.machine.name in ended.values["msg"], ended
        scene.end(task)
        if persistent:
            start_again(scene.machine)
    if persistent:
        scene.finish()
        return
    found = scene.here.look("v0")
    scene.finding(scene.machine, scene.here.path(found["active_file"]), found["format"]).assert_nothing_lost(scene.machine.acked())
