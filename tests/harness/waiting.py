# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for processes, files and threads without betting on how fast this machine is."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Callable

from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Runner

PATIENCE = 30
"""Seconds after which what does not come on an idle machine does not come at all."""
_WORK = 8_000_000
_SECONDS_OF_WORK = 0.04
"""What so many steps of a loop take on an idle machine of today."""


def slowness() -> float:
    """Measure how many times slower than an idle one of today this machine is now, because it is another one or does other work too."""
    began = time.monotonic()
    for _step in itertools.repeat(None, _WORK):
        pass
    return max(1.0, (time.monotonic() - began) / _SECONDS_OF_WORK)


class Patience:
    """So many seconds of an idle machine, and more where they are over on one that is slower now."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = time.monotonic()
        self._limit = seconds

    def is_over(self) -> bool:
        """Tell whether it is; measured only when the seconds are over, so that what comes in time costs nothing."""
        passed = time.monotonic() - self._began
        if passed > self._limit:
            self._limit = max(self._limit, self._seconds * slowness())
        return passed > self._limit

    def nap(self) -> None:
        """Sleep before the next look: the longer it has taken, the less a little more matters, and looking costs the others time."""
        time.sleep(min(0.05, max(0.005, (time.monotonic() - self._began) / 20)))


class StoppedUntil:
    """A clock that stands still until a program has written a file, however long a busy machine takes to start it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._since: float | None = None

    def __call__(self) -> float:
        if self._since is None and self._path.exists() and self._path.read_text(encoding="ascii").endswith("\n"):
            self._since = time.monotonic()
        return 0.0 if self._since is None else time.monotonic() - self._since


def until(come: Callable[[], object], what: str = "it") -> None:
    """Wait for something to come true."""
    patience = Patience(PATIENCE)
    while not come():
        assert not patience.is_over(), f"{what} did not come"
        patience.nap()


def is_running(pid: int) -> bool:
    """Tell whether a process is there and not just waiting to be reaped."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stream:
            return stream.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        # the latter where it went between the two calls
        return False


def until_gone(pid: int) -> None:
    """Wait for a process to end."""
    until(lambda: not is_running(pid), f"the end of {pid}")


def until_written(path: Path) -> str:
    """Wait for a file with a line in it and return that."""
    until(lambda: path.exists() and path.read_text(encoding="ascii").endswith("\n"), str(path))
    return path.read_text(encoding="ascii").strip()


def said_and_heard(runner: Runner, directory: Path) -> None:
    """Run a program that says how far it is, each time once it was heard, and see that all of it is."""
    heard: list[float] = []

    def hear(fraction: float) -> None:
        heard.append(fraction)
        (directory / f"{round(fraction * 100)}").touch()

    says = "for i in 10 55 100; do printf '    (%s.00/100%%)\\r' $i; while [ ! -e $0/$i ]; do sleep 0.01; done; done"
    assert runner.run(["sh", "-c", says, str(directory)], on_progress=hear).returncode == 0
    assert list(dict.fromkeys(heard)) == [0.1, 0.55, 1.0]
