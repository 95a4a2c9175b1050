# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task costs over a task that does nothing, taken apart: Python, Ansible's part, our code's start, the work, programs."""

from __future__ import annotations

import pathlib
import statistics
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass, field
from unittest import mock

import ansible
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Runner
from engine import commands, timed_program
from glusterfs import Site, command
from operations import operations, prepare
from playbook import Task, bare, module, seconds_of
from timing import figure

_PACKAGE = "ansible_collections/vdisk/gluster/plugins"
_IMPORT = """
import sys, time
sys.path.insert(0, sys.argv[1])
started = time.perf_counter()
import ansible.module_utils.basic
basic = time.perf_counter()
if sys.argv[2]:
    __import__(sys.argv[2])
print(basic - started, time.perf_counter() - basic)
"""
_NOTHING = {"ansible.builtin.ping": {}}
"""A task that does nothing, but starts a module."""


@dataclass
class _Parts:
    """Seconds of an operation, run by run; starts of programs."""

    module: str
    task: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    start: list[float] = field(default_factory=list)
    engine: list[float] = field(default_factory=list)
    programs: int = 0


def measure(site: Site, repetitions: int, pipelining: bool) -> None:
    """Measure and print."""
    prepare(site)
    archive = _archive(site)
    parts: dict[str, _Parts] = {}
    tasks: list[Task] = [dict(_NOTHING)]
    goes_to: list[list[float]] = [[]]
    nothing: list[float] = []
    for repetition in range(-1, repetitions):
        tasks.append(dict(_NOTHING))
        goes_to.append(nothing if repetition >= 0 else [])
        for operation in operations(site, f"a{repetition + 1}"):
            for argv in operation.before:
                tasks.append(bare(argv))
                goes_to.append([])
            tasks.append(module(operation.module, {**site.location, **operation.options}))
            found = parts.setdefault(operation.name, _Parts(operation.module))
            goes_to.append(found.task if repetition >= 0 else [])
            tasks.append(bare(commands(*operation.bare)))
            goes_to.append(found.bare if repetition >= 0 else [])
    for times, seconds in zip(goes_to, seconds_of(tasks, pipelining)):
        times.append(seconds)
    python, basic = [], []
    for repetition in range(-1, repetitions):
        for operation in operations(site, f"b{repetition + 1}"):
            for argv in operation.before:
                command(*argv)
            found = parts[operation.name]
            with mock.patch.object(Runner, "run", autospec=True, side_effect=Runner.run) as programs:
                seconds = site.do(operation.module, **operation.options).engine_seconds
            timed_program(commands(*operation.bare))
            if repetition >= 0:
                found.engine.append(seconds)
                found.programs = programs.call_count
        if repetition < 0:
            continue
        for name in {found.module for found in parts.values()}:
            whole, ansibles, ours = _start(archive, f"{_PACKAGE}/modules/{name}".replace("/", "."))
            basic.append(ansibles)
            python.append(whole - ansibles - ours)
            for found in parts.values():
                if found.module == name:
                    found.start.append(ours)
    _print(parts, nothing, python, basic, pipelining)


def _print(parts: dict[str, _Parts], nothing: list[float], python: list[float], basic: list[float], pipelining: bool) -> None:
    width = max(map(len, parts))
    print(f"\nA task taken apart, ms{', pipelining' if pipelining else ''}: over a task that does nothing, and what of it is ours")
    heads = ("task", "bare task", "over nothing", "our start", "our work", "programs")
    print(f"  {'':{width}}  {'  '.join(heads)}")
    for name, found in parts.items():
        over = [task - statistics.median(nothing) for task in found.task]
        cells = [_ms(times) for times in (found.task, found.bare, over, found.start, found.engine)]
        print(f"  {name:{width}}  {'  '.join(cell.rjust(len(head)) for cell, head in zip((*cells, str(found.programs)), heads))}")
    print(f"  A task that does nothing takes {_ms(nothing)} ms; Python's start {_ms(python)}, Ansible's part of a module {_ms(basic)}.")
    print("  our start: this collection's modules loaded from the archive that Ansible sends. programs: starts of qemu-img and others.")
    print("  What is left is Ansible's: options in, result out, the archive made and sent.", flush=True)


def _ms(values: list[float]) -> str:
    return figure(statistics.median(values) * 1000) if values else "-"


def _start(archive: pathlib.Path, name: str) -> tuple[float, float, float]:
    """Return the seconds of a Python that loads a module from an archive: all, of Ansible's part, of ours."""
    started = time.perf_counter()
    argv = [sys.executable, "-B", "-c", _IMPORT, str(archive), name]
    said = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return time.perf_counter() - started, float(said[0]), float(said[1])


def _archive(site: Site) -> pathlib.Path:
    """Return an archive of what a task sends: sources only, which Python compiles at each start."""
    path = site.local / "payload.zip"
    ours = pathlib.Path(__file__).resolve().parents[2] / "plugins"
    theirs = pathlib.Path(ansible.__file__).parent / "module_utils"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(1, len(_PACKAGE.split("/")) + 1):
            made.writestr("/".join([*_PACKAGE.split("/")[:number], "__init__.py"]), "")
        for part in ("modules", "module_utils"):
            made.writestr(f"{_PACKAGE}/{part}/__init__.py", "")
            for package in sorted(path.name for path in (ours / part).iterdir() if path.is_dir()):
                made.writestr(f"{_PACKAGE}/{part}/{package}/__init__.py", "")
            for source in sorted((ours / part).rglob("*.py")):
                made.write(source, f"{_PACKAGE}/{part}/{source.relative_to(ours / part)}")
        made.writestr("ansible/__init__.py", "")
        for source in sorted(theirs.rglob("*.py")):
            made.write(source, f"ansible/module_utils/{source.relative_to(theirs)}")
    return path
