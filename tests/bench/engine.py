# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules and bare programs, run and timed from this process."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import Any, Mapping, Sequence
from unittest import mock

from ansible.module_utils.testing import patch_module_args

# openssl uses the processor's SHA instructions, as Python does; the sha256sum of Debian 12 takes several times as long
SHA256 = ("openssl", "dgst", "-sha256") if shutil.which("openssl") else ("sha256sum",)


@dataclass(frozen=True)
class Done:
    """A module that ran: seconds of C(main()), of its engine within that, and the result."""

    seconds: float
    engine_seconds: float
    result: dict[str, Any]


def run_module(name: str, options: Mapping[str, Any]) -> Done:
    """Run a module's C(main()) in this process.

    The engine is all that the module does between taking its options from Ansible and giving its result back.
    """
    module = importlib.import_module(f"ansible_collections.vdisk.gluster.plugins.modules.{name}")
    real_run, engine_seconds = module.run, [0.0]

    def run(spec, work, **constraints):
        def timed(task):
            started = time.perf_counter()
            try:
                return work(task)
            finally:
                engine_seconds[0] = time.perf_counter() - started

        real_run(spec, timed, **constraints)

    printed = io.StringIO()
    with patch_module_args(dict(options)), mock.patch.object(module, "run", run), contextlib.redirect_stdout(printed):
        started = time.perf_counter()
        with contextlib.suppress(SystemExit):
            module.main()
        seconds = time.perf_counter() - started
    result = json.loads(printed.getvalue())
    if result.get("failed"):
        raise SystemExit(f"{name} failed: {result['msg']}")
    return Done(seconds, engine_seconds[0], result)


def timed_program(argv: Sequence[str]) -> float:
    """Run a program and return its seconds, those of starting it included."""
    started = time.perf_counter()
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr}")
    return seconds


def commands(*argvs: Sequence[str]) -> list[str]:
    """Return one command that runs several, one after another, as a user's shell line would."""
    if len(argvs) == 1:
        return list(argvs[0])
    lines = "".join(f'"${{@:{1 + sum(map(len, argvs[:index]))}:{len(argv)}}}"\n' for index, argv in enumerate(argvs))
    return ["bash", "-ec", lines, "bash", *(word for argv in argvs for word in argv)]
