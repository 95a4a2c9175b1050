# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a retention keeps: never less for a larger number, never without the newest, the same night by night as at once."""

from __future__ import annotations

import datetime
import itertools
import random
from typing import Iterator

import pytest
import zoneinfo
from ansible_collections.vdisk.gluster.plugins.plugin_utils._retention.policy import (
    PERIODS,
    UTC,
    Point,
    Rules,
    age,
    decide,
    parse_time,
    rules_of,
)

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


def at(text: str) -> datetime.datetime:
    time = parse_time(text)
    assert time is not None
    return time


def points(times: list[datetime.datetime]) -> list[Point]:
    return [Point(f"{time:%Y%m%dT%H%M%S%f}", time) for time in times]


def nights(first: str, count: int) -> list[datetime.datetime]:
    return [at(first) + DAY * number for number in range(count)]


def kept(history: list[Point], rules: Rules, now: datetime.datetime) -> set[str]:
    return {verdict.point.name for verdict in decide(history, rules, now) if verdict.kept}


def days(history: list[Point], rules: Rules, now: datetime.datetime) -> list[str]:
    return [verdict.point.time.strftime("%Y-%m-%d") for verdict in decide(history, rules, now) if verdict.kept and verdict.point.time]


def rule_sets() -> Iterator[Rules]:
    """All combinations of a few numbers for each rule, but that which keeps nothing."""
    for last, within, *numbers in itertools.product((0, 2), (0, 3 * 86400), (0, 5), (0, 3), (0, 2), (0, 3), (0, 2)):
        rules = Rules(last, within, dict(zip(PERIODS, numbers)))
        if not rules.keeps_nothing:
            yield rules


def histories() -> Iterator[list[Point]]:
    """Regular ones over the ends of months, leap days, years and changes of clocks, and irregular ones."""
    yield points(nights("2024-02-20T03:00:00Z", 40))
    yield points(nights("2023-12-20T23:59:59Z", 40))
    yield points([at("2026-10-24T12:00:00Z") + HOUR * number for number in range(60)])
    yield points([at("2026-03-28T12:00:00Z") + HOUR * number for number in range(60)])
    for seed in range(6):
        numbers = random.Random(seed)
        minutes = [numbers.randrange(60 * 24 * 900) for _each in range(40)]
        yield points(sorted(at("2023-06-01T00:00:00Z") + datetime.timedelta(minutes=minute) for minute in minutes))


@pytest.mark.parametrize("index", range(10))
def test_night_by_night_ends_where_all_at_once_does_and_nothing_removed_is_missed_later(index: int) -> None:
    history = list(histories())[index]
    for rules in rule_sets():
        left: list[Point] = []
        for number, point in enumerate(history):
            left.append(point)
            left = [verdict.point for verdict in decide(left, rules, point.time) if verdict.kept]
            if number % 7 == 0 or number == len(history) - 1:
                assert {entry.name for entry in left} == kept(history[: number + 1], rules, point.time), rules


@pytest.mark.parametrize("index", range(10))
def test_the_newest_is_kept_and_a_larger_number_never_removes_more(index: int) -> None:
    history = list(histories())[index]
    now = history[-1].time + 40 * DAY
    for rules in rule_sets():
        here = kept(history, rules, now)
        assert history[-1].name in here
        larger = [Rules(rules.last + 1, rules.within, rules.periods), Rules(rules.last, rules.within + 86400, rules.periods)]
        larger += [Rules(rules.last, rules.within, {**rules.periods, rule: rules.periods[rule] + 1}) for rule in PERIODS]
        for more in larger:
            assert here <= kept(history, more, now), (rules, more)


def test_every_verdict_has_a_reason_and_every_point_one_verdict_whatever_the_order() -> None:
    history = points(nights("2024-02-20T03:00:00Z", 30))
    shuffled = history[:]
    random.Random(1).shuffle(shuffled)
    for rules in rule_sets():
        verdicts = decide(shuffled, rules, history[-1].time)
        assert verdicts == decide(history, rules, history[-1].time)
        assert [verdict.point for verdict in verdicts] == history[::-1]
        assert all(verdict.reason for verdict in verdicts)


def test_grandfather_father_son_over_a_leap_year() -> None:
    history = points(nights("2023-01-01T03:00:00Z", 800))
    now = history[-1].time
    assert f"{now:%Y-%m-%d}" == "2025-03-10"
    assert days(history, Rules(periods={"daily": 3}), now) == ["2025-03-10", "2025-03-09", "2025-03-08"]
    assert days(history, Rules(periods={"weekly": 3}), now) == ["2025-03-10", "2025-03-09", "2025-03-02"]
    # the newest of a month is its last night, in a leap year's February too
    expected = ["2025-03-10", "2025-02-28", "2025-01-31", *(f"2024-{month}" for month in "12-31 11-30 10-31 09-30 08-31 07-31".split())]
    assert days(history, Rules(periods={"monthly": 13}), now)[:9] == expected
    assert "2024-02-29" in days(history, Rules(periods={"monthly": 14}), now)
    assert days(history, Rules(periods={"yearly": 9}), now) == ["2025-03-10", "2024-12-31", "2023-12-31"]


def test_weeks_are_those_of_iso_8601_at_the_turn_of_a_year() -> None:
    # 2024-12-30 and 2025-01-05 are of one week, 2025-W01
    history = points(nights("2024-12-28T03:00:00Z", 10))
    assert days(history, Rules(periods={"weekly": 3}), history[-1].time) == ["2025-01-06", "2025-01-05", "2024-12-29"]


def test_an_hour_that_local_clocks_have_twice_is_two_hours() -> None:
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    history = points([at("2026-10-24T23:30:00Z") + HOUR * number for number in range(4)])
    assert [point.time.astimezone(berlin).hour for point in history] == [1, 2, 2, 3]
    assert len(kept(history, Rules(periods={"hourly": 4}), history[-1].time)) == 4


def test_the_age_is_that_of_now_and_the_newest_stays_however_old() -> None:
    history = points(nights("2026-01-01T03:00:00Z", 5))
    assert days(history, Rules(within=2 * 86400), at("2026-01-05T03:00:00Z")) == ["2026-01-05", "2026-01-04", "2026-01-03"]
    assert days(history, Rules(within=2 * 86400), at("2026-01-05T03:00:01Z")) == ["2026-01-05", "2026-01-04"]
    assert days(history, Rules(within=2 * 86400), at("2027-01-01T00:00:00Z")) == ["2026-01-05"]


def test_a_clock_that_was_wrong_costs_no_later_point() -> None:
    wrong = points([at("2031-01-01T03:00:00Z")])[0]
    history = points(nights("2026-01-01T03:00:00Z", 3))
    verdicts = {verdict.point.name: verdict for verdict in decide([wrong, *history], Rules(last=1), history[-1].time)}
    assert verdicts[wrong.name].kept and "in the future" in verdicts[wrong.name].reason
    assert verdicts[history[-1].name].kept and verdicts[history[-1].name].reason == "the newest; one of the last 1"
    assert not verdicts[history[0].name].kept


def test_one_without_a_time_or_that_is_held_stays_and_stands_for_nothing_else() -> None:
    history = points(nights("2026-01-01T03:00:00Z", 4))
    held = Point(history[0].name, history[0].time, "somebody reads it")
    unknown = Point("odd", None)
    verdicts = {verdict.point.name: verdict for verdict in decide([unknown, held, *history[1:]], Rules(last=2), history[-1].time)}
    assert (verdicts[held.name].kept, verdicts[held.name].reason) == (True, "somebody reads it")
    assert (verdicts["odd"].kept, verdicts["odd"].reason) == (True, "when it was made is not on record")
    assert [verdicts[point.name].kept for point in history[1:]] == [False, True, True]


def test_what_is_removed_says_what_each_rule_has_against_it() -> None:
    history = points([at(f"2026-01-{text}:00:00Z") for text in ("01T03", "04T03", "04T15", "05T03")])
    rules = Rules(1, 6 * 3600, {"daily": 2, "weekly": 0})
    reasons = [verdict.reason for verdict in decide(history, rules, history[-1].time) if not verdict.kept]
    assert reasons == [
        "not one of the last 1; older than 6h; 20260104T150000000000 is the newest of day 2026-01-04",
        "not one of the last 1; older than 6h; day 2026-01-01 is before the 2 kept",
    ]


def test_what_keeps_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="keeps nothing"):
        decide([], rules_of({"last": 0, "within": "", "hourly": 0, "daily": "0"}), at("2026-01-01T00:00:00Z"))


def test_options_may_be_texts_as_a_survey_has_them() -> None:
    assert rules_of({"last": "3", "within": "1d12h", "daily": "7", "weekly": ""}) == Rules(3, 36 * 3600, {"daily": 7, "weekly": 0})
    assert [age(text) for text in ("36h", "2w", "", None, 0)] == [129600, 1209600, 0, 0, 0]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"last": -1}, "keep.last: -1 is not a number"),
        ({"last": True}, "keep.last: True is not a number"),
        ({"daily": "many"}, "keep.daily: 'many' is not a number"),
        ({"within": "7"}, "keep.within: '7' is not an age"),
        ({"within": "5m"}, "keep.within: '5m' is not an age"),
        ({"within": "-1d"}, "keep.within: '-1d' is not an age"),
        ({"dayly": 7}, "keep has no rule dayly; give at least one of last, hourly"),
        (["last"], "is not a dictionary"),
    ],
)
def test_what_is_no_number_or_age_is_refused(options: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        rules_of(options)


@pytest.mark.parametrize("text", ["2026-01-01", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00+01:00", "2026-01-01T00:00:00", "", None, "x"])
def test_what_is_no_time_in_utc_is_none(text: object) -> None:
    assert parse_time(text) is None


def test_times_are_read_as_the_modules_write_them() -> None:
    assert parse_time("2026-11-24T03:00:00.123456Z") == datetime.datetime(2026, 11, 24, 3, 0, 0, 123456, UTC)
    assert parse_time("2026-11-24T03:00:00+00:00") == datetime.datetime(2026, 11, 24, 3, tzinfo=UTC)
