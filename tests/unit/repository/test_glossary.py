# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every name that users type or read as a key is decided in docs/glossary.md, and nothing else stands there."""

from __future__ import annotations

import ast
import functools
import pathlib
import re
from typing import Any, Iterator

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[3]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("gluster_*.py"))
FILTERS = sorted(path.stem for path in (ROOT / "plugins" / "filter").glob("*.py"))
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())

OBJECTS = {
    "volumes": "volume",
    "shares": "share",
    "snapshots": "snapshot",
    "archives": "archive",
    "exports": "export",
    "attachments": "attachment",
}
"""Return key of a list -> what an entry of it is called; one of a single object is called as its key."""
NOT_TYPED = {"awx_common", "awx_questions"}
"""What playbooks/vars/awx.yml keeps for itself: anchors of YAML."""

Names = dict[str, set[str]]
"""Name -> where it is used."""


@functools.lru_cache(maxsize=None)
def _documents(path: pathlib.Path) -> dict[str, Any]:
    """Return the YAML documents that a plugin's file carries in strings, by their names."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            (target,) = node.targets
            if isinstance(target, ast.Name) and target.id in ("DOCUMENTATION", "RETURN"):
                found[target.id] = yaml.safe_load(node.value.value) or {}
    return found


@functools.lru_cache(maxsize=None)
def _options(kind: str) -> Names:
    """Return the documented options of the modules or filters, with those of the fragments that they extend and their suboptions."""
    names: Names = {}
    for plugin in MODULES if kind == "modules" else FILTERS:
        documentation = _documents(ROOT / "plugins" / kind / f"{plugin}.py")["DOCUMENTATION"]
        for fragment in documentation.get("extends_documentation_fragment", []):
            more = _documents(ROOT / "plugins" / "doc_fragments" / f"{fragment.rpartition('.')[2]}.py")["DOCUMENTATION"]
            documentation = {**documentation, "options": {**more.get("options", {}), **documentation.get("options", {})}}
        for name in _nested(documentation.get("options", {}), "suboptions"):
            names.setdefault(name, set()).add(plugin)
    return names


def _nested(options: dict[str, Any], inner: str) -> Iterator[str]:
    for name, option in options.items():
        yield name
        yield from (f"{name}.{more}" for more in _nested(option.get(inner) or {}, inner))


@functools.lru_cache(maxsize=None)
def _keys(kind: str) -> Names:
    """Return the documented return keys of the modules or filters, with the objects that they are keys of."""
    names: Names = {}

    def add(keys: dict[str, Any], parent: str) -> None:
        for name, key in keys.items():
            names.setdefault(name, set()).add(parent)
            add(key.get("contains") or {}, OBJECTS.get(name, name))

    for plugin in MODULES if kind == "modules" else FILTERS:
        returned = _documents(ROOT / "plugins" / kind / f"{plugin}.py")["RETURN"]
        if kind == "modules":
            add(returned, "result")
        else:
            add(returned["_value"].get("contains") or {}, plugin)
    return names


def _role_variables() -> Names:
    """Return the variables of the roles without the name of the role, which each begins with; keys of dictionaries and lists after a dot.

    What is handed on to a module as it is (an entry of volume_provision_volumes) is an option of that one.
    """
    names: Names = {}
    options = _options("modules")
    for role in ROLES:
        specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
        for entry in specs.values():
            for name in _nested(entry["options"], "options"):
                assert name.startswith(f"{role}_"), name
                variable = name[len(role) + 1 :]
                if variable.partition(".")[0] not in ("volumes", "defaults") or variable.partition(".")[2] not in options:
                    names.setdefault(variable, set()).add(role)
    return names


def _role_results() -> Names:
    """Return the keys of each <role>_result, by what the tasks of the role set."""
    names: Names = {}
    for role in ROLES:
        for path in (ROOT / "roles" / role / "tasks").glob("*.yml"):
            for value in _set_facts(yaml.safe_load(path.read_text(encoding="utf-8")), f"{role}_result"):
                for key in value if isinstance(value, dict) else re.findall(r"'(\w+)':", str(value)):
                    names.setdefault(key, set()).add(role)
    return names


def _set_facts(node: Any, name: str) -> Iterator[Any]:
    if isinstance(node, dict):
        facts = node.get("ansible.builtin.set_fact", {})
        if name in facts:
            yield facts[name]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _set_facts(child, name)


def _playbook_variables() -> Names:
    """Return the variables of the playbooks: what their files of variables set, what they default, and what surveys ask for."""
    names: Names = {}
    for path in sorted((ROOT / "playbooks").glob("*.yml")):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"\b((?:vdisk_hosts|awx_collection|verify_exports_(?:dir|checksum_file)))\b", text):
            names.setdefault(name, set()).add(path.stem)
    awx = yaml.safe_load((ROOT / "playbooks" / "vars" / "awx.yml").read_text(encoding="utf-8").replace("!unsafe ", ""))
    for name in awx:
        if name.startswith("awx_") and name not in NOT_TYPED:
            names.setdefault(name, set()).add("awx")
    for entry in [*awx["controller_templates"], *awx["controller_workflows"]]:
        for question in entry["survey_spec"]["spec"]:
            if question["variable"].startswith("vdisk_"):
                names.setdefault(question["variable"], set()).add("awx")
    for name in yaml.safe_load((ROOT / "playbooks" / "vars" / "demo.yml").read_text(encoding="utf-8")):
        names.setdefault(name, set()).update({"quickstart", "teardown"})
    return names


def _statistics() -> Names:
    """Return what playbooks and roles hand on with set_stats."""
    names: Names = {}
    for path in [*(ROOT / "playbooks").glob("*.yml"), *(ROOT / "roles").glob("*/tasks/*.yml")]:
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"hand_on_as: (\w+)", text) + re.findall(r"set_stats:\n\s+data:\n\s+vdisk_(\w+):", text):
            names.setdefault(f"vdisk_{name}", set()).add(path.stem if path.parent.name == "playbooks" else path.parts[-3])
    return names


SECTIONS = {
    "Options of modules": lambda: _options("modules"),
    "Return keys of modules": lambda: _keys("modules"),
    "Options of filters": lambda: _options("filter"),
    "Keys that filters return": lambda: _keys("filter"),
    "Variables of roles": _role_variables,
    "Results of roles": _role_results,
    "Variables of playbooks": _playbook_variables,
    "Statistics": _statistics,
}


def where(used: set[str], section: str) -> str:
    """Return the cell that says where a name is used."""
    if section == "Options of modules":
        groups = {"all that use shares": "share", "all with progress": "progress_interval", "all with a repository": "repository"}
        for group, option in groups.items():
            if used == _options("modules")[option]:
                return group
    return ", ".join(sorted(name.replace("gluster_", "", 1) if name in MODULES else name for name in used))


def _decided(section: str) -> dict[str, tuple[str, ...]]:
    """Return the rows of a section's table: name -> where, meaning, decision."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    found = re.search(rf"^### {re.escape(section)}\n(.*?)(?=^##|\Z)", text, re.M | re.S)
    assert found, f"docs/glossary.md has no section {section}"
    rows = re.findall(r"^\| `([^`|]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", found[1], re.M)
    assert len(rows) == len(re.findall(r"^\| `", found[1], re.M)), f"{section}: a row is not | `name` | where | meaning | decision |"
    names = [name for name, *_cells in rows]
    assert len(names) == len(set(names)), f"{section}: a name stands twice"
    return {name: tuple(cells) for name, *cells in rows}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_name_is_decided_in_the_glossary(section: str) -> None:
    names, decided = SECTIONS[section](), _decided(section)
    assert names, section
    missing = sorted(set(names) - set(decided))
    assert not missing, f"{section}: decide {', '.join(missing)} in docs/glossary.md"
    assert not set(decided) - set(names), f"{section}: nothing is called {', '.join(sorted(set(decided) - set(names)))} any more"
    for name, used in names.items():
        assert decided[name][0] == where(used, section), f"{section}: {name} is used in {where(used, section)}"
        assert re.match(r"(fixed|kept|renamed from )", decided[name][2]), f"{section}: {name} is neither fixed, kept nor renamed"


def test_the_names_are_found_wherever_they_are_written() -> None:
    """The other test compares nothing where nothing is found."""
    assert _options("modules")["share"] >= {"gluster_snapshot", "gluster_volume_file"} and "keep.daily" in _options("modules")
    assert _keys("modules")["file"] == {"chain", "snapshot"} and "result" in _keys("modules")["volumes"]
    assert _role_variables()["keep.daily"] == {"image_export", "snapshot_rotate", "volume_backup"}
    assert {"taken", "kept", "removed", "actions"} <= set(_role_results()) and set(ROLES) == _role_results()["actions"]
    assert {"vdisk_hosts", "demo_home", "awx_shares", "vdisk_export_dir"} <= set(_playbook_variables())
    assert _statistics()["vdisk_report"] == {"share_report"} and len(_statistics()) == 7
