# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of tests, as this machine knows it: what it makes bears its name, and its owner holds a lock that ends with its process.

The owner is a pytest, or the program that runs another one (C(harness run)). Of the run are all processes that it starts: they live in a
cgroup of the run's own, which no program leaves by going to the background or by clearing its environment.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
import shlex
import sys
import tempfile
import time
import uuid
from typing import Any, Iterator, TextIO

from ansible_collections.vdisk.gluster.tests.harness.lab import cgroups

STATE = pathlib.Path("/var/lib/vdisk-tests")
"""Below it each run has a directory of its own. Not below /tmp: a brick needs extended attributes of the trusted name space."""
VARIABLE = "VDISK_TEST_RUN"
"""Holds the name of the run in the environment of its processes."""
_CGROUPS = "vdisk-tests"
_SHARED = "shared"
_OWNER = ".vdisk-run"
"""The file in the directories of a run's tests that names it."""
_held: dict[str, TextIO] = {}


class NoRun(Exception):
    """Something of a run is asked for where there is none."""


@dataclasses.dataclass(frozen=True)
class Run:
    """A run, its own or another, living or not."""

    name: str

    @property
    def directory(self) -> pathlib.Path:
        return STATE / self.name

    @property
    def prefix(self) -> str:
        """How the names of its GlusterFS volumes begin."""
        return f"vdt{self.name}-"

    @property
    def cgroup(self) -> pathlib.Path:
        return cgroups.tree() / _CGROUPS / self.name

    @property
    def scratch(self) -> pathlib.Path | None:
        """Where its pytest has the directories of tests, as long as they are its own: pytest numbers them anew where they were removed."""
        try:
            directory = pathlib.Path(os.readlink(self.directory / "scratch"))
            return directory if (directory / _OWNER).read_text(encoding="ascii") == self.name else None
        except (FileNotFoundError, NotADirectoryError):
            return None

    @property
    def labs(self) -> list[str]:
        """The labs that it has made, or was about to make."""
        return sorted(path.name for path in self.directory.glob("labs/*"))

    def __str__(self) -> str:
        """What a person knows it by."""
        about = self._about()
        return f"the run {self.name} ({about['command']} of {about['began']})" if about else f"the run {self.name}"

    @property
    def owner(self) -> int | None:
        """The process that it lives as long as."""
        return self._about().get("owner")

    def _about(self) -> dict[str, Any]:
        try:
            return json.loads((self.directory / "about").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # it was killed while it wrote that

    def place(self, what: str, mode: int = 0o700) -> pathlib.Path:
        """Make a directory for this process."""
        made = self.directory / f"{what}-{os.getpid()}"
        made.mkdir(mode=mode)
        return made

    def note_scratch(self, directory: pathlib.Path) -> None:
        """Write down where its pytest has the directories of tests, here and there."""
        (directory / _OWNER).write_text(self.name, encoding="ascii")
        # a run in which one pytest follows another has that of the last
        (self.directory / "scratch").unlink(missing_ok=True)
        (self.directory / "scratch").symlink_to(directory)

    def note_lab(self, name: str) -> None:
        """Write down that a lab is about to be made."""
        (self.directory / "labs" / name).touch()

    def processes(self) -> list[int]:
        """Return the processes of its cgroup."""
        try:
            return [int(line) for line in (self.cgroup / "cgroup.procs").read_text().split()]
        except FileNotFoundError:
            return []

    def lives(self) -> bool:
        """Tell whether its owner does."""
        if self.name in _held:
            # this process: to close the file once more would give the lock away
            return True
        try:
            with open(self.directory / "lock", "r+", encoding="ascii") as lock:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False  # killed before it had one; nobody registers while others look
        except BlockingIOError:
            return True
        return False


def joined() -> Run | None:
    """Return the run that this process belongs to, if any."""
    name = os.environ.get(VARIABLE)
    return Run(name) if name else None


def current() -> Run:
    """Return the run that this process belongs to.

    :raises NoRun: it belongs to none.
    """
    run = joined()
    if run is None:
        raise NoRun("this makes things that have to be cleared away where it is killed: run it by make or by pytest")
    return run


def known() -> list[Run]:
    """Return all runs of this machine that have left a trace, living or not."""
    return [Run(path.name) for path in sorted(STATE.glob("*")) if path.is_dir()]


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Let nobody register, or clear away, meanwhile."""
    # bricks and QEMU's user have to get to what lies below it
    STATE.mkdir(mode=0o711, exist_ok=True)
    with open(STATE / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def register() -> Run:
    """Make a run with this process as its owner; for the time of C(alone)."""
    run = Run(uuid.uuid4().hex[:8])
    run.directory.mkdir(mode=0o711)
    # a lock of POSIX: a process that tests have forked off and left behind does not inherit it
    _held[run.name] = open(run.directory / "lock", "w", encoding="ascii")
    fcntl.lockf(_held[run.name], fcntl.LOCK_EX)
    program = pathlib.Path(sys.argv[0])
    command = shlex.join([program.parent.name if program.name == "__main__.py" else program.name, *sys.argv[1:]])
    about = {"command": command, "began": time.strftime("%Y-%m-%d %H:%M:%S"), "owner": os.getpid()}
    (run.directory / "about").write_text(json.dumps(about), encoding="utf-8")
    (run.directory / "labs").mkdir(mode=0o755)
    temporary = run.directory / "tmp"
    temporary.mkdir()
    temporary.chmod(0o1777)
    _enter(run.cgroup)
    os.environ.update({VARIABLE: run.name, "TMPDIR": str(temporary)})
    tempfile.tempdir = None  # to be looked up anew
    return run


def forget(run: Run) -> None:
    """Let go of the lock of a run of this process, which is over."""
    _held.pop(run.name).close()


def go_apart() -> None:
    """Leave the run, for what outlives it because all runs share it; the processes that this one starts go along."""
    if joined():
        _enter(cgroups.tree() / _CGROUPS / _SHARED)
        for name in (VARIABLE, "TMPDIR"):
            os.environ.pop(name, None)


def remove_cgroup(run: Run) -> None:
    """Take the cgroup of a run away, once it is empty."""
    if os.getpid() in run.processes():
        go_apart()
    cgroups.remove_cgroup(run.cgroup)


def _enter(cgroup: pathlib.Path) -> None:
    cgroup.mkdir(parents=True, exist_ok=True)
    # 0 is the one that writes
    (cgroup / "cgroup.procs").write_text("0")
