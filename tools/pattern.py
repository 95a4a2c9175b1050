# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the pattern of the Ansible Automation Platform from what AWX gets, playbooks/vars/awx.yml, so that there is one truth.

usage: pattern.py [--check]
A pattern has no extra_vars, so that a playbook of its own hands the answers of a survey on.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "playbooks" / "vars" / "awx.yml"
PATTERN = ROOT / "extensions" / "patterns" / "gluster_virtual_disks"
PRIMARY = "vdisk - Report"
HEADER = """# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
---
# Made of playbooks/vars/awx.yml by tools/pattern.py.
"""
KINDS = {"integer": "int", "float": "float", "multiselect": "list"}


class _Loader(yaml.SafeLoader):
    """Reads Ansible's YAML; what is not to be filled in is a text."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


class _Dumper(yaml.SafeDumper):
    """Writes lists as yamllint wants them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists in mappings too."""
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    """Write text of several lines as such."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def read() -> dict[str, Any]:
    """Return what AWX gets, with the variables of that file filled in."""
    found = yaml.load(DATA.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader with a tag of its own
    return _filled(found, {key: value for key, value in found.items() if key.startswith("awx_") and not isinstance(value, (dict, list))})


def _filled(value: Any, variables: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(one, variables) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, variables) for one in value]
    if isinstance(value, str):
        whole = re.fullmatch(r"\{\{ (awx_\w+) \}\}", value)
        return variables[whole[1]] if whole else value
    return value


def files(data: dict[str, Any]) -> dict[Path, str]:
    """Return the files of the pattern."""
    made = {PATTERN / "meta" / "pattern.json": json.dumps(_definition(data), indent=2) + "\n"}
    for template in data["controller_templates"]:
        name = Path(template["playbook"]).stem
        title = template["name"].split(" - ")[-1]
        play = {"name": title, "import_playbook": f"vdisk.gluster.{name}", "vars": template["extra_vars"]}
        made[PATTERN / "playbooks" / f"{name}.yml"] = HEADER + _yaml([play])
        options = {
            question["variable"]: {
                "description": question["question_description"],
                "type": KINDS.get(question["type"], "str"),
                "required": question["required"],
                **({"choices": question["choices"]} if "choices" in question else {}),
            }
            for question in template["survey_spec"]["spec"]
        }
        example = [{"import_playbook": f"{name}.yml", "vars": {one["variable"]: one["default"] for one in template["survey_spec"]["spec"]}}]
        spec = {"short_description": title, "description": [template["description"]], "options": options, "examples": _yaml(example)}
        specs = {"short_description": title, "description": template["description"], "argument_specs": {name: spec}}
        made[PATTERN / "playbooks" / f"{name}.meta.yml"] = HEADER + _yaml(specs)
    return made


def _yaml(value: Any) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def _definition(data: dict[str, Any]) -> dict[str, Any]:
    environment = data["controller_execution_environments"][0]
    labels = [label["name"] for label in data["controller_labels"]]
    return {
        "schema_version": "1.0",
        "name": PATTERN.name,
        "title": "Protect virtual disks on GlusterFS",
        "description": "Provision virtual disks on GlusterFS shares, rotate their snapshots while machines run, export, verify, back up "
        "and restore them, and show all of it on one page. Needs hypervisors with the shares mounted, as the role share_client does it.",
        "short_description": "Snapshots, exports, backups and a report for virtual disks on GlusterFS",
        "tags": ["gluster", "storage", "virtualization", "backup"],
        "aap_resources": {
            "controller_project": {key: data["controller_projects"][0][key] for key in ("name", "description")},
            "controller_execution_environment": {
                "name": environment["name"],
                "description": environment["description"],
                "image_name": "vdisk/vdisk-gluster-ee",
                "pull": environment["pull"],
            },
            "controller_labels": labels,
            "controller_job_templates": [_template(template, environment["name"], labels) for template in data["controller_templates"]],
        },
    }


def _template(template: dict[str, Any], environment: str, labels: list[str]) -> dict[str, Any]:
    survey = template["survey_spec"]
    return {
        "name": template["name"],
        "description": template["description"],
        "execution_environment": environment,
        "playbook": Path(template["playbook"]).name,
        "primary": template["name"] == PRIMARY,
        "ask_credential_on_launch": True,
        "ask_inventory_on_launch": True,
        "labels": labels,
        "survey": {"name": survey["name"], "description": survey["description"], "spec": [_question(one) for one in survey["spec"]]},
    }


def _question(question: dict[str, Any]) -> dict[str, Any]:
    kept = {key: question[key] for key in ("type", "question_name", "question_description", "variable", "required")}
    if "choices" in question:
        kept["choices"] = question["choices"]
    # a pattern has texts only
    return {**kept, "default": str(question["default"])}


def main() -> int:
    """Write the files, or say which are not as they would be written."""
    made = files(read())
    there = {path for path in PATTERN.rglob("*") if path.is_file() and path.name != "README.md"}
    wrong = sorted(there - set(made)) + [
        path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        for path in wrong:
            print(f"{path.relative_to(ROOT)} is not what tools/pattern.py makes of playbooks/vars/awx.yml: run it")
        return 1 if wrong else 0
    for path in there - set(made):
        path.unlink()
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
