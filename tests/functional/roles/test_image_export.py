# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role image_export, run by ansible-playbook: files that hold what they should, and only old ones of its own removed."""

from __future__ import annotations

import calendar
import os
from unittest import mock

import pytest
from ansible_collections.vdisk.gluster.tests.harness.glance import CLOUD
from ansible_collections.vdisk.gluster.tests.harness.roles import Player

MIB = 1 << 20


@pytest.fixture
def role(place):
    return Player(place, "image_export")


@pytest.fixture
def nights(place):
    """Two volumes with snapshots of three nights of June 2027, and what db-1 read as then."""
    place.volume("db-1")
    place.volume("db-2", size="1M")
    points = {}
    for day in (1, 2, 3):
        place.write(day, 0, MIB, "db-1")
        points[day] = place.read("db-1")
        now = calendar.timegm((2027, 6, day, 3, 0, 0)) * 10**9
        with mock.patch("time.time_ns", lambda now=now: now):
            place.ok("gluster_snapshot", volume=["db-1", "db-2"], name=[f"n{day}"], label="nightly")
    return points


def names(directory):
    return sorted(name for name in os.listdir(directory) if not name.endswith(".manifest.json"))


def everything(directory):
    return {name: (directory / name).read_bytes() for name in os.listdir(directory)}


def test_told_first_then_done_then_nothing_more_to_do(place, role, nights):
    dest = place.tmp / "exports"
    values = {"volumes": ["db-*"], "label": "nightly", "dest": str(dest), "format": "raw", "now": "2027-06-03T04:00:00Z"}
    before = place.digest()
    checked = role.ok("--check", "--diff", **values)
    assert place.digest() == before and not dest.exists(), "check mode wrote something"
    made = role.playbook("--diff", **values)
    files = everything(dest)
    again = role.ok(**values)
    assert everything(dest) == files and again.counts["changed"] == 0 and again.facts["actions"] == []
    wanted = [f"db-{number}.20270603T030000Z.raw" for number in (1, 2)]
    assert names(dest) == ["SHA256SUMS", *wanted] and dest.stat().st_mode & 0o777 == 0o750
    assert (dest / wanted[0]).read_bytes() == nights[3]
    assert place.command("sh", "-c", f"cd {dest} && sha256sum --strict -c SHA256SUMS").stdout.count(": OK") == 2
    paths = [str(dest / name) for name in wanted]
    done = {"exported": paths, "images": [], "changed": ["db-1", "db-2"], "removed": []}
    assert made.artifacts == {"vdisk_image_export": {"box": done, "idle": {}}}
    for played in (checked, again):
        assert [entry["dest"] for entry in played.facts["exports"]] == [entry["dest"] for entry in played.facts["kept"]] == paths
        assert [entry["snapshot"] for entry in played.facts["exports"]] == ["n3", "n3"]
    assert [entry["changed"] for entry in checked.facts["exports"] + again.facts["exports"]] == [True, True, False, False]
    assert again.facts["exports"][0]["checksum"].partition(":")[2] in (dest / "SHA256SUMS").read_text()


def test_old_exports_go_and_nothing_else(place, role, nights):
    dest = place.tmp / "exports"
    dest.mkdir(mode=0o755)
    for volume, snapshot in (("db-1", "n1"), ("db-1", "n2"), ("db-2", "n1")):
        place.ok("gluster_image_export", volume=volume, snapshot=snapshot, dest=f"{dest}/{volume}.{snapshot}.raw")
    (dest / "db-1.n0.raw").write_bytes(b"by hand")
    values = {"volumes": [{"volume": "db-1", "snapshot": "n3"}], "dest": str(dest), "format": "raw", "name": "{volume}.{snapshot}.{format}"}
    values.update(keep={"last": 1}, checksum_algorithm="sha512", now="2027-06-03T04:00:00Z")
    before = everything(dest)
    checked = role.ok("--check", **values)
    assert everything(dest) == before
    made = role.ok(**values)
    assert names(dest) == ["SHA512SUMS", "db-1.n0.raw", "db-1.n3.raw", "db-2.n1.raw"]
    assert sorted(name for name in os.listdir(dest) if name.endswith(".manifest.json")) == [
        "db-1.n3.raw.manifest.json",
        "db-2.n1.raw.manifest.json",
    ]
    assert dest.stat().st_mode & 0o777 == 0o755, "a directory that is there stays as it is"
    for what in ("kept", "removed"):
        assert checked.facts[what] == made.facts[what]
    assert [(entry["dest"], entry["reason"]) for entry in made.facts["removed"]] == [
        (f"{dest}/db-1.n2.raw", "not one of the last 1"),
        (f"{dest}/db-1.n1.raw", "not one of the last 1"),
    ]
    assert made.facts["actions"][-1] == f"Remove {dest}/db-1.n1.raw, because not one of the last 1."
    assert place.command("sh", "-c", f"cd {dest} && sha512sum --strict -c SHA512SUMS").stdout == "db-1.n3.raw: OK\n"
    assert role.ok(**values).counts["changed"] == 0
    # an older point that is asked for stays, and so does one that somebody changed
    with open(dest / "db-1.n3.raw", "r+b") as stream:
        stream.write(b"changed")
    values["volumes"] = [{"volume": "db-1", "snapshot": "n1"}]
    kept = {entry["dest"]: entry["reason"] for entry in role.ok(**values).facts["kept"]}
    assert kept[f"{dest}/db-1.n1.raw"] == "it is requested now"
    assert (dest / "db-1.n3.raw").exists() and (dest / "db-1.n0.raw").read_bytes() == b"by hand"


def test_what_cannot_be_meant_is_refused_and_nothing_is_made(place, role, nights):
    dest = place.tmp / "exports"
    dest.mkdir()
    (dest / "SUMS").write_text("somebody's\n")
    good = {"volumes": ["db-1"], "dest": str(dest)}
    before = everything(dest)
    wrong = [
        {"volumes": ["db-1"]},
        {**good, "volumes": []},
        {**good, "volumes": ["db-9"]},
        {**good, "snapshot": "n9"},
        {**good, "volumes": ["db-*"], "name": "same"},
        {**good, "name": "../{volume}"},
        {**good, "checksum_file": "SUMS"},
        {**good, "keep": {"within": "7"}},
    ]
    told = role.refused(*wrong)
    assert everything(dest) == before
    expected = [
        "at least one of image_export_dest",
        "Set image_export_volumes",
        "volume db-9 does not exist",
        "db-1 has no snapshot n9",
        "two exports would be",
        "is not a name for an export",
        "was not written by this role",
        "keep.within: '7' is not an age",
    ]
    assert [sentence for sentence, part in zip(told, expected) if part not in sentence] == []


def test_images_are_uploaded_under_names_of_the_pattern(place, role, nights, glance):
    values = {"volumes": ["db-2"], "snapshot": "n1", "image_name": "{volume}-%Y%m%d", "cloud": CLOUD, "format": "qcow2"}
    env = {"OS_CLIENT_CONFIG_FILE": os.environ["OS_CLIENT_CONFIG_FILE"]}
    made = role.play(env=env, **values)
    (entry,) = made.facts["exports"]
    assert not made.failed and entry["image_id"] and entry["dest"] is None and entry["image_name"] == "db-2-20270601", made.text
    assert role.play(env=env, **values).counts["changed"] == 0
