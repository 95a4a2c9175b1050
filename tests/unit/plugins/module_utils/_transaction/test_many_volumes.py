# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""More volumes than are taken one by one: lists and groups whose steps are taken at once, and what is left where one of them fails."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common import parallel
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused, Unavailable, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files, fuse_client
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import plan_absent, plan_present
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import VolumeRequest
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import plan_absent as plan_no_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import plan_present as plan_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import overlay, volume
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.domain import redefine_domains_here
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction import forward
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.session import Session
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Definition, Disk
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.hypervisor import NoHypervisor
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import SnapshotNote
from ansible_collections.vdisk.gluster.tests.harness.images import KiB, MiB
from ansible_collections.vdisk.gluster.tests.harness.shares import Killed, PlainShare

NAMES = [f"v{number:02}" for number in range(12)]


@pytest.fixture
def share(tmp_path: Path) -> PlainShare:
    return PlainShare(tmp_path)


@pytest.fixture
def many(share: PlainShare) -> PlainShare:
    """Twelve volumes, each with its own content."""
    _create(share)
    for number, name in enumerate(NAMES):
        share.write((number + 1, 0, 64 * KiB), name=name)
    return share


def _change(share, planner, grouped=False, names=NAMES):
    return share.session().change({name: share.share for name in names}, planner, grouped=grouped)


def _create(share, names=NAMES):
    wanted = VolumeRequest(size=MiB, format="qcow2", uid=os.getuid(), gid=os.getgid())
    return _change(share, lambda volumes: [plan_volume(volume, wanted) for volume in volumes], names=names)


def _take(share):
    return _change(share, lambda volumes: plan_present(volumes, "s", SnapshotNote()), grouped=True)


def _drop(share):
    return _change(share, lambda volumes: [plan_absent(volume, ["s"]) for volume in volumes], grouped=True)


def _tree(share):
    """Return what is on the share but its lock files, which stay."""
    files = (path for path in share.root.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(share.root)): path.read_bytes() for path in files}


def test_a_list_is_made_at_once_and_told_in_its_order(share, monkeypatch):
    together = threading.Barrier(parallel.THREADS, timeout=30)
    publish, names = files.publish, NAMES[: parallel.THREADS]

    def all_there(*words):
        # one after another, this would never end
        together.wait()
        publish(*words)

    monkeypatch.setattr(files, "publish", all_there)
    made = _create(share, names)
    assert [volume.name for volume in made.after] == names and made.changed
    assert [action.split()[1] for action in made.actions] == names
    for name in names:
        share.sound(name)
    assert not _create(share, names).changed


def test_a_group_is_taken_dropped_and_removed_with_every_byte_as_it_was(many):
    before = {name: many.content(name=name) for name in NAMES}
    taken = _take(many)
    assert [action.split()[2] for action in taken.actions] == [f"{name}.s" for name in NAMES]
    for number, name in enumerate(NAMES):
        many.sound(name)
        many.write((100 + number, 4 * KiB, 4 * KiB), name=name)
        assert many.points(name)["s"] == before[name]
    now = {name: many.content(name=name) for name in NAMES}
    _drop(many)
    for name in NAMES:
        many.sound(name)
        assert many.content(name=name) == now[name] and f"{name}.s" not in many.files(name)
    removed = _change(many, lambda volumes: [plan_no_volume(volume, True) for volume in volumes])
    assert len(removed.actions) == len(NAMES) and _tree(many) == {}


@pytest.mark.parametrize("error", [Refused, Unavailable, OSError])
def test_a_group_of_which_one_fails_on_the_way_is_as_it_was_and_what_another_put_there_too(many, monkeypatch, error):
    before, made = _tree(many), overlay.publish_image

    def appears(context, name, *words):
        if context.volume == NAMES[7]:
            if error is Refused:
                # another program makes a file of that name at this very moment
                (many.root / name).write_bytes(b"not ours")
                raise Refused(f"{name} appeared while it was being created")
            raise error("no answer") if error is Unavailable else files.explain(OSError(28, "full"), name, "create")
        made(context, name, *words)

    monkeypatch.setattr(overlay, "publish_image", appears)
    with pytest.raises(VdiskError) as raised:
        _take(many)
    assert raised.value.details["changed"] is False and raised.value.details["actions"] == []
    foreign = {f"{NAMES[7]}.s": b"not ours"} if error is Refused else {}
    assert _tree(many) == {**before, **foreign}
    monkeypatch.undo()
    if foreign:
        (many.root / f"{NAMES[7]}.s").unlink()
    assert _take(many).changed


@pytest.mark.parametrize("at", [0, 5, 11])
def test_a_group_killed_in_one_of_its_steps_is_finished_by_the_next_task(many, monkeypatch, at):
    before = {name: many.content(name=name) for name in NAMES}
    write = overlay.WriteInfo.apply

    def killed(step, context):
        if context.volume == NAMES[at]:
            raise Killed
        write(step, context)

    monkeypatch.setattr(overlay.WriteInfo, "apply", killed)
    with pytest.raises(Killed):
        _take(many)
    monkeypatch.undo()
    # by way of any member
    many.recover(NAMES[3])
    for name in NAMES:
        assert list(many.sound(name).chain.snapshots) == ["s"]
        assert many.points(name) == {"s": before[name], "now": before[name]}


def test_a_list_of_which_some_fail_is_done_but_for_those(share, monkeypatch):
    write = volume.write_record

    def fails(context, record):
        if context.volume in (NAMES[2], NAMES[9]):
            raise Unavailable(f"the record of {context.volume} cannot be written")
        write(context, record)

    monkeypatch.setattr(volume, "write_record", fails)
    with pytest.raises(VdiskError, match="2 of 12 volumes failed") as raised:
        _create(share)
    assert [failure["name"] for failure in raised.value.details["failures"]] == [NAMES[2], NAMES[9]]
    assert raised.value.details["changed"] is True and len(raised.value.details["actions"]) == 10
    for name in NAMES:
        if name not in (NAMES[2], NAMES[9]):
            share.sound(name)
    assert share.files(NAMES[2]) == share.files(NAMES[9]) == set()
    monkeypatch.undo()
    assert [action.split()[1] for action in _create(share).actions] == [NAMES[2], NAMES[9]]


@pytest.fixture
def taken(many: PlainShare) -> dict[str, bytes]:
    """Let each volume have a snapshot and data written since; return what each reads as."""
    _take(many)
    for number, name in enumerate(NAMES):
        many.write((100 + number, 4 * KiB, 4 * KiB), name=name)
    return {name: many.content(name=name) for name in NAMES}


def _merged(share, contents):
    for name, content in contents.items():
        assert not share.sound(name).snapshots and share.content(name=name) == content


@pytest.mark.parametrize(("event_threads", "together"), [(8, 4), (7, 1), (None, 1)])
def test_as_many_merges_run_at_once_as_the_client_of_the_mount_stands(many, taken, monkeypatch, event_threads, together):
    run, inside, most = QemuImg._run, [0], [0]
    changing = threading.Lock()
    # one after another, this would never end
    barrier = threading.Barrier(together, timeout=30)

    def counted(self, arguments, *words, **named):
        # else each would first close copies of all the files that the task holds
        assert self._runner._launcher is not None
        with changing:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        try:
            barrier.wait()
            return run(self, arguments, *words, **named)
        finally:
            with changing:
                inside[0] -= 1

    monkeypatch.setattr(fuse_client, "event_threads", lambda _directory: event_threads)
    monkeypatch.setattr(QemuImg, "_run", counted)
    dropped = _drop(many)
    assert most == [together] and many.qemu_img._runner._launcher is None
    assert [action.split()[1] for action in dropped.actions if action.startswith("Merge")] == [f"{name}.s" for name in NAMES]
    _merged(many, taken)


def test_of_merges_of_which_one_fails_the_others_are_told_and_the_next_task_goes_on(many, taken, monkeypatch):
    commit = QemuImg.commit

    def fails(self, top, *words):
        if os.path.basename(top) == f"{NAMES[7]}.s":
            raise Unavailable("the share has gone away")
        commit(self, top, *words)

    monkeypatch.setattr(QemuImg, "commit", fails)
    with pytest.raises(Unavailable, match="gone away") as raised:
        _drop(many)
    told = [action.split()[1] for action in raised.value.details["actions"]]
    assert raised.value.details["changed"] is True
    done = [name for name in NAMES if many.content(name, name) == taken[name]]
    assert told == [f"{name}.s" for name in done] and NAMES[0] in done and NAMES[7] not in done
    monkeypatch.undo()
    _drop(many)
    _merged(many, taken)


def test_no_machine_can_start_on_what_is_merged_while_others_are_being_merged(many, taken, monkeypatch):
    hold, commit, held, opened = forward.hold_image_locks, QemuImg.commit, threading.Event(), []

    def holds(stack, files):
        hold(stack, files)
        if (NAMES[0], f"{NAMES[0]}.s") in [(context.volume, name) for context, name in files]:
            held.set()

    def waits(self, top, *words):
        if os.path.basename(top) == f"{NAMES[1]}.s":
            assert held.wait(30)
            argv = ["qemu-io", "-f", "qcow2", "-c", "read 0 512", many.root / f"{NAMES[0]}.s"]
            opened.append(subprocess.run(argv, capture_output=True, text=True, check=False))
        commit(self, top, *words)

    monkeypatch.setattr(fuse_client, "event_threads", lambda _directory: 8)
    monkeypatch.setattr(forward, "hold_image_locks", holds)
    monkeypatch.setattr(QemuImg, "commit", waits)
    _drop(many)
    assert opened[0].returncode != 0 and "lock" in opened[0].stderr
    _merged(many, taken)


class OneDomain(NoHypervisor):
    """A host with a domain that is shut off, whose stored definition names a file of each volume, and is written back whole."""

    def __init__(self, files: dict[str, str]) -> None:
        super().__init__(asked=True)
        self.files = files

    def disks_of(self, volume, mount_point):
        part = Definition((f"{mount_point}/{self.files[volume]}",), "qcow2")
        return (Disk("db", "0a", volume, False, None, part),)

    def redefine(self, disk, path, _image_format):
        files = dict(self.files)
        time.sleep(0.01)
        self.files = {**files, disk.target: os.path.basename(path)}


def test_a_domain_with_disks_of_many_volumes_follows_all_of_them_when_another_task_finishes_their_merge(share, monkeypatch):
    """Each change of a definition reads and writes all of it: two at once would lose one, and its file is removed right after."""
    names = NAMES[:6]
    _create(share, names)
    _change(share, lambda volumes: plan_present(volumes, "s", SnapshotNote()), grouped=True, names=names)

    def die(_self, _context):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(overlay.RemoveMerged, "apply", die)
        with pytest.raises(Killed):
            _change(share, lambda volumes: [plan_absent(volume, ["s"]) for volume in volumes], grouped=True, names=names)
    # it was defined after the task that was killed had looked
    domain = OneDomain({name: f"{name}.s" for name in names})
    session = Session(share.qemu_img, False, 5, deep=True, hypervisor=domain)
    session.change({name: share.share for name in names}, lambda volumes: [Plan(volume, volume) for volume in volumes], grouped=True)
    assert domain.files == {name: name for name in names}
    assert not list(share.root.glob("*.s"))


def test_two_volumes_of_one_domain_change_its_definition_one_after_the_other(share):
    names = NAMES[:6]
    _create(share, names)
    domain = OneDomain({name: f"{name}.old" for name in names})
    parallel.each(lambda name: redefine_domains_here(replace(share.context(name), hypervisor=domain), "qcow2"), names)
    assert domain.files == {name: name for name in names}


_WITHIN_LIMITS = """
import resource, sys
from pathlib import Path
soft, hard = int(sys.argv[2]), int(sys.argv[3])
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import plan_absent
from ansible_collections.vdisk.gluster.tests.harness.shares import PlainShare
share = PlainShare(Path(sys.argv[1]))
names = sorted(path.name for path in share.root.iterdir() if path.is_file() and "." not in path.name)
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
try:
    where = {name: share.share for name in names}
    share.session().change(where, lambda found: [plan_absent(volume, ["s"]) for volume in found], grouped=True)
except Refused as error:
    print(error.message)
"""


@pytest.mark.parametrize(
    ("soft", "hard", "told"), [(48, 400, ""), (48, 150, "12 volumes at the same time need 176 open files, and this host allows")]
)
def test_a_group_that_needs_more_open_files_gets_them_or_is_refused(many: PlainShare, soft: int, hard: int, told: str) -> None:
    _change(many, lambda volumes: plan_present(volumes, "s", SnapshotNote()), grouped=True)
    before = {name: many.points(name) for name in NAMES}
    command = [sys.executable, "-c", _WITHIN_LIMITS, str(many.root), str(soft), str(hard)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.stdout.startswith(told) and bool(done.stdout) == bool(told)
    for name in NAMES:
        now = many.points(name)
        assert now["now"] == before[name]["now"] and set(now) == ({"now", "s"} if told else {"now"})
        assert not many.read(name).unfinished
