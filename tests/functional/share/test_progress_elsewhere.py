# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of tasks over a real sshd, with become, and as events of ansible-runner."""

from __future__ import annotations

import contextlib
import getpass
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import pytest
from ansible_collections.vdisk.gluster.tests.harness import runs
from ansible_collections.vdisk.gluster.tests.harness.playing import environment, play, slow_qemu_img, until, write_inventory, write_playbook
from ansible_collections.vdisk.gluster.tests.harness.sshd import serving

MIB = 1 << 20


@pytest.fixture
def slow(place, tmp_path):
    """A share with the volume v1 whose snapshot s1 takes three seconds and more to copy, and a task that exports it."""
    place.volume(size="80M")
    place.write(7, 0, 64 * MIB)
    place.snapshot("s1")
    place.programs = slow_qemu_img(tmp_path)
    options = {
        "share": place.share,
        "mount_point_base": str(place.base),
        "libvirt_uri": "none",
        "volume": "v1",
        "snapshot": "s1",
        "progress_interval": 1,
    }
    place.task = {"name": "Export", "vdisk.gluster.gluster_image_export": {**options, "dest": f"{tmp_path}/copy"}}
    return place


@pytest.fixture
def ssh_host(tmp_path):
    """Variables of a host that is this machine, reached through an sshd of this test's own with a key of this test's own."""
    # not below tmp_path: the path of a socket has to be short
    with tempfile.TemporaryDirectory(prefix=runs.current().prefix, dir="/tmp", ignore_cleanup_errors=True) as sockets:
        with serving(tmp_path / "ssh", f"{tmp_path}/slow-convert:/usr/sbin:/usr/bin:/sbin:/bin") as server:
            yield {
                "ansible_connection": "ssh",
                "ansible_host": "127.0.0.1",
                "ansible_port": server.port,
                "ansible_user": getpass.getuser(),
                "ansible_ssh_private_key_file": str(server.key),
                "ansible_ssh_common_args": server.options,
                "ansible_control_path_dir": sockets,
            }


def check(slow, playing):
    text = playing.wait()
    assert playing.process.returncode == 0, text
    lines = playing.progress()
    assert len(lines) >= 2 and all(re.match(r"PROGRESS \[box\]: co(py|mpare) ", line.text) for line in lines), text
    assert any(re.search(r"copy: \d+ %, [0-9.]+ MiB of [0-9.]+ MiB", line.text) for line in lines), text
    result = next(line for line in playing.lines if line.text.startswith("changed: [box]"))
    assert lines[0].at < result.at - 1
    assert (slow.tmp / "copy").read_bytes() == slow.read(snapshot="s1")


SU = {"ansible_become": True, "ansible_become_method": "ansible.builtin.su"}


@pytest.mark.sample(1)
@pytest.mark.parametrize("pipelining", [False, True], ids=["files", "pipelining"])
@pytest.mark.parametrize("become", [{}, SU], ids=["plain", "become"])
def test_lines_come_over_ssh(slow, ssh_host, become, pipelining):
    host = {**ssh_host, **become, "ansible_pipelining": pipelining}
    check(slow, play(slow.tmp, [slow.task], host=host, env={"ANSIBLE_BECOME_ALLOW_SAME_USER": "1"}))


def test_lines_come_with_become_on_this_machine(slow):
    playing = play(slow.tmp, [slow.task], "-vvv", host=SU, env={"ANSIBLE_BECOME_ALLOW_SAME_USER": "1"}, programs=slow.programs)
    check(slow, playing)
    assert "su " in playing.text()


def test_detached_over_ssh(slow, ssh_host):
    check(slow, play(slow.tmp, [{**slow.task, "async": 60, "poll": 1}], host=ssh_host))


def test_lines_are_events_of_ansible_runner_while_the_task_runs(slow, tmp_path):
    """A controller that ends jobs which say nothing counts events, so each line has to be one, at once."""
    private = tmp_path / "runner"
    (private / "project").mkdir(parents=True)
    write_inventory(tmp_path)
    write_playbook(private / "project", [slow.task])
    program = str(pathlib.Path(sys.executable).with_name("ansible-runner"))
    argv = [program, "run", str(private), "-p", "play.yml", "--inventory", str(tmp_path / "inventory.json"), "--ident", "job"]
    events_directory = private / "artifacts" / "job" / "job_events"

    def events() -> list[dict]:
        found = []
        paths = [path for path in events_directory.glob("*.json") if "partial" not in path.name]
        for path in sorted(paths, key=lambda path: int(path.name.split("-")[0])):
            with contextlib.suppress(ValueError):  # being written
                found.append(json.loads(path.read_text()))
        return found

    def progress() -> list[dict]:
        return [event for event in events() if event["event"] == "verbose" and event["stdout"].startswith("PROGRESS [box]: copy ")]

    with open(tmp_path / "runner.log", "w", encoding="utf-8") as log:
        running = subprocess.Popen(argv, stdout=log, stderr=log, env=environment(slow.programs), cwd=tmp_path)
    try:
        until(progress, "an event of progress")
        kinds = {event["event"] for event in events()}
        assert running.poll() is None and "runner_on_start" in kinds and "runner_on_ok" not in kinds
        assert running.wait(120) == 0, (tmp_path / "runner.log").read_text()
    finally:
        running.kill()
    assert len(progress()) >= 2
    ok = next(event for event in events() if event["event"] == "runner_on_ok")
    assert all(event["counter"] < ok["counter"] and event["created"] < ok["created"] for event in progress())
    assert ok["event_data"]["res"]["changed"] is True
