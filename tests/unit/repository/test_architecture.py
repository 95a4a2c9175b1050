# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the house: who may import whom, who may touch a share, and how large a piece of code may be; each with a mutation."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Iterator, Mapping

import pytest

ROOT = Path(__file__).resolve().parents[3]
PREFIX = "ansible_collections.vdisk.gluster.plugins."

ORDER = (
    *("modules", "filter", "action", "plugin_utils._action", "plugin_utils._report", "plugin_utils._plans", "plugin_utils._filtering"),
    "plugin_utils._retention",
    *("module_utils._modules", "module_utils._transaction", "module_utils._export", "module_utils._backup", "module_utils._plans"),
    *("module_utils._steps", "module_utils._libvirt", "module_utils._volume", "module_utils._glance", "module_utils._qemu"),
    *("module_utils._glusterfs", "module_utils._common"),
)
"""From top to bottom; imports go down only."""

LOADED_LATE = {
    "module_utils._backup.options": "one of the two backup tools is used by a task",
    "module_utils._common.parallel": "few tasks have enough items for threads",
    "module_utils._common.process": "only tasks on many volumes need the launcher",
    "module_utils._libvirt.hypervisor": "the binding of libvirt is on hypervisors only",
    "module_utils._modules.volume_file": "copies and moves are a quarter of the code and few tasks need them",
    "module_utils._plans.repair": "few volumes need a repair",
    "module_utils._qemu.qemu_img": "only merges ask for the event threads of the mount",
    "module_utils._steps.registry": "a journal is found by few tasks, and holds few kinds of steps",
    "module_utils._transaction.session": "few tasks read a running volume or find an abandoned snapshot",
}
"""Modules with imports inside functions, for the time that a task takes to start."""

FILE_CALLS = {
    *("open", "rename", "renames", "replace", "link", "symlink", "unlink", "remove", "removedirs", "mkdir", "makedirs", "mknod", "mkfifo"),
    *("rmdir", "truncate", "chmod", "chown", "lchown", "utime"),
}
FILE_LIBRARIES = ("pathlib", "shutil", "tempfile")
OPENS_FILES = {
    "module_utils._glusterfs.files": "files of a share",
    "module_utils._qemu.image_lock": "the image locks of files of a share",
    "module_utils._glusterfs.fuse_client": "a probe that the share is writable, and /proc",
    "module_utils._glusterfs.health": ".meta of a mount",
    "module_utils._glusterfs.mounts": "/proc",
    "module_utils._glusterfs.responsiveness": "the root of a mount, in a child process",
    "module_utils._glusterfs.share": "the shares file of this host",
    "module_utils._modules.share_mount": "mount points and fstab of this host",
    "module_utils._modules.volume_backup": "the scratch directory",
    "module_utils._modules.volume_restore": "the scratch directory",
    "module_utils._modules.volume_source": "an image file of this host",
}
"""Who opens, renames or removes files, and which; _common, _export, _backup and _glance do so with files of this host only."""
LOCAL_PACKAGES = ("module_utils._common", "module_utils._export", "module_utils._backup", "module_utils._glance")

IMPORTS_BY_NAME = {
    "module_utils._common.dependencies": "bindings that a host may not have",
    "module_utils._glance.client": "what comes with openstacksdk",
}
"""Modules that import by a name in a string."""

NAMED_BY_ANSIBLE = ("FilterModule", "ActionModule")
LINES, CLASS_LINES, FUNCTION_LINES = 400, 250, 60


def sources() -> dict[str, str]:
    """Return the code of plugins/ by the names of its modules, as C(module_utils._volume.lock)."""
    plugins = ROOT / "plugins"
    paths = [
        path for folder in ("module_utils", "plugin_utils", "modules", "filter", "action") for path in (plugins / folder).rglob("*.py")
    ]
    names = [path.relative_to(plugins).with_suffix("").as_posix().replace("/", ".") for path in paths]
    return {name: path.read_text(encoding="utf-8") for name, path in zip(names, paths)}


def rank(module: str) -> int:
    """Return the place of a module in the order; one that is in no package of it has none and fails."""
    return next(index for index, package in enumerate(ORDER) if module == package or module.startswith(f"{package}."))


def bindings(tree: ast.AST) -> dict[str, str]:
    """Return what is imported, by the names that it has in a module."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update({alias.asname or alias.name.partition(".")[0]: alias.name for alias in node.names})
        elif isinstance(node, ast.ImportFrom):
            found.update({alias.asname or alias.name: f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names})
    return found


def dotted(node: ast.AST) -> str:
    """Return a name as it is written, such as C(os.path.join); nothing for what is no plain name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{within}.{node.attr}" if (within := dotted(node.value)) else ""
    return ""


def used(tree: ast.AST, bound: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Yield the names that a module uses, such as C(os.rename), whatever it calls them, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load) and (name := dotted(node)):
            first, dot, rest = name.partition(".")
            yield node.lineno, bound.get(first, first) + dot + rest


def targets_of(bound: Mapping[str, str], known: Mapping[str, object]) -> set[str]:
    """Return the modules of this collection among what is imported."""
    names = {name[len(PREFIX) :] for name in bound.values() if name.startswith(PREFIX)}
    return {name if name in known else name.rpartition(".")[0] for name in names}


def late(tree: ast.AST) -> Iterator[ast.stmt]:
    """Yield the imports inside functions."""
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from (node for node in ast.walk(function) if isinstance(node, (ast.Import, ast.ImportFrom)))


def circles(graph: Mapping[str, set[str]]) -> Iterator[str]:
    """Yield modules that import themselves by way of others."""
    for start in graph:
        seen, ahead = set(), list(graph[start])
        while ahead:
            module = ahead.pop()
            if module == start:
                yield start
                break
            if module not in seen:
                seen.add(module)
                ahead += graph.get(module, ())


def file_calls(tree: ast.AST) -> Iterator[int]:
    """Yield the lines that open, create, rename or remove files, or could."""
    for line, name in used(tree, bindings(tree)):
        first, _dot, rest = name.partition(".")
        if name in ("open", "io.open") or first == "os" and rest in FILE_CALLS or first in FILE_LIBRARIES:
            yield line


def forbidden(module: str, tree: ast.AST, targets: set[str]) -> Iterator[str]:
    """Yield what a module names that only another one may, or nobody."""
    bound = bindings(tree)
    names = {name.partition(".")[0] for name in bound.values()}
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    uses = {name for _line, name in used(tree, bound)}
    packages = {PREFIX[: end.start()] for end in re.finditer(r"\.", PREFIX)}
    if any(name.startswith(".") for name in bound.values()) or packages & set(bound.values()):
        yield f"import: {module}: is relative, or takes a package instead of a module"
    if uses & {"importlib.import_module", "__import__", "importlib"} and module not in IMPORTS_BY_NAME:
        yield f"import: {module}: imports by a name in a string"
    binding = re.compile(r"libvirt(_qemu|_lxc)?(\.\w+)?\Z")
    if any(binding.match(word) for word in names | words) and not module.startswith("module_utils._libvirt."):
        yield f"libvirt: {module}: loads libvirt"
    if any(re.search(r"(^|/)qemu-img(\s|$)", word) for word in words) and module != "module_utils._qemu.qemu_img":
        yield f"qemu-img: {module}: runs qemu-img"
    if any(name.endswith("AnsibleModule") for name in uses | set(bound.values())) and module != "module_utils._modules.runtime":
        yield f"AnsibleModule: {module}: sees AnsibleModule"
    outside = {"os", "pathlib", "shutil", "socket", "subprocess", "tempfile"}
    impure = names & outside or any(target.startswith(("module_utils._libvirt", "module_utils._glusterfs")) for target in targets)
    if module.startswith("module_utils._plans.") and impure:
        yield f"pure: {module}: imports what touches the world"


def violations(code: Mapping[str, str]) -> list[str]:
    """Return what breaks a rule, as C(rule: module: detail)."""
    trees = {module: ast.parse(text) for module, text in code.items()}
    found: list[str] = []
    graph: dict[str, set[str]] = {}
    classes: dict[str, list[str]] = {}
    for module, tree in trees.items():
        graph[module] = targets_of(bindings(tree), trees)
        found += [f"down: {module}: {target}" for target in sorted(graph[module]) if rank(target) < rank(module)]
        if module not in LOADED_LATE:
            found += [f"late: {module}: line {node.lineno}" for node in late(tree)]
        found += forbidden(module, tree, graph[module])
        if module.startswith("module_utils.") and module not in OPENS_FILES and not module.startswith(LOCAL_PACKAGES):
            found += [f"files: {module}: line {line}" for line in file_calls(tree)]
        if len(code[module].splitlines()) > LINES and not module.startswith("modules."):
            found.append(f"size: {module}: {len(code[module].splitlines())} lines")
        for node in ast.walk(tree):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = int(node.end_lineno or 0) - node.lineno + 1
                if lines > (CLASS_LINES if isinstance(node, ast.ClassDef) else FUNCTION_LINES):
                    found.append(f"size: {module}: {node.name} has {lines} lines")
            if isinstance(node, ast.ClassDef) and node.name not in NAMED_BY_ANSIBLE:
                classes.setdefault(node.name, []).append(module)
    found += [f"circle: {module}" for module in circles(graph)]
    found += [f"unique: {name}: {', '.join(modules)}" for name, modules in classes.items() if len(modules) > 1]
    return found


@pytest.fixture(scope="module")
def code() -> dict[str, str]:
    return sources()


def test_the_house_keeps_its_rules(code: dict[str, str]) -> None:
    assert len(code) > 140
    assert violations(code) == []


def test_no_exception_is_left_that_nothing_needs(code: dict[str, str]) -> None:
    assert [module for module in LOADED_LATE if not any(late(ast.parse(code[module])))] == []
    assert [module for module in OPENS_FILES if not any(file_calls(ast.parse(code[module])))] == []


@pytest.mark.parametrize(
    ("rule", "module", "line"),
    [
        ("down", "module_utils._volume.lock", f"import {PREFIX}module_utils._plans.volume as plans"),
        ("import", "module_utils._volume.lock", "from .._plans import volume"),
        ("import", "module_utils._volume.lock", f"import importlib as i\ni.import_module('{PREFIX}module_utils._plans.volume')"),
        ("libvirt", "module_utils._steps.domain", "import libvirt_qemu"),
        ("qemu-img", "module_utils._steps.copy", 'argv = "/usr/bin/qemu-img convert".split()'),
        ("AnsibleModule", "module_utils._modules.snapshot", "from ansible.module_utils import basic\nbasic.AnsibleModule({})"),
        ("pure", "module_utils._plans.volume", f"from {PREFIX}module_utils._glusterfs import files"),
        ("pure", "module_utils._plans.volume", "from pathlib import Path"),
        ("files", "module_utils._steps.overlay", "from os import rename\nrename('a', 'b')"),
        ("files", "module_utils._steps.overlay", "import os as o\ngo = o.unlink"),
        ("files", "module_utils._steps.overlay", "from pathlib import Path\nPath('a').unlink()"),
        ("files", "module_utils._steps.overlay", "import shutil\nshutil.rmtree('a')"),
        ("size", "module_utils._volume.reader", "async def long():\n" + "    x = 1\n" * FUNCTION_LINES),
        ("down", "module_utils._volume.lock", f"from {PREFIX}module_utils._plans import volume"),
        ("down", "module_utils._common.units", f"from {PREFIX}module_utils._glusterfs.files import replace"),
        ("circle", "module_utils._common.errors", f"from {PREFIX}module_utils._common import units"),
        ("libvirt", "module_utils._steps.domain", "import libvirt"),
        ("libvirt", "module_utils._modules.info", 'asked = dependencies.load("libvirt", "", "")'),
        ("qemu-img", "module_utils._steps.copy", 'argv = ["qemu-img", "convert"]'),
        ("AnsibleModule", "module_utils._modules.snapshot", "module = AnsibleModule({})"),
        ("pure", "module_utils._plans.volume", "import os"),
        ("files", "module_utils._steps.overlay", 'os.rename("a", "b")'),
        ("files", "module_utils._volume.reader", 'stream = open("a")'),
        ("late", "module_utils._volume.reader", "def late():\n    import json"),
        ("unique", "module_utils._volume.reader", "class Volume:\n    pass"),
        ("size", "module_utils._volume.reader", "\n" * LINES),
        ("size", "module_utils._volume.reader", "class Large:\n" + "    x = 1\n" * CLASS_LINES),
        ("size", "module_utils._volume.reader", "def long():\n" + "    x = 1\n" * FUNCTION_LINES),
    ],
)
def test_each_rule_bites(code: dict[str, str], rule: str, module: str, line: str) -> None:
    # only the module and what it names: to look at all of the house again would take seconds
    beside = ("module_utils._common.units", "module_utils._volume.model", "module_utils._plans.volume", "module_utils._glusterfs.files")
    near = {name: code[name] for name in (module, *beside)}
    broken = {**near, module: f"{code[module]}\n{line}\n"}
    new = set(violations(broken)) - set(violations(near))
    assert new and all(each.startswith(f"{rule}: ") for each in new), new
