# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever can write to a share can write journals: none of them makes a task touch what is outside the share, or another volume."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any, Mapping

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common import process
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import find_program
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share, mount_point_of
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import plan_absent
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import qcow2
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.merge import Commit
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.overlay import RemoveMerged
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.registry import to_json
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.volume import RemoveVolume
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction import recovery
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout
from ansible_collections.vdisk.gluster.tests.harness.images import KiB
from ansible_collections.vdisk.gluster.tests.harness.journal_steps import SHARES, STEPS, hostile
from ansible_collections.vdisk.gluster.tests.harness.shares import PlainShare

FIELDS = [(step, field) for step in STEPS for field in dataclasses.fields(step)]


class Attacked(PlainShare):
    """Two shares, the first with the volumes v (with the snapshots a and b) and w, the other one with x; beside them what is to stay."""

    def __init__(self, base: Path) -> None:
        root = Path(mount_point_of(str(base), SHARES[0]))
        other = Path(mount_point_of(str(base), SHARES[1]))
        for directory in (root, other, base / "outside"):
            directory.mkdir()
        super().__init__(root)
        self.share = Share(SHARES[0], str(root))
        self.other = PlainShare(other)
        self.other.share = Share(SHARES[1], str(other))
        self._base = base
        (base / "outside/victim").write_bytes(b"not a disk" * 100)
        for share, name in ((self, "v"), (self, "w"), (self.other, "x")):
            share.create(name=name, size=512 * KiB)
            share.write((ord(name), 0, 256 * KiB), name=name)
            (share.root / layout.lock(name)).touch(0o600)
        for number, snapshot in enumerate("ab"):
            self.take(snapshot)
            self.write((number + 1, 64 * KiB, 64 * KiB))
        self.as_it_was = self.everything()

    def everything(self) -> dict[str, tuple[int, bytes]]:
        """Return all files, wherever they are, but for what each host's lock files say and the journal of v."""
        found = {}
        for directory, _directories, names in os.walk(self._base):
            for path in (Path(directory, name) for name in names):
                if path != self.root / layout.journal("v"):
                    found[str(path.relative_to(self._base))] = (path.lstat().st_mode, b"" if path.is_symlink() else path.read_bytes())
        return found

    def journal(self, *steps: Mapping[str, Any], volume: str = "v", share: PlainShare | None = None, **more: Any) -> None:
        """Write a journal as an enemy does."""
        path = (share or self).root / layout.journal(volume)
        path.write_text(json.dumps({"schema": 1, "group": None, "token": "0a", "marks": {}, "steps": steps, **more}))

    def refusal(self, name: str = "v") -> str:
        """Let a task find the journal, and return why it goes no further; nothing has changed then."""
        with pytest.raises(VdiskError) as caught:
            self.recover(name)
        assert self.everything() == self.as_it_was
        return caught.value.message


@pytest.fixture
def attacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Attacked:
    """Return shares that an enemy can write to."""
    monkeypatch.setattr(recovery, "check_mounted", lambda share, table: None)
    return Attacked(tmp_path)


def test_no_hostile_field_of_any_step_is_acted_on(attacked: Attacked) -> None:
    """Each field of each step has in turn what may do most harm there: a file outside, or else the first thing it may not hold."""
    for step, field in FIELDS:
        values = list(hostile(str(field.type)))
        for value in [value for value in values if "outside" in str(value)][:2] or values[:1]:
            attacked.journal({**to_json(step), field.name: value})
            assert "cannot be carried on" in attacked.refusal(), (step, field.name, value)


@pytest.mark.parametrize(
    "entries",
    [
        b"[" * 100_000,
        b"\xff\xfe",
        b"[]",
        b"7",
        b"null",
        b'{"schema": 1}',
        b'{"schema": 1, "steps": {"step": "commit"}}',
        b'{"schema": 1, "steps": ["commit"]}',
        b'{"schema": 1, "steps": [], "marks": [1]}',
        b'{"schema": 1, "steps": [], "marks": {"a": {}}}',
        b'{"schema": 1, "steps": [], "group": {}}',
        b'{"schema": 1, "leader": {"share": "gl1:/vms", "volume": "../w"}, "group": "g"}',
        b'{"schema": 1, "leader": {"share": ["gl1:/vms"], "volume": "w"}, "group": "g"}',
        b'{"schema": 1, "leader": "w", "group": "g"}',
        b'{"schema": 1, "steps": [{"step": {"a": 1}}]}',
    ],
)
def test_no_malformed_journal_ends_in_anything_but_a_sentence(attacked: Attacked, entries: bytes) -> None:
    (attacked.root / layout.journal("v")).write_bytes(entries)
    assert attacked.refusal()


@pytest.mark.parametrize(("volume", "share"), [("x", SHARES[1]), ("w", SHARES[0])])
def test_a_journal_binds_no_volume_that_does_not_say_so_itself(attacked: Attacked, volume: str, share: str) -> None:
    attacked.journal({"volume": volume, "share": share, **to_json(RemoveVolume((volume,), ()))}, group="g")
    assert f"a step for {volume} on {share}, which has no journal that belongs to it" in attacked.refusal()


@pytest.mark.parametrize("owner", [None, 7, "", "../w", "w\0", ["w"]])
@pytest.mark.parametrize("key", ["volume", "share"])
def test_what_a_step_is_for_is_a_volume_of_a_share(attacked: Attacked, key: str, owner: Any) -> None:
    attacked.journal({key: owner, **to_json(RemoveVolume((), ()))})
    assert "cannot be carried on" in attacked.refusal()


def _header_with(attacked: Attacked, file: str, backing_file: str, backing_format: str = "raw") -> None:
    path = attacked.root / file
    content = path.read_bytes()
    path.write_bytes(qcow2.with_backing(content[: qcow2.HEADER_READ], backing_file, backing_format) + content[qcow2.HEADER_READ :])


def _linked(attacked: Attacked, file: str) -> None:
    (attacked.root / file).unlink()
    (attacked.root / file).symlink_to("../outside/victim")


def _truncated_header(attacked: Attacked, file: str) -> None:
    (attacked.root / file).write_bytes(qcow2.MAGIC + bytes(64))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda attacked: _header_with(attacked, "v.a", "../outside/victim"), "which is not a bare name of a file of v"),
        (lambda attacked: _header_with(attacked, "v.a", "/outside/victim"), "which is not a bare name of a file of v"),
        (lambda attacked: _header_with(attacked, "v.a", "w"), "which is not a bare name of a file of v"),
        (lambda attacked: _header_with(attacked, "v.b", "json:{}", "qcow2"), "which is not a bare name of a file of v"),
        (lambda attacked: _header_with(attacked, "v.a", "v", "qcow2"), "gives v the format 'qcow2', which it does not have"),
        (lambda attacked: _header_with(attacked, "v.a", "v", "vmdk"), "gives v the format 'vmdk', which it does not have"),
        (lambda attacked: _linked(attacked, "v.a"), "v.a is a symlink, not a regular file"),
        (lambda attacked: _linked(attacked, "v"), "v is a symlink, not a regular file"),
        (lambda attacked: _truncated_header(attacked, "v.b"), "v.b is not a sound qcow2 image"),
    ],
)
def test_no_image_that_leads_elsewhere_is_worked_on_for_a_plan_that_is_sound(attacked: Attacked, spoil: Any, sentence: str) -> None:
    spoil(attacked)
    attacked.as_it_was = attacked.everything()
    attacked.journal(to_json(Commit(("v.a",), "v", "raw", 1, ("a",))), to_json(RemoveMerged(("v.a",))))
    assert sentence in attacked.refusal()


def test_a_plan_that_needs_a_missing_program_waits_untouched(attacked: Attacked, monkeypatch: pytest.MonkeyPatch) -> None:
    points = attacked.points()
    attacked.kill(lambda volumes: [plan_absent(volume, ["a"]) for volume in volumes], 0)
    attacked.as_it_was = attacked.everything()
    monkeypatch.setattr(QemuImg, "program", property(lambda self: find_program("qemu-img", "install it")))
    with monkeypatch.context() as without:
        without.setattr(process, "_SEARCH_PATH", ())
        without.setenv("PATH", "/nowhere")
        assert "v on gl1:/vms is unfinished and needs a program: qemu-img was not found" in attacked.refusal()
    attacked.recover()
    assert attacked.points() == {name: content for name, content in points.items() if name != "a"}


def test_a_sound_plan_is_carried_on(attacked: Attacked) -> None:
    """What the others refuse is not refused for want of anything else."""
    points = attacked.points()
    attacked.kill(lambda volumes: [plan_absent(volume, ["a"]) for volume in volumes], 1)
    attacked.recover()
    assert attacked.points() == {name: content for name, content in points.items() if name != "a"}
