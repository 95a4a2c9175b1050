# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an interrupted run of tests leaves is cleared away by the next run, and what a living run has is not touched."""

from __future__ import annotations

import os
import signal

import pytest
from ansible_collections.vdisk.gluster.tests.functional.faults.leftovers.started import gone, killed, mounted_by_a_test, pytest_of
from ansible_collections.vdisk.gluster.tests.harness.lab.lab import Lab


def test_killed_with_its_shares_mounted(start, untouched):
    # what is killed is the process that distributes the tests, not that which runs them
    argv = pytest_of("tests/functional/share/test_share_wedged.py", "-n", "1", "-k", "in_use_is_left_as_it_is")
    killed(start(argv, lambda run: mounted_by_a_test(run) and "sleep" in run.programs() and "glusterfs" in run.programs(state="T")))


def test_killed_with_a_lab(start, untouched):
    name = f"c{os.getpid() % 10**7}"
    with Lab.up(name, servers=0, hypervisors=1) as living:
        killed(start(pytest_of("tests/functional/faults/lab"), lambda run: run.lab_is_up(5)))
        assert living.host("hv1").run(["uname", "-n"]).stdout == "hv1\n"


def test_interrupted_once_it_clears_up_itself(start, untouched):
    run = start(pytest_of("tests/functional/share/test_share_info.py", "-n", "2"), mounted_by_a_test)
    # as a terminal does
    os.killpg(run.root.pid, signal.SIGINT)
    assert run.root.wait(300) == pytest.ExitCode.INTERRUPTED
    gone(run, run.said(), scratch=False)
