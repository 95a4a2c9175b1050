# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers, bricks or the FUSE client fail in the middle of an operation: it goes on or says what is wrong, and the next run ends it."""

from __future__ import annotations

from ansible_collections.vdisk.gluster.tests.functional.faults.cluster import sweeps
from ansible_collections.vdisk.gluster.tests.functional.faults.cluster.trying import WRITING, parametrize, try_all
from ansible_collections.vdisk.gluster.tests.functional.faults.operations import OPERATIONS


def pytest_generate_tests(metafunc):
    parametrize(
        metafunc,
        {
            "test_one_of_three_servers_lost": (WRITING, 2),
            "test_quorum_lost_and_back": (WRITING, 1),
            "test_fuse_client_killed": (WRITING, 1),
            "test_bricks_full": (WRITING, 2),
            "test_bricks_restarted_in_turn_under_a_lock": (WRITING, 1),
        },
    )


def test_one_of_three_servers_lost(members, everything, record_property, name):
    try_all(sweeps.ServerLost(members, OPERATIONS[name]), name, 1, everything, record_property)


def test_quorum_lost_and_back(members, everything, record_property, name):
    try_all(sweeps.QuorumLost(members, OPERATIONS[name]), name, 1, everything, record_property)


def test_fuse_client_killed(members, everything, record_property, name):
    try_all(sweeps.ClientKilled(members, OPERATIONS[name]), name, 2, everything, record_property)


def test_bricks_full(members, everything, record_property, name):
    sweep = sweeps.BricksFull(members, OPERATIONS[name])
    try_all(sweep, name, 1, everything, record_property, early=True)
    assert sweep.sentences, "nothing was too much for a full share"


def test_bricks_restarted_in_turn_under_a_lock(members, everything, record_property, name):
    try_all(sweeps.BricksRestarted(members, OPERATIONS[name]), name, 1, everything, record_property)
