# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs are run with a limit on how long they stand still, and none outlives the task that started it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common import process
from ansible_collections.vdisk.gluster.plugins.module_utils._common.child_process import ChildProcess, die_with, is_readable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import CommandFailed, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Runner, find_program
from ansible_collections.vdisk.gluster.tests.harness.waiting import PATIENCE, StoppedUntil, is_running, until_gone, until_written


def test_what_a_program_prints_and_its_exit_status_come_back() -> None:
    done = Runner().run(["sh", "-c", "printf out; printf err >&2; exit 3"])
    assert (done.returncode, done.stdout, done.stderr, done.argv[0]) == (3, "out", "err", "sh")


def test_output_larger_than_any_pipe_and_not_even_text_comes_back() -> None:
    done = Runner().run(["sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x; printf '\\377'"])
    assert done.stdout == "x" * 300000 + "\ufffd"


def test_a_program_reads_nothing_and_speaks_english() -> None:
    done = Runner().run(["sh", "-c", "cat; echo $LC_ALL"])
    assert done.stdout == "C\n"


def test_an_argument_is_never_a_shells() -> None:
    assert Runner().run(["echo", "$HOME; false", "a b"]).stdout == "$HOME; false a b\n"


def test_a_program_that_stands_still_is_killed_with_all_it_started(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with pytest.raises(CommandFailed, match="sh made no progress for 0.3 s and was stopped") as caught:
        Runner(0.3, clock=StoppedUntil(file)).run(["sh", "-c", f"printf said >&2; sleep 600 & echo $! > {file}; wait"])
    assert caught.value.details["cmd"][0] == "sh"
    assert caught.value.details["stderr"] == "said"
    until_gone(int(file.read_text(encoding="ascii")))


def test_a_program_that_goes_on_is_not_stopped_however_long_it_takes() -> None:
    reads_and_writes = "i=0; while [ $i -lt 30 ]; do echo x; read y < /proc/uptime; sleep 0.1; i=$((i + 1)); done"
    assert Runner(2.5).run(["sh", "-c", reads_and_writes]).returncode == 0


def test_a_percentage_that_moves_is_progress() -> None:
    percent = f"{sys.executable} -c pass; for i in 1 2 3 4 5 6 7 8; do printf '    (%s.00/100%%)\\r' $i; sleep 0.4; done"
    assert Runner(2.5).run(["sh", "-c", percent]).returncode == 0


def test_one_call_may_have_a_limit_of_its_own() -> None:
    with pytest.raises(CommandFailed, match="for 0.2 s"):
        Runner(600).run(["sleep", "60"], stall_timeout=0.2)


def test_a_program_that_cannot_be_started_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="/nothing/here could not be started: No such file") as caught:
        Runner().run(["/nothing/here", "x"])
    assert caught.value.details["cmd"] == ["/nothing/here", "x"]
    text = tmp_path / "text"
    text.write_text("x", encoding="ascii")
    with pytest.raises(CommandFailed, match="Permission denied"):
        Runner().run([str(text)])


def test_a_daemon_that_keeps_its_inherited_output_open_does_not_hold_the_task_up() -> None:
    done = Runner().run(["sh", "-c", "sleep 600 & echo mounted $!"])
    mounted, daemon = done.stdout.split()
    assert mounted == "mounted" and is_running(int(daemon))
    os.kill(int(daemon), signal.SIGKILL)


def test_a_program_dies_with_the_task_that_started_it(tmp_path: Path) -> None:
    """A killed task must leave nothing behind that goes on writing to a disk nobody locks any more."""
    pid_file = tmp_path / "pid"
    task = os.fork()
    if task == 0:
        try:
            Runner().run(["sh", "-c", f"echo $$ > {pid_file}; exec sleep 60"])
        finally:
            os._exit(1)
    program = int(until_written(pid_file))
    assert is_running(program)
    os.kill(task, signal.SIGKILL)
    os.waitpid(task, 0)
    until_gone(program)


def test_an_interrupted_task_takes_its_program_along(tmp_path: Path) -> None:
    class Interrupting(Runner):
        def _wait(self, process: subprocess.Popen, out: int, limit: float, *_more: object) -> bool:
            until_written(tmp_path / "pid")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Interrupting().run(["sh", "-c", f"echo $$ > {tmp_path / 'pid'}; exec sleep 60"])
    assert not is_running(int((tmp_path / "pid").read_text(encoding="ascii")))


def test_a_descriptor_can_be_passed_on(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb+") as stream:
        Runner().run(["sh", "-c", f"printf x > /dev/fd/{stream.fileno()}"], pass_fds=[stream.fileno()])
        stream.seek(0)
        assert stream.read() == b"x"


def test_a_program_is_found_on_the_path_and_in_the_system_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "vdisk-program"
    program.write_text("#!/bin/sh\n", encoding="ascii")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"relative:{tmp_path}")
    assert find_program("vdisk-program", "") == str(program)
    assert stat.S_ISREG(os.stat(find_program("sh", "")).st_mode)
    program.chmod(0o644)
    with pytest.raises(Unavailable, match="vdisk-program was not found on this host; install it"):
        find_program("vdisk-program", "install it")
    monkeypatch.setattr(process, "_SEARCH_PATH", ())
    with pytest.raises(Unavailable):
        find_program("sh", "")


def test_output_is_handed_over_piece_by_piece_and_secrets_go_through_the_environment() -> None:
    pieces: list[bytes] = []
    done = Runner().read_out(
        ["sh", "-c", 'head -c 3000000 /dev/zero; printf "$SECRET"; printf no >&2; exit 4'], pieces.append, {"SECRET": "x"}
    )
    assert b"".join(pieces) == bytes(3000000) + b"x" and len(pieces) > 1
    assert (done.returncode, done.stdout, done.stderr) == (4, "", "no")
    assert Runner().run(["sh", "-c", "echo $SECRET"], environment={"SECRET": "y"}).stdout == "y\n"


@pytest.mark.parametrize("before", ["", "exec >&-; "])
def test_a_program_whose_output_stops_is_stopped(tmp_path: Path, before: str) -> None:
    file = tmp_path / "pid"
    with pytest.raises(CommandFailed, match="made no progress for 3 s"):
        Runner(stall_timeout=3).read_out(["sh", "-c", f"echo $$ >{file}; {before}exec sleep 600"], lambda _piece: None)
    until_gone(int(until_written(file)))


def test_what_takes_the_output_can_fail(tmp_path: Path) -> None:
    def full(_piece: bytes) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "pid"
    with pytest.raises(OSError, match="No space"):
        Runner().read_out(["sh", "-c", f"echo $$ >{file}; exec yes"], full)
    until_gone(int(until_written(file)))


def test_a_program_whose_task_has_ended_before_it_began_does_not_begin(tmp_path: Path) -> None:
    pid = os.fork()
    if not pid:
        # as if the process that started this one had been another, and were gone
        with contextlib.suppress(BaseException):
            die_with(os.getppid() + 1)
            (tmp_path / "begun").touch()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1 and not (tmp_path / "begun").exists()


def test_where_the_kernel_tells_of_no_single_process_ends_and_stalls_are_seen_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Python 3.8, and kernels before 5.3
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    assert Runner(interval=0.05).run(["sh", "-c", "sleep 0.2; echo x; exit 3"]).returncode == 3
    file = tmp_path / "pid"
    with pytest.raises(CommandFailed, match="made no progress"):
        Runner(0.3, interval=0.05, clock=StoppedUntil(file)).run(["sh", "-c", f"echo $$ >{file}; exec sleep 600"])
    until_gone(int(file.read_text(encoding="ascii")))


def test_a_program_whose_output_is_wanted_and_that_cannot_be_started_is_told() -> None:
    with pytest.raises(CommandFailed, match="/nothing/here could not be started: No such file"):
        Runner().read_out(["/nothing/here"], lambda _piece: None)


def test_a_program_that_has_ended_is_not_killed_and_shows_no_life() -> None:
    with open(os.devnull, "wb") as null:
        program = ChildProcess.plain(["true"], null.fileno(), null.fileno())
        assert program.wait(PATIENCE) == 0
        program.kill_all()
        assert process._life_signs(program.pid, null.fileno()) == ()


def test_a_program_that_cannot_even_be_killed_holds_the_task_up_for_a_moment_only() -> None:
    class Wedged:
        """A program in uninterruptible sleep, on a mount that hangs."""

        pid = 0
        killed = 0

        def ended(self, _within: float) -> bool:
            return False

        def kill_all(self) -> None:
            self.killed += 1

        def wait(self, timeout: float) -> None:
            raise subprocess.TimeoutExpired("wedged", timeout)

    process, clock = Wedged(), iter(range(100))
    with open(os.devnull, "rb") as null:
        assert Runner(clock=lambda: next(clock))._wait(process, null.fileno(), limit=3) is True  # type: ignore[arg-type]
    assert process.killed == 1


def test_each_program_is_logged_with_seconds_and_exit_status_and_without_its_environment() -> None:
    lines: list[str] = []
    runner = Runner(30, log=lines.append)
    runner.run(["sh", "-c", "exit 3"], environment={"BORG_PASSPHRASE": "the phrase"})
    runner.read_out(["sh", "-c", "echo $BORG_PASSPHRASE"], lambda piece: None, {"BORG_PASSPHRASE": "the phrase"})
    with pytest.raises(CommandFailed):
        runner.run(["/nowhere/borg", "a b"])
    seconds = [float(re.search(r"after ([0-9.]+) s", line)[1]) for line in lines]
    assert all(0 < taken < 10 for taken in seconds)
    assert [re.sub(r"after [0-9.]+ s", "after N s", line) for line in lines] == [
        "Command ended after N s with exit status 3: sh -c 'exit 3'",
        "Command ended after N s with exit status 0: sh -c 'echo $BORG_PASSPHRASE'",
        "Command failed after N s (/nowhere/borg could not be started: No such file or directory): /nowhere/borg 'a b'",
    ]


def test_a_limit_of_months_is_one_that_the_system_takes() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    assert is_readable(reading, 1e9)
    os.close(reading)
