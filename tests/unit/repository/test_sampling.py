# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run tries of many cases: always what is pinned, something of every part, and everything in the course of time."""

from __future__ import annotations

import types

import pytest
from ansible_collections.vdisk.gluster.tests.harness.sampling import Sample, choose, part

CASES = list(range(100))


def test_a_sample_has_what_is_pinned_and_one_case_of_each_stratum():
    lines = []
    drawn = Sample(seed=7, tell=lines.append).draw("calls", CASES, 4, pinned=[0, 50])
    assert {0, 50} < set(drawn) and len(drawn) == 6 and drawn == sorted(drawn)
    others = [case for case in CASES if case not in (0, 50)]
    assert (
        sorted(
            len(others) * index // 4 <= others.index(case) < len(others) * (index + 1) // 4
            for index, case in enumerate(case for case in drawn if case not in (0, 50))
        )
        == [True] * 4
    )
    assert lines == ["6 of 100 calls"]


def test_the_seed_decides_and_many_seeds_reach_every_case():
    assert Sample(seed=7).draw("calls", CASES, 4) == Sample(seed=7).draw("calls", CASES, 4) != Sample(seed=8).draw("calls", CASES, 4)
    assert Sample(seed=7).draw("calls", CASES, 4, of="a") != Sample(seed=7).draw("calls", CASES, 4, of="b")
    assert {case for seed in range(200) for case in Sample(seed=seed).draw("calls", CASES, 4)} == set(CASES)


@pytest.mark.parametrize("sample, expected", [(Sample(everything=True), CASES), (Sample(pinned_only=True), [3])], ids=["all", "pinned"])
def test_all_and_what_is_pinned(sample, expected):
    assert sample.draw("calls", CASES, 4, pinned=[3]) == expected


def test_a_sample_larger_than_what_there_is_has_all():
    assert Sample().draw("calls", [1, 2], 4) == [1, 2]
    assert Sample().draw("calls", [], 4) == []


class Item:
    """A test as pytest has collected it."""

    def __init__(self, function: str, case: str, **marks: pytest.Mark) -> None:
        self.nodeid = f"tests/{function}[{case}]"
        self.callspec = types.SimpleNamespace(id=case)
        self.user_properties: list[tuple[str, str]] = []
        self._marks = marks

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return self._marks.get(name)


def cases(*pinned):
    mark = pytest.mark.sample(2, pinned=pinned).mark
    return [Item("test_x.py::test_x", letter, sample=mark) for letter in "abcdef"]


def test_of_a_parametrized_test_some_cases_run_and_the_report_tells_of_how_many():
    items = [*cases("c"), Item("test_x.py::test_y", "a")]
    running = choose(Sample(seed=1), items)
    assert len(running) == 4 and items[2] in running and items[-1] in running
    assert running[0].user_properties == [("sampled", "3 of 6 cases")]
    assert choose(Sample(everything=True), items) == items


def test_who_names_a_case_gets_it_but_not_where_only_what_is_pinned_counts():
    items = cases()[4:5]
    assert [choose(Sample(seed=seed), items, ["tests/test_x.py::test_x[e]"]) for seed in range(3)] == [items] * 3
    assert choose(Sample(pinned_only=True), cases("b"))[0].callspec.id == "b"
    assert choose(Sample(pinned_only=True), items, ["test_x[e]"]) == []


def test_a_case_that_is_pinned_and_not_there_is_an_error():
    with pytest.raises(ValueError, match="no case z"):
        choose(Sample(), cases("z"))


def test_what_is_left_to_the_whole_run_is_told():
    items = [Item("test_x.py::test_x", "a"), Item("test_x.py::test_y", "a", whole=pytest.mark.whole.mark)]
    assert choose(Sample(), items) == items[:1]
    assert items[0].user_properties == [("whole", "1 tests only in the whole run")]
    assert choose(Sample(everything=True), items) == items


def test_who_names_a_test_gets_it_where_it_is_only_in_the_whole_run():
    items = [Item("test_x.py::test_y", "a", whole=pytest.mark.whole.mark)]
    assert choose(Sample(), items, ["tests/test_x.py::test_y"]) == choose(Sample(), items, ["test_x.py::test_y[a]"]) == items
    assert choose(Sample(), items, ["tests/test_x.py::test_z"]) == choose(Sample(pinned_only=True), items, ["test_x.py::test_y"]) == []


def test_the_parts_of_a_run_are_all_of_it_and_nothing_twice():
    assert sorted(case for number in (1, 2, 3) for case in part(CASES, f"{number}/3")) == CASES
    with pytest.raises(ValueError, match="no part"):
        part(CASES, "4/3")
