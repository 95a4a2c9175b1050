# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Count the instructions that a module takes to start, over a module that does nothing (1.00): loaded from an archive as Ansible sends it.

usage: start.py [--checkout DIRECTORY] [MODULE]...

A count, not a time: the same for the same code on a busy machine. Needs valgrind.
"""

from __future__ import annotations

import argparse
import ast
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile
from typing import Iterator

import ansible

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = "ansible_collections.vdisk.gluster.plugins"
PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); import ansible.module_utils.basic; sys.argv[2] and __import__(sys.argv[2])"


def needed(plugins: pathlib.Path, path: pathlib.Path, found: set[pathlib.Path]) -> None:
    """Add a file of the collection and all that it imports, also inside functions, as Ansible packs them."""
    if path in found or not path.is_file():
        return
    found.add(path)
    for name in imported(path):
        needed(plugins, plugins / f"{name.replace('.', '/')}.py", found)


def imported(path: pathlib.Path) -> Iterator[str]:
    """Yield what a file may import of the collection, below plugins."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
            module = str(node.module)[len(PACKAGE) + 1 :]
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def archive(plugins: pathlib.Path, module: str, target: pathlib.Path) -> int:
    """Write what a task with a module sends, and return the number of files of this collection in it."""
    files: set[pathlib.Path] = set()
    needed(plugins, plugins / "modules" / f"{module}.py", files)
    packages = {parent for path in files for parent in path.relative_to(plugins).parents}
    base = PACKAGE.replace(".", "/")
    theirs = pathlib.Path(ansible.__file__).parent / "module_utils"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(1, base.count("/") + 1):
            made.writestr("/".join([*base.split("/")[:number], "__init__.py"]), "")
        for package in packages:
            made.writestr(os.path.normpath(f"{base}/{package}/__init__.py"), "")
        for path in files:
            made.write(path, f"{base}/{path.relative_to(plugins)}")
        made.writestr("ansible/__init__.py", "")
        for source in sorted(theirs.rglob("*.py")):
            made.write(source, f"ansible/module_utils/{source.relative_to(theirs)}")
    return len(files) + len(packages)


def instructions(packed: pathlib.Path, module: str) -> int:
    """Return the instructions of a Python that loads a module from an archive."""
    with tempfile.TemporaryDirectory() as directory:
        argv = [
            "valgrind",
            "--tool=callgrind",
            f"--callgrind-out-file={directory}/out",
            sys.executable,
            "-B",
            "-c",
            PROGRAM,
            str(packed),
            module,
        ]
        done = subprocess.run(argv, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": "0"})
    return int(re.findall(r"Collected : (\d+)", done.stderr)[0])


def main() -> None:
    """Print a line for each module."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--checkout", type=pathlib.Path, default=ROOT)
    parser.add_argument("modules", nargs="*", default=["gluster_volume_file", "gluster_snapshot", "gluster_share_info"])
    chosen = parser.parse_args()
    plugins = chosen.checkout.resolve() / "plugins"
    with tempfile.TemporaryDirectory() as directory:
        packed = pathlib.Path(directory, "payload.zip")
        archive(plugins, chosen.modules[0], packed)
        nothing = instructions(packed, "")
        print(f"{'nothing':<28} {nothing / 1e6:8.0f} million instructions  1.00")
        for module in chosen.modules:
            count = archive(plugins, module, packed)
            taken = instructions(packed, f"{PACKAGE}.modules.{module}")
            print(
                f"{module:<28} {taken / 1e6:8.0f} million instructions  {taken / nothing:.3f}  {count} files, {packed.stat().st_size} bytes"
            )


if __name__ == "__main__":
    main()
