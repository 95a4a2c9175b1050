# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GlusterFS's management daemon of this machine: started by the first of all processes that need it at a time, stopped by the last.

A daemon that runs already is used and left running. Users hold a lock that ends with their process, so a killed one is not waited for.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import signal
import subprocess
import time
from typing import Callable, Iterator

# of the machine, not of the checkout: there is one daemon, whatever the number of checkouts whose tests run
_STATE = pathlib.Path("/run/vdisk-tests")
_STARTED = _STATE / "glusterd.started"
_PID_FILE = pathlib.Path("/run/glusterd.pid")
_LOG = pathlib.Path("/var/log/glusterfs/glusterd.log")
_PATIENCE = 60
"""Seconds in which it has to answer, or to end."""


class NoDaemon(Exception):
    """glusterd does not start, answer or stop."""

    def __init__(self, problem: str) -> None:
        last = _LOG.read_text(encoding="utf-8", errors="replace")[-2000:] if _LOG.exists() else ""
        super().__init__(f"glusterd {problem}: {last}")


def running_pid() -> int | None:
    """Return the daemon's process; not that of a lab, in another process name space, and no dead one that nobody has reaped."""
    ours = os.readlink("/proc/self/ns/pid")
    for directory in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            status = (directory / "stat").read_text(encoding="ascii", errors="replace")
            name, _end, rest = status.partition("(")[2].rpartition(")")
            if name == "glusterd" and rest.split()[0] not in "ZX" and os.readlink(directory / "ns/pid") == ours:
                return int(directory.name)
    return None


@contextlib.contextmanager
def running() -> Iterator[None]:
    """Have the daemon run.

    :raises NoDaemon: it does not.
    """
    _STATE.mkdir(mode=0o700, exist_ok=True)
    # locks of POSIX: a process that tests have forked off and left behind does not inherit them
    with open(_STATE / "glusterd.users", "a+", encoding="ascii") as users:
        with _alone():
            fcntl.lockf(users, fcntl.LOCK_SH)
            if running_pid() is None:
                _start()
            _wait(_answers, "does not answer")
        try:
            yield
        finally:
            with _alone():
                fcntl.lockf(users, fcntl.LOCK_UN)
                with contextlib.suppress(BlockingIOError):
                    fcntl.lockf(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _stop_what_was_started()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    with open(_STATE / "glusterd.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _has_systemd() -> bool:
    return os.path.isdir("/run/systemd/system")


def _start() -> None:
    argv = ["systemctl", "start", "glusterd"] if _has_systemd() else ["glusterd", "-p", str(_PID_FILE)]
    if subprocess.run(argv, check=False).returncode:
        raise NoDaemon("does not start")
    _wait(lambda: running_pid() is not None, "does not start")
    # the process that answers now, so that one that somebody else starts later is not taken for it
    _STARTED.write_text(str(running_pid()), encoding="ascii")


def _answers() -> bool:
    argv = ["gluster", "--mode=script", "--timeout=5", "pool", "list"]
    return subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def _stop_what_was_started() -> None:
    pid = running_pid()
    if not _STARTED.exists() or pid is None or _STARTED.read_text(encoding="ascii") != str(pid):
        return
    if _has_systemd():
        subprocess.run(["systemctl", "stop", "glusterd"], check=False)
    else:
        os.kill(pid, signal.SIGTERM)
    _wait(lambda: running_pid() is None, "does not stop")
    _STARTED.unlink()


def _wait(condition: Callable[[], bool], problem: str) -> None:
    end = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise NoDaemon(problem)
        time.sleep(0.1)
