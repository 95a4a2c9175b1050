# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clears away what runs of tests leave: each its own at its end, and at its start that of runs whose owner was killed.

What a living run has made is never touched; all is found by the name of a run (C(runs)), never by the name of a program alone.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
from typing import Callable, Iterable, Iterator

from ansible_collections.vdisk.gluster.tests.harness import callers, glusterd, runs
from ansible_collections.vdisk.gluster.tests.harness.daemon import NoDaemon
from ansible_collections.vdisk.gluster.tests.harness.lab import lab as labs
from ansible_collections.vdisk.gluster.tests.harness.lab.plan import LabError
from ansible_collections.vdisk.gluster.tests.harness.runs import Run

Tell = Callable[[str], object]
_VOLUMES = pathlib.Path("/var/lib/glusterd/vols")
_TEMPORARY = (pathlib.Path("/tmp"), pathlib.Path("/dev/shm"))
"""Where tests that cannot do with the TMPDIR of their run make directories that begin with its prefix."""
_PATIENCE = 60
"""Seconds that something may take to go on a busy machine."""


class Stays(Exception):
    """Something of a run cannot be taken away."""


@contextlib.contextmanager
def running(tell: Tell) -> Iterator[Run]:
    """Be a run of tests, after what dead ones have left was cleared away; within another one, be of that."""
    outer = runs.joined()
    if outer is not None:
        yield outer
        return
    variables = dict(os.environ)
    with runs.alone():
        _clear_dead(tell)
        run = runs.register()
    callers.end_with_make(run.processes)
    try:
        yield run
    finally:
        with runs.alone():
            _clear_told(run, tell, f"{run} itself", ("processes",))
        runs.forget(run)
        for name in (runs.VARIABLE, "TMPDIR"):
            os.environ.pop(name, None)
            os.environ.update({name: variables[name]} if name in variables else {})
        tempfile.tempdir = None


def clear_dead(tell: Tell) -> bool:
    """Clear away what runs have left whose owner has ended; return whether all of it could be."""
    with runs.alone():
        return _clear_dead(tell)


def _clear_dead(tell: Tell) -> bool:
    dead = [run for run in runs.known() if not run.lives()]
    # all of them, also after one that stays
    gone = [_clear_told(run, tell, f"{run}, which was interrupted,") for run in dead]
    if dead:
        with contextlib.suppress(NoDaemon):
            glusterd.stop_if_unused()
    return all(gone)


def _clear_told(run: Run, tell: Tell, who: str, usual: tuple[str, ...] = ()) -> bool:
    """Clear a run away and say what there was, unless it is only of the C(usual) kinds."""
    cleared: dict[str, list[str]] = {}
    try:
        _clear(run, cleared)
    except (Stays, LabError, NoDaemon, OSError, subprocess.SubprocessError) as problem:
        tell(f"not all that {who} had left could be cleared away, the next run tries again: {problem}")
        return False
    finally:
        told = [f"{kind}: {', '.join(found)}" for kind, found in cleared.items() if found and kind not in usual]
        if told or not usual:
            tell(f"cleared away what {who} had left: {'; '.join([*told, 'its directory'])}")
    return True


def _clear(run: Run, cleared: dict[str, list[str]]) -> None:
    """Take all of a run away; what was there is written down by kinds, as it goes."""
    # first who could make more
    cleared["processes"] = _kill_all(run)
    cleared["labs"] = [name for name in run.labs if labs.down(name, of=run.name)]
    cleared["mounts"] = _unmount_all(run)
    cleared["volumes"] = _delete_volumes(run)
    _remove_directories(run)
    runs.remove_cgroup(run)


def _kill_all(run: Run) -> list[str]:
    killed: dict[int, str] = {}
    end = time.monotonic() + _PATIENCE
    while found := {pid for pid in {*run.processes(), *_of_gluster(run)} if pid != os.getpid()}:
        if time.monotonic() > end:
            raise Stays(f"the processes {sorted(found)} do not end")
        for pid in found:
            killed.setdefault(pid, f"{_words(pid)[0].rpartition('/')[2]} ({pid})")
            _kill(pid, run)
        time.sleep(0.02)
    return list(killed.values())


def _kill(pid: int, run: Run) -> None:
    """Kill a process if it is of a run; a number that has gone to another process meanwhile is left alone."""
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            if pid in run.processes() or names_volume(_words(pid), run.prefix):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        finally:
            os.close(descriptor)


def _of_gluster(run: Run) -> list[int]:
    """Return the bricks of a run's volumes, which live apart from it, and what has them mounted."""
    pids = (int(path.name) for path in pathlib.Path("/proc").glob("[0-9]*"))
    return [pid for pid in pids if names_volume(_words(pid), run.prefix)]


def names_volume(words: list[str], prefix: str) -> bool:
    """Tell whether a command line is that of a process of GlusterFS that serves or mounts a volume whose name begins so."""
    ids = [word.partition("--volfile-id=")[2] or word for word in words[1:]]
    return os.path.basename(words[0]) in ("glusterfs", "glusterfsd") and any(word.lstrip("/").startswith(prefix) for word in ids)


def _words(pid: int) -> list[str]:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return [""]


def _unmount_all(run: Run) -> list[str]:
    cleared: list[str] = []
    end = time.monotonic() + _PATIENCE
    while found := _mounts(run):
        if time.monotonic() > end:
            raise Stays(f"these stay mounted: {', '.join(found)}")
        for point in found:
            # the path is not looked at first: what is mounted there may not answer
            command = ["umount", "--lazy", "--no-canonicalize", "--", point]
            if subprocess.run(command, capture_output=True, check=False, timeout=_PATIENCE).returncode == 0:
                cleared.append(point)
    return cleared


def _mounts(run: Run) -> list[str]:
    table = pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape")
    return mounts_of(table, run.prefix, [place for place in (run.directory, run.scratch) if place is not None])


def mounts_of(table: str, prefix: str, places: Iterable[pathlib.Path]) -> list[str]:
    """Return the mount points of a mount table that lie below places or show a volume whose name begins so, the last one first."""
    found = []
    for line in table.splitlines():
        source, point = (_unescaped(word) for word in line.split(" ")[:2])
        shows = source.startswith(prefix) or source.partition(":/")[2].startswith(prefix)
        if shows or any(f"{point}/".startswith(f"{place}/") for place in places):
            found.append(point)
    return found[::-1]


def _unescaped(word: str) -> str:
    octal = re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), word.encode(errors="surrogateescape"))
    return octal.decode(errors="surrogateescape")


def _delete_volumes(run: Run) -> list[str]:
    names = [path.name for path in sorted(_VOLUMES.glob(f"{run.prefix}*"))]
    if not names:
        return []
    end = time.monotonic() + _PATIENCE
    with glusterd.running():
        for name in names:
            # another run may have glusterd's ear at the moment
            while (_VOLUMES / name).exists():
                told = [_gluster("stop", name, "force"), _gluster("delete", name)]
                if time.monotonic() > end:
                    raise Stays(f"the volume {name} stays: {' '.join(told)}")
    return names


def _gluster(*words: str) -> str:
    done = subprocess.run(["gluster", "--mode=script", "volume", *words], capture_output=True, text=True, check=False, timeout=300)
    return done.stderr.strip()


def _remove_directories(run: Run) -> None:
    for place in _TEMPORARY:
        for entry in place.glob(f"{run.prefix}*"):
            _remove(entry)
    scratch = run.scratch
    # pytest keeps those of the last runs, but would keep one that was killed for days; one that was given to it is its user's
    if scratch is not None and not run.lives() and re.fullmatch(r"pytest-\d+", scratch.name):
        _remove(scratch)
    for entry in sorted(run.directory.glob("*")):
        # what tells of the run goes last
        if entry.name not in ("lock", "about", "labs", "scratch"):
            _remove(entry)
    shutil.rmtree(run.directory / "labs", ignore_errors=True)
    _remove(run.directory)


def _remove(path: pathlib.Path) -> None:
    # never beyond what is mounted, should anything still be
    done = subprocess.run(["rm", "-rf", "--one-file-system", "--", str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Stays(done.stderr.strip())
