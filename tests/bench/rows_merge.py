# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two directions of a merge cost: what a byte pulled costs against one committed, and what the size of a volume costs."""

from __future__ import annotations

import functools
import statistics

from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import PULL_COST, PULL_SCAN
from engine import timed_program
from glusterfs import Site, command, write_argv
from table import show
from timing import Row, figure, take_turns

_MOVED = ((128, 8), (128, 16), (128, 32), (128, 64), (128, 128))
"""MiB in the upper and in the lower of the two files that become one: commit moves the first, pull the second."""

_SIZES = {"4 GiB": 1 << 32, "256 GiB": 1 << 38, "4 TiB": 1 << 42}
_CHANGED = 16
_START = 1024
"""MiB at which the upper file's data begin, past all of the lower one's."""


def measure(site: Site, repetitions: int) -> None:
    """Measure and print."""
    _measure_sizes(site, repetitions)
    _measure_moved(site, repetitions)


def _measure_moved(site: Site, repetitions: int) -> None:
    rows, costs, least = [], [], []
    for upper, lower in _MOVED:
        times = _turns(site, repetitions, "4G", upper, lower)
        rows.append(Row(f"{upper} MiB over {lower} MiB: pull", times["pull"], times["commit"], "commit"))
        pairs = list(zip(times["pull"], times["commit"]))
        costs.append(f"{upper} over {lower}: {figure(statistics.median(pull / lower / (commit / upper) for pull, commit in pairs))}")
        if statistics.median(pull / commit for pull, commit in pairs) < 1:
            least.append(upper / lower)
    show(
        "A merge up (rebase, writethrough) against the same merge down (commit -d)",
        rows,
        notes=[
            f"A MiB pulled costs so many MiB committed, start of the program included: {', '.join(costs)}; reckoned with: {PULL_COST}.",
            f"Pull was faster from {figure(min(least))} times as much above as below on." if least else "Pull was faster nowhere.",
        ],
    )


def _measure_sizes(site: Site, repetitions: int) -> None:
    rows: list[Row] = []
    seconds: dict[str, dict[str, float]] = {}
    for name, size in _SIZES.items():
        times = _turns(site, repetitions, str(size), _CHANGED, _CHANGED)
        seconds[name] = {direction: statistics.median(found) for direction, found in times.items()}
        rows += [
            Row(f"{name}: {direction} of {_CHANGED} MiB", times[direction], [seconds["4 GiB"][direction]] * repetitions, "in 4 GiB", goal)
            for direction, goal in (("commit", "about 1"), ("pull", ""), ("ours", "about 1"))
        ]
    more = seconds["4 TiB"]["pull"] - seconds["4 GiB"]["pull"]
    rate = _CHANGED / seconds["4 GiB"]["commit"]
    show(
        "A merge of the same data in volumes of other sizes",
        rows,
        notes=[
            f"A TiB of volume costs a pull {figure(more / 4 * 1000)} ms, as long as {figure(more / 4 * rate)} MiB of commit take; reckoned "
            f"with: {figure(PULL_SCAN * (1 << 20))} MiB.",
            "ours: the engine of a snapshot dropped, which moves the data down here.",
        ],
    )


def _turns(site: Site, repetitions: int, size: str, upper: int, lower: int) -> dict[str, list[float]]:
    """Return the seconds of each direction; for two files of equal weight those of the engine too."""
    times: dict[str, list[float]] = {"commit": [], "pull": [], "ours": []}
    # the first one is not counted: what the brick has never seen
    for repetition in range(-1, repetitions):
        contenders = {
            "commit": functools.partial(timed_program, _make(site, "commit", size, upper, lower)),
            "pull": functools.partial(timed_program, _make(site, "pull", size, upper, lower)),
        }
        if upper == lower:
            _make_ours(site, size, upper, lower)
            contenders["ours"] = lambda: site.do("gluster_snapshot", volume=["v"], name=["s2"], state="absent").engine_seconds
        take_turns(contenders, repetition, times)
        if repetition < 0:
            for found in times.values():
                found.clear()
        if upper == lower:
            site.do("gluster_volume_file", name=["v"], state="absent", delete_snapshots=True)
    return times


def _make(site: Site, direction: str, size: str, upper: int, lower: int) -> list[str]:
    """Lay down a base and two overlays anew, and return the command that merges the upper overlay and the lower one."""
    directory = site.bare / direction
    directory.mkdir(exist_ok=True)
    for path in directory.iterdir():
        path.unlink()
    command("qemu-img", "create", "-q", "-f", "raw", str(directory / "v"), size)
    below, below_format = "v", "raw"
    for name, start, mebibytes in (("v.s1", 0, lower), ("v.s2", _START, upper)):
        command("qemu-img", "create", "-q", "-f", "qcow2", "-F", below_format, "-b", below, str(directory / name))
        command(*write_argv(directory / name, "qcow2", start, mebibytes))
        below, below_format = name, "qcow2"
    top = str(directory / "v.s2")
    if direction == "commit":
        return ["qemu-img", "commit", "-q", "-d", "-f", "qcow2", "-b", "v.s1", top]
    return ["qemu-img", "rebase", "-q", "-t", "writethrough", "-f", "qcow2", "-F", "raw", "-b", "v", top]


def _make_ours(site: Site, size: str, upper: int, lower: int) -> None:
    site.do("gluster_volume_file", name=["v"], size=size, max_over_subscription_ratio=1e6)
    for name, start, mebibytes in (("s1", 0, lower), ("s2", _START, upper)):
        site.do("gluster_snapshot", volume=["v"], name=[name])
        command(*write_argv(site.mount_point / f"v.{name}", "qcow2", start, mebibytes))
