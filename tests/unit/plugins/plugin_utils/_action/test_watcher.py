# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a task that is watched, how often, and that watching ends with it and never breaks it."""

from __future__ import annotations

import threading
import time

from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import ProgressReport, dump
from ansible_collections.vdisk.gluster.plugins.plugin_utils._action.watcher import Narrator, Watcher
from ansible_collections.vdisk.gluster.tests.harness.waiting import until


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def content(done: int) -> str:
    return dump(ProgressReport("copy", done, 100, done / 100)).decode()


def test_only_what_changed_is_said_and_something_once_a_minute() -> None:
    clock = Clock()
    narrator = Narrator(clock)
    said = {}
    figures = {0: 10, 10: 10, 20: 20}
    done: int | None = None
    for second in range(0, 201, 10):
        clock.now = 50.0 + second
        done = figures.get(second, done)
        line = narrator.look(content(done or 0))
        if line:
            said[second] = line
    assert said == {
        0: "copy: 10 %, 10 B of 100 B",
        20: "copy: 20 %, 20 B of 100 B",
        80: "copy: 20 %, 20 B of 100 B; no change for 1 min 00 s",
        140: "copy: 20 %, 20 B of 100 B; no change for 2 min 00 s",
        200: "copy: 20 %, 20 B of 100 B; no change for 3 min 00 s",
    }


def test_a_task_that_reports_nothing_is_said_to_be_at_work_once_a_minute() -> None:
    clock = Clock()
    narrator = Narrator(clock)
    said = {}
    for second in range(10, 131, 10):
        clock.now = 50.0 + second
        line = narrator.look(None if second % 20 else "no JSON")
        if line:
            said[second] = line
    assert said == {60: "running for 1 min 00 s", 120: "running for 2 min 00 s"}


def test_lines_come_at_the_interval_until_it_is_stopped() -> None:
    looks: list[float] = []
    said: list[str] = []

    def look() -> str:
        looks.append(time.monotonic())
        return content(len(looks))

    watcher = Watcher(look, said.append, 0.1)
    watcher.start()
    until(lambda: len(said) > 3)
    watcher.stop()
    count = len(said)
    time.sleep(0.25)
    assert len(said) == count and all(later - earlier > 0.09 for earlier, later in zip(looks, looks[1:]))
    assert said[0] == "copy: 1 %, 1 B of 100 B"


def test_short_work_is_never_looked_at() -> None:
    looks: list[int] = []
    watcher = Watcher(lambda: looks.append(1) or content(1), lambda line: None, 10)
    watcher.start()
    time.sleep(0.1)
    watcher.stop()
    assert looks == []


def test_a_connection_that_fails_is_left_alone_after_some_looks() -> None:
    looks: list[int] = []

    def look() -> str:
        looks.append(1)
        raise OSError("no second command on this connection")

    watcher = Watcher(look, lambda line: None, 0.02)
    watcher.start()
    until(lambda: len(looks) > 2)
    time.sleep(0.2)
    watcher.stop()
    assert len(looks) == 3


def test_a_look_that_hangs_holds_nothing_up_and_says_nothing_when_it_comes_back() -> None:
    come_back, looking = threading.Event(), threading.Event()
    said: list[str] = []

    def look() -> str:
        looking.set()
        come_back.wait(60)
        return content(1)

    watcher = Watcher(look, said.append, 0.01)
    watcher.start()
    assert looking.wait(60)
    watcher.stop(patience=0.1)
    assert not come_back.is_set()
    come_back.set()
    time.sleep(0.1)
    assert said == []
