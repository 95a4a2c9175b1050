# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has changed since the last report, largest first (pure)."""

from __future__ import annotations

import datetime
from typing import Any

from ansible_collections.vdisk.gluster.plugins.plugin_utils._report import formatting as words
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.findings import anchor
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.memory import Memory

_SHOWN = 10


def growth(memory: Memory, now: datetime.datetime) -> dict[str, Any] | None:
    """Return what has changed since the last report; None where there was none."""
    if memory.before is None:
        return None
    before, after = memory.before, memory.now
    made = words.parse_time(before["made"]) or now
    old, new = _volumes(before), _volumes(after)
    # a share that could not be read then, or cannot be now, has lost and gained nothing
    compared = set(before["shares"]) & set(after["shares"])
    deltas = {key: new[key][1] - old[key][1] for key in new if key in old}
    added = sorted(key for key in new if key not in old and key[0] in compared)
    gone = sorted(key for key in old if key not in new and key[0] in compared)
    moved = sorted(((delta, key) for key, delta in deltas.items() if delta), key=lambda one: (-abs(one[0]), one[1]))
    largest = max((abs(delta) for delta, _key in moved), default=1)
    snapshots = [new[key][2] - old[key][2] for key in new if key in old] + [new[key][2] for key in added] + [-old[key][2] for key in gone]
    return {
        "since": words.date(made),
        "ago": words.age((now - made).total_seconds()),
        "shares": [_share(name, before["shares"][name], after["shares"][name]) for name in sorted(compared)],
        "volumes": [
            {
                "name": name,
                "share": share if len(after["shares"]) > 1 else "",
                "target": anchor(share, name),
                "delta": words.grown(delta),
                "up": delta > 0,
                "bar": round(1000 * abs(delta) / largest, 1),
            }
            for delta, (share, name) in moved[:_SHOWN]
        ],
        "more": max(0, len(moved) - _SHOWN),
        "added": [{"name": name, "target": anchor(share, name)} for share, name in added],
        "gone": [name for _share_name, name in gone],
        "snapshots_taken": sum(count for count in snapshots if count > 0),
        "snapshots_deleted": -sum(count for count in snapshots if count < 0),
        "volume_deltas": deltas,
    }


def sentences(changes: dict[str, Any] | None) -> list[str]:
    """Return in sentences what has changed since the last report."""
    if changes is None:
        return ["This is the first report."]
    lines = [f"{share['name']}: used {share['used']}, provisioned {share['provisioned']}." for share in changes["shares"] if share["moved"]]
    if changes["added"]:
        lines.append(f"New: {words.some([volume['name'] for volume in changes['added']])}.")
    if changes["gone"]:
        lines.append(f"Gone: {words.some(changes['gone'])}.")
    if changes["volumes"]:
        lines.append(f"Changed most: {words.some([volume['name'] + ' ' + volume['delta'] for volume in changes['volumes']])}.")
    return lines


def _volumes(summary: dict[str, Any]) -> dict[tuple[str, str], list[int]]:
    return {(share, name): values for share, volumes in summary["volumes"].items() for name, values in volumes.items()}


def _share(name: str, before: list[int], after: list[int]) -> dict[str, Any]:
    return {
        "name": name,
        "target": anchor(name),
        "used": words.grown(after[1] - before[1]),
        "provisioned": words.grown(after[2] - before[2]),
        "up": after[1] > before[1],
        "moved": before != after,
    }
