# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide to error messages and the code agree: each sentence of the guide is in the code, and each of the code in the guide."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

from ansible_collections.vdisk.gluster.plugins.module_utils._common import errors

ROOT = Path(__file__).resolve().parents[3]
GAP = "…"
"""Stands for what is filled in."""

_ERRORS = {name for name, kind in vars(errors).items() if inspect.isclass(kind)} | {"LostLock", "Mend"}


def written(node: ast.expr) -> str | None:
    """Return a text of the code with gaps, or None for what is no text."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        text = "".join(part.value if isinstance(part, ast.Constant) else GAP for part in node.values)
        return re.sub(f"{GAP}+", GAP, text)
    return None


def trees():
    """Yield the parsed files of the code that runs on managed hosts."""
    for path in sorted((ROOT / "plugins/module_utils").rglob("*.py")):
        yield f"{path.parent.name}/{path.stem}", ast.parse(path.read_text(encoding="utf-8"))


def failures() -> dict[str, str]:
    """Return each sentence that a task can fail with, or a volume can have as a problem, and the file it is in."""
    found: dict[str, str] = {}
    for stem, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", "")
            is_problem = isinstance(node.func, ast.Attribute) and node.func.attr == "append" and ast.unparse(node.func.value) == "problems"
            text = written(node.args[0]) if name in _ERRORS or is_problem else None
            # one that is all gaps is put together of others
            if text is not None and re.search(r"\w+ \w+", text):
                found[text] = stem
    return found


def everything() -> str:
    """Return all texts of the code with gaps."""
    return "\n".join(text for _stem, tree in trees() for node in ast.walk(tree) if (text := written(node)) is not None)


def entries() -> list[str]:
    """Return what the guide lists as sentences of a task: the first column of its tables."""
    page = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `([^`]+)` \|", page, re.M)


def test_every_sentence_of_the_guide_is_in_the_code():
    code = everything()
    assert len(entries()) > 200
    assert [entry for entry in entries() if entry not in code] == []


def test_every_failure_of_the_code_is_in_the_guide():
    listed = entries()
    assert len(failures()) > 250
    assert {text: stem for text, stem in failures().items() if not any(entry in text for entry in listed)} == {}


def test_no_sentence_of_the_guide_stands_twice():
    listed = entries()
    assert sorted(entry for entry in set(listed) if listed.count(entry) > 1) == []
