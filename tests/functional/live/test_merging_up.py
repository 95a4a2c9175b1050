# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merging up, where a security module denies merging down: QEMU dies at any moment of it and nothing is lost.

QEMU lets the header of the active file name the lower one before the tables of what it has copied are written (seen with 7.2: a kill
right after the job lost up to all of it). So the collection merges down wherever it may, keeps the files of a merge up until QEMU has
written out its tables, and merges them once more where it has died before.
"""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.tests.functional.live.scene import Scene, start_again
from ansible_collections.vdisk.gluster.tests.harness.processes import wait_until

CALLS = ["blockRebase", "suspend", "resume", "defineXML"]


def _take_up(scene: Scene, at: int, after: bool, slow: bool):
    task = scene.task("drop the newest")
    meddler = scene.here.meddler(at, after, speed=128 << 10 if slow else 0, deny=True)
    run = scene.start(task, meddler)
    run.wait_until_stopped()
    assert meddler.calls == CALLS[:at]
    return task, run


@pytest.mark.whole("libvirtd or QEMU die at a merge up in the others, which end in one that nothing disturbs")
def test_the_newest_is_merged_up_where_merging_down_is_denied(lab):
    scene = Scene(lab)
    task = scene.task("drop the newest")
    meddler = scene.here.meddler(deny=True)
    ended = scene.start(task, meddler).wait()
    assert ended.status == 0 and any("up into" in action for action in ended.values["actions"]), ended
    assert meddler.calls[:3] == CALLS[:3]
    scene.end(task)
    scene.finish()


MOMENTS = {
    "before": (1, False, False),
    "amid the data": (1, True, True),
    "at the end of the job": (1, True, False),
    "before writing out": (2, False, False),
    "while writing out": (2, True, False),
    "after writing out": (3, True, False),
}


def test_qemu_dies_while_it_merges_up(lab, counts, sample):
    # a guest that writes slowly leaves clusters that only the file below has, so that there is something to merge
    scene = Scene(lab, records=100, pause=10000, slots=4096)
    deaths = [(moment, module_too) for moment in MOMENTS for module_too in (False, True)]
    for moment, module_too in sample.draw("deaths", deaths, 1):
        scene.refill()
        try:
            _die(scene, *MOMENTS[moment], module_too)
            start_again(scene.machine)
        except AssertionError as error:
            raise AssertionError(f"{moment}{', the module too' * module_too}: {error}") from error
        counts.add("kills survived")
    scene.finish()


def _die(scene: Scene, at: int, after: bool, amid: bool, module_too: bool) -> None:
    task, run = _take_up(scene, at, after, slow=amid)
    if amid:
        wait_until(lambda: scene.machine.domain.blockJobInfo("vda", 0)["cur"] >= 128 << 10, "some data to be moved", 60)
    elif (at, after) == (1, True):
        wait_until(lambda: not scene.machine.domain.blockJobInfo("vda", 0), "the job to end", 60)
    scene.machine.kill()
    if not module_too:
        run.go_on()
    ended = run.kill_with_children() if module_too else run.wait()
    assert ended.status in ((-9,) if module_too else (0, 1)), ended
    values = scene.end(task)
    if at > 1:
        # once all is written out, a module that lives finishes the rest at rest
        actions = values["actions"] if ended.status else ended.values["actions"]
        assert any("up into" in action for action in actions), actions


def test_libvirtd_dies_while_qemu_merges_up(lab, counts, sample):
    scene = Scene(lab)
    for at, after in sample.draw("moments", ((1, True), (2, False), (2, True)), 1):
        scene.refill()
        task, run = _take_up(scene, at, after, slow=False)
        ended = run.fail_without(lab.hypervisor)
        assert ended.status == 1, ended
        counts.add("kills survived")
        # a guest that was paused for the writing out goes on by itself
        scene.machine.wait_acks(20)
        scene.end(task)
    scene.finish()
