# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a report somebody should act on, the worst first (pure)."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass, field
from typing import Iterable, Mapping

from ansible_collections.vdisk.gluster.plugins.plugin_utils._report import formatting as words
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.memory import days_until_full
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.merge import MergedReport, Observation, ReportedShare, ReportedVolume

ERROR, WARNING, NOTE = "error", "warning", "note"
_EVENT_THREADS = 8
_SOON_FULL = 14
"""Days."""
_NEARLY_FULL = 97
"""Percent."""


@dataclass(frozen=True)
class ReportThresholds:
    """From where on something is worth a word."""

    space: float = 85.0
    provisioned: float = 2.0
    age: float = 30.0
    chain: int = 64


@dataclass(frozen=True)
class Finding:
    """One thing to act on; C(about) are the volumes it is about."""

    severity: str
    text: str
    next_step: str = ""
    about: tuple[ReportedVolume, ...] = field(default=())
    target: str = ""


def anchor(*parts: str) -> str:
    """Return the name of a place in the page; it holds nothing of the names themselves."""
    return "x" + hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def created(snapshot: Mapping[str, object]) -> datetime.datetime | None:
    """Return when a snapshot was taken."""
    return words.parse_time(snapshot.get("created"))


def is_old(snapshot: Mapping[str, object], now: datetime.datetime, limits: ReportThresholds) -> bool:
    """Tell whether a snapshot is older than the limit."""
    at = created(snapshot)
    return at is not None and limits.age > 0 and (now - at).total_seconds() > limits.age * words.DAY


def findings(
    whole: MergedReport, now: datetime.datetime, limits: ReportThresholds, history: Mapping[str, list[list[object]]], trouble: str | None
) -> list[Finding]:
    """Return what is worth a word."""
    found = _hosts(whole)
    for share in whole.shares:
        found += _share(share, limits, history.get(share.name, []))
    found += _volumes(whole)
    found += _aggregates(whole, now, limits)
    if trouble:
        found.append(Finding(NOTE, trouble))
    order = {ERROR: 0, WARNING: 1, NOTE: 2}
    return sorted(found, key=lambda finding: order[finding.severity])


def _hosts(whole: MergedReport) -> list[Finding]:
    found = [
        Finding(
            ERROR,
            f"{host.name} {'could not look' if host.reached else 'is unreachable'}: {host.error.rstrip('.')}.",
            "What it alone sees is missing here.",
        )
        for host in whole.hosts
        if host.error is not None
    ]
    if not whole.hosts:
        found.append(Finding(ERROR, "No host was asked.", "Set the hosts of the playbook."))
    return found


def _share(share: ReportedShare, limits: ReportThresholds, points: list[list[object]]) -> Iterable[Finding]:
    target = anchor(share.name)
    # what several hosts see alike is told once
    seen: dict[tuple[str, str, str], list[str]] = {}
    for sight in share.sights:
        for trouble in _sight(share.name, sight):
            seen.setdefault(trouble, []).append(sight.host)
    for (severity, text, next_step), hosts in seen.items():
        yield Finding(severity, f"On {words.some(hosts)}, {text}", next_step, target=target)
    if not share.total:
        return
    full = words.percent(share.used, share.total)
    if full >= limits.space:
        severity = ERROR if full >= _NEARLY_FULL else WARNING
        left_over = f"{words.size(share.available)} of {words.size(share.total)} left"
        yield Finding(severity, f"{share.name} is {full:.0f} % full: {left_over}.", target=target)
    left = days_until_full(points)
    if left is not None and left <= _SOON_FULL:
        span = words.number(max(1, round(left)), "day")
        yield Finding(WARNING, f"{share.name} is full in {span}, if it goes on as in the last days.", target=target)
    if limits.provisioned and share.provisioned > limits.provisioned * share.total:
        ratio = share.provisioned / share.total
        yield Finding(
            WARNING,
            f"{share.name} has provisioned {ratio:.1f} times its size: {words.size(share.provisioned)} of {words.size(share.total)}.",
            "Its volumes cannot all fill up.",
            target=target,
        )


def _sight(name: str, sight: Observation) -> Iterable[tuple[str, str, str]]:
    """Return what is wrong with a share on one host, as severity, sentence and next step."""
    if sight.error is not None:
        yield ERROR, sight.error if name in sight.error else f"{name}: {sight.error}", ""
    elif not sight.usable:
        yield ERROR, f"{name} is not mounted.", "gluster_share_mount mounts it."
    elif sight.writable is False:
        yield WARNING, f"{name} can only be read.", ""
    if sight.event_threads is not None and sight.event_threads < _EVENT_THREADS:
        yield (
            NOTE,
            f"{name} is mounted with {words.number(sight.event_threads, 'event thread')}.",
            f"Several concurrent qemu-img processes can wedge the mount: gluster volume set VOLUME client.event-threads {_EVENT_THREADS}",
        )


def _volumes(whole: MergedReport) -> Iterable[Finding]:
    for volume in whole.volumes:
        for problem in volume.problems:
            # a task that was cut off is finished by the next one: nothing is lost, but nobody may be coming
            severity = WARNING if "the next task that changes the volume" in problem else ERROR
            sentence = problem if volume.name in problem else f"{volume.name} on {volume.share}: {problem}"
            yield Finding(severity, sentence, about=(volume,), target=anchor(volume.share, volume.name))
        running = sorted({domain.host for domain in volume.domains if domain.running})
        if len(running) > 1:
            yield Finding(
                WARNING,
                f"{volume.name} on {volume.share} is open in domains of {words.some(running)} at the same time.",
                "Unless one of them is being migrated, they destroy what it holds.",
                about=(volume,),
                target=anchor(volume.share, volume.name),
            )


def _aggregates(whole: MergedReport, now: datetime.datetime, limits: ReportThresholds) -> Iterable[Finding]:
    long = [volume for volume in whole.volumes if limits.chain and len(volume.chain) > limits.chain]
    long.sort(key=lambda volume: -len(volume.chain))
    if long:
        yield Finding(
            WARNING,
            f"{words.number(len(long), 'chain is', 'chains are')} longer than {limits.chain} files; the longest has {len(long[0].chain)}.",
            "Each read may have to look into every file. Delete snapshots; many are merged in one pass.",
            tuple(long),
        )
    old = [(volume, [one for one in volume.snapshots if is_old(one, now, limits)]) for volume in whole.volumes]
    old = [(volume, found) for volume, found in old if found]
    if old:
        count = sum(len(found) for _volume, found in old)
        yield Finding(
            WARNING,
            f"{words.number(count, 'snapshot is', 'snapshots are')} older than {limits.age:g} days.",
            "Its space grows as long as it stays." if count == 1 else "Their space grows as long as they stay.",
            tuple(volume for volume, _found in sorted(old, key=lambda pair: str(pair[1][0].get("created")))),
            "oldest",
        )
    foreign = tuple(volume for volume in whole.volumes if not volume.reported.get("managed", True) and not volume.problems)
    if foreign:
        yield Finding(
            NOTE,
            f"{words.number(len(foreign), 'volume is', 'volumes are')} not adopted yet.",
            "They are read as they are; gluster_volume_file with their format adopts them, so that they can be changed.",
            foreign,
        )
