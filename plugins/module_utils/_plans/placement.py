# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a new volume goes (pure): to the share with the most available space that may take it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import human


@dataclass(frozen=True)
class Candidate:
    """A share that could take a volume; C(provisioned) is the sum of virtual sizes on it, in bytes."""

    share: str
    total: int
    available: int
    provisioned: int = 0


@dataclass(frozen=True)
class PlacementLimits:
    """What the operator allows: percent of each share to keep free, and virtual bytes provisioned for each byte of it."""

    reserved_percentage: int = 0
    max_over_subscription_ratio: float | None = None


def room(candidate: Candidate, limits: PlacementLimits, thin: bool) -> int:
    """Return the largest volume, in bytes, that a share may take; thin volumes may be provisioned beyond the available space."""
    free = max(0, candidate.available - candidate.total * limits.reserved_percentage // 100)
    ratio = limits.max_over_subscription_ratio
    if ratio is None:
        return free
    provisionable = max(0, int(candidate.total * ratio) - candidate.provisioned)
    return min(provisionable, int(free * ratio) if thin else free)


def choose(what: str, size: int, thin: bool, candidates: Sequence[Candidate], limits: PlacementLimits) -> str:
    """Return the share for a volume of this size, in bytes; ties go to the share named first.

    :raises Refused: none has room; the message gives the sizes.
    """
    fitting = [candidate for candidate in candidates if size <= room(candidate, limits, thin)]
    if fitting:
        return max(fitting, key=lambda candidate: candidate.available).share
    sizes = ", ".join(
        f"{candidate.share} has {human(candidate.available)} available of {human(candidate.total)} and may take "
        f"{human(room(candidate, limits, thin))}"
        for candidate in candidates
    )
    remedy = (
        "name another share, free space, or set max_over_subscription_ratio to provision more than the available space"
        if thin
        else "name another share, or free space on one"
    )
    raise Refused(f"no share has space for {human(size)} of {what}: {sizes}; {remedy}")
