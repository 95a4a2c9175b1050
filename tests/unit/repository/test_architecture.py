# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the house: who may import whom, who may touch a share, and how large a piece of code may be; each with a mutation."""

from __future__ import annotations

import ast
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

FILE_CALLS = frozenset("open rename replace link symlink unlink remove mkdir makedirs rmdir truncate chmod chown".split())
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


def imports(tree: ast.AST, known: Mapping[str, object]) -> Iterator[tuple[ast.stmt, str]]:
    """Yield what is imported of this collection, with the statement."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PREFIX):
            package = str(node.module)[len(PREFIX) :]
            for alias in node.names:
                yield node, f"{package}.{alias.name}" if f"{package}.{alias.name}" in known else package


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
    """Yield the lines that open, create, rename or remove files."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called == "open" or called.partition(".")[0] in ("os", "shutil") and called.partition(".")[2] in FILE_CALLS:
                yield node.lineno


def forbidden(module: str, tree: ast.AST, targets: set[str]) -> Iterator[str]:
    """Yield what a module names that only another one may."""
    nodes = list(ast.walk(tree))
    names = {alias.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module).partition(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}
    words = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    if "libvirt" in names | words and not module.startswith("module_utils._libvirt."):
        yield f"libvirt: {module}: loads libvirt"
    if "qemu-img" in words and module != "module_utils._qemu.qemu_img":
        yield f"qemu-img: {module}: runs qemu-img"
    if "AnsibleModule" in used and module != "module_utils._modules.runtime":
        yield f"AnsibleModule: {module}: sees AnsibleModule"
    if module.startswith("module_utils._plans.") and (names & {"os", "subprocess"} or any("_libvirt" in target for target in targets)):
        yield f"pure: {module}: imports os or libvirt"


def violations(code: Mapping[str, str]) -> list[str]:
    """Return what breaks a rule, as C(rule: module: detail)."""
    trees = {module: ast.parse(text) for module, text in code.items()}
    found: list[str] = []
    graph: dict[str, set[str]] = {}
    classes: dict[str, list[str]] = {}
    for module, tree in trees.items():
        graph[module] = {target for _node, target in imports(tree, trees)}
        found += [f"down: {module}: {target}" for target in sorted(graph[module]) if rank(target) < rank(module)]
        if module not in LOADED_LATE:
            found += [f"late: {module}: line {node.lineno}" for node in late(tree)]
        found += forbidden(module, tree, graph[module])
        if module.startswith("module_utils.") and module not in OPENS_FILES and not module.startswith(LOCAL_PACKAGES):
            found += [f"files: {module}: line {line}" for line in file_calls(tree)]
        if len(code[module].splitlines()) > LINES and not module.startswith("modules."):
            found.append(f"size: {module}: {len(code[module].splitlines())} lines")
        for node in ast.walk(tree):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
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
