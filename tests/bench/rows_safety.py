# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What safety costs: each operation with and without its lock, its journal and its fsyncs, and eight operations at once."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from typing import Callable, ContextManager, Iterator, Mapping
from unittest import mock

from ansible_collections.vdisk.gluster.plugins.module_utils import _corridor
from ansible_collections.vdisk.gluster.plugins.module_utils._journal import Journal
from engine import commands, timed_program
from glusterfs import Site, command, write_argv
from table import show
from timing import Row, take_turns

_AT_ONCE = 8


def measure(site: Site, repetitions: int) -> None:
    """Measure and print."""
    site.do("gluster_volume_file", name=["first"], size="1G")
    rows: dict[tuple[str, str], Row] = {}
    for repetition in range(-1, repetitions):
        times: dict[str, dict[str, list[float]]] = {}
        for name in ("whole", *_WITHOUT):
            volume = f"{name}{repetition + 1}".replace(" ", "-")
            for operation, seconds in _operations(site, volume, _WITHOUT.get(name, contextlib.nullcontext)):
                times.setdefault(operation, {}).setdefault(name, []).append(seconds)
        for operation, seconds in _bare(site, f"bare{repetition + 1}"):
            times[operation]["bare"] = [seconds]
        for operation, by_name in times.items() if repetition >= 0 else ():
            for name in (*_WITHOUT, "bare"):
                against = "bare qemu-img" if name == "bare" else f"the same without {name}"
                row = rows.setdefault((operation, name), Row(f"{operation}, whole", bare_name=against))
                row.ours += by_name["whole"]
                row.bare += by_name[name]
    show("What safety costs: the engine as it is, against itself with a part taken out", list(rows.values()))
    _measure_at_once(site, repetitions)


@contextlib.contextmanager
def _no_journal() -> Iterator[None]:
    nothing = dict.fromkeys(("begin", "follow", "check_ours", "end"), lambda *_words, **_options: None)
    with mock.patch.multiple(Journal, **nothing):
        yield


@contextlib.contextmanager
def _nothing_safe() -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for part in (_no_lock, _no_journal, _no_fsync):
            stack.enter_context(part())
        yield


def _no_lock() -> ContextManager:
    return mock.patch.object(_corridor, "volume_lock", lambda *_words, **_options: contextlib.nullcontext())


def _no_fsync() -> ContextManager:
    return mock.patch.object(os, "fsync", lambda _descriptor: None)


_WITHOUT: Mapping[str, Callable[[], ContextManager]] = {
    "lock": _no_lock,
    "journal": _no_journal,
    "fsyncs": _no_fsync,
    "all three": _nothing_safe,
}


def _operations(site: Site, volume: str, without: Callable[[], ContextManager]) -> list[tuple[str, float]]:
    """Make a volume, take a snapshot, write a MiB, drop the snapshot; return the engine's seconds of each."""

    def timed(module: str, **options) -> float:
        with without():
            return site.do(module, **options).engine_seconds

    create = timed("gluster_volume_file", name=[volume], size="1G")
    take = timed("gluster_snapshot", volume=[volume], name=["s1"])
    command(*write_argv(site.mount_point / f"{volume}.s1", "qcow2", 0, 1))
    drop = timed("gluster_snapshot", volume=[volume], name=["s1"], state="absent")
    return [("create raw", create), ("snapshot", take), ("drop, 1 MiB", drop)]


def _bare(site: Site, volume: str) -> list[tuple[str, float]]:
    base, overlay = str(site.bare / volume), str(site.bare / f"{volume}.s1")
    create = timed_program(["qemu-img", "create", "-q", "-f", "raw", base, "1G"])
    take = timed_program(["qemu-img", "create", "-q", "-f", "qcow2", "-b", volume, "-F", "raw", overlay])
    command(*write_argv(site.bare / f"{volume}.s1", "qcow2", 0, 1))
    drop = timed_program(commands(["qemu-img", "commit", "-q", "-d", "-f", "qcow2", overlay], ["rm", overlay]))
    return [("create raw", create), ("snapshot", take), ("drop, 1 MiB", drop)]


def _measure_at_once(site: Site, repetitions: int) -> None:
    volumes = [f"eight{number}" for number in range(_AT_ONCE)]
    site.do("gluster_volume_file", name=["one", *volumes], size="1G")
    rows = []
    for state in ("present", "absent"):
        times: dict[str, list[float]] = {"eight": [], "one": []}
        for repetition in range(repetitions):
            contenders = {
                "eight": lambda state=state: _together(site, volumes, state),
                "one": lambda state=state: _together(site, ["one"], state),
            }
            take_turns(contenders, repetition, times)
            other = "absent" if state == "present" else "present"
            site.do("gluster_snapshot", volume=["one", *volumes], name=["s"], state=other)
        name = f"{_AT_ONCE} snapshots {'taken' if state == 'present' else 'dropped'} by {_AT_ONCE} processes"
        rows.append(Row(name, times["eight"], times["one"], "one by one process", "at most 2"))
        site.do("gluster_snapshot", volume=["one", *volumes], name=["s"])
    show(
        "Eight volumes at once: nobody waits for another's lock",
        rows,
        notes=[f"On {os.cpu_count()} processors, which {_AT_ONCE} processes share; started before the clock."],
    )


def _together(site: Site, volumes: list[str], state: str) -> float:
    """Change each volume in a process of its own, all let go at once, and return the seconds until the last is done."""
    context = multiprocessing.get_context("fork")
    ready = context.Barrier(len(volumes) + 1)

    def work(volume: str) -> None:
        ready.wait()
        site.do("gluster_snapshot", volume=[volume], name=["s"], state=state)

    processes = [context.Process(target=work, args=(volume,)) for volume in volumes]
    for process in processes:
        process.start()
    ready.wait()
    started = time.perf_counter()
    for process in processes:
        process.join()
    seconds = time.perf_counter() - started
    if any(process.exitcode for process in processes):
        raise SystemExit("a process failed to change its volume")
    return seconds
