# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that is shut off on one host, and tasks on another that cannot see it: what it would start on is not changed under it."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.tests.functional.live.volumes import Watched, volume
from ansible_collections.vdisk.gluster.tests.harness.guests.machine import Disk


@pytest.fixture
def watched(lab):
    """A machine that has written to its volume, with a snapshot, and is shut off now."""
    made = Watched(lab, lab.machine(volume(lab), agent=False).start())
    made.take("s1")
    made.machine.wait_acks(20)
    made.machine.shut_off()
    return made


def contents(lab):
    """Return all that is on the share but locks: names, and what they hold where that is not a disk."""
    found = {str(path.relative_to(lab.here.root)): path for path in lab.here.root.rglob("*") if path.suffix != ".lock" and path.is_file()}
    return {name: path.read_bytes() if path.suffix in (".json", ".info") else path.stat().st_mtime_ns for name, path in found.items()}


def twice(where, module, **options):
    """Check, run and run again: the prediction holds, and the second run changes nothing."""
    predicted = where.ok(module, _ansible_check_mode=True, **options)
    made, again = where.ok(module, **options), where.ok(module, **options)
    assert predicted["changed"] and made["changed"] and not again["changed"], (predicted, made, again)
    assert predicted["actions"] == made["actions"]
    return made


def test_what_a_machine_of_another_host_would_start_on_is_changed_there_or_on_somebodys_word(lab, watched):
    machine, there = watched.machine, lab.host()
    (told,) = there.look("v1")["attachments"]
    assert (told["host"], told["domain"], told["target"], told["persistent"]) == ("hv1", machine.name, "vda", True)
    assert (told["running"], there.look("v1")["running_on"]) == (False, None)
    before = contents(lab)
    for module, options in (
        ("gluster_snapshot", {"volume": ["v1"], "name": ["s2"]}),
        ("gluster_snapshot", {"volume": ["v1"], "name": ["s1"], "state": "absent"}),
        ("gluster_snapshot", {"volume": ["v1"], "name": ["s1"], "state": "reverted"}),
        ("gluster_volume_file", {"name": ["v1"], "state": "absent", "delete_snapshots": True}),
    ):
        for more in ({}, {"_ansible_check_mode": True}):
            message = there.refused(module, **options, **more)
            assert f"disk vda of domain {machine.name} on hv1" in message and "run the task on hv1" in message, message
    assert contents(lab) == before
    # growth changes no file's place
    twice(there, "gluster_volume_file", name=["v1"], size="80M")
    machine.restart() if machine.is_running() else machine.start()
    machine.wait_acks(20)
    assert there.look("v1")["running_on"] == "hv1"
    machine.shut_off()
    # without seeing to it that machine would write to a file below its overlay
    there.ok("gluster_snapshot", volume=["v1"], name=["s2"], attached_elsewhere="ignore")
    (problem,) = lab.here.look("v1")["problems"]
    assert f"the definition of disk vda of domain {machine.name} on this host names v1.s1" in problem and "destroys" in problem, problem
    made = twice(lab.here, "gluster_volume_attachment", volume="v1", domain=machine.name)
    assert "to v1.s2 in its definition" in " ".join(made["actions"])
    acknowledged = machine.acked()
    watched.windows["s2"] = (acknowledged, acknowledged + 5000)
    machine.start()
    machine.assert_rescanned(acknowledged)
    watched.judge()
    watched.judge_at_rest()


def test_a_host_that_is_gone_is_forgotten_and_one_that_is_there_says_itself_what_it_has(lab, watched):
    machine, there = watched.machine, lab.host()
    assert "hv1 is this host" in lab.here.refused("gluster_volume_attachment", volume="v1", domain=machine.name, host="hv1", state="absent")
    assert "requires state: absent" in there.refused("gluster_volume_attachment", volume="v1", domain=machine.name, host="hv1")
    machine.start()
    message = there.refused("gluster_volume_attachment", volume="v1", domain=machine.name, host="hv1", state="absent")
    assert "has it open, so it cannot be forgotten" in message, message
    machine.shut_off()
    made = twice(there, "gluster_volume_attachment", volume="v1", domain=machine.name, host="hv1", state="absent")
    assert made["attachment"] == {
        **dict.fromkeys(("target", "path", "format")),
        **{"domain": machine.name, "host": "hv1", "volume": "v1", "live": False, "persistent": False},
    }
    assert there.look("v1")["attachments"] == []
    # the host is there after all, and knows better
    twice(lab.here, "gluster_volume_attachment", volume="v1", domain=machine.name)
    there.refused("gluster_snapshot", volume=["v1"], name=["s2"])
    name = machine.name
    machine.remove()
    twice(lab.here, "gluster_volume_attachment", volume="v1", domain=name, state="absent")
    twice(there, "gluster_snapshot", volume=["v1"], name=["s2"])


def test_another_domain_does_not_get_a_volume_that_is_on_record_as_a_disk_of_a_host(lab, watched):
    other = lab.machine(lab.image("other", "raw"), mode="idle")
    other.define()
    record = lab.here.path(".vdisk/v1.json")
    watched.machine.remove()
    record.write_text(record.read_text().replace('"hv1"', '"hv9"'))
    message = lab.here.refused("gluster_volume_attachment", volume="v1", domain=other.name)
    assert f"disk vda of domain {watched.machine.name} on hv9, by its record" in message, message
    lab.here.ok("gluster_volume_attachment", volume="v1", domain=watched.machine.name, host="hv9", state="absent")
    twice(lab.here, "gluster_volume_attachment", volume="v1", domain=other.name)
    # a domain that has come here otherwise is on record after the next change
    lab.here.ok("gluster_volume_file", name=["v2"], size="64M", format="raw")
    third = lab.machine(Disk(lab.here.path("v2"), "raw"), mode="idle")
    third.define()
    lab.here.ok("gluster_snapshot", volume=["v2"], name=["s1"])
    assert '"v2' in (text := lab.here.path(".vdisk/v2.json").read_text()) and third.name in text and "hv1" in text


def test_what_a_killed_task_has_begun_with_a_definition_is_finished_on_its_host(lab, watched):
    there, options = lab.host(), {"volume": ["v1"], "name": ["s2"]}
    lab.here.ok("gluster_snapshot", volume=["v1"], name=["s3"])
    lab.here.ok("gluster_snapshot", volume=["v1"], name=["s3"], state="absent")
    watched_at = None
    for at in range(4, 40):
        ended = lab.here.run("gluster_snapshot", options, lab.here.killer(at))
        assert ended.status < 0, "it was not killed while its plan was on the share"
        if lab.here.path(".vdisk/v1.journal").exists():
            watched_at = at
            break
    assert watched_at is not None
    lab.counts.add("kills survived")
    message = there.refused("gluster_snapshot", **options)
    assert f"domain {watched.machine.name} on hv1 must be updated with it" in message and "run the task on hv1" in message, message
    lab.here.ok("gluster_snapshot", **options)
    acknowledged = watched.machine.acked()
    watched.windows["s2"] = (acknowledged, acknowledged + 5000)
    watched.machine.start()
    watched.machine.assert_rescanned(acknowledged)
    watched.judge()
    watched.judge_at_rest()
