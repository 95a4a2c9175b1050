# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replicated share that loses its quorum: every module says what is the matter, nothing is taken for missing, and it lives on."""

from __future__ import annotations

import os
import signal
import time

import pytest
from ansible_collections.vdisk.gluster.tests.harness.processes import wait_until

MIB = 1 << 20


def answers(path):
    try:
        os.listdir(path)
        return True
    except OSError:
        return False


@pytest.fixture
def replicated(unmounted, servers):
    """A share with three copies of everything, and a volume with a snapshot on it."""
    unmounted.gluster_volume = servers.volume(copies=3)
    unmounted.share = unmounted.new_share(unmounted.gluster_volume)
    unmounted.mount()
    unmounted.volume(size="1M")
    unmounted.write(7, 0, MIB)
    unmounted.snapshot("s1")
    return unmounted


@pytest.fixture
def stopped_bricks(replicated, servers):
    """Two of the three bricks, for a test to stop; they go on afterwards."""
    bricks = servers.brick_pids(replicated.gluster_volume)[:2]
    yield bricks
    for brick in bricks:
        os.kill(brick, signal.SIGCONT)
    wait_until(lambda: answers(replicated.mount_point()), "the share to answer again", 60)


def test_without_quorum_every_module_says_so_and_changes_nothing(replicated, stopped_bricks):
    place = replicated
    for brick in stopped_bricks:
        os.kill(brick, signal.SIGSTOP)
    # after network.ping-timeout
    wait_until(lambda: not answers(place.mount_point()), "the quorum to be lost", 30)
    for module, options in (
        ("gluster_volume_file", {"name": ["v1"], "size": "2M"}),
        ("gluster_volume_file", {"name": ["v2"], "size": "1M"}),
        ("gluster_volume_file", {"name": ["v1"], "state": "absent", "delete_snapshots": True}),
        ("gluster_snapshot", {"volume": ["v1"], "name": ["s2"]}),
        ("gluster_snapshot", {"volume": ["v1"], "name": ["s1"], "state": "absent"}),
        ("gluster_image_export", {"volume": "v1", "dest": str(place.tmp / "copy")}),
    ):
        for check in (True, False):
            told = place.refused(module, check=check, **options)
            assert "transport endpoint is not connected" in told, told
            assert "does not exist" not in told
    (share,) = place.ok("gluster_share_info").shares
    assert "transport endpoint is not connected" in share["error"]
    assert "transport endpoint is not connected" in place.ok("gluster_volume_file_info").shares[0]["error"]
    for brick in stopped_bricks:
        os.kill(brick, signal.SIGCONT)
    wait_until(lambda: answers(place.mount_point()), "the quorum to be back", 60)
    # the copies that were away are healed by and by; what is read comes from the one that was there
    time.sleep(1)
    assert place.points() == {"s1": b"\7" * MIB, "now": b"\7" * MIB}
    assert place.ok("gluster_volume_file", name=["v1"], size="2M").changed
