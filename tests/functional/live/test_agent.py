# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guest agents that work, that are missing, that hang, and that another program has asked first; quiescence is proven from outside."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.tests.functional.live.scene import Scene
from ansible_collections.vdisk.gluster.tests.harness.guests.file_system import needs_recovery
from ansible_collections.vdisk.gluster.tests.harness.guests.oracle import raw_copy
from ansible_collections.vdisk.gluster.tests.harness.processes import wait_until


def _refused(scene: Scene) -> str:
    """Ask for a quiesced snapshot that cannot be had, and see that nothing has changed."""
    before = sorted(path.name for path in scene.here.root.iterdir())
    message = scene.here.refused("gluster_snapshot", volume=scene.volumes, name=["never"], quiesce="required")
    assert sorted(path.name for path in scene.here.root.iterdir()) == before
    scene.assert_sound()
    return message


def _take(scene: Scene, quiesce: str = "auto", begin: bool = True) -> dict:
    """Take a snapshot and return what is told of it."""
    task = scene.task("take")
    if begin:
        scene.begin(task)
    values = scene.here.ok(task.module, **task.options, quiesce=quiesce)
    if begin:
        scene.note(task)
    return values["snapshots"][0]


def _image(scene: Scene, snapshot: dict) -> tuple:
    return scene.here.path(snapshot["point_in_time_file"]), "raw" if snapshot["point_in_time_file"] == scene.volumes[0] else "qcow2"


def test_an_agent_that_freezes_leaves_nothing_to_recover(lab):
    scene = Scene(lab, mode="fs", snapshots=0)
    for quiesce in ("required", "never", "auto"):
        snapshot = _take(scene, quiesce)
        assert snapshot["quiesced"] == (quiesce != "never")
        with raw_copy(*_image(scene, snapshot)) as copy:
            assert needs_recovery(copy) == (quiesce == "never")
        assert not scene.machine.frozen()
    scene.assert_sound()
    scene.finish()


def test_without_an_agent(lab):
    scene = Scene(lab, agent=False, snapshots=1)
    assert "no guest agent" in _refused(scene)
    scene.machine.wait_acks(50)
    assert not _take(scene)["quiesced"]
    scene.assert_sound()
    scene.finish()


def test_an_agent_without_file_systems(lab):
    scene = Scene(lab, snapshots=0)
    scene.machine.wait_for_agent()
    assert "found no file system" in _refused(scene)
    scene.machine.wait_acks(50)
    assert not _take(scene)["quiesced"]
    scene.assert_sound()
    scene.finish()


def test_an_agent_that_hangs(lab):
    scene = Scene(lab, mode="fs", snapshots=0)
    scene.machine.ask_agent("guest-exec", path="/bin/sh", arg=["-c", "usleep 300000; kill -STOP $(pidof qemu-ga)"])
    wait_until(lambda: not scene.machine.agent_answers(), "the agent to hang", 90)
    assert "could not be frozen" in _refused(scene)
    scene.machine.wait_acks(50)
    assert not _take(scene)["quiesced"]
    scene.machine.wait_acks(50)
    scene.assert_sound()
    scene.finish()


def test_a_guest_that_another_program_has_frozen_stays_frozen(lab):
    scene = Scene(lab, mode="fs", snapshots=0)
    assert scene.machine.domain.fsFreeze() == 1
    assert "could not be frozen" in scene.here.refused("gluster_snapshot", volume=scene.volumes, name=["never"], quiesce="required")
    assert scene.machine.frozen()
    snapshot = _take(scene, begin=False)
    assert not snapshot["quiesced"] and scene.machine.frozen()
    assert scene.machine.domain.fsThaw() == 1
    scene.machine.wait_acks(50)
    scene.here.ok("gluster_snapshot", volume=scene.volumes, name=[snapshot["name"]], state="absent")
    scene.assert_sound()
    scene.finish()


@pytest.mark.sample(1)
@pytest.mark.parametrize("quiesce", ["auto", "required"])
def test_a_guest_whose_libvirtd_dies_while_it_is_frozen_is_thawed(lab, counts, sample, quiesce):
    scene = Scene(lab, mode="fs", snapshots=0)
    for at, after in sample.draw("moments", ((1, True), (2, False), (3, False), (3, True)), 2, of=quiesce):
        task = scene.task("take")
        task.options["quiesce"] = quiesce
        meddler = scene.here.meddler(at, after)
        run = scene.start(task, meddler)
        run.wait_until_stopped()
        assert meddler.calls == ["fsFreeze", "snapshotCreateXML", "fsThaw"][:at]
        ended = run.fail_without(lab.hypervisor)
        counts.add("kills survived")
        assert ended.status == 1 and "libvirt" in ended.values["msg"], ended
        # with no other task: what is left of the failed one thaws when libvirtd is back
        scene.machine.wait_acks(20)
        scene.end(task)
    scene.finish()
