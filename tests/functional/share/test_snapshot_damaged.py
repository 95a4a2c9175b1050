# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes that are not sound: every change and every export is refused with a sentence, and nothing changes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

KIB = 1 << 10
MIB = 1 << 20


@pytest.fixture
def damaged(place, tmp_path):
    """Return a callable that damages the volume v1 with three snapshots, sees all refused, and mends it again."""
    place.volume(size="1M")
    for number, name in enumerate(("s1", "s2", "s3"), 1):
        place.write(number, number * 128 * KIB, 256 * KIB)
        place.snapshot(name)
    place.volume("v2", size="1M")
    points = place.points()
    backup = tmp_path / "backup"
    shutil.copytree(place.mount_point(), backup)
    elsewhere = tmp_path / "out"
    elsewhere.mkdir()

    def see_refused(case, damage, reason):
        damage(place)
        assert place.info()["problems"], case
        dest = str(elsewhere / "v1.raw")
        for module, options in (
            ("gluster_snapshot", {"volume": ["v1"], "name": ["s4"]}),
            ("gluster_snapshot", {"volume": ["v1"], "name": ["s1"], "state": "absent"}),
            ("gluster_snapshot", {"volume": ["v1"], "name": ["s1", "s2", "s3"], "state": "absent"}),
            ("gluster_snapshot", {"volume": ["v2", "v1"], "name": ["s4"]}),
            ("gluster_volume_file", {"name": ["v1"], "size": "2M"}),
            ("gluster_volume_file", {"name": ["v1"], "state": "absent", "delete_snapshots": True}),
            ("gluster_image_export", {"volume": "v1", "dest": dest}),
            ("gluster_image_export", {"volume": "v1", "snapshot": "s1", "dest": dest}),
        ):
            sentence = place.refused_untouched(module, **options)
            assert reason in sentence and "v1" in sentence, (case, module, sentence)
        assert list(elsewhere.iterdir()) == []
        for name in place.names():
            path = place.path(name)
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
        shutil.copytree(backup, place.mount_point(), dirs_exist_ok=True)
        assert place.points() == points, case

    return see_refused


def edit(name, old, new):
    def damage(place):
        content = place.path(name).read_bytes()
        assert old in content[: 64 * KIB]
        place.path(name).write_bytes(content.replace(old, new, 1))

    return damage


def rebase(file, backing, backing_format="qcow2"):
    def damage(place):
        argv = ["qemu-img", "rebase", "-u", "-f", "qcow2", "-F", backing_format, "-b", backing, file]
        subprocess.run(argv, check=True, cwd=place.mount_point())

    return damage


def info(**entries):
    def damage(place):
        there = json.loads(place.path("v1.info").read_bytes())
        there.update(entries)
        place.path("v1.info").write_text(json.dumps({key: value for key, value in there.items() if value is not None}))

    return damage


def info_bytes(content):
    return lambda place: place.path("v1.info").write_bytes(content)


def replaced(name, make):
    def damage(place):
        place.path(name).rename(place.path("aside"))
        make(place, place.path(name))

    return damage


def external_data_file(place, path):
    path.unlink(missing_ok=True)
    options = "data_file=v1.s3.data,backing_file=v1.s2,backing_fmt=qcow2"
    argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path.name, "1M"]
    subprocess.run(argv, check=True, cwd=place.mount_point())


# the type of the header extension that holds the format of the backing file
FORMAT_EXTENSION = b"\xe2\x79\x2a\xca"


def test_chains_that_cannot_be_trusted(damaged):
    cases = {
        "missing overlay": (lambda place: place.path("v1.s2").unlink(), "v1.s2 is missing"),
        "missing base": (lambda place: place.path("v1").unlink(), "v1 is missing"),
        "missing active file": (lambda place: place.path("v1.s3").unlink(), "v1.s3 is missing"),
        "circle": (rebase("v1.s1", "v1.s2"), "circle"),
        "circle of one": (rebase("v1.s2", "v1.s2"), "circle"),
        "absolute backing name": (lambda place: rebase("v1.s1", str(place.path("v1")), "raw")(place), "absolute path"),
        "a path up": (rebase("v1.s1", "../etc/passwd", "raw"), "not a bare name"),
        "a path that stays here": (rebase("v1.s1", "./v1", "raw"), "not a bare name"),
        "a JSON backing name": (rebase("v1.s1", 'json:{"driver":"raw","file":{"driver":"file","filename":"/x"}}', "raw"), "not a bare"),
        "a protocol": (rebase("v1.s1", "nbd://localhost/v1", "raw"), "not a bare name"),
        "another volume below": (rebase("v1.s1", "v2", "raw"), "not a bare name of a file of v1"),
        "backing format missing": (edit("v1.s2", FORMAT_EXTENSION, b"\x11\x22\x33\x44"), "without its format"),
        "backing format strange": (rebase("v1.s1", "v1", "vmdk"), "vmdk"),
        "backing format wrong": (rebase("v1.s1", "v1", "qcow2"), "the record gives raw"),
        "an overlay skipped": (rebase("v1.s3", "v1.s1"), "not in the chain"),
        "external data file": (replaced("v1.s3", external_data_file), "external data file"),
    }
    for case, (damage, reason) in cases.items():
        damaged(case, damage, reason)


def test_files_that_are_not_what_their_place_demands(damaged):
    cases = {
        "overlay cut in its header": (lambda place: os.truncate(place.path("v1.s2"), 60), "v1.s2"),
        "overlay cut before its tables": (lambda place: os.truncate(place.path("v1.s2"), 64 * KIB), "v1.s2 is truncated"),
        "overlay empty": (lambda place: os.truncate(place.path("v1.s3"), 0), "v1.s3 is not a sound qcow2 image"),
        "overlay overwritten": (lambda place: place.path("v1.s1").write_bytes(b"\0" * MIB), "v1.s1 is not a sound qcow2 image"),
        "symlink": (replaced("v1.s2", lambda place, path: path.symlink_to("aside")), "v1.s2 is a symlink"),
        "symlink for a base": (replaced("v1", lambda place, path: path.symlink_to("/etc/passwd")), "v1 is a symlink"),
        "directory": (replaced("v1.s2", lambda place, path: path.mkdir()), "v1.s2 is a directory"),
        "pipe": (replaced("v1.s3", lambda place, path: os.mkfifo(path)), "v1.s3 is a special file"),
    }
    for case, (damage, reason) in cases.items():
        damaged(case, damage, reason)


def test_header_bits_that_this_collection_must_not_work_on(damaged):
    def bit(number):
        def damage(place):
            with open(place.path("v1.s3"), "r+b") as stream:
                stream.seek(72)
                features = int.from_bytes(stream.read(8), "big") | 1 << number
                stream.seek(72)
                stream.write(features.to_bytes(8, "big"))

        return damage

    damaged("corrupt", bit(1), "marked corrupt")
    damaged("unknown feature", bit(40), "features 0x10000000000")

    def encrypt(place):
        with open(place.path("v1.s3"), "r+b") as stream:
            stream.seek(32)
            stream.write((2).to_bytes(4, "big"))

    damaged("encrypted", encrypt, "encrypted")


def test_info_files_that_cannot_be_trusted(damaged):
    cases = {
        "empty": (info_bytes(b""), "it is empty"),
        "cut": (info_bytes(b'{\n "active": "v1.s3",\n "s1"'), "not JSON"),
        "not UTF-8": (info_bytes(b"\xff\xfe{}"), "not JSON"),
        "a list": (info_bytes(b'["v1"]'), "not a JSON object"),
        "no active file": (info(active=None), "no active file"),
        "a number": (info(active=3), "not a JSON object of names"),
        "a path": (info(active="../v1.s3"), "not a file of v1"),
        "an absolute path": (info(active="/etc/passwd"), "not a file of v1"),
        "another volume": (info(s2="v2"), "not a file of v1"),
        "itself": (info(s2="v1.info"), "not a file of v1"),
        "two snapshots on one file": (info(s2="v1.s1"), "two snapshots"),
        "one key twice": (info_bytes(b'{"active": "v1.s3", "active": "v1.s2"}'), "not JSON"),
        "a file that is not there": (info(s9="v1.s9"), "v1.s9 is missing"),
        "an overlay without a name": (info(s2=None), "names no snapshot for it"),
        "a snapshot of the base": (info(s0="v1"), "no point in time"),
        "an older active file": (info(active="v1.s2"), "not in the chain"),
        "no info file": (lambda place: place.path("v1.info").unlink(), "v1.info"),
        "a symlink": (replaced("v1.info", lambda place, path: path.symlink_to("aside")), "not a regular file"),
        "a directory": (replaced("v1.info", lambda place, path: path.mkdir()), "not a regular file"),
        "too large": (info_bytes(b" " * (1 << 20) + b"{}"), "larger than"),
    }
    for case, (damage, reason) in cases.items():
        damaged(case, damage, reason)


def test_records_that_cannot_be_trusted(damaged):
    def record(**entries):
        def damage(place):
            path = place.path(".vdisk/v1.json")
            path.write_text(json.dumps({**json.loads(path.read_bytes()), **entries}))

        return damage

    cases = {
        "empty": (lambda place: place.path(".vdisk/v1.json").write_bytes(b""), "it is empty"),
        "newer": (record(schema=99), "a newer one may be needed"),
        "another base": (record(base_file="v1.s1"), "v1"),
        "another volume's base": (record(base_file="v2"), "not a file of v1"),
        "a strange format": (record(base_format="vmdk"), "vmdk"),
        "another format": (record(base_format="qcow2"), "the record gives qcow2"),
        "a larger size": (record(virtual_size=2 * MIB), "truncated"),
    }
    for case, (damage, reason) in cases.items():
        damaged(case, damage, reason)
