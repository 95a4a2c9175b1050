# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory at its peak: of a module's process, of the programs that it starts, and of the bare program."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Sequence

from engine import commands
from glusterfs import Site, command
from operations import operations, prepare

# A program's peak counts from that of the process it was forked from (getrusage(2)), so every program is started by one that is small,
# and a module's own peak is that of its address space, which is new with it (proc_pid_status(5)).
_SMALL = """
import os, sys
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_pid, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "a") as stream:
    stream.write("%d\\n" % usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
_PROGRAM = """
import json, os, subprocess, sys
sys.path[:0] = json.loads(sys.argv[1])
from engine import run_module
from rows_memory import own_peak, started_small
started = subprocess.Popen.__init__
def start(self, argv, *words, **named):
    started(self, started_small(argv, sys.argv[4]), *words, **named)
subprocess.Popen.__init__ = start
run_module(sys.argv[2], json.loads(sys.argv[3]))
print(own_peak())
"""
_NOTHING = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
import ansible.module_utils.basic, ansible.module_utils.testing, unittest.mock
from rows_memory import own_peak
print(own_peak())
"""


def own_peak() -> int:
    """Return the most memory that this process has had, in KiB."""
    with open("/proc/self/status", encoding="ascii") as stream:
        return next(int(line.split()[1]) for line in stream if line.startswith("VmHWM:"))


def started_small(argv: Sequence[str], noted: str) -> list[str]:
    """Return the command that runs another one from a small process, and adds its peak in KiB to a file."""
    return [sys.executable, "-I", "-S", "-c", _SMALL, noted, *argv]


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
            module, children = _of_module(site, operation.module, {**site.location, **operation.options})
            found.module.append(module)
            found.children.append(children)
            found.bare.append(_of_program(site, commands(*operation.bare)))
    # what five hundred names take
    names = [f"many{number}" for number in range(500)]
    for name, options in (("create", {"size": "1G"}), ("unchanged", {"size": "1G"}), ("remove", {"state": "absent"})):
        module, children = _of_module(site, "gluster_volume_file", {**site.location, "name": names, **options})
        peaks[f"{name} 500 volumes"] = _Peaks([module], [children])
    nothing, small = _floors(site)
    width = max(map(len, peaks))
    print("\nMemory at the peak, MiB: a module's process, the largest program that it starts, the largest bare program")
    print(f"  {'':{width}}  module  children  bare")
    for name, found in peaks.items():
        print(f"  {name:{width}}  {_median(found.module):>6}  {_median(found.children):>8}  {_median(found.bare):>4}")
    print(f"  Python with Ansible's part of a module takes {nothing:.0f} MiB; less than {small:.0f} is not seen of a program.", flush=True)


def _floors(site: Site) -> tuple[float, float]:
    """Return what a module that does nothing takes, and what a program that does nothing seems to take."""
    argv = [sys.executable, "-c", _NOTHING, json.dumps(sys.path)]
    return int(subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout) / 1024, _of_program(site, ["true"])


def _median(values: list[float]) -> str:
    return f"{statistics.median(values):.0f}" if values and statistics.median(values) else "-"


def _of_module(site: Site, module: str, options: dict) -> tuple[float, float]:
    # in a process of its own: one that was forked starts with the memory of this one
    noted = _noted(site)
    argv = [sys.executable, "-c", _PROGRAM, json.dumps(sys.path), module, json.dumps(options), str(noted)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout.splitlines()[-1]) / 1024, _largest(noted)


def _of_program(site: Site, argv: list[str]) -> float:
    noted = _noted(site)
    subprocess.run(started_small(argv, str(noted)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    return _largest(noted)


def _noted(site: Site) -> Path:
    noted = site.local / "peaks"
    noted.write_text("")
    return noted


def _largest(noted: Path) -> float:
    return max(map(int, noted.read_text().split()), default=0) / 1024
