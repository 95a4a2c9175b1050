# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same change in deeper chains and in larger volumes: what an operation costs ought not to grow with either."""

from __future__ import annotations

import pathlib
import statistics
from typing import Callable, Dict, List, Tuple

from engine import commands, timed_program
from glusterfs import Site, command, write_argv
from table import show
from timing import Row, figure, take_turns

_DEPTHS = (1, 10, 50, 200)
"""Files of the chain."""
_SIZES = {"1 GiB": "1G", "100 GiB": "100G", "1 TiB": "1T", "10 TiB": "10T"}
_LAST = "last"

Times = Dict[Tuple[str, str], Dict[str, List[float]]]


def measure(site: Site, repetitions: int) -> None:
    """Measure and print."""
    _measure_depths(site, repetitions)
    _measure_sizes(site, repetitions)


def _measure_depths(site: Site, repetitions: int) -> None:
    times: Times = {}
    for depth in _DEPTHS:
        _deepen(site, depth)
        for repetition in range(-1, repetitions):
            _turn(site, repetition, times, f"{depth} files", f"d{depth - 1}" if depth > 1 else None)
    site.do("gluster_volume_file", name=["v"], state="absent", delete_snapshots=True)
    _print("Chains of more files, 1 MiB changed", times, [f"{depth} files" for depth in _DEPTHS])


def _measure_sizes(site: Site, repetitions: int) -> None:
    times: Times = {}
    for name, size in _SIZES.items():
        site.do("gluster_volume_file", name=["v"], size=size, max_over_subscription_ratio=1e6)
        bare = _directory(site)
        command("qemu-img", "create", "-q", "-f", "raw", str(bare / "v"), size)
        for repetition in range(-1, repetitions):
            _turn(site, repetition, times, name, None)
            _create(site, repetition, times, name, size)
        site.do("gluster_volume_file", name=["v"], state="absent", delete_snapshots=True)
    _print("Larger volumes, sparse, 1 MiB changed", times, list(_SIZES))


def _directory(site: Site) -> pathlib.Path:
    """Return the directory of the bare tools, emptied."""
    directory = site.bare / "deep"
    directory.mkdir(exist_ok=True)
    for path in directory.iterdir():
        path.unlink()
    return directory


def _deepen(site: Site, depth: int) -> None:
    """Let both sides have a chain of so many files."""
    directory = site.bare / "deep"
    if depth == 1:
        site.do("gluster_volume_file", name=["v"], size="1G")
        command("qemu-img", "create", "-q", "-f", "raw", str(_directory(site) / "v"), "1G")
    have = len(site.do("gluster_volume_file_info", name=["v"]).result["volumes"][0]["chain"])
    for number in range(have, depth):
        site.do("gluster_snapshot", volume=["v"], name=[f"d{number}"])
        below, below_format = (f"v.d{number - 1}", "qcow2") if number > 1 else ("v", "raw")
        overlay = directory / f"v.d{number}"
        command("qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", below_format, "-b", below, str(overlay), "1G")


def _turn(site: Site, repetition: int, times: Times, where: str, active: str | None) -> None:
    """Look, take a snapshot, write to it, look again, drop it: each side in turn, each operation by itself."""
    directory = site.bare / "deep"
    below, below_format = (f"v.{active}", "qcow2") if active else ("v", "raw")
    overlay = directory / f"v.{_LAST}"
    taken = {"volume": ["v"], "name": [_LAST]}
    chain = ["qemu-img", "info", "-U", "--backing-chain", "--output=json", "-f", below_format, str(directory / below)]
    create = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", below_format, "-b", below, str(overlay)]
    commit = ["qemu-img", "commit", "-q", "-d", "-f", "qcow2", "-b", below, str(overlay)]
    _both(times, where, "info", repetition, lambda: _ours(site, "gluster_volume_file_info", name=["v"]), chain)
    _both(times, where, "snapshot taken", repetition, lambda: _ours(site, "gluster_snapshot", **taken), create)
    for path in (site.mount_point / overlay.name, overlay):
        command(*write_argv(path, "qcow2", 0, 1))
    dropped = commands(commit, ["rm", str(overlay)])
    _both(times, where, "snapshot dropped", repetition, lambda: _ours(site, "gluster_snapshot", **taken, state="absent"), dropped)


def _create(site: Site, repetition: int, times: Times, where: str, size: str) -> None:
    for image_format in ("raw", "qcow2"):
        path = str(site.bare / "deep" / f"new.{image_format}")
        wanted = {"name": ["new"], "size": size, "format": image_format, "max_over_subscription_ratio": 1e6}
        bare = ["qemu-img", "create", "-q", "-f", image_format, path, size]
        _both(times, where, f"create {image_format}", repetition, lambda wanted=wanted: _ours(site, "gluster_volume_file", **wanted), bare)
        site.do("gluster_volume_file", name=["new"], state="absent")
        command("rm", path)


def _ours(site: Site, module: str, **options) -> float:
    return site.do(module, **options).engine_seconds


def _both(times: Times, where: str, operation: str, repetition: int, ours: Callable[[], float], bare: list[str]) -> None:
    found: dict[str, list[float]] = {"ours": [], "bare": []}
    take_turns({"ours": ours, "bare": lambda: timed_program(bare)}, repetition, found)
    # the first one is not counted: what the brick has never seen
    if repetition >= 0:
        into = times.setdefault((operation, where), {"ours": [], "bare": []})
        for name, seconds in found.items():
            into[name] += seconds


def _print(title: str, times: Times, wheres: list[str]) -> None:
    operations = list(dict.fromkeys(operation for operation, _where in times))
    rows = [
        Row(f"{operation}, {where}", times[operation, where]["ours"], times[operation, where]["bare"], "bare", "below 1, or as flat")
        for operation in operations
        for where in wheres
    ]
    notes = []
    for operation in operations:
        first, last = times[operation, wheres[0]], times[operation, wheres[-1]]
        growth = {name: statistics.median(last[name]) / statistics.median(first[name]) for name in first}
        notes.append(
            f"{operation}: from {wheres[0]} to {wheres[-1]} ours grows {figure(growth['ours'])} times, bare {figure(growth['bare'])} times"
        )
    show(f"{title}: the engine of a module against bare qemu-img", rows, notes=notes)
