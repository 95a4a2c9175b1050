# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as its page shows it: everything is worked out and worded here, the template only places it (pure)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any, Iterable

from ansible_collections.vdisk.gluster.plugins.plugin_utils._report import formatting as words
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.chain import drawing
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.findings import (
    ERROR,
    WARNING,
    Finding,
    ReportThresholds,
    anchor,
    created,
    is_old,
)
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.growth import growth
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.memory import Memory, days_until_full
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.merge import MergedReport, ReportedShare, ReportedVolume

_OLDEST = 10
_OPEN = 3
"""So many volumes at most are shown unfolded; of more a reader unfolds those of interest."""


@dataclass(frozen=True)
class Report:
    """All that goes into a page."""

    whole: MergedReport
    findings: list[Finding]
    memory: Memory
    now: datetime.datetime
    limits: ReportThresholds
    title: str


def view(report: Report) -> dict[str, Any]:
    """Return what the template places."""
    whole, now = report.whole, report.now
    changes = growth(report.memory, now)
    worst = {ERROR: 0, WARNING: 0}
    for finding in report.findings:
        if finding.severity in worst:
            worst[finding.severity] += 1
    several = len(whole.shares) > 1
    oldest = _oldest(report, several)
    volumes = [_volume(volume, report, changes, several) for volume in whole.volumes]
    if len(volumes) <= _OPEN:
        volumes = [{**volume, "open": True} for volume in volumes]
    return {
        "title": report.title,
        "made": words.date(now),
        "made_iso": words.stamp(now),
        "errors": worst[ERROR],
        "warnings": worst[WARNING],
        "findings": [_finding(finding) for finding in report.findings],
        "tiles": _tiles(report),
        "shares": [_share(share, report) for share in whole.shares],
        "growth": changes,
        "oldest": oldest,
        "any_old": any(entry["old"] for entry in oldest),
        "age_limit": f"{report.limits.age:g}",
        "volumes": volumes,
        "several_shares": several,
        "hosts": [{"name": host.name, "error": host.error} for host in whole.hosts],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    about = finding.about if len(finding.about) > 1 or not finding.target else ()
    return {
        "severity": finding.severity,
        "text": finding.text,
        "next_step": finding.next_step,
        "target": finding.target,
        "about": [{"name": volume.name, "target": anchor(volume.share, volume.name)} for volume in about[:8]],
        "more": max(0, len(about) - 8),
    }


def _tiles(report: Report) -> list[dict[str, str]]:
    whole, now = report.whole, report.now
    usable = [share for share in whole.shares if share.best]
    total, used = sum(share.total for share in usable), sum(share.used for share in usable)
    provisioned = sum(share.provisioned for share in usable)
    running = sum(bool(volume.in_use) for volume in whole.volumes)
    snapshots = [snapshot for volume in whole.volumes for snapshot in volume.snapshots]
    times = [at for at in map(created, snapshots) if at]
    return [
        {
            "what": "Shares",
            "value": f"{len(usable)}",
            "of": f" of {len(whole.shares)}" if len(usable) != len(whole.shares) else "",
            "note": _hosts(whole),
        },
        {"what": "Volumes", "value": f"{len(whole.volumes)}", "of": "", "note": f"{running} in use"},
        {
            "what": "Snapshots",
            "value": f"{len(snapshots)}",
            "of": "",
            "note": f"oldest: {words.age((now - min(times)).total_seconds())}" if times else "none has a time" if snapshots else "none",
        },
        {
            "what": "Space used",
            "value": f"{words.percent(used, total):.0f} %" if total else "?",
            "of": "",
            "note": f"{words.size(total - used)} of {words.size(total)} left" if total else "no share can be read",
        },
        {
            "what": "Provisioned",
            "value": f"{provisioned / total:.2f} ×" if total else "?",
            "of": "",
            "note": f"{words.size(provisioned)} if all volumes fill up" if total else "no share can be read",
        },
    ]


def _hosts(whole: MergedReport) -> str:
    asked = len(whole.hosts)
    answered = sum(host.error is None for host in whole.hosts)
    return f"seen from {words.number(asked, 'host')}" if answered == asked else f"seen from {answered} of {words.number(asked, 'host')}"


def _share(share: ReportedShare, report: Report) -> dict[str, Any]:
    points = report.memory.history.get(share.name, [])
    left = days_until_full(points)
    best = share.best
    total = share.total or 1
    # what is provisioned beyond the end of the share is drawn beyond it, to the same scale
    scale = max(total, share.provisioned)
    volumes = min(share.allocated, share.used)
    return {
        "id": anchor(share.name),
        "name": share.name,
        "usable": best is not None,
        "mount_point": best.mount_point if best else "",
        "sights": [
            {"host": sight.host, "error": sight.error, "state": _state(sight.usable, sight.writable), "mount_point": sight.mount_point}
            for sight in share.sights
        ],
        "total": words.size(share.total),
        "available": words.size(share.available),
        "used_percent": f"{words.percent(share.used, total):.0f}",
        "tight": words.percent(share.used, total) >= report.limits.space,
        "volumes_bytes": words.size(share.allocated),
        "other_bytes": words.size(share.used - volumes),
        "provisioned": words.size(share.provisioned),
        "provisioned_ratio": f"{share.provisioned / total:.2f}",
        "overprovisioned": bool(report.limits.provisioned) and share.provisioned > report.limits.provisioned * share.total,
        "bar": {
            "end": _parts(total, scale),
            "volumes": _parts(volumes, scale),
            "used": _parts(share.used, scale),
            "provisioned": _parts(share.provisioned, scale),
        },
        "beyond": share.provisioned > share.total,
        "volumes": len(share.volumes),
        "snapshots": sum(len(volume.snapshots) for volume in share.volumes),
        "curve": _curve(points),
        "full_in": words.number(max(1, round(left)), "day") if left is not None and left < 365 else "",
    }


def _state(usable: bool, writable: bool | None) -> str:
    return "not mounted" if not usable else "read-only" if writable is False else "mounted"


def _parts(count: int, scale: int) -> float:
    """Return a length in thousandths."""
    return round(1000 * count / scale, 1) if scale else 0.0


def _curve(points: list[list[Any]]) -> dict[str, str] | None:
    """Return how full a share was, as a line in a box of 200 by 40; its height is the whole share."""
    times = [(words.parse_time(at), total, used) for at, total, used in points]
    known = [(at.timestamp(), total, used) for at, total, used in times if at and total]
    if len(known) < 2:
        return None
    begin, end = known[0][0], known[-1][0]
    width = (end - begin) or 1
    line = " ".join(f"{200 * (at - begin) / width:.1f},{40 - 40 * min(1.0, used / total):.1f}" for at, total, used in known)
    return {"line": line, "since": str(points[0][0])[:10], "begin": words.size(known[0][2]), "end": words.size(known[-1][2])}


def _oldest(report: Report, several: bool) -> list[dict[str, Any]]:
    """Return the oldest snapshot of each of the volumes that have the oldest ones."""
    first = []
    for volume in report.whole.volumes:
        dated = [(at, snapshot) for at, snapshot in ((created(one), one) for one in volume.snapshots) if at]
        if dated:
            at, snapshot = min(dated, key=lambda one: one[0])
            old = sum(is_old(one, report.now, report.limits) for one in volume.snapshots)
            first.append((at, volume, snapshot, old))
    return [
        {
            "age": words.age((report.now - at).total_seconds()),
            "created": words.date(at),
            "old": old > 0,
            "count": old,
            "volume": volume.name,
            "share": volume.share if several else "",
            "target": anchor(volume.share, volume.name),
            "name": snapshot.get("name"),
            "label": snapshot.get("label") or "",
            "description": snapshot.get("description") or "",
        }
        for at, volume, snapshot, old in sorted(first, key=lambda one: (one[0], one[1].share, one[1].name))[:_OLDEST]
    ]


def _volume(volume: ReportedVolume, report: Report, changes: dict[str, Any] | None, several: bool) -> dict[str, Any]:
    reported = volume.reported
    running = [domain for domain in volume.domains if domain.running]
    delta = changes["volume_deltas"].get((volume.share, volume.name)) if changes else None
    times = [at for at in map(created, volume.snapshots) if at]
    formats = list(_unique(entry.get("format") or "?" for entry in volume.chain))
    return {
        "id": anchor(volume.share, volume.name),
        "name": volume.name,
        "share": volume.share if several else "",
        "share_id": anchor(volume.share),
        "path": reported.get("path") or "",
        "virtual": words.size(reported.get("virtual_size")),
        "allocated": words.size(volume.allocated),
        "allocated_bytes": volume.allocated,
        "virtual_bytes": volume.provisioned,
        "formats": " on ".join(formats),
        "files": len(volume.chain),
        "snapshots": len(volume.snapshots),
        "oldest": words.age((report.now - min(times)).total_seconds()) if times else "",
        "oldest_seconds": int((report.now - min(times)).total_seconds()) if times else 0,
        "delta": words.grown(delta) if delta else "",
        "delta_bytes": delta or 0,
        "running": [{"name": domain.name, "host": domain.host} for domain in running],
        "shut_off": [{"name": domain.name, "host": domain.host} for domain in volume.domains if not domain.running],
        "in_use": volume.in_use,
        "managed": reported.get("managed", True),
        "problems": list(volume.problems),
        "open": bool(volume.problems),
        **drawing(volume, report.now, report.limits),
    }


def _unique(texts: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(texts)
