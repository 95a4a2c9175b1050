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

from glusterfs import Site, slow_down
from table import show
from timing import Row, figure, take_turns

_AT_ONCE = 8
_VOLUMES = [f"eight{number}" for number in range(_AT_ONCE)]
_DELAY = 5
"""Milliseconds that each call takes the brick longer, where it is to be slow."""


@dataclass
class _Used:
    """Seconds by the clock, seconds of processors that the tasks and GlusterFS used, and the part that processors stood idle."""

    clock: list[float] = field(default_factory=list)
    tasks: list[float] = field(default_factory=list)
    glusterfs: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)

    def told(self) -> str:
        """Return the medians as a clause."""
        clock, tasks, servers = (statistics.median(found) * 1000 for found in (self.clock, self.tasks, self.glusterfs))
        return (
            f"{figure(clock)} ms by the clock, of processors {figure(tasks)} ms in tasks and {figure(servers)} ms in GlusterFS, "
            f"{statistics.median(self.idle) * 100:.0f} % idle"
        )


def measure(site: Site, repetitions: int) -> None:
    """Measure and print."""
    hosts = [str(site.base)] * _AT_ONCE
    site.do("gluster_volume_file", name=["one", *_VOLUMES], size="1G")
    _measure(site, repetitions, hosts, "one mount, as tasks on one host")
    slow_down(site, _DELAY)
    fewer = max(2, repetitions // 2)
    notes = (
        f"Each call takes the brick {_DELAY} ms longer, so that neither disk nor processors are the limit. On one mount the kernel lets",
        "names in a directory be changed by one call at a time, whatever volume they are of; eight mounts share nothing but the share.",
    )
    _measure(site, fewer, hosts, "one mount, a slow brick", notes)
    others = [f"{site.base}-{number}" for number in range(_AT_ONCE)]
    for base in others:
        site.do("gluster_share_mount", mount_point_base=base)
    _measure(site, fewer, others, "eight mounts, as on eight hosts, a slow brick")


def _measure(site: Site, repetitions: int, hosts: list[str], where: str, more: tuple[str, ...] = ()) -> None:
    rows, notes = [], [*more]
    for state, other in (("present", "absent"), ("absent", "present")):
        used = {"eight": _Used(), "one": _Used()}
        # the first one is not counted: what no process and no brick has seen yet
        for repetition in range(-1, repetitions):
            contenders = {
                "eight": lambda state=state, used=used: _together(site, dict(zip(_VOLUMES, hosts)), state, used["eight"]),
                "one": lambda state=state, used=used: _together(site, {"one": hosts[0]}, state, used["one"]),
            }
            take_turns(contenders, repetition, {"eight": [], "one": []})
            if repetition < 0:
                used = {"eight": _Used(), "one": _Used()}
            site.do("gluster_snapshot", volume=["one", *_VOLUMES], name=["s"], state=other)
        said = "taken" if state == "present" else "dropped"
        rows.append(Row(f"{_AT_ONCE} snapshots {said}", used["eight"].clock, used["one"].clock, "one by one process", "at most 2"))
        notes += [
            f"{said}: one: {used['one'].told()}",
            f"{said}: eight: {used['eight'].told()};",
            f"  on {os.cpu_count()} processors their time alone is {figure(statistics.median(_floors(used)))} times one by the clock",
        ]
        site.do("gluster_snapshot", volume=["one", *_VOLUMES], name=["s"])
    # none of them stays for the next measurement
    site.do("gluster_snapshot", volume=["one", *_VOLUMES], name=["s"], state="absent")
    show(f"Eight volumes at once, by eight processes that have started already: {where}", rows, notes=notes)


def _floors(used: dict[str, _Used]) -> list[float]:
    """Return how many times one the processors need for eight, at the least."""
    triples = zip(used["eight"].tasks, used["eight"].glusterfs, used["one"].clock)
    return [(tasks + servers) / (os.cpu_count() or 1) / one for tasks, servers, one in triples]


def _together(site: Site, volumes: dict[str, str], state: str, used: _Used) -> float:
    """Change each volume in a process of its own, all let go at once, and return the seconds until the last is done.

    C(volumes) are the volumes with the mount point base at which each process has the share.
    """
    context = multiprocessing.get_context("fork")
    ready, done = context.Barrier(len(volumes) + 1), context.Barrier(len(volumes) + 1)
    spent = context.Array("d", len(volumes))

    def work(number: int, volume: str) -> None:
        ready.wait()
        before = _spent()
        site.do("gluster_snapshot", volume=[volume], name=["s"], state=state, mount_point_base=volumes[volume])
        spent[number] = _spent() - before
        done.wait()

    processes = [context.Process(target=work, args=pair) for pair in enumerate(volumes)]
    for process in processes:
        process.start()
    # all have been forked and wait
    while ready.n_waiting < len(volumes):
        time.sleep(0.005)
    servers, (idle, every) = _glusterfs_spent(site), _processors()
    started = time.perf_counter()
    ready.wait()
    done.wait()
    seconds = time.perf_counter() - started
    servers = _glusterfs_spent(site) - servers
    idle_now, every_now = _processors()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("a process failed to change its volume")
    used.clock.append(seconds)
    used.tasks.append(sum(spent))
    used.glusterfs.append(servers)
    used.idle.append((idle_now - idle) / max(1, every_now - every))
    return seconds


def _spent() -> float:
    """Return the seconds of processors that this process and the programs it has waited for have used."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _processors() -> tuple[int, int]:
    """Return the ticks that all processors stood idle, and all of their ticks."""
    with open("/proc/stat", encoding="ascii") as stream:
        ticks = [int(field) for field in stream.readline().split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def _glusterfs_spent(site: Site) -> float:
    """Return the seconds of processors that the share's FUSE client and brick have used."""
    name = site.share.rpartition("/")[2]
    total = 0.0
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            argv = path.read_bytes()
            if name.encode() in argv and b"glusterfs" in argv.split(b"\0")[0]:
                # to the nanosecond, where the times in stat are in ticks
                threads = (path.parent / "task").iterdir()
                total += sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9
        except OSError:
            continue  # it has just ended
    return total
