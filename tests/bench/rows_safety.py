# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What safety costs: each operation with and without its lock, its journal and its fsyncs, and the share that each has of it."""

from __future__ import annotations

import contextlib
import os
import statistics
from typing import Callable, ContextManager, Iterator, Mapping
from unittest import mock

from ansible_collections.vdisk.gluster.plugins.module_utils._transaction import session
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.journal import Journal
from engine import commands, timed_program
from glusterfs import Site, command, slow_down, write_argv
from table import show
from timing import Row, figure

_DELAY = 5
"""Milliseconds that each call takes the brick longer in the second table."""


def measure(site: Site, repetitions: int) -> None:
    """Measure and print."""
    site.do("gluster_volume_file", name=["first"], size="1G")
    _measure(site, "v", repetitions, "")
    slow_down(site, _DELAY)
    slow = f", each call to the brick {_DELAY} ms longer: round trips count, and other load does not"
    _measure(site, "slow", max(2, repetitions // 2), slow)


def _measure(site: Site, prefix: str, repetitions: int, where: str) -> None:
    rows: dict[tuple[str, str], Row] = {}
    # the first one is not counted: imports, and what the brick has never seen
    for repetition in range(-1, repetitions):
        times: dict[str, dict[str, float]] = {}
        contenders = ("whole", *_WITHOUT, "bare")
        # each is first once, in the middle and last
        first = repetition % len(contenders)
        for name in (*contenders[first:], *contenders[:first]):
            volume = f"{prefix}-{name}{repetition + 1}".replace(" ", "-")
            without = _WITHOUT.get(name, contextlib.nullcontext)
            found = _bare(site, volume) if name == "bare" else _operations(site, volume, without)
            for operation, seconds in found:
                times.setdefault(operation, {})[name] = seconds
        for operation, by_name in times.items() if repetition >= 0 else ():
            for name in (*_WITHOUT, "bare"):
                against = "bare qemu-img" if name == "bare" else f"the same without {name}"
                row = rows.setdefault((operation, name), Row(f"{operation}, whole", bare_name=against))
                row.ours.append(by_name["whole"])
                row.bare.append(by_name[name])
    notes = [f"{operation}: {_shares(rows, operation)}" for operation in dict.fromkeys(operation for operation, _name in rows)]
    show(
        f"What safety costs: the engine as it is, against itself with a part taken out{where}",
        list(rows.values()),
        notes=[
            "Shares of the whole, each the median of what repetitions saved; below about 5 % it is noise. The fsyncs of the journal are in",
            "its share and in that of the fsyncs, so the three add up to more than all three taken out together.",
            *notes,
        ],
    )


def _shares(rows: Mapping[tuple[str, str], Row], operation: str) -> str:
    """Return what part of an operation's time each part of safety takes, as a clause."""
    said = []
    for name in _WITHOUT:
        row = rows[operation, name]
        saved = statistics.median((whole - without) / whole for whole, without in zip(row.ours, row.bare))
        said.append(f"{name} {saved * 100:.0f} %")
    row = rows[operation, "bare"]
    bare = statistics.median(row.bare)
    return f"{', '.join(said)} of {figure(statistics.median(row.ours) * 1000)} ms; bare qemu-img {figure(bare * 1000)} ms"


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
    return mock.patch.object(session, "volume_lock", lambda *_words, **_options: contextlib.nullcontext())


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
