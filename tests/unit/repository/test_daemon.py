# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that many processes share is started by the first and stopped by the last, whatever becomes of those between them."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import uuid
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.vdisk.gluster.tests.harness.daemon import Daemon
from ansible_collections.vdisk.gluster.tests.harness.playing import until
from ansible_collections.vdisk.gluster.tests.harness.waiting import PATIENCE

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that only sleeps, under a name of this test's own."""
    program = tmp_path / f"vd{uuid.uuid4().hex[:8]}"
    shutil.copy(str(shutil.which("sleep")), program)
    start = ("setsid", "--fork", str(program), "300")
    made = Daemon(program.name, start=start, asks=("true",), stop=None, state=tmp_path / "state", log=tmp_path / "log")
    yield made
    pid = made.pid()
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def users(daemon: Daemon) -> Iterator[Callable[[], Any]]:
    """Return a callable that starts a process which uses the daemon until it is told to leave."""
    started = []

    def use(ready: Any, leave: Any) -> None:
        with daemon.running():
            ready.set()
            leave.wait(PATIENCE)

    def user() -> Any:
        ready, leave = FORK.Event(), FORK.Event()
        process = FORK.Process(target=use, args=(ready, leave))
        process.start()
        started.append(process)
        assert ready.wait(PATIENCE)

        def end() -> None:
            leave.set()
            process.join(PATIENCE)
            assert process.exitcode == 0

        process.end = end
        return process

    yield user
    for process in started:
        process.kill()
        process.join()


def test_the_first_starts_it_and_the_last_stops_it(daemon: Daemon, users: Callable[[], Any]) -> None:
    first = users()
    pid = daemon.pid()
    assert pid is not None
    second = users()
    assert daemon.pid() == pid
    first.end()
    assert daemon.pid() == pid
    third = users()
    second.end()
    assert daemon.pid() == pid
    third.end()
    assert daemon.pid() is None


def test_a_killed_user_is_not_waited_for_and_the_next_run_stops_what_it_left(daemon: Daemon, users: Callable[[], Any]) -> None:
    first, second = users(), users()
    pid = daemon.pid()
    for process in (first, second):
        process.kill()
        process.join()
    assert daemon.pid() == pid
    with daemon.running():
        assert daemon.pid() == pid
    assert daemon.pid() is None


def test_what_killed_users_have_left_is_stopped_and_what_is_in_use_is_not(daemon: Daemon, users: Callable[[], Any]) -> None:
    first, second = users(), users()
    first.kill()
    first.join()
    daemon.stop_if_unused()
    assert daemon.pid() is not None
    second.kill()
    second.join()
    daemon.stop_if_unused()
    assert daemon.pid() is None


def test_one_that_ran_before_is_left_running(daemon: Daemon, users: Callable[[], Any]) -> None:
    subprocess.run(daemon.start, check=True)
    until(lambda: daemon.pid() is not None, "its start")
    users().end()
    assert daemon.pid() is not None


def test_one_that_somebody_else_started_after_ours_died_is_left_running(daemon: Daemon, users: Callable[[], Any]) -> None:
    user = users()
    os.kill(daemon.pid(), signal.SIGKILL)
    until(lambda: daemon.pid() is None, "its end")
    subprocess.run(daemon.start, check=True)
    until(lambda: daemon.pid() is not None, "another one")
    user.end()
    assert daemon.pid() is not None
