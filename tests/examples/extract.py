# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of the documentation: of each module, of README files and of guides, as they are written."""

from __future__ import annotations

import ast
import dataclasses
import re
from pathlib import Path
from typing import Any, Iterator

import yaml

ROOT = Path(__file__).resolve().parents[2]

SHOWN = {"json", "text", "{toctree}"}
"""What a guide shows and nobody runs; the JSON is compared with the code by unit tests."""
SHELL = "console"
"""What an operator types; only README files have it, and other tests do it: the playbooks quickstart and teardown, make itself."""

_BLOCK = re.compile(r"^(?P<indent> *)```(?P<language>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)


@dataclasses.dataclass(frozen=True)
class Block:
    """A piece of YAML of a page: plays, or tasks."""

    page: str
    line: int
    text: str

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The plays or tasks in it."""
        return yaml.safe_load(self.text)

    @property
    def is_plays(self) -> bool:
        """Whether these are plays."""
        return "hosts" in self.entries[0]

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """All tasks in it; a role that a play names counts for one."""
        if not self.is_plays:
            return self.entries
        return [entry for play in self.entries for part in ("roles", "tasks") for entry in play.get(part, [])]


def languages(path: Path) -> set[str]:
    """Return the languages of the blocks of a page."""
    return {match["language"].strip() for match in _BLOCK.finditer(path.read_text(encoding="utf-8"))}


def _of_page(path: Path) -> Iterator[Block]:
    text = path.read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        if match["language"].strip() == "yaml":
            yield Block(str(path.relative_to(ROOT)), text.count("\n", 0, match.start()) + 1, match["text"])


def _of_module(path: Path) -> Iterator[Block]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
            yield Block(str(path.relative_to(ROOT)), node.lineno, ast.literal_eval(node.value))


def pages() -> list[Path]:
    """Return every page that may have examples."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "roles").glob("*/README.md"))]


def blocks() -> dict[str, list[Block]]:
    """Return the examples by page, those of a module as a page of its name, those of other plugins with their kind before it."""
    found: dict[str, list[Block]] = {}
    for path in pages():
        name = path.parent.name if path.parent.parent.name == "roles" else path.stem
        found[name] = list(_of_page(path))
    for kind in ("modules", "filter", "lookup", "inventory", "callback"):
        for path in sorted((ROOT / "plugins" / kind).glob("*.py")):
            found[path.stem if kind == "modules" else f"{kind}-{path.stem}"] = list(_of_module(path))
    return {name: examples for name, examples in found.items() if examples}
