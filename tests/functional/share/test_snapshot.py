# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of a volume at rest: taken, recorded, dropped; every point in time stays what it was."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess

import pytest

KIB = 1 << 10
MIB = 1 << 20


def cinder_bytes(active, **snapshots):
    """Return an info file as Cinder's GlusterFS driver wrote it."""
    return json.dumps({"active": active, **snapshots}, indent=1, sort_keys=True).encode()


def fill(place, *names, volume="v1", size=MIB):
    """Take snapshots with another pattern before each, and return what every point reads as."""
    for number, name in enumerate(names):
        place.write(number + 1, (number * 192 * KIB) % (size - 384 * KIB), 384 * KIB, volume=volume)
        place.snapshot(name, volume=volume)
    place.write(0xEE, 64 * KIB, 128 * KIB, volume=volume)
    points = place.points(volume)
    assert len(set(points.values())) == len(names) + 1
    return points


def without(points, *names):
    return {name: content for name, content in points.items() if name not in names}


def qemu_header(path):
    """Return what QEMU reads in the header of an image."""
    done = subprocess.run(
        ["qemu-img", "info", "-U", "-f", "qcow2", "--output=json", str(path)], stdout=subprocess.PIPE, cwd="/", check=True, text=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("base_format", ["raw", "qcow2"])
def test_taking_a_snapshot_is_predicted_done_and_then_unchanged(place, base_format):
    place.volume(size="1M", format=base_format)
    place.write(0x11, 0, MIB // 2)
    content = place.read()
    made = place.check_run_again("gluster_snapshot", volume=["v1"], name=["monday"])
    assert made.actions == ["Create overlay v1.monday on v1, because snapshot monday does not exist."]
    assert place.points() == {"monday": content, "now": content}
    assert place.path("v1.info").read_bytes() == b'{\n "active": "v1.monday",\n "monday": "v1.monday"\n}'
    (snapshot,) = made.snapshots
    assert (snapshot["volume"], snapshot["name"], snapshot["file"], snapshot["point_in_time_file"]) == ("v1", "monday", "v1.monday", "v1")
    assert snapshot["virtual_size"] == MIB and snapshot["quiesced"] is False
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$", snapshot["created"])
    (volume,) = made.volumes
    found = place.info()
    # who reads a snapshot is told by the information module only
    assert [snapshot.pop("in_use") for snapshot in found["snapshots"]] == [False]
    assert volume == {key: value for key, value in found.items() if key in volume}
    assert volume["path"] == str(place.path("v1.monday")) and volume["format"] == "qcow2" and volume["base_format"] == base_format


@pytest.mark.parametrize("base_format", ["raw", "qcow2"])
def test_dropping_a_snapshot_is_predicted_done_and_then_unchanged(place, base_format):
    place.volume(size="1M", format=base_format)
    points = fill(place, "s1", "s2")
    made = place.check_run_again("gluster_snapshot", volume=["v1"], name=["s1"], state="absent")
    assert made.snapshots == [] and place.points() == without(points, "s1")
    assert place.path("v1.info").read_bytes() == cinder_bytes("v1.s2", s2="v1.s2")
    place.check_run_again("gluster_snapshot", volume=["v1"], name=["s2"], state="absent")
    assert place.points() == {"now": points["now"]}
    # as Cinder left it: the file stays and names the base
    assert place.path("v1.info").read_bytes() == b'{\n "active": "v1"\n}'
    assert place.names() == ["v1", "v1.info"]


@pytest.mark.parametrize("dropped", [["s1"], ["s2"], ["s3"], ["s1", "s3"], ["s1", "s2", "s3"]], ids="".join)
def test_what_check_mode_foretells_of_a_volume_is_what_a_run_makes(place, dropped):
    place.volume(size="1M")
    fill(place, "s1", "s2", "s3")

    def facts(result):
        (volume,) = result.volumes
        return {**volume, "allocated_size": 0, "chain": [{**entry, "allocated_size": 0} for entry in volume["chain"]]}, result.snapshots

    options = {"volume": ["v1"], "name": dropped, "state": "absent"}
    assert facts(place.ok("gluster_snapshot", check=True, **options)) == facts(place.ok("gluster_snapshot", **options))


def test_check_mode_foretells_a_new_snapshot_but_for_the_time(place):
    place.volume(size="1M")
    options = {"volume": ["v1"], "name": ["s1"], "label": "a", "description": "b"}
    foretold, made = place.ok("gluster_snapshot", check=True, **options), place.ok("gluster_snapshot", **options)
    for result in (foretold, made):
        for snapshot in result.snapshots + result.volumes[0]["snapshots"]:
            assert snapshot.pop("created")
        for entry in result.volumes[0]["chain"] + result.volumes:
            entry.pop("allocated_size")
    assert (foretold.snapshots, foretold.volumes) == (made.snapshots, made.volumes)


def test_the_overlay_is_owned_like_the_active_file_and_so_is_the_info_file(place):
    place.volume(size="1M", owner="107", group="65534", mode="0640")
    place.snapshot("s1")
    os.chmod(place.path("v1.s1"), 0o600)
    place.snapshot("s2")
    owned = {name: os.stat(place.path(name)) for name in place.names()}
    assert {(status.st_uid, status.st_gid) for status in owned.values()} == {(107, 65534)}
    assert {name: oct(status.st_mode & 0o7777) for name, status in owned.items()} == {
        "v1": "0o640",
        "v1.info": "0o600",
        "v1.s1": "0o600",
        "v1.s2": "0o600",
    }


def test_headers_name_bare_files_with_their_formats(place):
    place.volume(size="1M")
    fill(place, "s1", "s2", "s3")

    def backing(file):
        header = qemu_header(place.path(file))
        return header["backing-filename"], header["backing-filename-format"], header["virtual-size"]

    assert [backing(file) for file in ("v1.s1", "v1.s2", "v1.s3")] == [
        ("v1", "raw", MIB),
        ("v1.s1", "qcow2", MIB),
        ("v1.s2", "qcow2", MIB),
    ]
    place.drop("s2")
    assert place.path("v1.info").read_bytes() == cinder_bytes("v1.s3", s1="v1.s1", s3="v1.s3")
    assert backing("v1.s3") == ("v1.s1", "qcow2", MIB)
    place.drop("s1")
    assert backing("v1.s3") == ("v1", "raw", MIB)
    assert subprocess.run(["qemu-img", "check", "-q", "-f", "qcow2", str(place.path("v1.s3"))], check=False).returncode == 0


def test_the_info_file_and_the_record_follow_every_change(place):
    place.volume(size="1M")
    assert not os.path.exists(place.path("v1.info"))
    there = {}
    for name in ("b", "a", "0-z_Z"):
        place.snapshot(name, label=f"of {name}")
        there[name] = f"v1.{name}"
        assert place.path("v1.info").read_bytes() == cinder_bytes(f"v1.{name}", **there)
        recorded = json.loads(place.path(".vdisk/v1.json").read_bytes())["snapshots"]
        assert {key: note["label"] for key, note in recorded.items()} == {key: f"of {key}" for key in there}
    assert [snapshot["name"] for snapshot in place.info()["snapshots"]] == ["b", "a", "0-z_Z"], "oldest first"
    place.drop("0-z_Z", "b")
    assert place.path("v1.info").read_bytes() == cinder_bytes("v1.a", a="v1.a")
    assert list(json.loads(place.path(".vdisk/v1.json").read_bytes())["snapshots"]) == ["a"]


def test_label_and_description_are_recorded_once_and_stay(place):
    place.volume(size="1M")
    place.snapshot("s1", label="nightly", description='über "all" \n lines')
    snapshot = place.info()["snapshots"][0]
    assert snapshot.pop("in_use") is False
    assert (snapshot["label"], snapshot["description"]) == ("nightly", 'über "all" \n lines')
    again = place.snapshot("s1", label="another", description="another")
    assert not again.changed and again.snapshots == [snapshot]


def test_an_unknown_snapshot_is_absent_already(place):
    place.volume(size="1M")
    before = place.everything()
    for check in (True, False):
        result = place.ok("gluster_snapshot", check=check, volume=["v1"], name=["s1", "s2"], state="absent")
        assert not result.changed and result.snapshots == [] and result.volumes[0]["exists"]
        missing = place.ok("gluster_snapshot", check=check, volume=["v9"], name=["s1"], state="absent")
        assert not missing.changed and not missing.volumes[0]["exists"]
    assert place.everything() == before


def test_neighbours_go_in_one_merge(place):
    place.volume(size="1M")
    points = fill(place, "s1", "s2", "s3", "s4", "s5")
    made = place.drop("s4", "s2", "s3")
    assert [action.split(" (")[0] for action in made.actions if action.startswith("Merge ")] == [
        "Merge v1.s4, v1.s3, v1.s2 down into v1.s1"
    ]
    assert place.points() == without(points, "s2", "s3", "s4")
    assert place.names() == ["v1", "v1.info", "v1.s1", "v1.s5"]


def test_two_separate_runs_of_neighbours_go_in_one_task(place):
    place.volume(size="1M")
    points = fill(place, "s1", "s2", "s3", "s4", "s5", "s6")
    made = place.drop("s1", "s2", "s4", "s5", "no-such")
    assert len([action for action in made.actions if action.startswith("Merge ")]) == 2
    assert place.points() == without(points, "s1", "s2", "s4", "s5")
    assert place.path("v1.info").read_bytes() == cinder_bytes("v1.s6", s3="v1.s3", s6="v1.s6")


@pytest.mark.parametrize("base_format", ["raw", "qcow2"])
def test_all_snapshots_go_in_one_merge(place, base_format):
    place.volume(size="1M", format=base_format)
    names = [f"s{number}" for number in range(1, 8)]
    points = fill(place, *names)
    made = place.drop(*names)
    assert len([action for action in made.actions if action.startswith("Merge ")]) == 1
    assert place.points() == {"now": points["now"]}
    assert place.names() == ["v1", "v1.info"]
    assert place.info()["format"] == base_format


@pytest.mark.sample(1)
@pytest.mark.parametrize("seed", [1, 2])
def test_ten_snapshots_go_in_any_order(place, seed):
    chance = random.Random(seed)
    place.volume(size="1M", format=chance.choice(["raw", "qcow2"]))
    points = {}
    for number in range(1, 11):
        for _write in range(chance.randint(1, 3)):
            place.write(chance.randrange(256), chance.randrange(0, 768 * KIB, 4 * KIB), chance.randrange(4 * KIB, 256 * KIB, 4 * KIB))
        points[f"s{number}"] = place.read()
        place.snapshot(f"s{number}")
    place.write(0xDD, 300 * KIB, 100 * KIB)
    points["now"] = place.read()
    order = [name for name in points if name != "now"]
    chance.shuffle(order)
    for name in order:
        place.drop(name)
        del points[name]
        assert place.points() == points, f"after {name} of {order}"
        found = place.info()
        files = {snapshot["name"]: snapshot["file"] for snapshot in found["snapshots"]}
        assert place.path("v1.info").read_bytes() == cinder_bytes(found["active_file"], **files)
        assert found["problems"] == [] and len(place.names()) == len(points) + 1
    assert place.names() == ["v1", "v1.info"]


@pytest.mark.sample(3)
@pytest.mark.parametrize("base_format", ["raw", "qcow2"])
@pytest.mark.parametrize("dropped", ["s1", "s2", "s3", "s4"])
def test_growth_between_snapshots_stays_in_the_points_it_belongs_to(place, base_format, dropped):
    place.volume(size="1M", format=base_format)
    for number in range(1, 5):
        place.write(number, (number - 1) * MIB + 128 * KIB, 896 * KIB)
        place.snapshot(f"s{number}")
        place.ok("gluster_volume_file", name=["v1"], size=f"{number + 1}M")
    place.write(0x55, 5 * MIB - 64 * KIB, 64 * KIB)
    points = place.points()
    assert [len(points[name]) // MIB for name in ("s1", "s2", "s3", "s4", "now")] == [1, 2, 3, 4, 5]
    place.drop(dropped)
    assert place.points() == without(points, dropped)
    rest = [name for name in ("s1", "s2", "s3", "s4") if name != dropped]
    place.drop(*rest)
    assert place.points() == {"now": points["now"]}


def test_zeroes_written_over_data_stay_zeroes_in_both_directions(place):
    place.volume(size="1M")
    place.write(0x11, 0, MIB)
    for name, commands in {
        "s1": ["write -z 0 512k", "write -P 2 512k 64k"],
        "s2": ["write -P 3 0 128k", "discard 512k 64k", "write -z -u 640k 64k"],
        "s3": ["write -z 0 64k", "write -P 4 64k 896k", "write -z -u 192k 192k"],
        "s4": ["write -P 5 256k 64k"],
    }.items():
        place.snapshot(name)
        argv = ["qemu-io", "-f", "qcow2", "-d", "unmap"]
        subprocess.run([*argv, *(word for text in commands for word in ("-c", text)), str(place.path(f"v1.{name}"))], check=True)
    points = place.points()
    directions = set()
    for name in ("s3", "s2", "s1", "s4"):
        directions |= {word for action in place.drop(name).actions for word in (" up into ", " down into ") if word in action}
        points = without(points, name)
        assert place.points() == points, f"after {name}"
    assert directions == {" up into ", " down into "}


def test_a_name_is_used_again_although_its_file_serves_another_snapshot(place):
    place.volume(size="1M")
    place.write(1, 0, 64 * KIB)
    place.snapshot("s1")
    place.snapshot("s2")
    place.write(2, 0, MIB)
    points = place.points()
    assert " up into v1.s2 " in place.drop("s2").actions[0]
    # the file of s2 now is the one that s1 maps to
    assert place.path("v1.info").read_bytes() == cinder_bytes("v1.s2", s1="v1.s2")
    again = place.check_run_again("gluster_snapshot", volume=["v1"], name=["s2"])
    file = again.snapshots[0]["file"]
    assert file != "v1.s2" and place.path("v1.info").read_bytes() == cinder_bytes(file, s1="v1.s2", s2=file)
    place.write(3, 64 * KIB, 64 * KIB)
    assert without(place.points(), "now") == {"s1": points["s1"], "s2": points["now"]}
    now = place.read()
    place.drop("s1")
    assert place.points() == {"s2": points["now"], "now": now}
    place.drop("s2")
    assert place.points() == {"now": now} and place.names() == ["v1", "v1.info"]


def test_nothing_but_records_and_locks_stays_in_the_directory_of_its_own(place):
    place.volume(size="1M")
    place.volume("v2", size="1M", format="qcow2")
    fill(place, "s1", "s2", "s3")
    place.ok("gluster_snapshot", volume=["v1", "v2"], name=["s4"])
    place.drop("s2", "s4")
    place.ok("gluster_snapshot", volume=["v1", "v2"], name=["s1", "s3", "s4"], state="absent")
    assert {os.path.splitext(name)[1] for name in os.listdir(place.path(".vdisk"))} == {".json", ".lock"}
    assert os.stat(place.path(".vdisk")).st_mode & 0o7777 == 0o700
