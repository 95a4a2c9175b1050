# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which snapshots of a group of volumes a rotation keeps and which it removes (pure)."""

from __future__ import annotations

import datetime
from typing import Any, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.plugin_utils._retention.policy import Point, Rules, decide, parse_time


def rotate(
    volumes: Sequence[Mapping[str, Any]],
    label: str,
    rules: Rules,
    now: datetime.datetime,
    readers: Sequence[Mapping[str, Any]] = (),
) -> dict[str, list[dict[str, Any]]]:
    """Return what is kept and what is removed of the snapshots that carry a label, the newest first.

    A snapshot of several volumes is one point in time: it goes from all of them or from none. One that does not carry the label
    on each volume that has it is never removed.

    :param volumes: volume objects, as modules return them.
    :param readers: volume objects of the same volumes whose snapshots tell by C(in_use) whether they are being read.
    :raises ValueError: the label is empty, or the rules keep nothing.
    """
    if not label:
        raise ValueError("without a label the snapshots of this rotation cannot be distinguished from others")
    read = {(entry["volume"], entry["name"]) for volume in readers for entry in volume["snapshots"] if entry.get("in_use")}
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for volume in volumes:
        for entry in volume["snapshots"]:
            groups.setdefault(entry["name"], []).append(entry)
    ours = {name: group for name, group in groups.items() if any(entry.get("label") == label for entry in group)}
    verdicts = decide([_point(name, group, label, read) for name, group in ours.items()], rules, now)
    kept: list[dict[str, Any]] = []
    removed: list[dict[str, Any]] = []
    for verdict in verdicts:
        group = ours[verdict.point.name]
        times = [str(entry["created"]) for entry in group if entry.get("created")]
        (kept if verdict.kept else removed).append(
            {
                "name": verdict.point.name,
                "created": max(times, default=None),
                "volumes": [entry["volume"] for entry in group],
                "reason": verdict.reason,
            }
        )
    return {"kept": kept, "removed": removed}


def _point(name: str, group: Sequence[Mapping[str, Any]], label: str, read: set[tuple[str, str]]) -> Point:
    times = [parse_time(entry.get("created")) for entry in group]
    known = [time for time in times if time is not None]
    # taken in one instant they have one time; otherwise the younger one keeps it longer
    time = max(known) if len(known) == len(times) else None
    others = [entry["volume"] for entry in group if entry.get("label") != label]
    readers = [entry["volume"] for entry in group if (entry["volume"], name) in read]
    held = None
    if others:
        held = f"it does not carry the label {label} on {', '.join(others)}"
    elif readers:
        held = f"an export, a clone or another program is reading it on {', '.join(readers)}"
    return Point(name, time, held)
