# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promises of single invariants that no kill shows."""

from __future__ import annotations

import itertools
import json
import threading

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.host_lock import host_lock
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Completed
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import Progress
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.journal import Journal, LostLock
from ansible_collections.vdisk.gluster.tests.functional.faults.operations import chain
from ansible_collections.vdisk.gluster.tests.functional.faults.states import TEMPLATE, Template, points

VOLUME = f"{TEMPLATE}a"


class Told:
    """Runs nothing and remembers what it was to run."""

    stall_timeout = 30.0

    def __init__(self):
        self.argv = []
        self.progress = Progress()

    def run(self, argv, **_more):
        self.argv.append(list(argv))
        return Completed(tuple(argv), 0, '{"required": 0}', "")


def told_of_all_verbs(directory):
    """Return the command line of each verb on files of a directory."""
    runner = Told()
    qemu_img = QemuImg(runner)
    one, other = str(directory / "v.a"), str(directory / "v")
    qemu_img.resize(one, "qcow2", 1 << 20)
    qemu_img.commit(one, "v")
    qemu_img.pull(one, "v", "raw")
    qemu_img.convert(one, "qcow2", other, "raw")
    qemu_img.compare(one, "qcow2", other, "raw")
    qemu_img.measure(one, "qcow2", "qcow2")
    return {argv[1]: argv[2:] for argv in runner.argv}


def test_every_call_of_qemu_img_names_the_format_of_every_file(tmp_path):
    needed = {
        "resize": ["-f"],
        "commit": ["-f"],
        "rebase": ["-f", "-F"],
        "convert": ["-f", "-O"],
        "compare": ["-f", "-F"],
        "measure": ["-f", "-O"],
    }
    told = told_of_all_verbs(tmp_path)
    assert {verb: [word for word in words if word in ("-f", "-F", "-O")] for verb, words in told.items()} == needed


def test_no_data_are_read_without_the_image_lock(tmp_path):
    assert not [verb for verb, words in told_of_all_verbs(tmp_path).items() if {"-U", "--force-share"} & set(words)]


def test_a_commit_never_empties_the_overlay(tmp_path):
    assert "-d" in told_of_all_verbs(tmp_path)["commit"]


def test_short_runs_on_one_mount_of_one_host_queue(tmp_path):
    (tmp_path / "v").write_bytes(bytes(512))
    runner = Told()
    run = threading.Thread(target=QemuImg(runner).measure, args=(str(tmp_path / "v"), "raw", "qcow2"))
    with host_lock(f"qemu-img:{tmp_path}", wait=30):
        run.start()
        run.join(0.3)
        assert run.is_alive() and not runner.argv, "it did not wait for the one before it"
    run.join(5)
    assert len(runner.argv) == 1


def test_a_task_stops_before_its_next_step_when_another_host_has_taken_over_its_plan(tmp_path):
    (tmp_path / ".vdisk").mkdir()
    seconds = itertools.count(0, 2)
    journal = Journal(str(tmp_path), "v", clock=lambda: next(seconds))
    journal.begin([])
    journal.check_ours()
    Journal(str(tmp_path), "v").begin([])
    with pytest.raises(LostLock):
        journal.check_ours()


def not_durable(calls):
    """Return the calls that give or take a name before what it stands for is durable, or are followed by others before they are."""
    wrong, unsynced = [], set()
    for number, call in enumerate(calls):
        verb, _space, path = call.partition(" ")
        directory, _slash, name = path.rpartition("/")
        if verb.startswith("pwrite") or verb == "ftruncate64":
            unsynced.add(path)
        elif verb in ("fsync", "fdatasync"):
            unsynced.discard(path)
        elif verb in ("rename", "link", "unlink") and ".vdisk-" not in name:
            # several names may be taken, and a temporary one, before the directory is synced once
            after = next(follower for follower in calls[number + 1 :] if not follower.startswith("unlink "))
            if unsynced or after != f"fsync {directory or '.'}":
                wrong.append(f"{call}, unsynced {sorted(unsynced)}, then {after}")
    return wrong


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("gluster_volume_file", {"name": ["durable"], "size": "1M"}),
        ("gluster_snapshot", {"volume": [VOLUME], "name": ["s9"]}),
        ("gluster_snapshot", {"volume": [VOLUME], "name": ["s2"], "state": "absent"}),
        ("gluster_snapshot", {"volume": [VOLUME], "name": ["s3"], "state": "reverted", "discard_newer": True}),
    ],
    ids=["create", "take", "drop", "revert"],
)
def test_no_name_is_given_or_taken_before_what_it_stands_for_is_durable(hosts, template, module, options):
    name = f"n{len(str(options)) % 1000:03d}"
    template.lay_down(hosts.here.root, name)
    killer = hosts.killer()
    ended = hosts.here.run(module, json.loads(json.dumps(options).replace(TEMPLATE, name)), killer)
    assert ended.status == 0, ended.values
    assert sum(call.startswith(("rename ", "link ")) for call in killer.calls) >= 2
    assert not_durable(killer.calls) == []


@pytest.fixture(scope="module")
def template(hosts):
    """A volume with four snapshots."""
    chain(hosts)
    return Template(hosts.here.root)


@pytest.mark.parametrize("at", range(8, 16, 2))
def test_a_snapshot_whose_deletion_has_begun_is_neither_exported_nor_reverted_to(hosts, template, tmp_path, at):
    name = f"d{at:03d}"
    template.lay_down(hosts.here.root, name)
    volume, dest = f"{name}a", tmp_path / "copy"
    before = points(hosts.here.root, volume)
    drop = {"volume": [volume], "name": ["s2"], "state": "absent"}
    killer = hosts.killer(at)
    assert hosts.here.run("gluster_snapshot", drop, killer).status == -9
    assert any(call.startswith("rename .vdisk/") for call in killer.calls[:-1]), "killed before the deletion had begun"
    if at % 4:
        refused = hosts.there.run("gluster_image_export", {"volume": volume, "snapshot": "s2", "dest": str(dest)})
    else:
        refused = hosts.there.run("gluster_snapshot", {"volume": [volume], "name": ["s2"], "state": "reverted", "discard_newer": True})
    assert refused.status == 1 and "has no snapshot s2" in refused.values["msg"], refused.values["msg"]
    assert not dest.exists()
    del before["s2"]
    assert points(hosts.there.root, volume) == before
