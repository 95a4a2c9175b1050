# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A chain as it is drawn: a strip to scale, and its files one below the other (pure)."""

from __future__ import annotations

import datetime
from typing import Any

from ansible_collections.vdisk.gluster.plugins.plugin_utils._report import formatting as words
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.findings import ReportThresholds, created, is_old
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.merge import ReportedVolume

_WIDTH = 1000.0
_SHOWN_NEW, _SHOWN_OLD = 12, 6
"""Of a long chain so many of the newest files are listed and so many of the oldest; those between are summed up."""


def drawing(volume: ReportedVolume, now: datetime.datetime, limits: ReportThresholds) -> dict[str, Any]:
    """Return the strip and the list of a volume's chain."""
    points = _points(volume, now, limits)
    return {"strip": _strip(volume, points), "chain": _listed(volume, points)}


def _points(volume: ReportedVolume, now: datetime.datetime, limits: ReportThresholds) -> dict[str, list[dict[str, Any]]]:
    """Return the snapshots by the file that holds their data."""
    found: dict[str, list[dict[str, Any]]] = {}
    for snapshot in volume.snapshots:
        at = created(snapshot)
        found.setdefault(str(snapshot.get("point_in_time_file")), []).append(
            {
                "name": snapshot.get("name"),
                "age": words.age((now - at).total_seconds()) if at else "",
                "created": words.date(at) if at else "",
                "old": is_old(snapshot, now, limits),
                "label": snapshot.get("label") or "",
                "description": snapshot.get("description") or "",
                "quiesced": bool(snapshot.get("quiesced")),
                "read": bool(snapshot.get("in_use")),
            }
        )
    return found


def _strip(volume: ReportedVolume, points: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    """Return the chain from its base on the left to its active file, as one path a kind of file.

    Lengths are to scale of what the files take, beyond a least one that lets each file be seen.
    """
    files = list(reversed(volume.chain))
    count = len(files)
    if not count:
        return {}
    gap = 0.0 if count > 300 else 1.0 if count > 60 else 3.0
    least = min(12.0, 0.6 * (_WIDTH - gap * (count - 1)) / count)
    free = _WIDTH - gap * (count - 1) - least * count
    total = sum(entry.get("allocated_size") or 0 for entry in files)
    paths: dict[str, list[str]] = {}
    left = 0.0
    for place, entry in enumerate(files):
        share = (entry.get("allocated_size") or 0) / total if total else 1 / count
        width = least + free * share
        kind = "now" if place == count - 1 else "base" if place == 0 else "layer"
        if any(point["old"] for point in points.get(str(entry.get("file")), [])) and kind != "now":
            kind = "old"
        paths.setdefault(kind, []).append(f"M{left:.1f} 0h{width:.1f}v10h-{width:.1f}z")
        left += width + gap
    return {kind: "".join(parts) for kind, parts in paths.items()}


def _listed(volume: ReportedVolume, points: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    files = volume.chain
    largest = max((entry.get("allocated_size") or 0 for entry in files), default=0) or 1
    rows = [_row(volume, place, entry, largest, points) for place, entry in enumerate(files)]
    if len(rows) <= _SHOWN_NEW + _SHOWN_OLD + 1:
        return rows
    between = files[_SHOWN_NEW:-_SHOWN_OLD]
    held = [point for entry in between for point in points.get(str(entry.get("file")), [])]
    summed = {
        "kind": "fold",
        "files": len(between),
        "allocated": words.size(sum(entry.get("allocated_size") or 0 for entry in between)),
        "snapshots": words.number(len(held), "snapshot"),
        # the newest first, as the list goes
        "span": f"{held[0]['name']} to {held[-1]['name']}" if held else "",
    }
    return [*rows[:_SHOWN_NEW], summed, *rows[-_SHOWN_OLD:]]


def _row(
    volume: ReportedVolume, place: int, entry: dict[str, Any], largest: int, points: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    last = place == len(volume.chain) - 1
    wrong = not last and entry.get("backing_file") != volume.chain[place + 1].get("file")
    allocated = entry.get("allocated_size") or 0
    return {
        "kind": "now" if place == 0 else "base" if last else "layer",
        "file": entry.get("file"),
        "format": entry.get("format") or "unknown format",
        "allocated": words.size(allocated),
        "exact": words.exact(allocated),
        "bar": round(1000 * allocated / largest, 1),
        "points": points.get(str(entry.get("file")), []),
        "missing": str(entry.get("backing_file")) if (last and entry.get("backing_file")) or wrong else "",
        "size": words.size(entry.get("virtual_size")) if _resized(volume, entry) else "",
    }


def _resized(volume: ReportedVolume, entry: dict[str, Any]) -> bool:
    """Tell whether the disk had another size when this file was written last."""
    return entry.get("virtual_size") not in (None, volume.reported.get("virtual_size"))
