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
from ansible_collections.vdisk.gluster.tests.integration.processes import wait_until
from ansible_collections.vdisk.gluster.tests.live.scene import Scene, start_again

CALLS = ["blockRebase", "suspend", "resume", "defineXML"]


def _take_up(scene: Scene, at: int, after: bool, slow: bool):
    task = scene.task("drop the newest")
    meddler = scene.here.meddler(at, after, speed=128 << 10 if slow else 0, deny=True)
    run = scene.start(task, meddler)
    run.wait_until_stopped()
    assert meddler.calls == CALLS[:at]
    return task, run


def test_the_newest_is_merged_up_where_merging_down_is_denied(lab):
    scene = Scene(lab)
    task = scene.task("drop the newest")
    meddler = scene.here.meddler(deny=True)
    ended = scene.start(task, meddler).wait()
    assert ended.status == 0 and any("up into" in action for action in ended.values["actions"]), ended
    assert meddler.calls[:3] == CALLS[:3]
    scene.end(task)
    scene.finish()


@pytest.mark.parametrize("module_too", [False, True], ids=["qemu", "qemu and module"])
@pytest.mark.parametrize(
    "at, after, amid",
    [(1, False, False), (1, True, True), (1, True, False), (2, False, False), (2, True, False), (3, True, False)],
    ids=["before", "amid the data", "at the end of the job", "before writing out", "while writing out", "after writing out"],
)
def test_qemu_dies_while_it_merges_up(lab, counts, at, after, amid, module_too):
    scene = Scene(lab, records=200)
    task, run = _take_up(scene, at, after, slow=amid)
    if amid:
        wait_until(lambda: scene.machine.domain.blockJobInfo("vda", 0)["cur"] >= 128 << 10, "some data to be moved", 60)
    elif (at, after) == (1, True):
        wait_until(lambda: not scene.machine.domain.blockJobInfo("vda", 0), "the job to end", 60)
    scene.machine.kill()
    counts.add("kills survived")
    if module_too:
        assert run.kill_with_children().status == -9
    else:
        run.go_on()
        ended = run.wait()
        assert ended.status in (0, 1), ended
    values = scene.end(task)
    if at > 1:
        assert any("up into" in action for action in values["actions"]), values["actions"]
    start_again(scene.machine)
    scene.finish()


def test_libvirtd_dies_while_qemu_merges_up(lab, counts):
    scene = Scene(lab)
    for at, after in ((1, True), (2, False), (2, True)):
        scene.refill()
        task, run = _take_up(scene, at, after, slow=False)
        ended = run.fail_without(lab.hypervisor)
        assert ended.status == 1, ended
        counts.add("kills survived")
        # a guest that was paused for the writing out goes on by itself
        scene.machine.wait_acks(20)
        scene.end(task)
    scene.finish()
