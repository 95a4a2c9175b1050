# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks made for a measurement: their tasks are timed one by one, the start of ansible-playbook is not."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
from typing import Any, Sequence

Task = dict


def module(name: str, options: dict[str, Any], loop: Sequence[Any] | None = None) -> Task:
    """Return a task of a module of this collection."""
    task: Task = {f"vdisk.gluster.{name}": options}
    return task if loop is None else {**task, "loop": list(loop)}


def bare(argv: Sequence[str]) -> Task:
    """Return a task that runs a bare command."""
    return {"ansible.builtin.command": {"argv": list(argv)}}


def seconds_of(tasks: Sequence[Task], pipelining: bool = False) -> list[float]:
    """Run tasks on this machine in one playbook and return the seconds of each."""
    here = pathlib.Path(__file__).resolve().parent
    named = [{"name": f"task {number}", **task} for number, task in enumerate(tasks)]
    play = {"name": "Measure", "hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": named}
    with tempfile.TemporaryDirectory(prefix="vdisk-bench-") as directory:
        playbook, times = pathlib.Path(directory) / "playbook.yml", pathlib.Path(directory) / "times"
        playbook.write_text(json.dumps([play]), encoding="utf-8")
        environment = {
            **os.environ,
            "ANSIBLE_CALLBACK_PLUGINS": str(here / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "task_times",
            "ANSIBLE_PIPELINING": str(pipelining),
            "VDISK_BENCH_TIMES": str(times),
        }
        argv = ["ansible-playbook", "-i", "localhost,", "-e", f"ansible_python_interpreter={sys.executable}", str(playbook)]
        done = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"the playbook of a measurement failed:\n{done.stdout[-4000:]}")
        written = [json.loads(line) for line in times.read_text(encoding="utf-8").splitlines()]
    assert [line["task"] for line in written] == [task["name"] for task in named], "not every task was timed"
    return [line["seconds"] for line in written]
