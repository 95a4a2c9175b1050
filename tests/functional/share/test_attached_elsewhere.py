# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes whose record names a domain of a host that is not here: told, heeded, forgotten on somebody's word. No libvirt is asked."""

from __future__ import annotations

import json

import pytest

MIB = 1 << 20
ATTACHMENT = {"host": "hv9", "host_uuid": "u", "domain": "db", "uuid": "of db", "target": "vdb", "stored": True}
FORGET = {"volume": "v1", "domain": "db", "host": "hv9", "state": "absent"}


@pytest.fixture
def chain(place):
    """A share with the volume v1 and its snapshot s1, which a domain of another host has by its record."""
    place.volume(size="1M")
    place.write(1, 0, MIB // 2)
    place.snapshot("s1")
    place.write(2, 0, MIB // 4)
    record = place.path(".vdisk/v1.json")
    record.write_text(json.dumps({**json.loads(record.read_text()), "attachments": [ATTACHMENT]}))
    return place


def test_who_has_a_volume_is_told_and_whether_it_may_run(chain):
    told = {**{key: ATTACHMENT[key] for key in ("host", "domain", "uuid", "target")}, "persistent": ATTACHMENT["stored"]}
    volume = chain.info()
    assert (volume["attachments"], volume["running_on"]) == ([{**told, "running": False}], None)
    with chain.in_qemu("v1.s1", "qcow2"):
        volume = chain.info()
        assert (volume["attachments"], volume["running_on"]) == ([{**told, "running": True}], "hv9")
        sentence = chain.refused_untouched("gluster_snapshot", volume=["v1"], name=["s2"])
        assert "disk vdb of domain db on hv9, which has it open" in sentence and "run the task on hv9" in sentence
        assert "has it open" in chain.refused_untouched("gluster_volume_attachment", **FORGET)


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("gluster_snapshot", {"volume": ["v1"], "name": ["s2"]}),
        ("gluster_snapshot", {"volume": ["v1"], "name": ["s1"], "state": "absent"}),
        ("gluster_snapshot", {"volume": ["v1"], "name": ["s1"], "state": "reverted"}),
        ("gluster_volume_file", {"name": ["v1"], "state": "absent", "delete_snapshots": True}),
    ],
)
def test_what_it_would_start_on_is_changed_only_where_that_is_no_matter(chain, module, options):
    sentence = chain.refused_untouched(module, **options)
    assert "disk vdb of domain db on hv9, by its record" in sentence and "run the task on hv9" in sentence
    assert chain.ok(module, check=True, attached_elsewhere="ignore", **options).changed
    assert chain.ok(module, attached_elsewhere="ignore", **options).changed
    assert not chain.ok(module, attached_elsewhere="ignore", **options).changed
    if options.get("name") == ["s2"]:
        # the domain is still there, and still to be heeded
        assert [entry["host"] for entry in chain.info()["attachments"]] == ["hv9"]


def test_growth_is_no_matter_and_the_record_keeps_who_has_it(chain):
    assert chain.ok("gluster_volume_file", name=["v1"], size="2M").changed
    assert [entry["host"] for entry in chain.info()["attachments"]] == ["hv9"]


def test_a_host_is_forgotten_on_somebodys_word(chain):
    record = chain.path(".vdisk/v1.json").read_bytes()
    predicted = chain.ok("gluster_volume_attachment", check=True, **FORGET)
    assert predicted.changed and chain.path(".vdisk/v1.json").read_bytes() == record
    made = chain.ok("gluster_volume_attachment", **FORGET)
    assert made.changed and made.actions == predicted.actions and made.attachment == predicted.attachment
    assert not chain.ok("gluster_volume_attachment", **FORGET).changed
    assert chain.info()["attachments"] == [] and "attachments" not in json.loads(chain.path(".vdisk/v1.json").read_text())
    assert chain.snapshot("s2").changed
    assert "it requires state: absent" in chain.refused_untouched("gluster_volume_attachment", **{**FORGET, "state": "present"})
