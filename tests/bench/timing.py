# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of contenders that take turns, and what is said of them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Callable, Mapping


@dataclass
class Row:
    """One line of a table: seconds of this collection and of the bare tools, repetition by repetition."""

    name: str
    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    bare_name: str = ""
    goal: str = ""

    @property
    def ratios(self) -> list[float]:
        """Ours by bare, pair by pair: what a pair shares of the machine's mood drops out."""
        return [ours / bare for ours, bare in zip(self.ours, self.bare)]


def take_turns(contenders: Mapping[str, Callable[[], float]], repetition: int, into: Mapping[str, list[float]]) -> None:
    """Run each contender once, the first one first in even repetitions and last in odd ones."""
    names = list(contenders)
    for name in names if repetition % 2 == 0 else reversed(names):
        into[name].append(contenders[name]())


def figure(value: float) -> str:
    """Return a number with three significant digits, without an exponent."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(values: list[float], scale: float = 1.0) -> tuple[str, str]:
    """Return the median, and minimum and maximum as the noise around it."""
    if not values:
        return "-", ""
    return figure(statistics.median(values) * scale), f"{figure(min(values) * scale)}..{figure(max(values) * scale)}"
