# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of tests that a test starts, to interrupt it and to look for what it leaves."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
from typing import Callable, Iterable

from ansible_collections.vdisk.gluster.tests.harness import runs
from ansible_collections.vdisk.gluster.tests.harness.callers import ancestors
from ansible_collections.vdisk.gluster.tests.harness.checkout import CACHE, ROOT
from ansible_collections.vdisk.gluster.tests.harness.lab import cgroups
from ansible_collections.vdisk.gluster.tests.harness.lab.inhabitants import inhabitants
from ansible_collections.vdisk.gluster.tests.harness.processes import wait_until
from ansible_collections.vdisk.gluster.tests.harness.waiting import Patience

_PATIENCE = 300
"""Seconds that a run may take until it has made its things, on a busy machine and with packages to be installed."""
HARNESS = [sys.executable, "-m", "ansible_collections.vdisk.gluster.tests.harness"]


def environment() -> dict[str, str]:
    """Return the environment of a run of its own, not of one that is part of this."""
    ours = (runs.VARIABLE, "TMPDIR", "PYTEST_")
    return {**{name: value for name, value in os.environ.items() if not name.startswith(ours)}, "PYTHONPATH": str(CACHE)}


class Started:
    """A run of tests, by the command that starts it; C(root) is its first process."""

    def __init__(self, argv: list[str], log: pathlib.Path) -> None:
        self._log = log
        with open(log, "w", encoding="utf-8") as stream:
            self.root = subprocess.Popen(argv, cwd=ROOT, env=environment(), stdout=stream, stderr=stream, start_new_session=True)
        self.run: runs.Run | None = None
        self._labs: list[str] = []
        self._scratch = ""
        self._processes: set[tuple[int, str | None]] = set()

    def wait_until_made(self, made: Callable[[Started], object]) -> None:
        """Wait until it has made what is to be left behind, and note all that lives in it."""
        wait_until(lambda: self._has_made(made), f"the run to make its things, see {self._log}", _PATIENCE)
        self._labs, self._scratch = self.run.labs, str(self.run.scratch)
        # a process of a lab clears its environment and has a cgroup of another name
        spaces = [path for lab in self._labs for path in pathlib.Path(f"/run/vdisk-lab-{lab}").glob("*/net")]
        for pid in {self.root.pid, *self.run.processes(), *inhabitants(spaces), *self._marked()}:
            self._processes.add((pid, _began(pid)))

    def _has_made(self, made: Callable[[Started], object]) -> bool:
        assert self.root.poll() is None, f"it ended too early: {self.said()}"
        for run in runs.known():
            if run.owner is not None and self.root.pid in (run.owner, *ancestors(run.owner)):
                self.run = run
                if made(self):
                    return True
        return False

    def said(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def programs(self, state: str = "") -> set[str]:
        """Return the names of the programs that run in it, or of those that are in a state, as C(T) for stopped."""
        found = set()
        for pid in self._marked():
            with contextlib.suppress(OSError):
                if state in _status(pid)[0]:
                    found.add(pathlib.Path(f"/proc/{pid}/comm").read_text().strip())
        return found

    def mounts(self) -> list[str]:
        return [line for line in pathlib.Path("/proc/self/mounts").read_text().splitlines() if self.run.name in line]

    def lab_is_up(self, hosts: int) -> bool:
        """Tell whether it has a lab of so many hosts."""
        return len([path for lab in self.run.labs for path in pathlib.Path(f"/run/vdisk-lab-{lab}").glob("*/shared/ready")]) >= hosts

    def traces(self, scratch: bool = True) -> list[str]:
        """Return all of it that is still there; not C(scratch): but for what pytest keeps of its last runs."""
        names = [self.run.name, *(f"vdisk-lab-{lab}" for lab in self._labs)]
        table = pathlib.Path("/proc/self/mounts").read_text(errors="replace")
        found = [line for line in table.splitlines() if any(name in line for name in (*names, f"{self._scratch}/"))]
        found += [f"process {pid}" for pid, began in self._processes if began and _began(pid) == began]
        found += [f"process {pid}" for pid in self._marked()]
        found += [f"/sys/class/net/vdl-{lab}" for lab in self._labs if os.path.exists(f"/sys/class/net/vdl-{lab}")]
        directories = [*(f"/run/vdisk-lab-{lab}" for lab in self._labs), str(self.run.directory), *([self._scratch] if scratch else [])]
        found += [path for path in directories if os.path.lexists(path)]
        places = [*map(pathlib.Path, ("/tmp", "/dev/shm", "/run", "/var/lib", "/var/lib/glusterd/vols")), cgroups.tree()]
        found += [str(path) for place in places for path in place.glob("*") if _contains(path.name, names)]
        found += [str(path) for path in cgroups.tree().glob("vdisk-tests/*") if _contains(path.name, names)]
        for file in pathlib.Path("/sys/block").glob("loop*/loop/backing_file"):
            with contextlib.suppress(OSError):
                found += [str(file)] if _contains(file.read_text(), [self.run.name, *(f"/{lab}." for lab in self._labs)]) else []
        return found

    def _marked(self) -> set[int]:
        """Return the processes that carry its name in their environment, their arguments or their cgroup."""
        marks = [self.run.name.encode(), *(f"vdisk-lab-{lab}/".encode() for lab in self._labs)]
        found = set()
        for directory in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                told = b"".join((directory / what).read_bytes() for what in ("environ", "cmdline", "cgroup"))
                if _began(int(directory.name)) and any(mark in told for mark in marks):
                    found.add(int(directory.name))
        return found

    def stop(self) -> None:
        """Stop all of it but its first process, so that nothing of what is to be cleared away goes by itself."""
        for pid in self._marked() - {self.root.pid}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def close(self) -> None:
        """End what a failed test has left of it."""
        if self.root.poll() is None:
            self.root.kill()
        self.root.wait()
        if self.run and self.run.lives():
            os.kill(self.run.owner, signal.SIGKILL)
        clear()


def clear() -> str:
    """Clear away what dead runs have left, as each run does at its start; return what it said."""
    done = subprocess.run([*HARNESS, "clear"], cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stderr


def pytest_of(*words: str) -> list[str]:
    """Return the command of a run of pytest."""
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]


def mounted_by_a_test(started: Started) -> bool:
    """Tell whether a share is mounted, as a test does after all that its session makes is there."""
    return any(":/vdt" in line and "/root-" not in line for line in started.mounts())


def killed(started: Started, process: int | None = None) -> None:
    """Kill the first process of a run, or another one, and see that what it leaves is cleared away."""
    started.stop()
    os.kill(process or started.root.pid, signal.SIGKILL)
    started.root.wait()
    assert started.traces()
    gone(started, clear())


def gone(started: Started, told: str, scratch: bool = True) -> None:
    """See that nothing of a run is left."""
    patience = Patience(5)  # the kernel takes its time with process 1 of a name space
    while (left := started.traces(scratch)) and not patience.is_over():
        patience.nap()
    assert not left, f"{left} is left; {told}"


def _contains(text: str, names: Iterable[str]) -> bool:
    return any(name in text for name in names)


def _began(pid: int) -> str | None:
    """Return when a process was started, None where it has ended and at most waits to be reaped."""
    try:
        state, *others = _status(pid)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else others[18]


def _status(pid: int) -> list[str]:
    """Return what the kernel tells of a process, from its state on."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
