# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes whose files are spread over several servers: while one of them is away nothing is taken for missing."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.tests.functional.faults.cluster.members import Members, bricks_of, lies_on
from ansible_collections.vdisk.gluster.tests.functional.faults.states import points, state, write_as_machine
from ansible_collections.vdisk.gluster.tests.harness.lab.cluster import wait_until

NAMES = [f"vol{letter}" for letter in "abcdef"]


@pytest.fixture(scope="module")
def volume(cluster):
    """A volume with a brick on each server and no copies."""
    cluster.spread_volume("spread")
    return "spread"


@pytest.fixture
def spread(cluster, library, volume):
    """Two hosts with a share on a distributed volume."""
    made = Members(cluster.lab, cluster, library, volume)
    yield made
    made.close()


def all_points(member):
    return {name: points(member.root, name) for name in NAMES}


def write(member, name, byte):
    assert write_as_machine(member.root, name, 1 << 20, byte), f"no machine can write to {name}"


def wait_until_whole(members):
    for member in (members.here, members.there):
        wait_until(lambda: member.run("gluster_snapshot", {"volume": [NAMES[0]], "name": ["s1"]}).status == 0, "the share", 60)  # noqa: B023


def test_while_a_server_is_away_nothing_is_taken_for_missing(spread, record_property):
    here, there = spread.here, spread.there
    for name in NAMES:
        here.ok("gluster_volume_file", name=[name], size="1M", format="raw")
        write(here, name, 7)
        here.ok("gluster_snapshot", volume=[name], name=["s1"])
        write(here, name, 9)
    want, files, bricks = all_points(there), {name: state(there.root, name) for name in NAMES}, bricks_of(spread)
    away = spread.cluster.servers[2]
    ends = ("", ".s1", ".info", ".json")
    mine = [name for name in NAMES if any(away.name in lies_on(bricks, name + end) for end in ends)]
    assert mine, "the server that is to go has nothing"
    away.crash()
    refused = 0
    for name in (*NAMES, "new"):
        for check in (True, False) if name in (NAMES[0], "new") else (False,):
            for module, options in (
                ("gluster_snapshot", {"volume": [name], "name": ["s2"]}),
                ("gluster_snapshot", {"volume": [name], "name": ["s1"], "state": "absent"}),
                ("gluster_volume_file", {"name": [name], "size": "2M", "format": "raw"}),
                ("gluster_volume_file", {"name": [name], "state": "absent", "delete_snapshots": True}),
                ("gluster_image_export", {"volume": name, "dest": "/var/tmp/copy"}),
            ):
                ended = here.run(module, {**options, "_ansible_check_mode": check})
                assert ended.status == 1, f"{module} on {name} does not see that a server is away: {ended.values}"
                assert f"the brick {away.name}:/bricks/spread does not answer" in ended.values["msg"], ended.values["msg"]
                assert not ended.values.get("changed") and "Traceback" not in str(ended.values)
                refused += 1
    told = here.ok("gluster_volume_file_info")
    assert told["volumes"] == [] and "is incomplete" in told["shares"][0]["error"], told
    away.boot()
    wait_until_whole(spread)
    assert bricks_of(spread) == bricks, "something was done meanwhile"
    assert all_points(here) == want and all_points(there) == want
    assert {name: state(here.root, name) for name in NAMES} == files
    for name in NAMES:
        assert there.ok("gluster_snapshot", volume=[name], name=["s1"], state="absent")["changed"]
        assert points(here.root, name) == {"now": want[name]["now"]}
    compared = 3 * sum(len(content) for found in want.values() for content in found.values())
    record_property("counted", f"{refused} operations, {refused} faults, {compared} bytes compared, lost 0")
