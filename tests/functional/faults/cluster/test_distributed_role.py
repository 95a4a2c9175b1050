# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes that the role makes and whose files are spread over several servers, with and without copies, are as any others."""

from __future__ import annotations

import json
import pathlib
import subprocess

import pytest
from ansible_collections.vdisk.gluster.tests.functional.faults.cluster.members import Members, bricks_of, lies_on
from ansible_collections.vdisk.gluster.tests.functional.faults.operations import chain
from ansible_collections.vdisk.gluster.tests.functional.faults.states import files_of, points
from ansible_collections.vdisk.gluster.tests.harness.lab.cluster import VOLUME_OPTIONS

KINDS = {
    "scattered": {"gluster_server_brick_dirs": ["/bricks/scattered"]},
    "pairs": {"gluster_server_brick_dirs": ["/bricks/pairs1", "/bricks/pairs2"], "gluster_server_replica": 3},
}
NAMES = [f"vol{letter}" for letter in "abcdef"]
OUT = "/var/tmp/spread"


def make_by_the_role(cluster, name, directory):
    """Make a volume of one of the kinds by the role gluster_server."""
    made = {
        "gluster_server_volume": name,
        "gluster_server_servers": [server.name for server in cluster.servers],
        "gluster_server_options": VOLUME_OPTIONS,
        **KINDS[name],
    }
    include = {"ansible.builtin.include_role": {"name": "vdisk.gluster.gluster_server"}, "vars": made}
    play = directory / "play.yml"
    play.write_text(json.dumps([{"hosts": "gluster_servers", "become": True, "tasks": [include]}]))
    argv = ["ansible-playbook", "--forks=3", f"--inventory={cluster.lab.inventory}", str(play)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def spread(cluster, library, request, tmp_path):
    """Two hosts with a share on a distributed volume of a kind."""
    make_by_the_role(cluster, request.param, tmp_path)
    made = Members(cluster.lab, cluster, library, request.param)
    yield made
    made.close()


def export(member, name):
    """Export the present state of a volume, and return what was read."""
    member.machine.run(["mkdir", "-p", OUT])
    member.ok("gluster_image_export", volume=name, dest=f"{OUT}/{name}", format="raw", force=True)
    return member.seen(pathlib.Path(OUT) / name).read_bytes()


@pytest.mark.sample(1)
@pytest.mark.parametrize("spread", KINDS, indirect=True)
def test_a_volume_over_several_servers_is_as_any_other(spread, record_property):
    here, there, compared = spread.here, spread.there, 0
    told = spread.cluster.gluster("volume", "info", spread.volume)
    assert f"Type: {'Distribute' if spread.volume == 'scattered' else 'Distributed-Replicate'}\n" in told, told
    for number, name in enumerate(NAMES):
        chain(spread, volume=name)
        before = points(there.root, name)
        gone = f"s{1 + number % 4}"
        assert there.ok("gluster_snapshot", volume=[name], name=[gone], state="absent")["changed"]
        del before[gone]
        assert points(here.root, name) == before, f"{name} reads otherwise after {gone} was deleted"
        assert export(here, name) == before["now"]
        assert not here.ok("gluster_snapshot", volume=[name], name=[gone], state="absent")["changed"]
        assert not here.look(name)["problems"]
        compared += 2 * sum(map(len, before.values())) + len(before["now"])
    found = bricks_of(spread)
    if spread.volume == "scattered":
        assert any(lies_on(found, name) != lies_on(found, f"{name}.s2") for name in NAMES), "each overlay lies where its base does"
    assert here.ok("gluster_volume_file_info", name=None)["volumes"][0]["name"] == NAMES[0]
    for name in NAMES:
        there.ok("gluster_volume_file", name=[name], state="absent", delete_snapshots=True)
        assert not files_of(here.root, name)
    record_property("counted", f"{5 * len(NAMES)} operations, 0 faults, {compared} bytes compared, lost 0")
