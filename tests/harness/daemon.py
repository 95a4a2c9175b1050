# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon that many processes use: started by the first of them that needs it at a time, stopped by the last.

One that runs already is used and left running. Users hold a lock that ends with their process, so a killed one is not waited for.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import pathlib
import signal
import subprocess
import time
from typing import IO, Callable, Iterator, Sequence

_PATIENCE = 60
"""Seconds in which a daemon has to answer, or to end."""


class NoDaemon(Exception):
    """A daemon does not start, answer or stop."""


@dataclasses.dataclass(frozen=True)
class Daemon:
    """How a daemon is called, started and stopped.

    :param name: of its process.
    :param start: the command that starts it and comes back.
    :param asks: a command that succeeds when it answers.
    :param stop: the command that stops it, SIGTERM where there is none.
    :param state: a folder in which its users meet.
    :param apart: called in the process that starts it, before it does.
    """

    name: str
    start: Sequence[str]
    asks: Sequence[str]
    stop: Sequence[str] | None
    state: pathlib.Path
    log: pathlib.Path
    apart: Callable[[], None] | None = None

    def pid(self) -> int | None:
        """Return its process; not that of a lab, in another process name space, and no dead one that nobody has reaped."""
        ours = os.readlink("/proc/self/ns/pid")
        for directory in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                status = (directory / "stat").read_text(encoding="ascii", errors="replace")
                name, _end, rest = status.partition("(")[2].rpartition(")")
                if name == self.name and rest.split()[0] not in "ZX" and os.readlink(directory / "ns/pid") == ours:
                    return int(directory.name)
        return None

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Have it run.

        :raises NoDaemon: it does not.
        """
        self.state.mkdir(mode=0o700, exist_ok=True)
        # locks of POSIX: a process that tests have forked off and left behind does not inherit them
        with open(self.state / f"{self.name}.users", "a+", encoding="ascii") as users:
            with self._alone():
                fcntl.lockf(users, fcntl.LOCK_SH)
                if self.pid() is None:
                    self._start()
                self._wait(self._answers, "does not answer")
            try:
                yield
            finally:
                self._leave(users)

    def stop_if_unused(self) -> None:
        """Stop it if its users, the first of which has started it, have all been killed. Not for a process that uses it.

        :raises NoDaemon: it does not stop.
        """
        if self._started.exists():
            with open(self.state / f"{self.name}.users", "a+", encoding="ascii") as users:
                self._leave(users)

    def _leave(self, users: IO[str]) -> None:
        with self._alone():
            fcntl.lockf(users, fcntl.LOCK_UN)
            with contextlib.suppress(BlockingIOError):
                fcntl.lockf(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._stop_what_was_started()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with open(self.state / f"{self.name}.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @property
    def _started(self) -> pathlib.Path:
        return self.state / f"{self.name}.started"

    def _start(self) -> None:
        if subprocess.run(self.start, check=False, preexec_fn=self.apart).returncode:
            raise self._trouble("does not start")
        self._wait(lambda: self.pid() is not None, "does not start")
        # its number, so that one that somebody else starts later is not taken for it
        self._started.write_text(str(self.pid()), encoding="ascii")

    def _answers(self) -> bool:
        return subprocess.run(self.asks, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0

    def _stop_what_was_started(self) -> None:
        pid = self.pid()
        if pid is None or not self._started.exists() or self._started.read_text(encoding="ascii") != str(pid):
            return
        if self.stop:
            subprocess.run(self.stop, check=False)
        else:
            os.kill(pid, signal.SIGTERM)
        self._wait(lambda: self.pid() is None, "does not stop")
        self._started.unlink()

    def _wait(self, condition: Callable[[], bool], problem: str) -> None:
        end = time.monotonic() + _PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise self._trouble(problem)
            time.sleep(0.1)

    def _trouble(self, problem: str) -> NoDaemon:
        last = self.log.read_text(encoding="utf-8", errors="replace")[-2000:] if self.log.exists() else ""
        return NoDaemon(f"{self.name} {problem}: {last}")
