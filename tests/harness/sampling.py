# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of many cases a run tries: those that are pinned, and a sample that is another one with each commit.

What is pinned catches what is known to break (the mutations). The rest is divided into strata, as many as the sample has cases, and one
case of each is drawn; the commit is the seed, so that the runs of a month try nearly all. With C(--all) each run tries all.
"""

from __future__ import annotations

import dataclasses
import random
import subprocess
from typing import Any, Callable, Collection, Sequence, TypeVar

from ansible_collections.vdisk.gluster.tests.harness.checkout import ROOT

Case = TypeVar("Case")

SAMPLED = "sampled"
WHOLE = "whole"
"""The names of the properties of a test's report: how many cases of how many were tried, and how many tests were left to the whole run."""


def seed_of_the_commit() -> int:
    """Return a number that is the same for all runs of one commit; 0 outside of a repository."""
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return 0
    return int(done.stdout[:7], 16) if done.returncode == 0 else 0


@dataclasses.dataclass(frozen=True)
class Sample:
    """How cases are chosen; C(tell) is given a line for each choice."""

    everything: bool = False
    pinned_only: bool = False
    seed: int = 0
    tell: Callable[[str], object] = lambda _line: None

    def draw(self, what: str, cases: Sequence[Case], number: int, pinned: Collection[Case] = (), of: str = "") -> list[Case]:
        """Return the pinned cases and so many of the others, in their order.

        :param what: the word for the cases in the table at the end of a run.
        :param of: what the cases belong to, so that samples of different things differ.
        """
        others = [index for index, case in enumerate(cases) if case not in pinned]
        chance = random.Random(f"{self.seed} {what} {of}")
        count = 0 if self.pinned_only else min(number, len(others))
        # the first case behind each border and the last one before the next
        borders = [index * len(others) // count for index in range(count + 1)] if count else []
        drawn = {others[chance.randrange(low, high)] for low, high in zip(borders, borders[1:])}
        chosen = [case for index, case in enumerate(cases) if self.everything or case in pinned or index in drawn]
        self.tell(f"{len(chosen)} of {len(cases)} {what}")
        return chosen


def choose(sample: Sample, items: Sequence[Any], named: Sequence[str] = ()) -> list[Any]:
    """Return the tests that run, of those that pytest has collected.

    A test with the mark C(whole(reason)) runs only where everything does; of the cases of one with C(sample(number, pinned=[...])) those
    run that are drawn. Who names a test or a case on the command line gets it, except where only what is pinned counts. The first test of
    those chosen tells with its report of how many it is one.

    :param named: the tests and cases that the command line names.
    :raises ValueError: a test that is pinned does not exist.
    """
    names = [name.rpartition("/")[2] for name in ([] if sample.pinned_only else named)]
    # a test by itself, whose cases are drawn all the same, or one case of it
    asked = [item for item in items if any(item.nodeid.endswith(name) for name in names)]
    functions = [item for item in items if any(item.nodeid.partition("[")[0].endswith(name) for name in names)]
    left = {item for item in items if item.get_closest_marker("whole") and not sample.everything and item not in (*asked, *functions)}
    told = f"{len(left)} tests only in the whole run"
    groups: dict[str, dict[str, Any]] = {}
    for item in items:
        if item.get_closest_marker("sample") and item not in left:
            groups.setdefault(item.nodeid.partition("[")[0], {})[item.callspec.id] = item
    for function, cases in groups.items():
        members = list(cases.values())
        mark = members[0].get_closest_marker("sample")
        pinned = mark.kwargs.get("pinned", ())
        missing = [case for case in pinned if case not in cases]
        if missing and not any("[" in name for name in named):
            raise ValueError(f"{function} has no case {', '.join(missing)}")
        lines: list[str] = []
        chosen = dataclasses.replace(sample, tell=lines.append).draw("cases", list(cases), mark.args[0], pinned, of=function)
        dropped = {item for case, item in cases.items() if case not in chosen and item not in asked}
        left |= dropped
        if dropped and chosen:
            cases[chosen[0]].user_properties.append((SAMPLED, *lines))
    running = [item for item in items if item not in left]
    if running and not told.startswith("0 "):
        running[0].user_properties.append((WHOLE, told))
    return running


def part(items: Sequence[Case], which: str) -> list[Case]:
    """Return one of so many parts, as C(2/3): every third one from the second on.

    :raises ValueError: it is no part.
    """
    number, parts = (int(word) for word in which.split("/"))
    if not 1 <= number <= parts:
        raise ValueError(f"{which} is no part: give the number of a part and of all parts, as 1/3")
    return list(items[number - 1 :: parts])
