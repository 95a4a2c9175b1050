# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which points in time a retention keeps, and why (pure).

All times are UTC, so that no day has 23 or 25 hours. Each rule keeps by itself, and a point that any rule keeps is kept. A rule
for periods keeps the newest point of each of so many latest periods that have one. So rotating every night ends where one
rotation of the whole history would, and a larger number never removes more.
"""

from __future__ import annotations

import datetime
import functools
import re
from dataclasses import dataclass
from typing import Mapping, Sequence, cast

UTC = datetime.timezone.utc

PERIODS: Mapping[str, tuple[str, str]] = {
    "hourly": ("hour", "%Y-%m-%dT%H"),
    "daily": ("day", "%Y-%m-%d"),
    "weekly": ("week", "%G-W%V"),
    "monthly": ("month", "%Y-%m"),
    "yearly": ("year", "%Y"),
}
"""Rule -> what its period is called, and what tells one from another; a week is that of ISO 8601."""

AHEAD = datetime.timedelta(hours=1)
"""A point that is further ahead of the present was made by a clock that was wrong."""

_RULES = ", ".join(("last", *PERIODS)) + " and within"
_UNITS = {"h": 3600, "d": 86400, "w": 7 * 86400}
_AGE = re.compile(r"\A(?:\d{1,6}[hdw])+\Z")


@dataclass(frozen=True)
class Point:
    """A point in time that a retention looks at; C(held) is why it cannot go now, whatever the rules say."""

    name: str
    time: datetime.datetime | None
    held: str | None = None


@dataclass(frozen=True)
class Rules:
    """What is kept: so many points, those younger than so many seconds, the newest of so many periods."""

    last: int = 0
    within: int = 0
    periods: Mapping[str, int] | None = None

    @property
    def keeps_nothing(self) -> bool:
        """Whether no rule keeps any point."""
        return not (self.last or self.within or any((self.periods or {}).values()))


@dataclass(frozen=True)
class Verdict:
    """What becomes of a point, and why."""

    point: Point
    kept: bool
    reason: str


def rules_of(keep: object) -> Rules:
    """Return the rules of a retention dictionary; a number may be a text, as it is in a survey.

    :raises ValueError: it is no dictionary of rules, or a rule is no number or no age, or below zero.
    """
    if not isinstance(keep, Mapping):
        raise ValueError(f"keep: {keep!r} is not a dictionary; give at least one of {_RULES}")
    unknown = [str(name) for name in keep if name not in ("last", "within", *PERIODS)]
    if unknown:
        raise ValueError(f"keep has no rule {', '.join(unknown)}; give at least one of {_RULES}")
    numbers = {name: _number(name, value) for name, value in keep.items() if name != "within"}
    return Rules(numbers.pop("last", 0), age(keep.get("within")), numbers)


def _number(name: str, value: object) -> int:
    text = "0" if value is None or value == "" else str(value).strip()
    if isinstance(value, bool) or not re.match(r"\A\d{1,6}\Z", text):
        raise ValueError(f"keep.{name}: {value!r} is not a number of points to keep; give 0 or more")
    return int(text)


def age(text: object) -> int:
    """Return the seconds that an age such as C(36h), C(7d), C(2w) or C(1d12h) means; nothing is 0.

    :raises ValueError: it is no age.
    """
    if text is None or text in ("", 0, "0"):
        return 0
    if not _AGE.match(str(text)):
        raise ValueError(f"keep.within: {text!r} is not an age; write numbers with h, d or w, such as 36h, 7d or 2w")
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([hdw])", str(text)))


def parse_time(text: object) -> datetime.datetime | None:
    """Return the time that an ISO 8601 text in UTC means; None for one that is none."""
    match = re.match(r"\A(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?(?:Z|\+00:00)\Z", str(text))
    if not match:
        return None
    try:
        whole = datetime.datetime.strptime(f"{match[1]} {match[2]}", "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return None
    return whole.replace(microsecond=int((match[3] or "0").ljust(6, "0")), tzinfo=UTC)


def decide(points: Sequence[Point], rules: Rules, now: datetime.datetime) -> list[Verdict]:
    """Return what becomes of points, the newest first; those without a time are kept, and come last.

    :raises ValueError: the rules keep nothing.
    """
    if rules.keeps_nothing:
        raise ValueError(f"this retention keeps nothing: give at least one of {_RULES}")
    timed = sorted((point for point in points if point.time is not None), key=lambda point: (point.time, point.name), reverse=True)
    ahead = [point for point in timed if _time(point) > now + AHEAD]
    ranked = timed[len(ahead) :]
    for_ = _reasons_to_keep(ranked, rules, now)
    against = _reasons_to_remove(ranked, rules)
    found = [Verdict(point, True, "its time is in the future: a clock is or was wrong") for point in ahead]
    for index, point in enumerate(ranked):
        if for_[index]:
            found.append(Verdict(point, True, "; ".join(for_[index])))
        elif point.held:
            found.append(Verdict(point, True, point.held))
        else:
            found.append(Verdict(point, False, "; ".join(against[index])))
    return found + [Verdict(point, True, "when it was made is not on record") for point in points if point.time is None]


def _time(point: Point) -> datetime.datetime:
    # called only with points that have one
    return cast(datetime.datetime, point.time)


def _reasons_to_keep(ranked: Sequence[Point], rules: Rules, now: datetime.datetime) -> list[list[str]]:
    """Return for each point, newest first, what speaks for it."""
    reasons: list[list[str]] = [["the newest"] if index == 0 else [] for index in range(len(ranked))]
    for index, point in enumerate(ranked):
        if index < rules.last:
            reasons[index].append(f"one of the last {rules.last}")
        if _time(point) >= now - datetime.timedelta(seconds=rules.within) and rules.within:
            reasons[index].append(f"younger than {_age(rules.within)}")
    for rule, count in (rules.periods or {}).items():
        called, form = PERIODS[rule]
        for period, index in list(_newest_of(ranked, form).items())[:count]:
            reasons[index].append(f"the newest of {called} {period}")
    return reasons


def _reasons_to_remove(ranked: Sequence[Point], rules: Rules) -> list[list[str]]:
    """Return for each point, newest first, what each rule says against it; only meant for one that none keeps."""
    reasons: list[list[str]] = [[] for _point in ranked]
    for index in range(len(ranked)):
        if rules.last:
            reasons[index].append(f"not one of the last {rules.last}")
        if rules.within:
            reasons[index].append(f"older than {_age(rules.within)}")
    for rule, count in (rules.periods or {}).items():
        if not count:
            continue
        called, form = PERIODS[rule]
        newest = _newest_of(ranked, form)
        kept = list(newest)[:count]
        for index, point in enumerate(ranked):
            period = _period(_time(point), form)
            if period in kept:
                reasons[index].append(f"{ranked[newest[period]].name} is the newest of {called} {period}")
            else:
                reasons[index].append(f"{called} {period} is before the {count} kept")
    return reasons


def _newest_of(ranked: Sequence[Point], form: str) -> dict[str, int]:
    """Return the index of the newest point of each period, the latest period first."""
    found: dict[str, int] = {}
    for index, point in enumerate(ranked):
        found.setdefault(_period(_time(point), form), index)
    return found


@functools.lru_cache(maxsize=10000)
def _period(time: datetime.datetime, form: str) -> str:
    return time.strftime(form)


def _age(seconds: int) -> str:
    unit = next(unit for unit in ("w", "d", "h") if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"
