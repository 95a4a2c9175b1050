# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task killed at any of its calls that change a file loses nothing, and ends as an undisturbed one when it is run again."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.tests.functional.faults.operations import OPERATIONS
from ansible_collections.vdisk.gluster.tests.functional.faults.sweep import Sweep, moments

PINNED = [
    # those by which mutations are noticed
    "take another snapshot",
    "take a snapshot of three",
    "drop the middle downwards",
    "drop the newest upwards",
    # the kinds that have so few operations that none might be drawn
    "delete with snapshots",
    "revert to an older",
]


@pytest.mark.sample(5, pinned=PINNED)
@pytest.mark.parametrize("name", OPERATIONS)
def test_killed_anywhere_it_loses_nothing_and_is_finished_by_the_next_run(hosts, sample, record_property, name):
    sweep = Sweep(hosts, OPERATIONS[name])
    broken = []
    chosen = moments(sweep.calls, sample, 4, name)
    for moment in chosen:
        try:
            sweep.try_moment(moment)
        except (AssertionError, OSError) as error:
            broken.append(f"{moment}: {error}")
    record_property("counted", f"{len(sweep.calls)} calls, {len(chosen)} crash points tried, {len(chosen) - len(broken)} recovered")
    assert not broken, "\n".join(broken)
    assert sweep.unreached <= len(chosen) // 4, f"{sweep.unreached} runs ended before they were killed"
