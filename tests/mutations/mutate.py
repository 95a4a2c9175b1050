# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Break each invariant in a copy of the collection, one patch at a time, and see that the test that is named in the patch fails.

Of samples only the cases that every run of C(make test) has are tried, so that what is caught here is caught by each of them.

usage: mutate.py [WORD OF A PATCH'S NAME]...

A patch beside this file begins with lines C(Invariant: ...) and C(Caught by: ...), the latter a test as pytest names it.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

_HERE = pathlib.Path(__file__).resolve().parent
_ROOT = _HERE.parents[1]
_LIMIT = 600
"""Seconds that a test on broken code may take; one that hangs has noticed too, but says so badly."""
_AT_ONCE = 2
"""Mutations that are tried side by side; their tests wait half of the time."""


@dataclasses.dataclass(frozen=True)
class Mutation:
    """A patch, what it breaks, and the test that notices."""

    path: pathlib.Path
    invariant: str
    test: str

    @classmethod
    def read(cls, path: pathlib.Path) -> Mutation:
        said = dict(re.findall(r"^# (Invariant|Caught by): (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE))
        return cls(path, said["Invariant"], said["Caught by"])


def copy_of_the_collection(directory: pathlib.Path) -> pathlib.Path:
    """Copy what the tests need and return the copy's root."""
    target = directory / "ansible_collections/vdisk/gluster"
    for part in ("plugins", "tests", "meta", "galaxy.yml", "pyproject.toml"):
        source = _ROOT / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=shutil.ignore_patterns("__pycache__", "output"))
        else:
            shutil.copy(source, target / part)
    return target


class Misfit(Exception):
    """A patch does not break what it says: it does not apply where it was made, or what it makes is no Python."""


def patched_files(path: pathlib.Path) -> list[str]:
    """Return the names of the files that a patch changes."""
    return re.findall(r"^\+\+\+ b/(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)


def apply(path: pathlib.Path, root: pathlib.Path) -> None:
    """Apply a patch to a copy.

    :raises Misfit: it does not fit. With fuzz it could land at another place, and be noticed only because nothing can be imported any more.
    """
    # a copy may lie in a checkout, of which git would leave out what it ignores
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(root.resolve().parent)}
    done = subprocess.run(["git", "apply", str(path.resolve())], cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Misfit(f"it does not apply any more, make it again: {done.stderr.strip()}")
    for name in patched_files(path):
        if name.endswith(".py"):
            try:
                compile((root / name).read_bytes(), name, "exec")
            except SyntaxError as error:
                raise Misfit(f"what it makes is no Python: {error}") from None


@dataclasses.dataclass(frozen=True)
class Run:
    """How tests ended: whether they passed, whether one failed (an error before a test has noticed nothing), and pytest's last line."""

    passed: bool
    failed: bool
    seconds: float
    said: str
    output: str = ""


def run(root: pathlib.Path, tests: list[str], limit: int) -> Run:
    """Run tests in a copy for at most C(limit) seconds, with no other cases than those that every run has."""
    environment = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(root.parents[2]), PYTHONDONTWRITEBYTECODE="1")
    argv = ["pytest", "-q", "-x", "-p", "no:cacheprovider", "--pinned", *tests]
    began = time.monotonic()
    try:
        done = subprocess.run(argv, cwd=root, env=environment, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return Run(False, True, limit, f"no end after {limit} s")
    said = (done.stdout.splitlines() or [""])[-1]
    failed = done.returncode == 1 and " error" not in said
    return Run(done.returncode == 0, failed, time.monotonic() - began, said, f"{done.stdout[-2000:]}{done.stderr[-2000:]}")


def part_of(test: str) -> str:
    """Return the part of C(make test) that runs a test."""
    _tests, kind, folder = test.split("/")[:3]
    if kind == "unit":
        return kind
    return "integration" if folder in ("share", "roles") else folder


def seconds_of(part: str) -> int | None:
    """Return how long a part took when it was run in this checkout; None where it was not."""
    path = _ROOT / ".cache/ran" / f"{part}.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return max((row["seconds"] for row in rows), default=None)


def outcome(each: Mutation, directory: pathlib.Path) -> tuple[bool, str]:
    """Break an invariant and return whether its test noticed, and a line that says so."""
    broken = copy_of_the_collection(directory / each.path.stem)
    try:
        apply(each.path, broken)
        done = run(broken, [each.test], _LIMIT)
    except Misfit as misfit:
        return False, f"MISFIT    {each.path.name}: {misfit}"
    finally:
        shutil.rmtree(broken.parents[2])
    if not done.passed and not done.failed:
        return False, f"NOT RUN   {each.test}: {done.output}"
    caught = "caught" if done.failed else "SURVIVED"
    where = f"{each.test.rpartition('/')[2].partition('::')[0]}::{each.test.partition('::')[2]}"
    return done.failed, f"{caught:<9} {part_of(each.test):<12} {done.seconds:>5.0f} s  {each.path.stem:<36} {where}  ({each.invariant})"


def main(words: list[str]) -> int:
    mutations = [Mutation.read(path) for path in sorted(_HERE.glob("*.patch"))]
    mutations = [each for each in mutations if not words or any(word in each.path.name for word in words)]
    counts: dict[str, int] = {}
    caught = 0
    with tempfile.TemporaryDirectory(prefix="vdisk-mutations-") as name, concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        directory = pathlib.Path(name)
        sound = copy_of_the_collection(directory / "sound")
        # unit tests apart from the others, which need servers
        names = sorted({each.test for each in mutations})
        kinds = [[test for test in names if test.startswith("tests/unit/") is unit] for unit in (True, False)]
        for fine in pool.map(lambda tests: run(sound, tests, _LIMIT * 4), [tests for tests in kinds if tests]):
            print(f"as it is: {fine.said}", flush=True)
            if not fine.passed:
                print(fine.output)
                return 1
        for each, (noticed, line) in zip(mutations, pool.map(lambda mutation: outcome(mutation, directory), mutations)):
            print(line, flush=True)
            caught += noticed
            counts[part_of(each.test)] = counts.get(part_of(each.test), 0) + noticed
    for part, number in counts.items():
        print(f"{part:<12} catches {number:>2}; it takes {seconds_of(part) or '(not run here)'} s")
    print(f"{len(mutations)} mutations, {len(mutations) - caught} not caught")
    return 0 if mutations and caught == len(mutations) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
