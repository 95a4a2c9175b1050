# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second host with the same share, while the machine runs on the first: it changes nothing of the volume, and reads what is right."""

from __future__ import annotations

from ansible_collections.vdisk.gluster.tests.functional.live.scene import Scene

OPERATIONS = ["take", "drop the oldest", "drop the middle", "drop the newest", "grow", "export"]


def test_what_changes_a_volume_is_refused_on_another_host(lab, sample):
    there = lab.host()
    scene = Scene(lab)
    for what in sample.draw("operations", OPERATIONS, 1):
        task = scene.task(what)
        before = _files(scene)
        message = there.refused(task.module, **task.options)
        assert f"domain {scene.machine.name} on hv1, which has it open" in message and "run the task on hv1" in message, message
        assert _files(scene) == before
        scene.assert_sound()
        scene.do(task)
        scene.refill()
    scene.finish()


def _files(scene: Scene) -> tuple[list[str], list[str]]:
    return sorted(path.name for path in scene.here.root.iterdir()), [entry["file"] for entry in scene.here.look("v0")["chain"]]


def test_a_point_that_is_being_read_on_another_host_is_not_merged(lab):
    there = lab.host()
    scene = Scene(lab)
    oldest, middle, newest = scene.names
    out = scene.here.base.parent / "out"
    out.mkdir()
    options = {"volume": "v0", "snapshot": newest, "dest": str(out / "copy")}
    there.begin("gluster_image_export", options, prepare=there.meddler(at=1, programs=True).prepare)
    reading = there.running()
    reading.wait_until_stopped()
    for name in (oldest, middle, newest):
        message = scene.here.refused("gluster_snapshot", volume=["v0"], name=[name], state="absent")
        assert "is being read" in message, message
    scene.machine.wait_acks(50)
    # what is no part of what is read may be changed
    scene.do(scene.task("take"))
    reading.go_on()
    ended = reading.wait()
    assert ended.status == 0, ended
    scene.assert_is(newest, out / "copy")
    scene.do(scene.task("drop several"))
    scene.finish()


def test_an_export_on_another_host_while_points_below_it_are_merged_is_refused_or_right(lab):
    there = lab.host()
    scene = Scene(lab, records=150)
    newest = scene.names[-1]
    out = scene.here.base.parent / "out"
    out.mkdir()
    task = scene.task("drop the oldest")
    run = scene.start(task, scene.here.meddler(1, True, speed=256 << 10))
    run.wait_until_stopped()
    # the job is at work; then it goes on while the export is tried again and again
    tries = refused = 0
    while tries < 8:
        tries += 1
        options = {"volume": "v0", "snapshot": newest, "dest": str(out / f"copy-{tries}"), "lock_timeout": 1}
        ended = there.run("gluster_image_export", options)
        if ended.status == 0:
            scene.assert_is(newest, out / f"copy-{tries}")
            break
        refused += 1
        if tries == 2:
            run.go_on()
    scene.let_jobs_run()
    ended = run.wait()
    assert ended.status == 0, ended
    assert refused >= 2
    scene.end(task)
    there.ok("gluster_image_export", volume="v0", snapshot=newest, dest=str(out / "at last"))
    scene.assert_is(newest, out / "at last")
    scene.finish()
