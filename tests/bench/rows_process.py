# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations as processes see them: the engine of a module in this process against bare programs, without Ansible."""

from __future__ import annotations

import statistics

from engine import commands, timed_program
from glusterfs import Site, command
from operations import Operation, operations, prepare
from table import show
from timing import Row, take_turns


def measure(site: Site, repetitions: int) -> None:
    """Measure and print."""
    prepare(site)
    rows: dict[str, Row] = {}
    around: list[float] = []
    # the first one is not counted: imports, and what the brick has never seen
    for repetition in range(-1, repetitions):
        for operation in operations(site, f"p{repetition + 1}"):
            for argv in operation.before:
                command(*argv)

            def ours(operation: Operation = operation) -> float:
                done = site.do(operation.module, **operation.options)
                around.append(done.seconds - done.engine_seconds)
                return done.engine_seconds

            def bare(operation: Operation = operation) -> float:
                return timed_program(commands(*operation.bare))

            times: dict[str, list[float]] = {"ours": [], "bare": []}
            take_turns({"ours": ours, "bare": bare}, repetition, times)
            row = rows.setdefault(operation.name, Row(operation.name, bare_name=operation.bare_name, goal=operation.engine_goal))
            if repetition >= 0:
                row.ours += times["ours"]
                row.bare += times["bare"]
    show(
        "In process: the engine of a module against bare programs",
        list(rows.values()),
        notes=[f"Ansible's part of a module's main() (options in, result out) adds {statistics.median(around) * 1000:.1f} ms to each."],
    )
