# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report remembers for the next one, carried in its page, and what has changed since the last one (pure).

C(now) is what this page shows, in short; C(before) is what it is compared with. A report that finds all as the last one did keeps that
one's C(before), so that it shows the same.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.formatting import DAY, parse_time, stamp
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.merge import MergedReport

MARK = "vdisk.gluster share_report"
"""What the page of a report says it was made by."""

OPENS_JINJA = re.compile(r"\{(?=[{%#])")
"""A brace that Jinja would take for its own: ansible-core before 2.19 fills in what it finds in the text of a task."""

STIR = 1024**2
"""Bytes by which what a share has left moves without anything having been done: journals and directories of the file systems below."""

_FORMAT = 1
_POINTS = 400
"""So many points a share has in its history at most; after two days one a day is kept."""
_EMBEDDED = re.compile(r'<script type="application/json" id="report-memory">(.*?)</script>', re.DOTALL)


@dataclass(frozen=True)
class Memory:
    """What a page carries."""

    digest: str
    now: dict[str, Any]
    before: dict[str, Any] | None
    history: dict[str, list[list[Any]]]


@dataclass(frozen=True)
class Recalled:
    """What was found in the place of the page: nothing, a page, or a page whose memory cannot be read."""

    memory: Memory | None = None
    trouble: str | None = None


def recall(page: str) -> Recalled:
    """Return what the last page remembers."""
    if not page:
        return Recalled()
    found = _EMBEDDED.search(page)
    try:
        return Recalled(_parse(json.loads(found[1]) if found else None))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Recalled(trouble="The page of the last report contains no data to compare with; this one does.")


def embed(memory: Memory) -> str:
    """Return a memory as JSON that can stand in a page: no character of it means anything to HTML or Jinja."""
    text = json.dumps(
        {"format": _FORMAT, "digest": memory.digest, "now": memory.now, "before": memory.before, "history": memory.history},
        separators=(",", ":"),
        sort_keys=True,
    )
    for char, escape in (("<", r"\u003c"), (">", r"\u003e"), ("&", r"\u0026")):
        text = text.replace(char, escape)
    # a brace of JSON's own is never followed by another one
    return OPENS_JINJA.sub(r"\\u007b", text)


def _parse(stored: Any) -> Memory:
    if stored["format"] != _FORMAT:
        raise ValueError("another format")
    now, before = _summary(stored["now"]), stored["before"]
    history = {
        str(share): [[str(at), int(total), int(used)] for at, total, used in points if parse_time(at)]
        for share, points in stored["history"].items()
    }
    return Memory(str(stored["digest"]), now, _summary(before) if before is not None else None, history)


def _summary(stored: Any) -> dict[str, Any]:
    if parse_time(stored["made"]) is None:
        raise ValueError("no time")
    return {
        "made": stored["made"],
        "shares": {str(name): [int(value) for value in values[:4]] for name, values in stored["shares"].items() if len(values) >= 4},
        "volumes": {
            str(share): {str(name): [int(value) for value in values[:3]] for name, values in volumes.items() if len(values) >= 3}
            for share, volumes in stored["volumes"].items()
        },
    }


def summary(whole: MergedReport, made: datetime.datetime) -> dict[str, Any]:
    """Return what is now: of shares total, used, provisioned and allocated bytes, of volumes virtual size, allocated, snapshots."""
    usable = [share for share in whole.shares if share.best]
    return {
        "made": stamp(made),
        "shares": {share.name: [share.total, share.used, share.provisioned, share.allocated] for share in usable},
        "volumes": {
            share.name: {volume.name: [volume.provisioned, volume.allocated, len(volume.snapshots)] for volume in share.volumes}
            for share in usable
        },
    }


def settled(stored: Mapping[str, Any], last: Memory | None) -> dict[str, Any]:
    """Return what hosts told, with what a share has left as the last page has it where it differs by less than C(STIR).

    The last page's value stays the one to compare with, so that small steps add up to one that is told. A share that is new
    is for all hosts as the first one sees it.
    """
    known = {name: tuple(values[:2]) for name, values in last.now["shares"].items()} if last else {}

    def still(share: Mapping[str, Any]) -> Mapping[str, Any]:
        total, available = share.get("total_bytes"), share.get("available_bytes")
        if total is None or available is None:
            return share
        known_total, used = known.setdefault(share["share"], (total, total - available))
        return {**share, "available_bytes": total - used} if total == known_total and abs(total - available - used) < STIR else share

    return {
        host: {**entry, "shares": [still(share) for share in entry["shares"]]} if entry and "shares" in entry else entry
        for host, entry in stored.items()
    }


def digest(*parts: Any) -> str:
    """Return what tells whether two reports show the same: a checksum of all that they show but the time."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode("utf-8", "surrogatepass")).hexdigest()


def remember(last: Memory | None, checksum: str, now: dict[str, Any]) -> Memory:
    """Return what this report's page carries."""
    same = last is not None and last.digest == checksum
    history = {}
    for share in {**(last.history if last else {}), **now["shares"]}:
        points = list(last.history.get(share, [])) if last else []
        if share in now["shares"]:
            # where nothing has changed the last point only moves on, and the curve stays as it is
            points = points[:-1] if same else points
            points.append([now["made"], *now["shares"][share][:2]])
        history[share] = _thinned(points, parse_time(now["made"]))
    if last is None:
        return Memory(checksum, now, None, history)
    return Memory(checksum, now, last.before if same else last.now, history)


def _thinned(points: list[list[Any]], now: datetime.datetime | None) -> list[list[Any]]:
    """Return the points of a curve with one a day of those that are older than two days."""
    kept: list[list[Any]] = []
    for point in points:
        old = now is not None and (now - (parse_time(point[0]) or now)).total_seconds() > 2 * DAY
        if kept and old and kept[-1][0][:10] == point[0][:10]:
            kept[-1] = point
        else:
            kept.append(point)
    return kept[-_POINTS:]


def days_until_full(points: list[list[Any]], days: int = 30) -> float | None:
    """Return in how many days a share is full if it goes on as in the last days; None where that cannot be told or it does not grow.

    The line is that of least squares, through points of at least one day.
    """
    times = [(parse_time(point[0]), point) for point in points]
    end = times[-1][0] if times else None
    if end is None:
        return None
    near = [
        (-(end - at).total_seconds() / DAY, used) for at, (_at, _total, used) in times if at and (end - at).total_seconds() <= days * DAY
    ]
    if len(near) < 3 or near[0][0] > -1:
        return None
    mean_x = sum(x for x, _y in near) / len(near)
    mean_y = sum(y for _x, y in near) / len(near)
    spread = sum((x - mean_x) ** 2 for x, _y in near)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in near) / spread if spread else 0
    left = points[-1][1] - points[-1][2]
    return left / slope if slope > 0 else None
