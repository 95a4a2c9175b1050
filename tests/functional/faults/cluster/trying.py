# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which operations and moments faults between hosts are tried with, and what is told of it."""

from __future__ import annotations

from typing import Callable, Sequence

from ansible_collections.vdisk.gluster.tests.functional.faults.cluster.sweeps import ClusterSweep
from ansible_collections.vdisk.gluster.tests.functional.faults.sweep import Moment, moments
from ansible_collections.vdisk.gluster.tests.harness.sampling import Sample

WRITING = (
    "drop the middle downwards",
    "create raw full",
    "take another snapshot",
    "clone raw",
    "revert to an older",
    "grow with snapshots",
)
"""Operations that do each kind of harm-prone work: merge, replace files, write much, copy."""
EACH = (
    "take another snapshot",
    "drop the middle upwards",
    "delete with snapshots",
    "create qcow2",
    "drop the newest downwards",
    "revert to an older",
    "clone from a snapshot",
    "grow with snapshots",
    "take a snapshot of three",
    "drop the middle downwards",
    "clone raw",
    "create raw falloc",
)


def few_moments(calls: list[str], sample: Sample, number: int, of: str, first: int = 1, pinned: Sequence[int] = ()) -> list[Moment]:
    """Return so many moments of an operation, from a call on, or all of a wide sample; C(pinned) are those that every run has, by index."""
    wide = [moment for moment in moments(calls, Sample(pinned_only=True), 0, of) if moment.at >= first]
    return wide if sample.everything else sample.draw("moments", wide, number, {wide[index] for index in pinned}, of)


def try_all(
    sweep: ClusterSweep, name: str, number: int, sample: Sample, tell: Callable[[str, object], None], pinned: Sequence[int] = ()
) -> None:
    """Try moments of an operation, tell what was done, and fail with all that broke."""
    broken = []
    chosen = few_moments(sweep.calls, sample, number, f"{type(sweep).__name__} {name}", sweep.first, pinned)
    for moment in chosen:
        try:
            sweep.try_moment(moment)
        except (AssertionError, OSError) as error:
            broken.append(f"{moment}: {error}")
    counted = f"{len(chosen)} operations, {sweep.reached} faults, {sweep.compared} bytes compared, lost {len(broken)}"
    tell("counted", counted)
    assert not broken, "\n".join(broken)
    assert sweep.compared or sweep.removes, "nothing was compared"
