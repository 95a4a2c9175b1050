# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations as users of Ansible see them: a task of a module against a task that runs the bare command."""

from __future__ import annotations

from engine import commands
from glusterfs import Site
from operations import operations, prepare
from playbook import Task, bare, module, seconds_of
from table import show
from timing import Row


def measure(site: Site, repetitions: int, pipelining: bool) -> None:
    """Measure and print."""
    prepare(site)
    rows: dict[str, Row] = {}
    tasks: list[Task] = []
    goes_to: list[list[float]] = []
    uncounted: list[float] = []
    # the first one is not counted: what Ansible, the client and the brick do once
    for repetition in range(-1, repetitions):
        for operation in operations(site, f"t{repetition + 1}"):
            for argv in operation.before:
                tasks.append(bare(argv))
                goes_to.append(uncounted)
            row = rows.setdefault(operation.name, Row(operation.name, bare_name=operation.bare_name, goal=operation.task_goal))
            pair = [
                (module(operation.module, {**site.location, **operation.options}), row.ours),
                (bare(commands(*operation.bare)), row.bare),
            ]
            for task, times in pair if repetition % 2 == 0 else reversed(pair):
                tasks.append(task)
                goes_to.append(times if repetition >= 0 else uncounted)
    for times, seconds in zip(goes_to, seconds_of(tasks, pipelining)):
        times.append(seconds)
    show(
        f"Tasks on localhost{', pipelining' if pipelining else ''}: a module against ansible.builtin.command with the bare tool",
        list(rows.values()),
        notes=["Most of each is Ansible: carrying a module over, starting Python, importing; the start of ansible-playbook is not in it."],
    )
