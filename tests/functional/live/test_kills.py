# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that is killed in the middle of a live operation: the guest goes on, and the next run of the task finishes it."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.tests.functional.live.scene import SCENES, Scene
from ansible_collections.vdisk.gluster.tests.harness.guests.counting import Counts

OPERATIONS = [
    ("one disk", ("take", "grow", "export")),
    ("one disk", ("drop the oldest", "drop the middle", "drop the newest")),
    ("two disks", ("take", "drop several")),
    ("two machines", ("take",)),
]
"""What is done in one scene after another; those of a row on the same machines, whose start takes long."""


@pytest.mark.sample(1, pinned=[f"{where}-{operations}" for where, operations in OPERATIONS if where == "one disk"])
@pytest.mark.parametrize("where, operations", OPERATIONS, ids=str)
def test_killed_at_a_call_that_changes_a_file(lab, counts, sample, where, operations):
    scene = Scene(lab, **SCENES[where])
    tried = unreached = 0
    for what in operations:
        task = scene.ready_for(what)
        killer = scene.here.killer()
        scene.begin(task)
        assert scene.here.run(task.module, task.options, killer).status == 0
        scene.end(task)
        moments = [(at, after) for at in range(1, len(killer.calls) + 1) for after in (False, True)]
        chosen = sample.draw("moments", moments, 1, of=f"{where}, {what}")
        tried, unreached = tried + len(chosen), unreached + _kill_at(scene, counts, what, chosen)
    assert unreached <= tried // 3, f"{unreached} of {tried} runs ended before they were killed"
    scene.finish()


def _kill_at(scene: Scene, counts: Counts, what: str, moments: list[tuple[int, bool]]) -> int:
    """Kill a task at moments, and return how many runs ended before."""
    unreached = 0
    for at, after in moments:
        task = scene.ready_for(what)
        scene.begin(task)
        ended = scene.here.run(task.module, task.options, scene.here.killer(at, after))
        assert ended.status in (-9, 0), ended.values
        unreached += ended.status == 0
        counts.add("kills survived", ended.status == -9)
        for machine in scene.machines:
            machine.wait_acks(20)
        try:
            scene.end(task)
        except AssertionError as error:
            raise AssertionError(f"{what}, killed {'after' if after else 'before'} call {at}: {error}") from error
    return unreached
