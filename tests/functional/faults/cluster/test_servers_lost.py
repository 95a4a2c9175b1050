# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers, bricks or the FUSE client fail in the middle of an operation: it goes on or says what is wrong, and the next run ends it."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.tests.functional.faults.cluster import sweeps
from ansible_collections.vdisk.gluster.tests.functional.faults.cluster.trying import WRITING, try_all
from ansible_collections.vdisk.gluster.tests.functional.faults.operations import OPERATIONS


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", WRITING)
def test_one_of_three_servers_lost(members, sample, record_property, name):
    try_all(sweeps.ServerLost(members, OPERATIONS[name]), name, 1, sample, record_property)


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", WRITING)
def test_quorum_lost_and_back(members, sample, record_property, name):
    try_all(sweeps.QuorumLost(members, OPERATIONS[name]), name, 1, sample, record_property)


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", WRITING)
def test_fuse_client_killed(members, sample, record_property, name):
    try_all(sweeps.ClientKilled(members, OPERATIONS[name]), name, 2, sample, record_property)


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", WRITING)
def test_bricks_full(members, sample, record_property, name):
    sweep = sweeps.BricksFull(members, OPERATIONS[name])
    # from the first call on, so that the operation has all of its writing before it
    try_all(sweep, name, 0, sample, record_property, pinned=[0])
    assert sweep.sentences, "nothing was too much for a full share"


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", WRITING)
def test_bricks_restarted_in_turn_under_a_lock(members, sample, record_property, name):
    try_all(sweeps.BricksRestarted(members, OPERATIONS[name]), name, 1, sample, record_property)
