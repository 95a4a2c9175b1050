# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks run as users run them, by ansible-playbook in a process of its own, and what they show while they run."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Callable

from ansible_collections.vdisk.gluster.tests.harness.waiting import Patience


def slow_qemu_img(
    directory: pathlib.Path, rate: str = "14M", verb: str = "convert", until_there: pathlib.Path | None = None
) -> pathlib.Path:
    """Return a directory with a qemu-img that copies, or merges, so many bytes a second at most, by its own rate limit.

    :param until_there: a file without which it does not end, for at most five minutes.
    """
    programs = directory / f"slow-{verb}"
    programs.mkdir()
    real = shutil.which("qemu-img")
    slow = f'{real} {verb} -r {rate} "$@"'
    if until_there is None:
        slow = f"exec {slow}\n"
    else:
        slow += f" || exit\nfor i in $(seq 3000); do [ ! -e {until_there} ] || exit 0; sleep 0.1; done\n"
    script = f'#!/bin/sh\n[ "$1" = {verb} ] || exec {real} "$@"\nshift\n{slow}'
    (programs / "qemu-img").write_text(script)
    (programs / "qemu-img").chmod(0o755)
    return programs


@dataclasses.dataclass
class Line:
    """A line of output, and the seconds after the start when it was there to be read."""

    at: float
    text: str


class Playing:
    """An ansible-playbook that runs."""

    def __init__(self, argv: list[str], environment: dict[str, str], directory: pathlib.Path) -> None:
        self.lines: list[Line] = []
        self._began = time.monotonic()
        self.process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=directory, start_new_session=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append(Line(time.monotonic() - self._began, line.rstrip("\n")))

    def wait(self, timeout: float = 120) -> str:
        """Wait for the end and return all that was said."""
        self.process.wait(timeout)
        self._reader.join(5)
        return self.text()

    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)

    def progress(self) -> list[Line]:
        """Return the lines that say how far a task is."""
        return [line for line in self.lines if line.text.startswith("PROGRESS [")]

    def kill(self) -> None:
        """Kill Ansible with all its workers, as a power cut of the control node would; modules go on."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def environment(programs: pathlib.Path | None = None, **more: str) -> dict[str, str]:
    """Return the environment for Ansible; C(programs) come first on PATH."""
    variables = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0", "PYTHONUNBUFFERED": "1", **more}
    if programs is not None:
        variables["PATH"] = f"{programs}:{variables['PATH']}"
    return variables


def write_playbook(directory: pathlib.Path, tasks: list[dict[str, Any]], name: str = "play.yml", **play: Any) -> pathlib.Path:
    """Write a playbook of one play against all hosts (JSON is YAML)."""
    path = directory / name
    path.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks, **play}]))
    return path


def write_inventory(directory: pathlib.Path, **variables: Any) -> pathlib.Path:
    """Write an inventory of one host, this machine, called C(box)."""
    path = directory / "inventory.json"
    host = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        # Ansible looks for jobs in the user's home folder, which HOME need not name, where it is asked for them
        "ansible_async_dir": str(directory / "async"),
        **variables,
    }
    path.write_text(json.dumps({"all": {"hosts": {"box": host}}}))
    return path


def play(directory: pathlib.Path, tasks: list[dict[str, Any]], *options: str, programs: pathlib.Path | None = None, **more: Any) -> Playing:
    """Start ansible-playbook with tasks; C(host) are variables of the host, C(env) more of the environment."""
    inventory = write_inventory(directory, **more.pop("host", {}))
    variables = environment(programs, **more.pop("env", {}))
    playbook = write_playbook(directory, tasks, **more)
    ansible_playbook = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
    return Playing([ansible_playbook, "-i", str(inventory), str(playbook), *options], variables, directory)


def until(true: Callable[[], object], what: str, timeout: float = 30) -> None:
    """Wait until something is true, longer only on a machine that is slow now."""
    patience = Patience(timeout)
    while not true():
        assert not patience.is_over(), f"waited {timeout} s for {what} in vain"
        patience.nap()
