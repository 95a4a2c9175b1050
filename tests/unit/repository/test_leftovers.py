# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a machine belongs to a run of tests, and whether that lives."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vdisk.gluster.tests.harness import runs
from ansible_collections.vdisk.gluster.tests.harness.callers import ancestors
from ansible_collections.vdisk.gluster.tests.harness.leftovers import mounts_of, names_volume
from ansible_collections.vdisk.gluster.tests.harness.waiting import PATIENCE

FORK = multiprocessing.get_context("fork")
TABLE = r"""/dev/vda / ext4 rw 0 0
localhost:/vdt0a1b2c3d-77aa-0 /var/lib/vdisk-tests/0a1b2c3d/gluster-7/root fuse.glusterfs rw 0 0
localhost:/vdt0a1b2c3d-77aa-0/t1 /tmp/elsewhere fuse.glusterfs rw 0 0
localhost:/vdt0a1b2c3e-77aa-0/t1 /tmp/another fuse.glusterfs rw 0 0
vdt0a1b2c3d-77aa /mnt/in\040memory tmpfs rw 0 0
tmpfs /tmp/pytest-1/test/a\011b tmpfs rw 0 0
tmpfs /tmp/pytest-12/test tmpfs rw 0 0
gl1:/vms /mnt/vdt0a1b2c3d-77aa-0 fuse.glusterfs rw 0 0
"""


def test_the_mounts_of_a_run_are_those_of_its_volumes_and_those_below_its_directories() -> None:
    places = [Path("/var/lib/vdisk-tests/0a1b2c3d"), Path("/tmp/pytest-1")]
    assert mounts_of(TABLE, "vdt0a1b2c3d-", places) == [
        "/tmp/pytest-1/test/a\tb",
        "/mnt/in memory",
        "/tmp/elsewhere",
        "/var/lib/vdisk-tests/0a1b2c3d/gluster-7/root",
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/usr/sbin/glusterfsd -s vm --volfile-id vdt0a1b2c3d-77aa-0.vm.bricks -p /run/pid", True),
        ("/usr/sbin/glusterfs --process-name fuse --volfile-id=/vdt0a1b2c3d-77aa-0 /mnt", True),
        ("/usr/sbin/glusterfs --process-name fuse --volfile-id=/vdt0a1b2c3e-77aa-0 /mnt/vdt0a1b2c3d-77aa-0", False),
        ("/usr/sbin/glusterfsd -s vm --volfile-id vms.vm.vdt0a1b2c3d-77aa-0", False),
        ("/bin/tail -f vdt0a1b2c3d-77aa-0.log", False),
        ("", False),
    ],
)
def test_a_process_of_gluster_is_known_by_the_volume_that_it_serves_or_mounts(line: str, expected: bool) -> None:
    assert names_volume(line.split(" "), "vdt0a1b2c3d-") is expected


def test_a_run_lives_as_long_as_the_process_that_holds_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "STATE", tmp_path)
    run = runs.Run("0a1b2c3d")
    run.directory.mkdir()
    assert runs.known() == [run]
    assert not run.lives(), "it has no lock yet, and nobody who could make one"

    def hold(held: Any) -> None:
        with open(run.directory / "lock", "w", encoding="ascii") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            held.set()
            FORK.Event().wait(PATIENCE)

    held = FORK.Event()
    owner = FORK.Process(target=hold, args=(held,))
    owner.start()
    assert held.wait(PATIENCE)
    assert run.lives()
    owner.kill()
    owner.join()
    assert not run.lives()


def test_directories_of_tests_that_another_run_has_made_anew_under_the_same_name_are_not_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "STATE", tmp_path)
    run, scratch = runs.Run("0a1b2c3d"), tmp_path / "pytest-1"
    run.directory.mkdir()
    scratch.mkdir()
    run.note_scratch(scratch)
    assert run.scratch == scratch
    (scratch / ".vdisk-run").write_text("0a1b2c3e", encoding="ascii")
    assert run.scratch is None
    (scratch / ".vdisk-run").unlink()
    assert run.scratch is None
    run.note_scratch(scratch)
    assert run.scratch == scratch


def test_a_run_is_told_by_its_command() -> None:
    assert str(runs.Run("0a1b2c3d")) == "the run 0a1b2c3d"


def test_ancestors_are_those_that_have_started_a_process() -> None:
    script = "echo $$; read line; :"
    with subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdin and shell.stdout
        pid = int(shell.stdout.readline())
        assert ancestors(pid)[:2] == [os.getpid(), os.getppid()]
        shell.stdin.close()
    assert ancestors(pid) == []
