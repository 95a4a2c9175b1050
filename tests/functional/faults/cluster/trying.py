# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which operations and moments faults between hosts are tried with, and what is told of it."""

from __future__ import annotations

import zlib
from typing import Any, Callable

from ansible_collections.vdisk.gluster.tests.functional.faults.cluster.sweeps import ClusterSweep
from ansible_collections.vdisk.gluster.tests.functional.faults.sweep import Moment, moments

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


def parametrize(metafunc: Any, operations: dict[str, tuple[tuple[str, ...], int]]) -> None:
    """Give each test its operations: all, or as many of the first as its sample has."""
    names, sample = operations[metafunc.function.__name__]
    metafunc.parametrize("name", names if metafunc.config.getoption("all") else names[:sample])


def few_moments(calls: list[str], number: int, everything: bool, seed: str | None, first: int = 1) -> list[Moment]:
    """Return moments of an operation: so many, other ones for each seed and from the first one on without, or all of a wide sample."""
    chosen = [moment for moment in moments(calls, 6, False) if moment.at >= first]
    if everything:
        return chosen
    start = 0 if seed is None else zlib.crc32(seed.encode()) % len(chosen)
    return [chosen[(start + index * len(chosen) // number) % len(chosen)] for index in range(number)]


def try_all(
    sweep: ClusterSweep, name: str, number: int, everything: bool, tell: Callable[[str, object], None], early: bool = False
) -> None:
    """Try moments of an operation, C(early) from its first call on, tell what was done, and fail with all that broke."""
    broken = []
    chosen = few_moments(sweep.calls, number, everything, None if early else f"{type(sweep).__name__} {name}", sweep.first)
    for moment in chosen:
        try:
            sweep.try_moment(moment)
        except (AssertionError, OSError) as error:
            broken.append(f"{moment}: {error}")
    counted = f"{len(chosen)} operations, {sweep.reached} faults, {sweep.compared} bytes compared, lost {len(broken)}"
    tell("counted", counted)
    assert not broken, "\n".join(broken)
    assert sweep.compared or sweep.removes, "nothing was compared"
