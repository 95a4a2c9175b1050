# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several hosts told of shares and volumes, as one whole (pure).

A share is known by its name as it was given to the hosts. What two hosts both told of a volume is told once: its domains are put
together, its files are those that the first host saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, Mapping


@dataclass(frozen=True)
class ReportedHost:
    """A host that was to look, and why it could not."""

    name: str
    error: str | None = None
    reached: bool = True


@dataclass(frozen=True)
class Observation:
    """A share as one host sees it."""

    host: str
    mount_point: str
    mounted: bool
    writable: bool | None
    error: str | None
    total: int | None
    available: int | None
    event_threads: int | None

    @property
    def usable(self) -> bool:
        """Whether the host can read the share."""
        return self.mounted and self.error is None and self.total is not None and self.available is not None


@dataclass(frozen=True)
class ReportedDomain:
    """A domain that has a volume as a disk."""

    host: str
    name: str
    running: bool


@dataclass(frozen=True)
class ReportedVolume:
    """A volume: C(reported) is the object of the first host that saw it."""

    share: str
    name: str
    reported: Mapping[str, Any]
    domains: tuple[ReportedDomain, ...]
    in_use: bool
    problems: tuple[str, ...]

    @property
    def chain(self) -> list[dict[str, Any]]:
        """Its files, the active one first."""
        return self.reported.get("chain") or []

    @property
    def snapshots(self) -> list[dict[str, Any]]:
        """Its snapshots, oldest first."""
        return self.reported.get("snapshots") or []

    @property
    def allocated(self) -> int:
        """Bytes that its files take."""
        return sum(entry.get("allocated_size") or 0 for entry in self.chain)

    @property
    def provisioned(self) -> int:
        """Bytes that it may grow to; a file of unknown format counts by what it takes."""
        virtual = self.reported.get("virtual_size")
        return self.allocated if virtual is None else virtual


@dataclass(frozen=True)
class ReportedShare:
    """A share, as all hosts see it, and its volumes by name."""

    name: str
    sights: tuple[Observation, ...]
    volumes: tuple[ReportedVolume, ...]

    @property
    def best(self) -> Observation | None:
        """What the first host sees that can read it."""
        return next((sight for sight in self.sights if sight.usable), None)

    @property
    def total(self) -> int:
        """Its size in bytes; 0 where nobody can tell."""
        return (self.best.total or 0) if self.best else 0

    @property
    def available(self) -> int:
        """Bytes that are available."""
        return (self.best.available or 0) if self.best else 0

    @property
    def used(self) -> int:
        """Bytes that are taken, by volumes or by anything else."""
        return self.total - self.available

    @property
    def provisioned(self) -> int:
        """Bytes that its volumes may grow to."""
        return sum(volume.provisioned for volume in self.volumes)

    @property
    def allocated(self) -> int:
        """Bytes that its volumes take."""
        return sum(volume.allocated for volume in self.volumes)


@dataclass(frozen=True)
class MergedReport:
    """All that was told; hosts in their order, shares and volumes by name."""

    hosts: tuple[ReportedHost, ...]
    shares: tuple[ReportedShare, ...]

    @property
    def volumes(self) -> tuple[ReportedVolume, ...]:
        """The volumes of all shares."""
        return tuple(volume for share in self.shares for volume in share.volumes)


def merge(observations: Mapping[str, Any]) -> MergedReport:
    """Put together what hosts told.

    :param observations: results of gluster_volume_file_info by the names of hosts; one without shares is that of a host that failed.
    """
    sights: dict[str, list[Observation]] = {}
    volumes: dict[tuple[str, str], list[tuple[str, Mapping[str, Any]]]] = {}
    hosts = []
    for host, reported in observations.items():
        if not isinstance(reported, Mapping) or "shares" not in reported:
            hosts.append(_failed(host, reported))
            continue
        hosts.append(ReportedHost(host))
        for entry in reported["shares"]:
            sights.setdefault(entry["share"], []).append(_sight(host, entry))
        for entry in reported.get("volumes") or ():
            sights.setdefault(entry["share"], [])
            volumes.setdefault((entry["share"], entry["name"]), []).append((host, entry))
    merged = [_volume(share, name, seen) for (share, name), seen in sorted(volumes.items())]
    return MergedReport(
        tuple(hosts),
        tuple(
            ReportedShare(name, tuple(seen), tuple(volume for volume in merged if volume.share == name))
            for name, seen in sorted(sights.items())
        ),
    )


def _failed(host: str, reported: Any) -> ReportedHost:
    message = reported.get("msg") if isinstance(reported, Mapping) else None
    reached = not (isinstance(reported, Mapping) and reported.get("unreachable"))
    return ReportedHost(host, str(message or "it did not answer").strip(), reached)


def _sight(host: str, entry: Mapping[str, Any]) -> Observation:
    return Observation(
        host=host,
        mount_point=entry.get("mount_point") or "",
        mounted=bool(entry.get("mounted")),
        writable=entry.get("writable"),
        error=entry.get("error"),
        total=entry.get("total_bytes"),
        available=entry.get("available_bytes"),
        event_threads=entry.get("event_threads"),
    )


def _volume(share: str, name: str, seen: list[tuple[str, Mapping[str, Any]]]) -> ReportedVolume:
    domains = [domain for host, reported in seen for domain in _domains(host, reported)]
    return ReportedVolume(
        share=share,
        name=name,
        reported=seen[0][1],
        domains=tuple(sorted(domains, key=lambda domain: (not domain.running, domain.name, domain.host))),
        in_use=any(reported.get("in_use") for _host, reported in seen),
        problems=tuple(_unique(problem for _host, reported in seen for problem in reported.get("problems") or ())),
    )


def _domains(host: str, reported: Mapping[str, Any]) -> list[ReportedDomain]:
    running = reported.get("domains") or []
    return [ReportedDomain(host, name, name in running) for name in _unique([*running, *(reported.get("all_domains") or [])])]


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
