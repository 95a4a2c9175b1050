# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes that OpenStack Cinder's GlusterFS driver left, taken over in place, with their snapshots."""

from __future__ import annotations

import json
import subprocess

import pytest

KIB = 1 << 10
MIB = 1 << 20
NAME = "volume-0c9a3f0e-0d3e-4b0a-8f62-1a7e6a1f9a10"
ONE, TWO, THREE = (f"{digit * 8}-1111-4222-8333-444444444444" for digit in "abc")


def program(place, *argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, cwd=place.mount_point())


def overlay(place, file, below, below_format, *, old=False):
    """Make an overlay with the commands of Cinder's driver: an absolute backing file, then a relative one."""
    compat = ["-o", "compat=0.10"] if old else []
    program(place, "qemu-img", "create", "-f", "qcow2", *compat, "-F", below_format, "-b", str(place.path(below)), file)
    program(place, "qemu-img", "rebase", "-u", "-f", "qcow2", "-F", below_format, "-b", below, file)


def write(place, file, image_format, byte, offset, length):
    program(place, "qemu-io", "-f", image_format, "-c", f"write -P {byte} {offset} {length}", file)


def write_info(place, **entries):
    place.path(f"{NAME}.info").write_bytes(json.dumps(entries, indent=1, sort_keys=True).encode())


def adopt(place, image_format):
    before = {name: entry for name, entry in place.digest().items() if not name.startswith(".vdisk")}
    made = place.check_run_again("gluster_volume_file", name=[NAME], format=image_format)
    assert {name: entry for name, entry in place.digest().items() if not name.startswith(".vdisk")} == before
    assert made.volume["problems"] == []
    return made.volume


@pytest.fixture
def cinder(place):
    """A raw volume with two snapshots, as the driver left it; the second overlay by a QEMU of that time."""
    with open(place.path(NAME), "wb") as stream:
        stream.truncate(MIB)
    write(place, NAME, "raw", 1, 0, 512 * KIB)
    overlay(place, f"{NAME}.{ONE}", NAME, "raw")
    write(place, f"{NAME}.{ONE}", "qcow2", 2, 128 * KIB, 512 * KIB)
    overlay(place, f"{NAME}.{TWO}", f"{NAME}.{ONE}", "qcow2", old=True)
    write(place, f"{NAME}.{TWO}", "qcow2", 3, 256 * KIB, 512 * KIB)
    write_info(place, active=f"{NAME}.{TWO}", **{ONE: f"{NAME}.{ONE}", TWO: f"{NAME}.{TWO}"})
    return place


@pytest.mark.sample(2)
@pytest.mark.parametrize("order", [(ONE, TWO, THREE), (TWO, THREE, ONE), (THREE, ONE, TWO), (TWO, ONE, THREE)])
def test_snapshots_of_cinder_are_dropped_like_ones_of_our_own(cinder, order):
    place, active = cinder, f"{NAME}.{TWO}"
    adopt(place, "raw")
    points = place.points(NAME)
    assert len(set(points.values())) == 3
    (snapshot,) = place.snapshot(THREE, volume=NAME).snapshots
    assert (snapshot["file"], snapshot["point_in_time_file"]) == (f"{NAME}.{THREE}", active)
    assert [entry["created"] is None for entry in place.info(NAME)["snapshots"]] == [True, True, False]
    place.write(4, 512 * KIB, 256 * KIB, volume=NAME)
    points[THREE], points["now"] = points["now"], place.read(NAME)
    for name in order:
        place.drop(name, volume=NAME)
        del points[name]
        assert place.points(NAME) == points, f"after {name}"
    assert place.path(f"{NAME}.info").read_bytes() == b'{\n "active": "' + NAME.encode() + b'"\n}'
    assert place.names() == [NAME, f"{NAME}.info"]


def test_a_volume_that_lost_its_base_name_keeps_going_under_its_active_file(place):
    # the driver's deletion on a running machine pulled everything into the overlay and removed the base
    base = f"{NAME}.{TWO}"
    program(place, "qemu-img", "create", "-f", "qcow2", base, "1M")
    write(place, base, "qcow2", 1, 0, 512 * KIB)
    write_info(place, active=base)
    adopted = adopt(place, "qcow2")
    assert adopted["path"] == str(place.path(base)) and adopted["snapshots"] == []
    first = place.read(NAME)
    place.check_run_again("gluster_snapshot", volume=[NAME], name=["s1"])
    place.write(2, 0, 64 * KIB, volume=NAME)
    place.snapshot("s2", volume=NAME)
    place.write(3, 0, 32 * KIB, volume=NAME)
    now = place.read(NAME)
    points = place.points(NAME)
    assert (points["s1"], points["now"]) == (first, now)
    place.drop("s1", volume=NAME)
    assert place.points(NAME) == {"s2": points["s2"], "now": now}
    # the name of the old snapshot is free, although a file of that name is the base
    place.snapshot(TWO, volume=NAME)
    assert place.points(NAME) == {"s2": points["s2"], TWO: now, "now": now}
    place.drop("s2", TWO, volume=NAME)
    assert place.points(NAME) == {"now": now}
    assert place.names() == sorted([base, f"{NAME}.info"])
    assert json.loads(place.path(f"{NAME}.info").read_bytes()) == {"active": base}


def test_a_snapshot_whose_file_carries_another_id_is_found_by_the_info_file(place):
    # the driver's deletion of ONE on a running machine left the data of ONE's overlay in the file of TWO
    with open(place.path(NAME), "wb") as stream:
        stream.truncate(MIB)
    write(place, NAME, "raw", 1, 0, 512 * KIB)
    overlay(place, f"{NAME}.{TWO}", NAME, "raw")
    write(place, f"{NAME}.{TWO}", "qcow2", 2, 128 * KIB, 512 * KIB)
    overlay(place, f"{NAME}.{THREE}", f"{NAME}.{TWO}", "qcow2")
    write(place, f"{NAME}.{THREE}", "qcow2", 3, 256 * KIB, 512 * KIB)
    write_info(place, active=f"{NAME}.{THREE}", **{ONE: f"{NAME}.{TWO}", THREE: f"{NAME}.{THREE}"})
    adopt(place, "raw")
    points = place.points(NAME)
    assert set(points) == {ONE, THREE, "now"}
    (snapshot,) = place.snapshot(TWO, volume=NAME).snapshots
    assert snapshot["file"] != f"{NAME}.{TWO}"
    points[TWO] = points["now"]
    assert place.points(NAME) == points
    for name in (ONE, TWO, THREE):
        place.drop(name, volume=NAME)
        del points[name]
        assert place.points(NAME) == points, f"after {name}"
    assert place.names() == [NAME, f"{NAME}.info"]


def test_what_is_written_here_is_what_cinder_reads(cinder):
    place = cinder
    adopt(place, "raw")
    place.snapshot(THREE, volume=NAME)
    place.drop(ONE, volume=NAME)
    info = json.loads(place.path(f"{NAME}.info").read_bytes())
    # the driver walks the chain from the active file by what qemu-img says, and finds each snapshot's file in it
    chain = [info["active"]]
    while True:
        argv = ["qemu-img", "info", "--output=json", str(place.path(chain[-1]))]
        header = json.loads(subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout)
        if "backing-filename" not in header:
            break
        chain.append(header["backing-filename"])
    assert chain == [f"{NAME}.{THREE}", f"{NAME}.{TWO}", NAME]
    assert {info[TWO], info[THREE]} == set(chain[:-1]) and ONE not in info
