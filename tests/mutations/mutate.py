# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Break each invariant in a copy of the collection, one patch at a time, and see that the test that is named in the patch fails.

usage: mutate.py [WORD OF A PATCH'S NAME]...

A patch beside this file begins with lines C(Invariant: ...) and C(Caught by: ...), the latter a test as pytest names it.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

_HERE = pathlib.Path(__file__).resolve().parent
_ROOT = _HERE.parents[1]
_LIMIT = 600
"""Seconds that a test on broken code may take; one that hangs has noticed too, but says so badly."""


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
    argv = ["patch", "-p1", "-s", "--fuzz=0", "-i", str(path)]
    done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Misfit(f"it does not apply any more, make it again: {done.stdout.strip()}")
    for name in patched_files(path):
        if name.endswith(".py"):
            try:
                compile((root / name).read_bytes(), name, "exec")
            except SyntaxError as error:
                raise Misfit(f"what it makes is no Python: {error}") from None


def passes(root: pathlib.Path, tests: list[str], limit: int) -> tuple[bool, str]:
    """Run tests in a copy for at most C(limit) seconds; return whether they passed, and pytest's last line."""
    environment = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(root.parents[2]), PYTHONDONTWRITEBYTECODE="1")
    argv = ["pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(argv, cwd=root, env=environment, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return False, f"no end after {limit} s"
    # only what fails has noticed: an error before any test, or no test of that name, has not
    if done.returncode not in (0, 1) or " error" in done.stdout.splitlines()[-1]:
        raise SystemExit(f"{tests} could not be run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0, done.stdout.splitlines()[-1]


def main(words: list[str]) -> int:
    mutations = [Mutation.read(path) for path in sorted(_HERE.glob("*.patch"))]
    mutations = [each for each in mutations if not words or any(word in each.path.name for word in words)]
    survived = 0
    with tempfile.TemporaryDirectory(prefix="vdisk-mutations-") as directory:
        sound = copy_of_the_collection(pathlib.Path(directory) / "sound")
        fine, said = passes(sound, sorted({each.test for each in mutations}), _LIMIT * 4)
        print(f"as it is: {said}", flush=True)
        if not fine:
            return 1
        for each in mutations:
            broken = copy_of_the_collection(pathlib.Path(directory) / each.path.stem)
            try:
                apply(each.path, broken)
            except Misfit as misfit:
                print(f"{each.path.name}: {misfit}")
                survived += 1
                continue
            alive, said = passes(broken, [each.test], _LIMIT)
            survived += alive
            print(
                f"{'SURVIVED' if alive else 'caught  '} {each.path.stem:<34} {each.test.rpartition('/')[2]}  ({each.invariant})", flush=True
            )
            shutil.rmtree(broken.parents[2])
    print(f"{len(mutations)} mutations, {survived} not caught")
    return 1 if survived or not mutations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
