# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of volumes that a machine is writing to: of one instant, and the source's chain ends as it began."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.tests.functional.live.volumes import Watched, volume
from ansible_collections.vdisk.gluster.tests.harness.glance import CLOUD
from ansible_collections.vdisk.gluster.tests.harness.processes import wait_until


@pytest.mark.sample(1)
@pytest.mark.parametrize("copy_format", ["raw", "qcow2"])
def test_a_running_volume_is_cloned_as_it_was_at_one_instant(lab, copy_format):
    watched = Watched(lab, lab.machine(volume(lab), agent=False).start())
    watched.take("s1")
    before = watched.machine.wait_acks()
    made = watched.change("gluster_volume_file", name=["c1"], source_volume="v1", format=copy_format, size="80M")
    after = watched.machine.wait_acks(5)
    assert made["volume"]["virtual_size"] == 80 << 20 and len(made["volume"]["chain"]) == 1
    assert sum("vdisk-copy" in action for action in made["actions"]) >= 4
    watched.machine.oracle.point_in_time(lab.here.path("c1"), copy_format).assert_snapshot_within(before, after)
    assert watched.machine.sources() == [lab.here.path("v1.s1"), lab.here.path("v1")]
    lab.here.ok("gluster_volume_file", name=["c1"], state="absent")
    watched.judge()
    watched.judge_at_rest()


def test_a_running_volume_is_uploaded_to_an_image_service_as_it_was_at_one_instant(lab, image_service, tmp_path):
    watched = Watched(lab, lab.machine(volume(lab), agent=False).start())
    options = {"volume": "v1", "image_name": "now", "cloud": CLOUD, "scratch_dir": str(tmp_path)}
    predicted = lab.here.ok("gluster_image_export", _ansible_check_mode=True, **options)
    before = watched.machine.wait_acks()
    made = lab.here.ok("gluster_image_export", **options)
    after = watched.machine.wait_acks(5)
    lab.counts.add("operations under load")
    assert predicted["changed"] and made["changed"]
    read_back = tmp_path / "read-back"
    read_back.write_bytes(image_service.data(made["export"]["image_id"]))
    watched.machine.oracle.point_in_time(read_back, "raw").assert_snapshot_within(before, after)
    read_back.unlink()
    assert not list(tmp_path.iterdir())
    watched.judge()
    watched.judge_at_rest()


def test_a_snapshot_is_cloned_while_its_volume_runs(lab):
    watched = Watched(lab, lab.machine(volume(lab, "v1", "qcow2"), agent=False).start())
    watched.take("s1")
    watched.take("s2")
    watched.change("gluster_volume_file", name=["c1"], source_volume="v1", source_snapshot="s1")
    watched.machine.oracle.point_in_time(lab.here.path("c1"), "qcow2").assert_snapshot_within(*watched.windows["s1"])
    lab.here.ok("gluster_volume_file", name=["c1"], state="absent")
    watched.judge_at_rest()


def test_a_clone_that_was_killed_leaves_nothing_and_the_source_goes_back(lab):
    watched = Watched(lab, lab.machine(volume(lab), agent=False).start())
    watched.machine.wait_acks(600)
    lab.here.kill_after_the_copy("gluster_volume_file", name=["c1"], source_volume="v1")
    assert list(lab.here.root.glob(".c1.*")), "it had not copied yet"
    lab.counts.add("kills survived")
    assert not lab.here.look("c1")["exists"]
    before = watched.machine.wait_acks(5)
    lab.here.ok("gluster_volume_file", name=["c1"], source_volume="v1")
    after = watched.machine.wait_acks(5)
    watched.machine.oracle.point_in_time(lab.here.path("c1"), "raw").assert_snapshot_within(before, after)
    lab.here.ok("gluster_volume_file", name=["c1"], state="absent")
    watched.judge()
    watched.judge_at_rest()


def moved(lab, machine, snapshots):
    """See that a running volume is on the second share with all its points in time, and nothing of it on the first."""
    new = lab.second
    found = new.look("v1")
    assert found["exists"] and found["problems"] == [] and [entry["name"] for entry in found["snapshots"]] == list(snapshots), found
    formats = {entry["file"]: entry["format"] for entry in found["chain"]}
    for entry in found["snapshots"]:
        file = entry["point_in_time_file"]
        machine.oracle.point_in_time(new.path(file), formats[file]).assert_snapshot_within(*snapshots[entry["name"]])
    files = [new.path(file) for file in formats]
    if machine.is_running():
        assert machine.sources() == files and found["domains"] == [machine.name]
    stored = machine.sources(stored=True)
    assert stored == files[: len(stored)]
    assert sorted(path.name for path in lab.here.root.iterdir()) == [".vdisk"]
    assert not [path for host in (lab.here, new) for path in (host.root / ".vdisk").iterdir() if path.suffix not in (".json", ".lock")]


@pytest.mark.sample(2)
@pytest.mark.parametrize("snapshots", [0, 2])
@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_a_running_volume_is_moved_to_another_share_with_its_snapshots(lab, image_format, snapshots):
    new = lab.another_share()
    watched = Watched(lab, lab.machine(volume(lab, "v1", image_format), agent=False).start())
    for number in range(snapshots):
        watched.take(f"s{number}")
    options = {"name": ["v1"], "source_share": lab.here.share, "move": True}
    predicted = new.ok("gluster_volume_file", _ansible_check_mode=True, **options)
    watched.machine.wait_acks()
    made = new.ok("gluster_volume_file", **options)
    lab.counts.add("operations under load")
    assert predicted["changed"] and made["changed"] and predicted["actions"] == made["actions"]
    assert not new.ok("gluster_volume_file", **options)["changed"]
    watched.machine.wait_acks()
    moved(lab, watched.machine, watched.windows)
    acknowledged = watched.machine.acked()
    watched.machine.restart()
    watched.machine.assert_rescanned(acknowledged)
    moved(lab, watched.machine, watched.windows)


def test_a_volume_at_rest_takes_the_definition_of_its_machine_along(lab):
    new = lab.another_share()
    watched = Watched(lab, lab.machine(volume(lab), agent=False).start())
    watched.take("s1")
    watched.machine.shut_off()
    new.ok("gluster_volume_file", name=["v1"], source_share=lab.here.share, move=True)
    moved(lab, watched.machine, watched.windows)
    acknowledged = watched.machine.acked()
    watched.machine.start()
    watched.machine.assert_rescanned(acknowledged)


# one of each death
@pytest.mark.sample(3)
@pytest.mark.parametrize("moment", ["job", "ready"])
@pytest.mark.parametrize("dies", ["module", "machine", "both"])
def test_a_move_that_something_dies_in_is_finished(lab, moment, dies):
    new = lab.another_share()
    watched = Watched(lab, lab.machine(volume(lab), agent=False).start())
    machine = watched.machine
    watched.take("s1", 300)
    machine.wait_acks(300)
    run = new.start("gluster_volume_file", name=["v1"], source_share=lab.here.share, move=True)
    wait_until(lambda: run.is_over() or mirrored(machine, moment), f"the {moment}", 60)
    if dies in ("module", "both"):
        run.kill()
    if dies in ("machine", "both"):
        machine.kill()
    if dies == "machine":
        run.wait()
    lab.counts.add("kills survived")
    acknowledged = machine.acked()
    new.ok("gluster_volume_file", name=["v1"], source_share=lab.here.share, move=True)
    moved(lab, machine, watched.windows)
    if not machine.is_running():
        machine.start()
    else:
        machine.restart()
    machine.assert_rescanned(acknowledged)
    moved(lab, machine, watched.windows)


def mirrored(machine, moment):
    """Tell whether the copy of a disk has begun, or follows its original."""
    xml = machine.domain.XMLDesc(0)
    return "<mirror" in xml and (moment == "job" or "ready='yes'" in xml)
