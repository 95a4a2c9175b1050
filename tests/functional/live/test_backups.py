# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup of a disk that a machine is writing to: of one quiesced instant, also when it comes back."""

from __future__ import annotations

from ansible_collections.vdisk.gluster.tests.functional.live.scene import Scene
from ansible_collections.vdisk.gluster.tests.functional.live.volumes import Watched, volume
from ansible_collections.vdisk.gluster.tests.harness.guests.file_system import needs_recovery
from ansible_collections.vdisk.gluster.tests.harness.guests.oracle import raw_copy


def test_a_running_disk_is_backed_up_quiesced_and_comes_back(lab, tmp_path):
    scene = Scene(lab, mode="fs", snapshots=0)
    options = {
        "volume": "v0",
        "repository": str(tmp_path / "repository"),
        "passphrase": "a b c",
        "scratch_dir": str(tmp_path),
        # borg's cache, not into the home of whoever runs this
        "secret_env": {"BORG_BASE_DIR": str(tmp_path / "base-of-borg")},
    }
    before = scene.machine.wait_acks(50)
    task = scene.task("take")
    scene.begin(task)
    scene.here.ok(task.module, **task.options, quiesce="required")
    after = scene.note(task)[0]
    made = scene.here.ok("gluster_volume_backup", snapshot="s1", archive="a", init=True, **options)
    lab.counts.add("operations under load")
    assert made["archive"]["verified"] and made["archive"]["quiesced"]
    assert "running" in scene.here.refused("gluster_volume_restore", replace=True, **options)
    scene.do(scene.task("drop the newest"))
    scene.here.ok("gluster_volume_restore", name="back", **options)
    scene.finding(scene.machine, scene.here.path("back"), "raw").assert_snapshot_within(before, after)
    with raw_copy(scene.here.path("back"), "raw") as copy:
        assert not needs_recovery(copy)
    scene.here.ok("gluster_volume_file", name=["back"], state="absent")
    scene.finish()
    # at rest its content is replaced, and the definition of the machine follows
    scene.here.ok("gluster_volume_restore", replace=True, **options)
    active = scene.here.path("v0.before-restore")
    assert scene.machine.sources(stored=True)[0] == active
    scene.finding(scene.machine, active, "qcow2").assert_snapshot_within(before, after)


def test_no_snapshot_is_taken_that_a_running_machine_could_not_be_rid_of(lab):
    watched = Watched(lab, lab.machine(volume(lab, discard=None), agent=False).start())
    options = {"volume": ["v1"], "name": ["s1"]}
    assert "discard='unmap'" in lab.here.refused("gluster_snapshot", require_live_delete=True, **options)
    assert lab.here.look("v1")["snapshots"] == []
    watched.judge_at_rest()
    lab.here.ok("gluster_snapshot", require_live_delete=True, **options)
