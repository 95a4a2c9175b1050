# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many volumes: one task with a list of names against a loop of tasks, a shell loop of bare tools, and the engine alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from glusterfs import Site
from playbook import bare, module, seconds_of
from table import show
from timing import Row

_STEPS = ("create", "unchanged", "remove")
_GOALS = {"raw": 0.0013, "qcow2": 0.0022}
"""Seconds that making one such file cost in a process, without lock and record, measured alone on GlusterFS 10.3."""


@dataclass
class _Times:
    one_task: list[float] = field(default_factory=list)
    loop: list[float] = field(default_factory=list)
    shell: list[float] = field(default_factory=list)
    engine: list[float] = field(default_factory=list)


def measure(site: Site, repetitions: int, volumes: int, looped: int) -> None:
    """Measure and print."""
    rows = []
    for image_format in ("raw", "qcow2"):
        times = {step: _Times() for step in _STEPS}
        for _repetition in range(repetitions):
            _measure_once(site, image_format, volumes, looped, times)
        for step in _STEPS:
            label, goal = f"{image_format}, {step}", f"{_GOALS[image_format] * volumes:.2g} s" if step == "create" else ""
            shell = "shell loop of rm" if step == "remove" else f"shell loop of qemu-img {'create' if step == 'create' else 'info'}"
            each = times[step]
            rows.append(Row(f"{label}, one task", each.one_task, each.shell, f"{shell}, as a task", ""))
            rows.append(Row(f"{label}, one task", each.one_task, each.loop, "loop of our tasks, scaled", "below 0.1"))
            rows.append(Row(f"{label}, engine", each.engine, each.shell, f"{shell}, as a task", goal))
    rows += _snapshots(site, repetitions, volumes)
    show(
        f"{volumes} volumes in one task that lists their names",
        rows,
        unit="s",
        notes=[
            f"The loop of tasks was measured with {looped} items and multiplied by {volumes / looped:g}.",
            "Goal of the engine: the files alone; ours also takes a lock and writes a durable record for each.",
        ],
    )


def _measure_once(site: Site, image_format: str, volumes: int, looped: int, times: dict[str, _Times]) -> None:
    names = [f"many{number}" for number in range(volumes)]
    wanted = {
        "create": {"size": "10G", "format": image_format},
        "unchanged": {"size": "10G", "format": image_format},
        "remove": {"state": "absent"},
    }
    tasks, goes_to = [], []
    # a first task that is not counted starts what Ansible starts once
    tasks.append(bare(["true"]))
    for step in _STEPS:
        tasks.append(module("gluster_volume_file", {**site.location, **wanted[step], "name": names}))
        tasks.append(bare(["sh", "-ec", _shell(site, image_format, step, volumes)]))
        goes_to += [(times[step].one_task, 1.0), (times[step].shell, 1.0)]
    for step in _STEPS:
        tasks.append(module("gluster_volume_file", {**site.location, **wanted[step], "name": ["{{ item }}"]}, loop=names[:looped]))
        goes_to.append((times[step].loop, volumes / looped))
    for (into, factor), seconds in zip(goes_to, seconds_of(tasks)[1:]):
        into.append(seconds * factor)
    for step in _STEPS:
        done = site.do("gluster_volume_file", **wanted[step], name=names)
        assert done.result["changed"] is (step != "unchanged") and len(done.result["volumes"]) == volumes
        times[step].engine.append(done.engine_seconds)


def _shell(site: Site, image_format: str, step: str, volumes: int) -> str:
    each = {
        "create": f'qemu-img create -q -f {image_format} "$i" 10G',
        "unchanged": f'qemu-img info -U --output=json -f {image_format} "$i" >/dev/null',
        "remove": 'rm "$i"',
    }[step]
    return f"cd {site.bare}; mkdir -p many; cd many; for i in $(seq {volumes}); do {each}; done"


_SNAPSHOTS = {
    "snapshots made": ("present", 'qemu-img create -q -f qcow2 -F raw -b "$i" "$i.s"', "qemu-img create"),
    "snapshots, unchanged": ("present", 'qemu-img info -U --backing-chain --output=json -f qcow2 "$i.s" >/dev/null', "qemu-img info"),
    "snapshots deleted": ("absent", 'qemu-img commit -q -d -f qcow2 "$i.s"; rm "$i.s"', "qemu-img commit, rm"),
}


def _snapshots(site: Site, repetitions: int, volumes: int) -> list[Row]:
    """Return the rows of one snapshot of each volume: those of a group, which are taken at one instant or not at all."""
    names = [f"many{number}" for number in range(volumes)]
    site.do("gluster_volume_file", name=names, size="1G")
    rows = {step: Row(f"{step}, one task", bare_name=f"shell loop of {tool}, as a task") for step, (_s, _l, tool) in _SNAPSHOTS.items()}
    engines = {step: Row(f"{step}, engine", bare_name=f"shell loop of {tool}, as a task") for step, (_s, _l, tool) in _SNAPSHOTS.items()}
    for _repetition in range(repetitions):
        directory = f"{site.bare}/snaps"
        bases = f"mkdir -p {directory}; cd {directory}; for i in $(seq {volumes}); do truncate -s 1G $i; done"
        tasks = [bare(["sh", "-ec", bases])]
        for state, line, _tool in _SNAPSHOTS.values():
            tasks.append(module("gluster_snapshot", {**site.location, "volume": names, "name": ["s"], "state": state}))
            tasks.append(bare(["sh", "-ec", f"cd {directory}; for i in $(seq {volumes}); do {line}; done"]))
        seconds = seconds_of(tasks)[1:]
        for number, (step, (state, _line, _tool)) in enumerate(_SNAPSHOTS.items()):
            rows[step].ours.append(seconds[2 * number])
            rows[step].bare.append(seconds[2 * number + 1])
            engines[step].ours.append(site.do("gluster_snapshot", volume=names, name=["s"], state=state).engine_seconds)
            engines[step].bare.append(seconds[2 * number + 1])
    site.do("gluster_volume_file", name=names, state="absent")
    return [row for step in _SNAPSHOTS for row in (rows[step], engines[step])]
