# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several tasks at once, on one volume or on many, from one mount or two: none is lost, none harms another."""

from __future__ import annotations

import json
import os
import socket
import time

import pytest
from ansible_collections.vdisk.gluster.tests.harness.processes import gate_qemu_img, start, wait_until
from ansible_collections.vdisk.gluster.tests.harness.programs import command

KIB = 1 << 10
MIB = 1 << 20


def all_of(running):
    """Return what all tasks returned; none may be left behind."""
    try:
        return [each.result() for each in running]
    finally:
        for each in running:
            each.kill()


@pytest.mark.parametrize("hosts", [1, 2], ids=["one host", "two hosts"])
def test_snapshots_of_one_volume_taken_at_once_are_all_taken(place, hosts):
    place.volume(size="1M")
    place.write(1, 0, 512 * KIB)
    content = place.read()
    mounts = [place, place.other_host()][:hosts]
    names = [f"s{number}" for number in range(8)]
    running = [
        start(mounts[number % hosts], "gluster_snapshot", volume=["v1"], name=[name], label=name) for number, name in enumerate(names)
    ]
    for result in all_of(running):
        assert not result.get("failed") and result["changed"], result
    found = place.info()
    assert {entry["name"]: entry["label"] for entry in found["snapshots"]} == {name: name for name in names}
    assert len(found["chain"]) == 9 and found["problems"] == []
    assert place.points() == {**{name: content for name in names}, "now": content}
    assert {os.path.splitext(name)[1] for name in os.listdir(place.path(".vdisk"))} == {".json", ".lock"}


def test_the_same_snapshot_taken_at_once_is_taken_once(place):
    place.volume(size="1M")
    running = [start(place, "gluster_snapshot", volume=["v1"], name=["s1"]) for _number in range(4)]
    results = all_of(running)
    assert [result.get("failed", False) for result in results] == [False] * 4
    assert sum(result["changed"] for result in results) == 1
    assert len({result["snapshots"][0]["created"] for result in results}) == 1


@pytest.mark.parametrize("hosts", [1, 2], ids=["one host", "two hosts"])
def test_taking_and_dropping_at_once_ends_with_what_was_asked_for(place, hosts):
    place.volume(size="1M")
    points = {}
    for number in range(1, 6):
        place.write(number, number * 128 * KIB, 192 * KIB)
        points[f"s{number}"] = place.read()
        place.snapshot(f"s{number}")
    place.write(9, 0, 64 * KIB)
    now = place.read()
    mounts = [place, place.other_host()]
    running = []
    for number, (name, state) in enumerate(
        [("s1", "absent"), ("n1", "present"), ("s3", "absent"), ("n2", "present"), ("s4", "absent"), ("s9", "absent")]
    ):
        running.append(start(mounts[number % hosts], "gluster_snapshot", volume=["v1"], name=[name], state=state))
    for result in all_of(running):
        assert not result.get("failed"), result
    assert place.points() == {"s2": points["s2"], "s5": points["s5"], "n1": now, "n2": now, "now": now}
    assert place.info()["problems"] == []


def test_different_volumes_do_not_wait_for_one_another(place, tmp_path, monkeypatch):
    place.volume("v1", size="1M")
    place.snapshot("s1", volume="v1")
    place.volume("v2", size="1M")
    gate = gate_qemu_img(tmp_path, monkeypatch, "commit")
    held = start(place, "gluster_snapshot", volume=["v1"], name=["s1"], state="absent")
    try:
        wait_until(gate.with_name("gate.reached").exists, "the merge to begin")
        began = time.monotonic()
        place.ok("gluster_snapshot", volume=["v2"], name=["s1"], lock_timeout=0)
        place.ok("gluster_volume_file", name=["v3"], size="1M", lock_timeout=0)
        assert time.monotonic() - began < 5 and not held.is_over()
        # what only reads, and what is as wanted already, does not wait even for this one
        assert place.info("v1")["exists"]
        sentence = place.refused("gluster_snapshot", volume=["v1"], name=["s2"], lock_timeout=1)
        assert "v1 is being changed by another task" in sentence and "1 s" in sentence and "run this task again" in sentence
        gate.touch()
        assert held.result()["changed"]
    finally:
        held.kill()
    place.snapshot("s2", volume="v1")


def test_a_lock_held_on_another_host_is_waited_for_and_told_of(place, tmp_path, monkeypatch):
    place.volume(size="1M")
    place.snapshot("s1")
    gate = gate_qemu_img(tmp_path, monkeypatch, "commit")
    held = start(place.other_host(), "gluster_snapshot", volume=["v1"], name=["s1"], state="absent")
    try:
        wait_until(gate.with_name("gate.reached").exists, "the merge to begin")
        before = place.digest()
        # by UTC, to the day: the task that holds the lock has begun today
        today = time.strftime("%Y-%m-%dT", time.gmtime())
        for module, options in (
            ("gluster_snapshot", {"volume": ["v1"], "name": ["s2"]}),
            ("gluster_volume_file", {"name": ["v1"], "size": "2M"}),
            ("gluster_volume_file", {"name": ["v1"], "state": "absent"}),
            ("gluster_image_export", {"volume": "v1", "dest": str(place.tmp / "copy")}),
        ):
            began = time.monotonic()
            told = place.refused(module, lock_timeout=1, **options)
            assert f"v1 is being changed by another task (on host {socket.gethostname()}, process {held.pid}, since {today}" in told
            assert "has waited 1 s for it" in told
            assert 0.9 < time.monotonic() - began < 10
        assert "is negative" in place.refused("gluster_snapshot", volume=["v1"], name=["s2"], lock_timeout=-1)
        assert place.digest() == before
        waiting = start(place, "gluster_snapshot", volume=["v1"], name=["s2"])
        time.sleep(0.5)
        assert not waiting.is_over()
        gate.touch()
        assert held.result()["changed"] and waiting.result()["changed"]
    finally:
        held.kill()
    assert [entry["name"] for entry in place.info()["snapshots"]] == ["s2"]


def test_groups_in_different_orders_do_not_block_one_another(place):
    for name in ("v1", "v2", "v3"):
        place.volume(name, size="1M")
    orders = [["v1", "v2", "v3"], ["v3", "v2", "v1"], ["v2", "v3"], ["v1", "v3"]]
    running = [start(place, "gluster_snapshot", volume=order, name=[f"s{number}"]) for number, order in enumerate(orders)]
    for result in all_of(running):
        assert not result.get("failed"), result
    taken = {name: {entry["name"] for entry in place.info(name)["snapshots"]} for name in ("v1", "v2", "v3")}
    assert taken == {"v1": {"s0", "s1", "s3"}, "v2": {"s0", "s1", "s2"}, "v3": {"s0", "s1", "s2", "s3"}}


def test_many_volumes_made_and_removed_at_once(place):
    mounts = [place, place.other_host()]
    running = [
        start(mounts[number % 2], "gluster_volume_file", name=[f"a{number}", "shared"], size="1M", format="raw") for number in range(6)
    ]
    results = all_of(running)
    assert not any(result.get("failed") for result in results), results
    assert place.names() == [*(f"a{number}" for number in range(6)), "shared"]
    assert sum("Create shared" in action for result in results for action in result["actions"]) == 1
    running = [start(mounts[number % 2], "gluster_volume_file", name=["shared", f"a{number}"], state="absent") for number in range(6)]
    results = all_of(running)
    assert not any(result.get("failed") for result in results), results
    assert place.names() == [] and all(name.endswith(".lock") for name in os.listdir(place.path(".vdisk")))


def test_two_hosts_take_turns_without_a_pause_and_none_works_on_what_it_remembers(place):
    hosts = [place, place.other_host()]
    place.volume(size="1M")
    points = {}
    for number in range(12):
        host = hosts[number % 2]
        # a machine on this host writes in place and is shut down; then the other host goes on at once
        host.write(number + 1, (number * 80 * KIB) % (MIB - 160 * KIB), 160 * KIB)
        now = host.read()
        taken = hosts[(number + 1) % 2].snapshot(f"s{number}")
        assert [entry["name"] for entry in taken.volumes[0]["snapshots"]][-1] == f"s{number}"
        points[f"s{number}"] = now
        if number % 3 == 2:
            dropped = f"s{number - 1}"
            host.drop(dropped)
            del points[dropped]
            assert [entry["name"] for entry in hosts[(number + 1) % 2].info()["snapshots"]] == list(points)
    points["now"] = now
    for host in hosts:
        assert host.points() == points and host.info()["problems"] == []
    while len(points) > 1:
        dropped = list(points)[len(points) // 2 - 1]
        hosts[len(points) % 2].drop(dropped)
        del points[dropped]
        assert hosts[(len(points) + 1) % 2].points() == points, f"after {dropped}"


def test_what_another_host_wrote_in_place_is_exported_and_merged_not_what_is_remembered(place, tmp_path):
    here, there = place, place.other_host()
    here.volume(size="1M")
    dest = tmp_path / "copy"
    for number in range(1, 4):
        there.write(number, 0, 512 * KIB)
        content = there.read()
        made = here.ok("gluster_image_export", volume="v1", dest=str(dest))
        assert made.changed and dest.read_bytes() == content, "the copy is of what the other host wrote"
        assert not here.ok("gluster_image_export", volume="v1", dest=str(dest)).changed
    here.snapshot("s1")
    for number in range(4, 7):
        there.write(number, 256 * KIB, 512 * KIB)
        # the programs of this host now remember what the overlay reads as
        here.info()
        command("qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(here.path("v1.s1")), str(tmp_path / "remembered"))
    there.write(7, 256 * KIB, 512 * KIB)
    now = there.read()
    here.drop("s1")
    assert there.points() == {"now": now}
    assert json.loads(there.path("v1.info").read_bytes()) == {"active": "v1"}
