# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what hosts told to a page: merge, recall the last page, find what matters, remember, draw."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.vdisk.gluster.plugins.plugin_utils._report import memory
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.findings import ERROR, WARNING, ReportThresholds, findings
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.formatting import parse_time
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.growth import growth, sentences
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.merge import merge
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.page import inert, page, sources
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.view import Report, view


def report(
    observations: Mapping[str, Any],
    now: str,
    templates: str,
    previous_page: str = "",
    title: str = "GlusterFS shares",
    space_limit: float = 85,
    provisioned_limit: float = 2,
    age_limit: float = 30,
    chain_limit: int = 64,
) -> dict[str, Any]:
    """Return the page of a report and, in short, what is on it.

    :raises ValueError: the time is none.
    """
    time = parse_time(now)
    if time is None:
        raise ValueError(f"{now!r} is not a time in UTC; write it as 2026-11-24T03:00:00Z")
    recalled = memory.recall(previous_page)
    observed = memory.settled(_plain(observations), recalled.memory)
    limits = ReportThresholds(float(space_limit), float(provisioned_limit), float(age_limit), int(chain_limit))
    whole = merge(observed)
    checksum = memory.digest(observed, title, [limits.space, limits.provisioned, limits.age, limits.chain], sources(templates))
    kept = memory.remember(recalled.memory, checksum, memory.summary(whole, time))
    found = findings(whole, time, limits, kept.history, recalled.trouble)
    return {
        "page": page(view(Report(whole, found, kept, time, limits, title)), kept, templates),
        "unchanged": recalled.memory is not None and recalled.memory.digest == checksum,
        "problems": sum(finding.severity == ERROR for finding in found),
        "warnings": sum(finding.severity == WARNING for finding in found),
        "findings": [inert(finding.text) for finding in found],
        "changes": [inert(line) for line in sentences(growth(kept, time))],
        "shares": [
            {
                "share": inert(share.name),
                "total_bytes": share.total,
                "available_bytes": share.available,
                "provisioned_bytes": share.provisioned,
                "allocated_bytes": share.allocated,
                "volumes": len(share.volumes),
            }
            for share in whole.shares
            if share.best
        ],
    }


def _plain(observed: Any) -> Any:
    """Return what hosts told as plain data: Ansible hands over containers that look at each value each time.

    What a task says of itself is left out, so that a report depends on nothing but what was seen.
    """
    return {
        str(host): _copied({key: entry[key] for key in ("shares", "volumes", "msg", "unreachable") if key in entry}) if entry else None
        for host, entry in observed.items()
    }


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _copied(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copied(one) for one in value]
    return str(value) if isinstance(value, str) else value
