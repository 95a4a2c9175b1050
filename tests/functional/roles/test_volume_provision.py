# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role volume_provision, run by ansible-playbook: a list of volumes comes about, and a bad list changes nothing."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.tests.harness.roles import Player

MIB = 1 << 20


@pytest.fixture
def role(place):
    return Player(place, "volume_provision")


def named(played):
    return {entry["name"]: entry for entry in played.facts["volumes"]}


def test_a_list_comes_about_told_first_and_only_once(place, role):
    place.volume("old", size="1M")
    place.snapshot("s1", volume="old")
    place.volume("source", size="2M")
    place.write(7, 0, MIB, "source")
    image = place.tmp / "image.raw"
    image.write_bytes(b"image" * 1000 + bytes(120))
    values = {
        "defaults": {"size": "4M", "delete_snapshots": True},
        "volumes": [
            {"name": "copy", "source_volume": "golden", "format": "qcow2"},
            {"name": "golden", "source_volume": "source"},
            *({"name": f"data-{number}", "format": "qcow2"} for number in (1, 2, 3)),
            {"name": "imported", "source_image": str(image), "source_format": "raw", "mode": "0600"},
            {"name": "old", "state": "absent"},
            {"name": "never", "state": "absent"},
        ],
    }
    before = place.digest()
    checked = role.ok("--check", "--diff", **values)
    assert place.digest() == before, "check mode wrote to the share"
    made = role.playbook("--diff", "--limit", "box", **values)
    again = role.ok(**values)
    assert place.names() == ["copy", "data-1", "data-2", "data-3", "golden", "imported", "source"]
    assert place.read("copy") == place.read("golden") == place.read("source").ljust(4 * MIB, b"\0")
    assert place.read("imported").startswith(image.read_bytes()) and (place.path("imported").stat().st_mode & 0o777) == 0o600
    assert "Create copy, after its source exists." in checked.facts["actions"]
    assert '"data-2"' in checked.text and '"data-2"' in made.text, "the difference is shown"
    names = [entry["name"] for entry in values["volumes"]]
    changed = ["copy", "golden", "data-1", "data-2", "data-3", "imported", "old"]
    assert made.artifacts == {"vdisk_provision": {"box": {"present": names[:6], "absent": names[6:], "changed": changed}}}
    assert [entry["name"] for entry in checked.facts["volumes"]] == [entry["name"] for entry in again.facts["volumes"]] == names
    assert [name for name, entry in named(checked).items() if entry["changed"]] == changed
    assert again.counts["changed"] == 0 and again.facts["actions"] == []
    assert not any(entry["changed"] for entry in again.facts["volumes"])
    assert named(again)["copy"] == {
        "name": "copy",
        "state": "present",
        "share": place.share,
        "path": str(place.path("copy")),
        "format": "qcow2",
        "base_format": "qcow2",
        "size": 4 * MIB,
        "changed": False,
        "attachment": None,
    }
    assert named(again)["old"]["path"] is None
    # of volumes with equal options, only the one that is changed says so
    place.ok("gluster_volume_file", name=["data-2"], state="absent")
    assert [name for name, entry in named(role.ok(**values)).items() if entry["changed"]] == ["data-2"]


def test_a_bad_list_changes_nothing(place, role):
    place.volume("kept", size="1M")
    place.snapshot("s1", volume="kept")
    good = {"name": "new", "size": "1M"}
    before = place.everything()
    wrong = [
        [good, good],
        [good, {"name": "x", "sise": "1M"}],
        [good, {"name": "kept", "state": "absent", "source_volume": "new"}],
        [good, {"name": "kept", "state": "absent"}],
        [good, {"size": "1M"}],
        [],
        [good, {"name": "x", "size": "big"}],
    ]
    told = role.refused(*({"volumes": volumes} for volumes in wrong), {"volumes": [good], "defaults": {"target": "vdb"}})
    assert place.everything() == before
    expected = [
        "new occurs twice in the list",
        "sise",
        "kept: it is to be absent and has source_volume",
        "kept has snapshots (s1); set delete_snapshots",
        "name",
        "list of volumes is empty",
        "'big' is not a size",
        "the defaults have target",
    ]
    assert [sentence for sentence, part in zip(told, expected) if part not in sentence] == []
