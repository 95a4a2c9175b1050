# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of a task: programs that end with it, and copies of it that hold none of its files."""
# AnsibleModule.run_command knows no stall limit, no progress and no descriptor to hand on
# pylint: disable=ansible-bad-function

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
from typing import IO, Callable, Mapping, Sequence

_PR_SET_PDEATHSIG = 1

_LONGEST_WAIT = 2_000_000
"""Seconds; poll(2) takes milliseconds as an int, which ends after 24 days."""

# looked up here, and not in the new process: a copy of one with threads must not wait for a lock of the loader that one of them held
_prctl = ctypes.CDLL(None).prctl


def die_with(parent: int) -> None:
    """Let the kernel kill this process when the thread that started it ends; C(parent) is the number of that one's process."""
    # a killed task must not leave a program behind that goes on writing to a disk nobody locks any more (prctl(2))
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        # it was killed before that was asked for
        os._exit(1)


class ChildProcess(subprocess.Popen):  # type: ignore[type-arg]  # generic from Python 3.9 on
    """A program that was started, with all that it starts itself, in a session of its own."""

    @classmethod
    def plain(cls, argv: Sequence[str], out: int, err: int) -> ChildProcess:
        """Start a program that reads nothing, and dies with who started it."""
        parent = os.getpid()
        return cls(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=child_environment(None),
            preexec_fn=lambda: die_with(parent),
            start_new_session=True,
        )

    @property
    def output(self) -> IO[bytes]:
        """The pipe that the program writes to, where it was started with one."""
        if self.stdout is None:
            raise ValueError("the program was started without a pipe")
        return self.stdout

    def ended(self, within: float) -> bool:
        """Wait for the end of the program for some seconds and tell whether it came."""
        if hasattr(os, "pidfd_open"):
            # the kernel wakes this up the moment the program ends; waiting with a limit sleeps and looks, which costs short programs dear
            with contextlib.suppress(OSError):
                descriptor = os.pidfd_open(self.pid)  # novermin: only where it is there
                try:
                    is_readable(descriptor, within)
                finally:
                    os.close(descriptor)
                return self.poll() is not None
        try:
            self.wait(within)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill_all(self) -> None:
        """Kill the program and what it started in its own session (a mount helper is a script that starts others)."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it ended by itself meanwhile


def child_environment(more: Mapping[str, str] | None) -> dict[str, str]:
    """Return the environment of a program: that of the task, in the language that its output is parsed in, and what is added."""
    return {**os.environ, **(more or {}), "LC_ALL": "C", "LANGUAGE": "C"}


def is_readable(descriptor: int, within: float) -> bool:
    """Wait some seconds until a descriptor can be read, or its other end is gone; of any number, where select(2) takes those below 1024."""
    with selectors.PollSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(min(within, _LONGEST_WAIT)))


def close_all_but(kept: int) -> None:
    """Let go of all descriptors of the task in a copy of its process: of locks, and of the pipes by which Ansible sees its end."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor not in (0, 1, 2, kept):
            with contextlib.suppress(OSError):
                os.close(descriptor)


def if_killed(call: Callable[[], None]) -> Callable[[], None]:
    """Let a process of its own make a call if this one ends before it takes that back; return what takes it back."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.setsid()
            close_all_but(reading)
            if not os.read(reading, 1):
                call()
        finally:
            os._exit(0)
    os.close(reading)

    def take_back() -> None:
        with contextlib.suppress(OSError):
            os.write(writing, b".")
        os.close(writing)
        os.waitpid(pid, 0)

    return take_back
