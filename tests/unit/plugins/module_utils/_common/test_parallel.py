# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at many things at once: in order, with the first one's error, and no thread left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common import parallel


@pytest.mark.parametrize("count", [0, 1, parallel.FEW, parallel.FEW + 1, 7, 8, 9, 500])
def test_results_come_in_the_order_of_the_items(count):
    before = threading.active_count()
    assert parallel.each(lambda number: number * number, iter(range(count))) == [number * number for number in range(count)]
    assert threading.active_count() == before


def test_as_many_as_there_are_threads_are_under_way_together():
    # each waits for all the others: one after another this would never end
    together = threading.Barrier(parallel.THREADS, timeout=30)
    assert len(parallel.each(lambda _number: together.wait(), range(parallel.THREADS * 2))) == parallel.THREADS * 2


def test_few_are_looked_at_in_the_thread_that_asks():
    assert set(parallel.each(lambda _number: threading.get_ident(), range(parallel.FEW))) == {threading.get_ident()}


def test_within_another_one_there_are_no_more_threads():
    def look(_number):
        return set(parallel.each(lambda _inner: threading.get_ident(), range(20)))

    assert all(len(threads) == 1 for threads in parallel.each(look, range(20)))
    # and afterwards there are again
    together = threading.Barrier(parallel.THREADS, timeout=30)
    parallel.each(lambda _number: together.wait(), range(parallel.THREADS))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_the_error_of_the_first_item_that_failed_is_raised_and_no_thread_goes_on(error):
    seen = []

    def look(number):
        seen.append(number)
        if number in (5, 6):
            raise error(str(number))
        return number

    before = threading.active_count()
    with pytest.raises(error, match="^[56]$"):
        parallel.each(look, range(10000))
    assert threading.active_count() == before and len(seen) < 10000


def test_an_item_that_was_not_begun_does_not_hide_the_error_of_a_later_one(monkeypatch):
    """The first thread is held between taking its item and looking whether another has failed."""
    failed = threading.Event()

    class Held(threading.Event):
        def is_set(self):
            if threading.current_thread().name.endswith("_0"):
                failed.wait(30)
            return super().is_set()

        def set(self):
            super().set()
            failed.set()

    def fail(number):
        raise ValueError(number)

    monkeypatch.setattr(parallel.threading, "Event", Held)
    with pytest.raises(ValueError):
        parallel.each(fail, range(10))


def test_nothing_is_begun_after_an_interrupt_has_left_it():
    """Locks are released then by who has called it."""
    program = """
import os, signal, threading, time
from ansible_collections.vdisk.gluster.plugins.module_utils._common import parallel
# whoever runs the tests in the background has it ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
ended = []
def call(number):
    time.sleep(0.1)
    ended.append(number)
threading.Timer(0.15, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    parallel.each(call, range(200))
except KeyboardInterrupt:
    before = len(ended)
    time.sleep(0.5)
    print(len(ended) - before, before < 200)
"""
    root = os.environ["ANSIBLE_COLLECTIONS_PATH"]
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": root}
    )
    assert done.stdout.split() == ["0", "True"]
