# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory at its peak: of a module's process, of the programs that it starts, and of the bare program."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field

from engine import commands
from glusterfs import Site, command
from operations import operations, prepare

_PROGRAM = """
import json, resource, sys
sys.path[:0] = json.loads(sys.argv[1])
from engine import run_module
run_module(sys.argv[2], json.loads(sys.argv[3]))
print(json.dumps([resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]))
"""
_NOTHING = """
import ansible.module_utils.basic, ansible.module_utils.testing, resource, unittest.mock
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@dataclass
class _Peaks:
    """MiB at the peak, run by run."""

    module: list[float] = field(default_factory=list)
    children: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)


def measure(site: Site, repetitions: int) -> None:
    """Measure and print."""
    prepare(site)
    peaks: dict[str, _Peaks] = {}
    for repetition in range(repetitions):
        for operation in operations(site, f"m{repetition}"):
            for argv in operation.before:
                command(*argv)
            found = peaks.setdefault(operation.name, _Peaks())
            module, children = _of_module(operation.module, {**site.location, **operation.options})
            found.module.append(module)
            found.children.append(children)
            found.bare.append(_of_program(commands(*operation.bare)))
    # what five hundred names take
    names = [f"many{number}" for number in range(500)]
    for name, options in (("create", {"size": "1G"}), ("unchanged", {"size": "1G"}), ("remove", {"state": "absent"})):
        module, children = _of_module("gluster_volume_file", {**site.location, "name": names, **options})
        peaks[f"{name} 500 volumes"] = _Peaks([module], [children])
    nothing = int(subprocess.run([sys.executable, "-c", _NOTHING], stdout=subprocess.PIPE, check=True).stdout) / 1024
    width = max(map(len, peaks))
    print("\nMemory at the peak, MiB: a module's process, the largest program that it starts, the largest bare program")
    print(f"  {'':{width}}  module  children  bare")
    for name, found in peaks.items():
        print(f"  {name:{width}}  {_median(found.module):>6}  {_median(found.children):>8}  {_median(found.bare):>4}")
    print(f"  Python with Ansible's part of a module alone takes {nothing:.0f} MiB.", flush=True)


def _median(values: list[float]) -> str:
    return f"{statistics.median(values):.0f}" if values and statistics.median(values) else "-"


def _of_module(module: str, options: dict) -> tuple[float, float]:
    # in a process of its own: one that was forked starts with the memory of this one
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps(sys.path), module, json.dumps(options)], stdout=subprocess.PIPE, text=True, check=True
    )
    own, children = json.loads(done.stdout.splitlines()[-1])
    return own / 1024, children / 1024


def _of_program(argv: list[str]) -> float:
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {process.returncode}")
    return usage.ru_maxrss / 1024
