# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations a second on one share from more and more processes, on one mount and on two, and what the locks take of it."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import time
from typing import Callable, ContextManager, Sequence
from unittest import mock

from ansible_collections.vdisk.gluster.plugins.module_utils._transaction import session
from engine import timed_program
from glusterfs import Site
from table import show
from timing import Row, figure

_PROCESSES = (1, 2, 4, 8)
_EACH = 12
"""Operations of each process in one measurement, each on a volume of its own."""


def measure(site: Site, repetitions: int) -> None:
    """Measure and print."""
    other = f"{site.base}-other"
    site.do("gluster_share_mount", mount_point_base=other)
    rows: dict[str, Row] = {}
    for repetition in range(-1, repetitions):
        for bases, where in (((str(site.base),), "one mount"), ((str(site.base), other), "two mounts, as two hosts")):
            for processes in _PROCESSES:
                if processes >= len(bases):
                    _turn(site, repetition, rows, processes, bases, where)
    show(
        f"Seconds for each operation on one share while processes work side by side, {_EACH} operations each, started already",
        list(rows.values()),
        notes=[
            "bare: as many shell loops of qemu-img, on one mount, which write nothing durably. without locks: the same with none taken,",
            "which shows what they cost. The goal is that what a task takes more than the bare command does not grow with the processes.",
            *(
                f"{name}: {figure(len(row.ours) / sum(row.ours))} a second"
                for name, row in rows.items()
                if row.bare_name == "bare qemu-img" and row.ours
            ),
        ],
    )


def _turn(site: Site, repetition: int, rows: dict[str, Row], processes: int, bases: Sequence[str], where: str) -> None:
    names = [[f"r{process}-{number}" for number in range(_EACH)] for process in range(processes)]
    at = [bases[process % len(bases)] for process in range(processes)]
    count = processes * _EACH

    def one_by_one(module: str, option: str, options: dict[str, str | list[str]], process: int) -> None:
        for name in names[process]:
            site.do(module, **{option: [name]}, **options, mount_point_base=at[process])

    for operation, module, options, undo in (
        ("create", "gluster_volume_file", {"size": "1G"}, {"state": "absent"}),
        ("snapshot", "gluster_snapshot", {"name": ["s"]}, {"name": ["s"], "state": "absent"}),
    ):
        option = "name" if module == "gluster_volume_file" else "volume"
        ours = functools.partial(one_by_one, module, option, options)
        if operation == "snapshot":
            site.do("gluster_volume_file", name=[name for part in names for name in part], size="1G")
        seconds = _together(processes, ours)
        site.do(module, **{option: [name for part in names for name in part]}, **undo)
        with _no_lock():
            unlocked = _together(processes, ours)
        site.do(module, **{option: [name for part in names for name in part]}, **undo)
        if operation == "snapshot":
            site.do("gluster_volume_file", name=[name for part in names for name in part], state="absent", delete_snapshots=True)
        bare = _together(processes, lambda process, operation=operation: _shell(site, process, operation))
        if repetition < 0:
            continue
        label = f"{operation}, {processes} on {where}"
        for name, against, value in ((label, "bare qemu-img", bare), (f"{label}: locks", "without locks", unlocked)):
            row = rows.setdefault(name, Row(name, bare_name=against, goal="as with 1" if against == "bare qemu-img" else "about 1"))
            row.ours.append(seconds / count)
            row.bare.append(value / count)


def _no_lock() -> ContextManager:
    return mock.patch.object(session, "volume_lock", lambda *_words, **_options: contextlib.nullcontext())


def _shell(site: Site, process: int, operation: str) -> None:
    directory = site.bare / f"rate{process}"
    directory.mkdir(exist_ok=True)
    if operation == "create":
        each = 'qemu-img create -q -f raw "v$i" 1G'
    else:
        each = 'qemu-img create -q -u -f qcow2 -F raw -b "v$i" "v$i.s" 1G'
    timed_program(["sh", "-ec", f"cd {directory}; for i in $(seq {_EACH}); do {each}; done"])


def _together(processes: int, work: Callable[[int], None]) -> float:
    """Let processes work, all let go at once, and return the seconds until the last is done."""
    context = multiprocessing.get_context("fork")
    ready, done = context.Barrier(processes + 1), context.Barrier(processes + 1)

    def run(process: int) -> None:
        ready.wait()
        try:
            work(process)
        except BaseException:
            done.abort()
            raise
        done.wait()

    started_all = [context.Process(target=run, args=(process,)) for process in range(processes)]
    for process in started_all:
        process.start()
    while ready.n_waiting < processes:
        time.sleep(0.005)
    started = time.perf_counter()
    ready.wait()
    done.wait()
    seconds = time.perf_counter() - started
    for process in started_all:
        process.join()
    if any(process.exitcode for process in started_all):
        raise SystemExit(f"a process of {os.getpid()} failed at its work")
    return seconds
