# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of volumes that a machine is writing to: of one instant, and the source's chain ends as it began."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.tests.live.volumes import Watched, volume


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
    run = lab.here.start("gluster_volume_file", name=["c1"], source_volume="v1")
    run.kill_when(lambda: list(lab.here.root.glob(".c1.*")), "the copy to begin")
    lab.counts.add("kills survived")
    assert not lab.here.look("c1")["exists"]
    before = watched.machine.wait_acks(5)
    lab.here.ok("gluster_volume_file", name=["c1"], source_volume="v1")
    after = watched.machine.wait_acks(5)
    watched.machine.oracle.point_in_time(lab.here.path("c1"), "raw").assert_snapshot_within(before, after)
    lab.here.ok("gluster_volume_file", name=["c1"], state="absent")
    watched.judge()
    watched.judge_at_rest()
