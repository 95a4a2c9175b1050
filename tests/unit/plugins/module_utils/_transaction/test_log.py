# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the log of a host shows of a task: locks, each step, each command; nothing where nothing is to be done."""

from __future__ import annotations

import errno
import os
import re

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Runner
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import plan_absent, plan_present, plan_reverted
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.session import Planner
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import SnapshotNote
from ansible_collections.vdisk.gluster.tests.harness.images import MiB
from ansible_collections.vdisk.gluster.tests.harness.shares import PlainShare


def take(name: str) -> Planner:
    """Return the planner of a task that takes a snapshot."""
    return lambda volumes: plan_present(volumes, name, SnapshotNote())


@pytest.fixture
def lines(share: PlainShare) -> list[str]:
    """Return what is logged from now on, of a volume v."""
    share.create(size=MiB)
    found: list[str] = []
    share.qemu_img = QemuImg(Runner(30, log=found.append))
    return found


def logged(lines: list[str]) -> list[str]:
    """Return the lines without what differs from run to run, and forget them."""
    found = [re.sub(r"after [0-9]+\.[0-9]{3} s", "after N s", line) for line in lines]
    lines.clear()
    return found


def test_a_snapshot_is_logged_step_by_step(share: PlainShare, lines: list[str]) -> None:
    share.session().change({"v": share.share}, take("a"))
    found = logged(lines)
    assert found[0] == "Locked v on gl1:/vms after N s"
    assert found[-1] == "Unlocked v on gl1:/vms"
    steps = [line for line in found if line.startswith("Apply")]
    assert [line.split(":")[0].split(" after")[0] for line in steps] == [
        f"Apply {name} on v on gl1{end}" for name in ("CreateOverlay", "WriteInfo", "WriteRecord") for end in ("", "")
    ]
    assert steps[0].startswith("Apply CreateOverlay on v on gl1:/vms: ") and "v.a" in steps[0]
    assert steps[1] == "Apply CreateOverlay on v on gl1:/vms ended after N s"
    assert len(found) == 2 + len(steps)


def test_a_merge_is_logged_with_its_command(share: PlainShare, lines: list[str]) -> None:
    share.session().change({"v": share.share}, take("a"))
    share.write((1, 0, MiB))
    logged(lines)
    share.session().change({"v": share.share}, lambda volumes: [plan_absent(volumes[0], ["a"])])
    (command,) = [line for line in logged(lines) if line.startswith("Command")]
    assert re.match(r"Command ended after N s with exit status 0: \S*qemu-img commit .*/v\.a$", command)


def test_what_is_prepared_undone_and_recovered_is_logged(share: PlainShare, lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    rename = os.rename

    def full_for_info_files(source: str, target: str) -> None:
        if target.endswith(".info"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target)
        rename(source, target)

    share.session().change({"v": share.share}, take("a"))
    share.write((1, 0, MiB))
    logged(lines)
    share.session().change({"v": share.share}, lambda volumes: [plan_reverted(volumes[0], "a", False)])
    assert any(line.startswith("Prepare ReplaceOverlay on v on gl1:/vms: ") for line in logged(lines))
    with monkeypatch.context() as full, pytest.raises(VdiskError):
        full.setattr(os, "rename", full_for_info_files)
        share.session().change({"v": share.share}, take("b"))
    found = logged(lines)
    assert any(line.startswith("Apply WriteInfo on v on gl1:/vms failed after N s: ") for line in found), found
    assert any(line.startswith("Undo CreateOverlay on v on gl1:/vms: ") for line in found)
    share.kill(take("c"), 1)
    logged(lines)
    share.recover()
    found = [line for line in logged(lines) if line.startswith("Recover")]
    assert found[0].startswith("Recover CreateOverlay on v on gl1:/vms: ")
    assert found[-1] == "Recover WriteRecord on v on gl1:/vms ended after N s"


def test_a_task_that_changes_nothing_logs_nothing_of_its_own(share: PlainShare, lines: list[str]) -> None:
    """The module itself logs two lines: where it begins, and where it ends."""
    share.session().change({"v": share.share}, take("a"))
    logged(lines)
    assert not share.session().change({"v": share.share}, take("a")).changed
    share.session(check_mode=True).change({"v": share.share}, take("b"))
    assert lines == []
