# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long tests wait, and which of them share a process."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.tests.harness import waiting
from ansible_collections.vdisk.gluster.tests.harness.checkout import ROOT
from ansible_collections.vdisk.gluster.tests.harness.scheduling import TOGETHER


@pytest.fixture
def clock(monkeypatch):
    """The seconds that have passed, by which waits go."""
    passed = [0.0]
    monkeypatch.setattr(waiting.time, "monotonic", lambda: passed[0])
    return passed


@pytest.mark.parametrize(("slowness", "limit"), [(1.0, 10), (4.0, 40)])
def test_patience_lasts_longer_where_the_machine_is_slow(clock, monkeypatch, slowness, limit):
    monkeypatch.setattr(waiting, "slowness", lambda: slowness)
    patience = waiting.Patience(10)
    clock[0] = limit - 1
    assert not patience.is_over()
    clock[0] = limit + 1
    assert patience.is_over()


def test_no_time_is_spent_on_measuring_before_the_seconds_are_over(clock, monkeypatch):
    monkeypatch.setattr(waiting, "slowness", lambda: pytest.fail("measured"))
    patience = waiting.Patience(10)
    clock[0] = 9
    assert not patience.is_over()


def test_a_machine_is_never_taken_for_faster_than_an_idle_one():
    assert waiting.slowness() >= 1


def test_what_shares_a_process_is_there():
    assert [place for place in TOGETHER if not (ROOT / place).exists()] == []
