# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that are started from a process of its own are run, heard and killed as others are, and get none of the task's files."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import CommandFailed
from ansible_collections.vdisk.gluster.plugins.module_utils._common.launcher import LaunchedProcess, Launcher, serve
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Runner
from ansible_collections.vdisk.gluster.tests.harness.waiting import (
    PATIENCE,
    StoppedUntil,
    is_running,
    said_and_heard,
    until_gone,
    until_written,
)


@pytest.fixture
def runner() -> Iterator[Runner]:
    """Return a runner that starts programs from a process of its own."""
    made = Runner(PATIENCE, interval=0.05)
    with made.launching():
        yield made
    assert made._launcher is None


def test_a_program_is_run_and_what_it_left_is_returned(runner: Runner) -> None:
    done = runner.run(["sh", "-c", 'echo "out $1"; echo err >&2; exit 3', "sh", "a 'b'"])
    assert (done.returncode, done.stdout, done.stderr) == (3, "out a 'b'\n", "err\n")
    assert runner.run(["sh", "-c", "kill -9 $$"]).returncode == -signal.SIGKILL
    assert runner.run(["sh", "-c", "cat; echo $LC_ALL"]).stdout == "C\n"


def test_many_threads_may_run_programs_at_once(runner: Runner) -> None:
    found: dict[int, str] = {}
    together = threading.Barrier(8, timeout=30)

    def run(number: int) -> None:
        together.wait()
        for _time in range(5):
            found[number] = runner.run(["sh", "-c", f"sleep 0.0{number}; echo {number}; exit {number}"]).stdout

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: f"{number}\n" for number in range(8)}


def test_it_is_not_this_process_that_starts_it_and_neither_gets_its_files(tmp_path: Path) -> None:
    runner = Runner(PATIENCE)
    with (tmp_path / "before").open("w"), runner.launching(), (tmp_path / "after").open("w"):
        said = runner.run(["sh", "-c", "echo $PPID; ls -l /proc/$$/fd /proc/$PPID/fd"]).stdout
    parent, listing = said.split("\n", 1)
    assert int(parent) != os.getpid() and str(tmp_path) not in listing and "null" in listing


def test_what_cannot_be_started_is_told(runner: Runner) -> None:
    with pytest.raises(CommandFailed, match="/no/such could not be started: No such file"):
        runner.run(["/no/such"])
    assert runner.run(["true"]).returncode == 0


def test_what_stands_still_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    limited = Runner(0.3, interval=0.05, clock=StoppedUntil(file))
    with limited.launching():
        with pytest.raises(CommandFailed, match="made no progress for 0.3 s"):
            limited.run(["sh", "-c", f"sleep 600 & echo $! >{file}; wait"])
        until_gone(int(file.read_text()))
        assert limited.run(["true"]).returncode == 0


def test_progress_is_heard(runner: Runner, tmp_path: Path) -> None:
    said_and_heard(runner, tmp_path)


def test_what_needs_more_than_a_plain_start_is_started_here(runner: Runner) -> None:
    assert runner.run(["sh", "-c", "echo $PPID $X"], environment={"X": "x"}).stdout == f"{os.getpid()} x\n"


def test_a_task_that_is_killed_takes_its_programs_with_it(tmp_path: Path) -> None:
    script = f"""
import sys
sys.path[:0] = {sys.path!r}
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Runner
runner = Runner()
with runner.launching():
    runner.run(["sh", "-c", "echo $$ $PPID >{tmp_path}/new; mv {tmp_path}/new {tmp_path}/pids; sleep 60"])
"""
    with subprocess.Popen([sys.executable, "-c", script]) as task:
        program, launcher = map(int, until_written(tmp_path / "pids").split())
        assert is_running(program) and is_running(launcher)
        task.kill()
    until_gone(program)
    until_gone(launcher)


def test_without_who_starts_them_nothing_is_started_and_what_ran_is_gone(tmp_path: Path) -> None:
    runner = Runner(PATIENCE)
    with runner.launching(), (tmp_path / "out").open("w") as out:
        launcher = runner._launcher
        # each is there once start has returned; a file that the program writes can be there before that
        slow, killed = (launcher.start(["sleep", "60"], out.fileno(), out.fileno()) for _time in range(2))
        os.kill(launcher._pid, signal.SIGSTOP)
        # what the launcher does not read any more
        killed.kill_all()
        os.kill(launcher._pid, signal.SIGKILL)
        for program in (slow, killed):
            assert program.wait(PATIENCE) == -signal.SIGKILL
            until_gone(program.pid)
            program.kill_all()
        with pytest.raises(CommandFailed, match="could not be started"):
            runner.run(["true"])


def test_a_program_that_is_waited_for_has_ended_where_who_started_it_is_gone(runner: Runner) -> None:
    launcher = runner._launcher
    # what it says is heard only once it is known that it runs
    says = "while :; do printf '    (10.00/100%%)\\r'; sleep 0.05; done"
    done = runner.run(["sh", "-c", says], on_progress=lambda _fraction: os.kill(launcher._pid, signal.SIGKILL))
    assert done.returncode == -signal.SIGKILL


def test_the_process_is_gone_with_the_block(runner: Runner) -> None:
    with Launcher() as launcher:
        pid = launcher._pid
        assert is_running(pid)
    until_gone(pid)


def test_requests_are_served_until_nobody_asks(tmp_path: Path) -> None:
    launcher = Launcher()
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            with tempfile.TemporaryFile() as out:

                def start(script: str) -> LaunchedProcess:
                    return launcher.start(["sh", "-c", script], out.fileno(), out.fileno())

                assert start("exit 4").wait() == 4
                slow = start("sleep 60")
                with pytest.raises(subprocess.TimeoutExpired):
                    slow.wait(0.1)
                slow.kill_all()
                assert slow.wait(PATIENCE) == -signal.SIGKILL
                slow.kill_all()
                with pytest.raises(FileNotFoundError):
                    launcher.start(["/no/such"], out.fileno(), out.fileno())
                left = start(f"echo $$ >{tmp_path}/pid; sleep 60")
                pid = int(until_written(tmp_path / "pid"))
                left._replies.close()
                until_gone(pid)
                # somebody who is gone before hearing that it was started
                replies, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                socket.send_fds(launcher._requests, [b'["sleep", "60"]'], [out.fileno(), out.fileno(), theirs.fileno()])
                theirs.close()
                assert select.select([replies], [], [], PATIENCE)[0]
                replies.close()
                assert start("exit 5").wait() == 5
        except BaseException as error:
            failures.append(error)
        finally:
            launcher._requests.close()

    before = signal.getsignal(signal.SIGCHLD)
    thread = threading.Thread(target=ask)
    thread.start()
    serve(launcher._theirs)
    thread.join()
    launcher._theirs.close()
    assert failures == [] and signal.getsignal(signal.SIGCHLD) == before
