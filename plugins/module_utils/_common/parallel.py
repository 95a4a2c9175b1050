# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many files at once: each is a few round trips to a server, and those of different files need not wait for one another."""

from __future__ import annotations

import threading
from typing import Callable, Iterable, TypeVar

T = TypeVar("T")
R = TypeVar("R")

THREADS = 8
"""Calls under way at a time: as many as the threads by which the GlusterFS client of a mount takes answers (client.event-threads)."""

FEW = 3
"""So many are taken one after another: to start a thread takes as long as to ask a server nearby."""

_inside = threading.local()


def each(call: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Return what C(call) returns for each item, in their order; called within another one, it takes them one by one.

    Where one fails, others have been taken or not; all that were begun have ended.

    :raises BaseException: what a call raised; of several the first item's.
    """
    todo = list(items)
    if len(todo) <= FEW or getattr(_inside, "at_work", False):
        return [call(item) for item in todo]
    # loaded where it is needed: few tasks have that many
    from concurrent.futures import CancelledError, ThreadPoolExecutor, wait

    stopped = threading.Event()

    def attempt(item: T) -> R:
        if stopped.is_set():
            raise CancelledError
        try:
            return call(item)
        except BaseException:
            stopped.set()
            raise

    with ThreadPoolExecutor(min(THREADS, len(todo)), initializer=_enter) as pool:
        try:
            calls = [pool.submit(attempt, item) for item in todo]
            wait(calls)
        except BaseException:
            # interrupted: what has begun ends, and nothing else begins, before a lock is released by who called this
            stopped.set()
            raise
    for error in (one.exception() for one in calls):
        # an item that was not begun may come before the one that failed
        if error is not None and not isinstance(error, CancelledError):
            raise error
    return [one.result() for one in calls]


def _enter() -> None:
    _inside.at_work = True
