# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the live tests count, to be told at the end of a run."""

from __future__ import annotations

from typing import Iterable

COUNTED = ("machines started", "operations under load", "acknowledged records checked", "kills survived", "records lost")
"""All that is counted, in the order in which it is told."""


class Counts:
    """Numbers of one test."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def add(self, what: str, number: int = 1) -> None:
        """Count so many more of one of C(COUNTED)."""
        assert what in COUNTED, what
        self.numbers[what] = self.numbers.get(what, 0) + number


def total(numbers: Iterable[dict[str, int]]) -> dict[str, int]:
    """Sum up the numbers of several tests."""
    everything = list(numbers)
    return {what: sum(counted.get(what, 0) for counted in everything) for what in COUNTED}
