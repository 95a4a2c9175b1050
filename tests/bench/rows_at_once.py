# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Eight operations on eight volumes by eight processes against one on one, and the processors' time, which tells what limits."""

from __future__ import annotations

import multiprocessing
import os
import pathlib
import resource
import statistics
import time
from dataclasses import dataclass, field

from glusterfs import Site
from table import show
from timing import Row, figure, take_turns

_AT_ONCE = 8
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class _Used:
    """Seconds by the clock, and seconds of processors that the tasks and GlusterFS used meanwhile."""

    clock: list[float] = field(default_factory=list)
    tasks: list[float] = field(default_factory=list)
    glusterfs: list[float] = field(default_factory=list)

    def told(self) -> str:
        """Return the medians as a clause."""
        clock, tasks, servers = (statistics.median(found) * 1000 for found in (self.clock, self.tasks, self.glusterfs))
        return f"{figure(clock)} ms by the clock, of processors {figure(tasks)} ms in tasks and {figure(servers)} ms in GlusterFS"


def measure(site: Site, repetitions: int) -> None:
    """Measure and print."""
    volumes = [f"eight{number}" for number in range(_AT_ONCE)]
    site.do("gluster_volume_file", name=["one", *volumes], size="1G")
    rows, notes = [], []
    for state, other in (("present", "absent"), ("absent", "present")):
        used = {"eight": _Used(), "one": _Used()}
        # the first one is not counted: what no process and no brick has seen yet
        for repetition in range(-1, repetitions):
            contenders = {
                "eight": lambda state=state, used=used: _together(site, volumes, state, used["eight"]),
                "one": lambda state=state, used=used: _together(site, ["one"], state, used["one"]),
            }
            take_turns(contenders, repetition, {"eight": [], "one": []})
            if repetition < 0:
                used = {"eight": _Used(), "one": _Used()}
            site.do("gluster_snapshot", volume=["one", *volumes], name=["s"], state=other)
        said = "taken" if state == "present" else "dropped"
        name = f"{_AT_ONCE} snapshots {said} by {_AT_ONCE} processes"
        rows.append(Row(name, used["eight"].clock, used["one"].clock, "one by one process", "at most 2"))
        floor = [(tasks + servers) / (os.cpu_count() or 1) / one for tasks, servers, one in _columns(used)]
        notes += [
            f"{said}: one: {used['one'].told()}",
            f"{said}: eight: {used['eight'].told()};",
            f"  on {os.cpu_count()} processors their time alone is {figure(statistics.median(floor))} times one by the clock",
        ]
        site.do("gluster_snapshot", volume=["one", *volumes], name=["s"])
    show("Eight volumes at once, by processes that have started already: nobody waits for another's lock", rows, notes=notes)


def _columns(used: dict[str, _Used]) -> list[tuple[float, float, float]]:
    return list(zip(used["eight"].tasks, used["eight"].glusterfs, used["one"].clock))


def _together(site: Site, volumes: list[str], state: str, used: _Used) -> float:
    """Change each volume in a process of its own, all let go at once, and return the seconds until the last is done."""
    context = multiprocessing.get_context("fork")
    ready, done = context.Barrier(len(volumes) + 1), context.Barrier(len(volumes) + 1)
    spent = context.Array("d", len(volumes))

    def work(number: int, volume: str) -> None:
        ready.wait()
        before = _spent()
        site.do("gluster_snapshot", volume=[volume], name=["s"], state=state)
        spent[number] = _spent() - before
        done.wait()

    processes = [context.Process(target=work, args=pair) for pair in enumerate(volumes)]
    for process in processes:
        process.start()
    # all have been forked and wait
    while ready.n_waiting < len(volumes):
        time.sleep(0.005)
    servers = _glusterfs_spent(site)
    started = time.perf_counter()
    ready.wait()
    done.wait()
    seconds = time.perf_counter() - started
    servers = _glusterfs_spent(site) - servers
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("a process failed to change its volume")
    used.clock.append(seconds)
    used.tasks.append(sum(spent))
    used.glusterfs.append(servers)
    return seconds


def _spent() -> float:
    """Return the seconds of processors that this process and the programs it has waited for have used."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _glusterfs_spent(site: Site) -> float:
    """Return the seconds of processors that the share's FUSE client and brick have used."""
    name = site.share.rpartition("/")[2]
    total = 0.0
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            argv = path.read_bytes()
            if name.encode() in argv and b"glusterfs" in argv.split(b"\0")[0]:
                # fields 14 and 15 of proc(5), counted from behind the program's name
                times = (path.parent / "stat").read_bytes().rpartition(b")")[2].split()[11:13]
                total += sum(map(int, times)) / _TICK
        except OSError:
            continue  # it has just ended
    return total
