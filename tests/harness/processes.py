# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules in processes of their own: several at once, slowed down, or killed at a chosen moment."""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import traceback
import uuid
from typing import Any, Callable

from ansible.module_utils.testing import patch_module_args
from ansible_collections.vdisk.gluster.plugins.module_utils._common import process
from ansible_collections.vdisk.gluster.tests.harness.waiting import Patience


class Running:
    """A module that runs in a child process."""

    def __init__(self, pid: int, out: pathlib.Path) -> None:
        self.pid = pid
        self._out = out
        self._status: int | None = None

    def wait(self) -> int:
        """Wait for its end and return the exit status, negative for a signal."""
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status

    def is_over(self) -> bool:
        """Tell whether it has ended."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status is not None

    def kill(self) -> None:
        """Kill it as a power cut would."""
        if not self.is_over():
            os.kill(self.pid, signal.SIGKILL)
            self.wait()

    def result(self) -> dict[str, Any]:
        """Wait for its end and return what the module returned."""
        status = self.wait()
        text = self._out.read_text()
        assert status in (0, 1) and text.lstrip().startswith("{"), f"status {status}: {text}"
        return json.loads(text)


def start(place, module_name: str, check: bool = False, prepare: Callable[[], None] | None = None, **options) -> Running:
    """Start a module on a share in a child process; C(prepare) is called in the child before the module."""
    module = importlib.import_module(f"ansible_collections.vdisk.gluster.plugins.modules.{module_name}")
    arguments = {"share": place.share, "mount_point_base": str(place.base), "libvirt_uri": "none", "_ansible_check_mode": check, **options}
    out = place.tmp / f"result-{uuid.uuid4().hex}.json"
    pid = os.fork()
    if pid:
        return Running(pid, out)
    status = 70
    try:
        with open(out, "w", encoding="utf-8") as stream:
            sys.stdout = stream
            with patch_module_args(arguments):
                if prepare is not None:
                    prepare()
                module.main()
    except SystemExit as ended:
        status = int(ended.code or 0)
    except BaseException:
        out.write_text(traceback.format_exc())
    finally:
        # the parent's tests must not be carried on in the child
        os._exit(status)


def wait_until(true: Callable[[], object], what: str, timeout: float = 10) -> None:
    """Wait until something is true, longer than C(timeout) seconds only on a machine that is slow now."""
    patience = Patience(timeout)
    while not true():
        assert not patience.is_over(), f"waited {timeout} s for {what} in vain"
        patience.nap()


def gate_qemu_img(directory: pathlib.Path, monkeypatch, verb: str) -> pathlib.Path:
    """Let qemu-img wait with one verb until the file that is returned is there, as if there were much to do."""
    programs, gate = directory / "gated", directory / "gate"
    programs.mkdir()
    script = f'#!/bin/sh\nif [ "$1" = {verb} ]; then\n: >{gate}.reached\nwhile [ ! -e {gate} ]; do sleep 0.02; done\nfi\n'
    (programs / "qemu-img").write_text(f'{script}exec {shutil.which("qemu-img")} "$@"\n')
    (programs / "qemu-img").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return gate


class Crash:
    """Kills its process with SIGKILL just before the N-th call that changes a file below one of some directories.

    The start of a program counts as a call, and so does a moment while it runs and its end. Without N nothing is killed; the
    names of all calls are written to C(log), one a line.
    """

    def __init__(self, directories: list[pathlib.Path], log: pathlib.Path, at: int | None = None, running_for: float = 0.003) -> None:
        self._directories = tuple(f"{directory}/" for directory in directories)
        self._log = log
        self._at = at
        self._running_for = running_for
        self._count = 0

    def arm(self) -> None:
        """Wrap what changes files; for a child process only."""
        self._stream = open(self._log, "w", buffering=1, encoding="utf-8")
        for name in ("rename", "link", "unlink", "mkdir", "chown", "chmod"):
            self._wrap(name, lambda *args, **_more: args[0])
        self._wrap("open", lambda path, flags=0, *_more, **_named: path if flags & (os.O_CREAT | os.O_TRUNC) else None)
        for name in ("pwrite", "write", "ftruncate", "posix_fallocate", "fsync", "fchown", "fchmod"):
            self._wrap(name, lambda descriptor, *_more: os.readlink(f"/proc/self/fd/{descriptor}"))
        run = process.Runner.run
        popen = subprocess.Popen

        def killed_while_it_runs(*args, **named):
            started = popen(*args, **named)
            if self._now("program runs"):
                time.sleep(self._running_for)
                self._die()
            return started

        def killed_around(runner, argv, *args, **named):
            self._before(f"{os.path.basename(argv[0])} {argv[1]}")
            done = run(runner, argv, *args, **named)
            self._before("program has ended")
            return done

        process.Runner.run = killed_around
        process.subprocess.Popen = killed_while_it_runs

    def _wrap(self, name: str, path_of: Callable[..., Any]) -> None:
        real = getattr(os, name)

        def wrapped(*args, **named):
            path = path_of(*args, **named)
            if path is not None and f"{path}/".startswith(self._directories):
                self._before(f"{name} {path}")
            return real(*args, **named)

        setattr(os, name, wrapped)

    def _before(self, what: str) -> None:
        if self._now(what):
            self._die()

    def _now(self, what: str) -> bool:
        self._count += 1
        self._stream.write(f"{what}\n")
        return self._count == self._at

    def _die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
