# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles of a pipeline on a machine that runs: its disk is made, attached, rotated while it is written, and taken away."""

from __future__ import annotations

import json

import pytest
from ansible_collections.vdisk.gluster.tests.functional.live.test_guide import play

MIB = 1 << 20


@pytest.fixture
def machine(lab):
    made = lab.machine(lab.image("root", "raw"), mode="idle").start()
    made.wait_for_agent()
    return made


def include(role, **values):
    """Return a task that includes a role with its location and these variables."""
    location = {"share": "{{ share }}", "mount_point_base": "{{ mount_point_base }}", "libvirt_uri": "{{ libvirt_uri }}"}
    variables = {f"{role}_{key}": value for key, value in {**location, **values}.items()}
    return {"ansible.builtin.include_role": {"name": f"vdisk.gluster.{role}"}, "vars": variables}


def test_a_disk_of_a_running_machine_from_its_making_to_its_end(lab, machine, tmp_path):
    def done(*tasks):
        playbook = tmp_path / "playbook.yml"
        playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": list(tasks)}]))
        return play(playbook, lab, machine, tmp_path)["changed"]

    entry = {"name": "data", "size": "32M", "format": "qcow2", "domain": machine.name, "target": "vdb", "serial": "data"}
    provision = include("volume_provision", volumes=[entry, {"name": "spare", "size": "1M"}])
    rotate = {"volumes": ["data"], "label": "nightly", "keep": {"last": 1}}
    assert done(provision) == 2, "one task makes them all, one attaches"
    assert done(provision) == 0
    machine.execute("while [ ! -b /dev/vdb ]; do usleep 50000; done")
    assert machine.execute("cat /sys/block/vdb/serial").strip() == "data"
    sums = []
    for number, name in enumerate(("first", "second")):
        machine.execute(f"dd if=/dev/urandom of=/dev/vdb bs=1M count=4 seek={number * 2} conv=fsync")
        sums.append(machine.execute("md5sum </dev/vdb").split()[0])
        assert done(include("snapshot_rotate", name=name, **rotate)) == 1 + number, "the second night the first one goes"
        assert machine.execute("md5sum </dev/vdb").split()[0] == sums[-1]
    found = lab.here.look("data")
    assert [snapshot["name"] for snapshot in found["snapshots"]] == ["second"] and found["problems"] == []
    assert len(set(sums)) == 2
    gone = include("volume_provision", volumes=[{**entry, "state": "absent", "delete_snapshots": True}])
    assert done(gone) == 2, "detached, then removed"
    assert "/data" not in machine.domain.XMLDesc(0) and not list(lab.here.root.glob("data*"))
    lab.counts.add("operations under load", 4)
