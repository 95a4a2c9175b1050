# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host loses its power or its network in the middle of any operation: the next run, here or there, ends it, and nothing is lost."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.tests.functional.faults.cluster import sweeps
from ansible_collections.vdisk.gluster.tests.functional.faults.cluster.trying import EACH, try_all
from ansible_collections.vdisk.gluster.tests.functional.faults.operations import OPERATIONS


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", EACH)
def test_power_lost_in_the_middle(members, sample, record_property, name):
    try_all(sweeps.PowerLost(members, OPERATIONS[name]), name, 1, sample, record_property)


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", EACH)
def test_who_was_cut_off_and_comes_back_writes_nothing(members, sample, record_property, name):
    try_all(sweeps.CutOff(members, OPERATIONS[name]), name, 1, sample, record_property)


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", EACH)
def test_who_is_cut_off_and_goes_on_trying_writes_nothing(members, sample, record_property, name):
    try_all(sweeps.CutOffAwake(members, OPERATIONS[name]), name, 1, sample, record_property)
