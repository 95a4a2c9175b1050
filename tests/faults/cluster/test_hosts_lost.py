# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host loses its power or its network in the middle of any operation: the next run, here or there, ends it, and nothing is lost."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.tests.faults.cluster.sweeps import CutOff, PowerLost, few_moments
from ansible_collections.vdisk.gluster.tests.faults.operations import OPERATIONS

POWER = [
    "create qcow2",
    "create raw falloc",
    "clone raw",
    "clone from a snapshot",
    "grow with snapshots",
    "take another snapshot",
    "take a snapshot of three",
    "drop the middle downwards",
    "drop the middle upwards",
    "drop the newest downwards",
    "revert to an older",
    "delete with snapshots",
]
"""Operations of which hosts lose their power in the middle."""


def run(sweep, chosen, record_property):
    """Try moments, tell what was done, and fail with all that broke."""
    broken = []
    for moment in chosen:
        try:
            sweep.try_moment(moment)
        except (AssertionError, OSError) as error:
            broken.append(f"{moment}: {error}")
    record_property("counted", f"{len(chosen)} operations, {sweep.reached} faults, {sweep.compared} bytes compared, lost {len(broken)}")
    assert not broken, "\n".join(broken)
    assert sweep.unreached <= len(chosen) // 4, f"{sweep.unreached} runs ended before"


@pytest.mark.parametrize("name", POWER)
def test_power_lost_in_the_middle(members, request, record_property, name):
    sweep = PowerLost(members, OPERATIONS[name])
    run(sweep, few_moments(sweep.calls, 1, request.config.getoption("all"), name), record_property)


@pytest.mark.parametrize("name", POWER)
def test_who_was_cut_off_and_comes_back_writes_nothing(members, request, record_property, name):
    sweep = CutOff(members, OPERATIONS[name])
    run(sweep, few_moments(sweep.calls, 2, request.config.getoption("all"), name), record_property)
    print("\n".join(sweep.stale_ends))
