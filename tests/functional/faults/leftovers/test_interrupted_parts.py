# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same of each part of the tests, which makes things of other kinds, and of other ways to end a run."""

from __future__ import annotations

import os
import pathlib
import shlex
import signal
import subprocess
import sys

import pytest
from ansible_collections.vdisk.gluster.tests.functional.faults.leftovers.started import HARNESS, gone, killed, mounted_by_a_test, pytest_of
from ansible_collections.vdisk.gluster.tests.harness.checkout import CACHE
from ansible_collections.vdisk.gluster.tests.harness.lab.lab import Lab
from ansible_collections.vdisk.gluster.tests.harness.processes import wait_until

pytestmark = pytest.mark.whole("every part of the tests is started and killed once more; by its lock a dead run is known in all of them")


@pytest.fixture(autouse=True, scope="module")
def no_copy_is_left():
    """Take away the copy of the checkout that ansible-test works in."""
    yield
    subprocess.run(["rm", "-rf", str(CACHE / "ansible-test/leftovers")], check=True)


def targets(monkeypatch) -> list[str]:
    """Return the command that runs one of the targets, uncounted and in a copy of its own."""
    monkeypatch.setenv("ANSIBLE_TEST_COPY", "leftovers")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    pythons = ["--controller", f"origin:python={version}", "--target", f"controller:python={version}"]
    argv = ["tools/ansible-test.sh", "run", "integration", "--allow-root", "--allow-destructive", *pythons, "gluster_snapshot"]
    return [*HARNESS, "glusterd", *argv]


def test_killed_with_tasks_that_run_in_workers(start, untouched):
    argv = pytest_of("tests/functional/faults/test_many_at_once.py", "-n", "1")
    killed(start(argv, lambda run: len(run.mounts()) >= 4 and "qemu-img" in run.programs()))


def test_killed_with_a_cluster_in_a_lab(start, untouched):
    argv = pytest_of("tests/functional/faults/cluster/test_servers_lost.py")
    killed(start(argv, lambda run: run.lab_is_up(5) and Lab.at(run.run.labs[0]).host("gs3").processes("glusterfsd")))


def test_killed_with_a_virtual_machine(start, untouched):
    argv = pytest_of("tests/functional/live/test_lab.py")
    killed(start(argv, lambda run: "qemu-system-x86" in run.programs()))


def test_killed_with_a_scenario_of_molecule(start, untouched):
    def has_disks(run):
        files = pathlib.Path("/sys/block").glob("loop*/loop/backing_file")
        return any(f"/{lab}.disk-test" in file.read_text() for file in files for lab in run.run.labs)

    killed(start(pytest_of("tests/functional/molecule", "--scenario", "default"), has_disks))


def test_killed_with_the_world_of_the_examples(start, untouched, monkeypatch):
    monkeypatch.setenv("EXAMPLES_UNTALLIED", "1")
    run = start(["tools/examples.sh", "-k", "test_the_examples_run and snapshots"], lambda run: "ansible-playboo" in run.programs())
    run.root.kill()
    killed(run, run.run.owner)


def test_killed_with_the_targets_of_ansible_test(start, untouched, monkeypatch):
    killed(start(targets(monkeypatch), mounted_by_a_test))


def test_killed_while_it_measures(start, untouched):
    argv = [*HARNESS, "glusterd", sys.executable, "tests/bench/run.py", "--rows", "process", "--quick"]
    killed(start(argv, mounted_by_a_test))


def test_one_process_of_many_is_killed_and_the_run_clears_up_after_it(start, untouched):
    run = start(pytest_of("tests/functional/share/test_share_info.py", "-n", "2", "--maxfail", "1"), mounted_by_a_test)
    children = pathlib.Path(f"/proc/{run.root.pid}/task/{run.root.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    run.root.wait(300)
    gone(run, run.said(), scratch=False)


@pytest.mark.parametrize("part", ["share", "targets"])
def test_where_only_make_is_killed_all_of_it_ends(start, untouched, monkeypatch, tmp_path, part):
    argv = targets(monkeypatch) if part == "targets" else pytest_of("tests/functional/share/test_share_info.py", "-n", "2")
    (tmp_path / "Makefile").write_text(f"all:\n\t@true; {shlex.join(argv)}; echo its end\n")
    run = start(["make", "-f", str(tmp_path / "Makefile")], mounted_by_a_test)
    owner = run.run.owner
    run.root.kill()
    run.root.wait()
    wait_until(lambda: not os.path.exists(f"/proc/{owner}"), "the run to end", 120)
    gone(run, run.said(), scratch=False)
