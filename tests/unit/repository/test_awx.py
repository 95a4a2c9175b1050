# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX gets: it names what is there, asks for what the roles take, and is of the form that awx.awx and infra.aap_configuration take."""

from __future__ import annotations

import importlib.util
import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[3]
_spec = importlib.util.spec_from_file_location("pattern", ROOT / "tools" / "pattern.py")
pattern = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(pattern)
AWX = pattern.read()
TEMPLATES = AWX["controller_templates"]
WORKFLOWS = AWX["controller_workflows"]

# The options of the modules of awx.awx 24.6 that are used here, written down from their documentation; infra.aap_configuration hands
# the same keys on to them. What is set is needed.
MODULES = {
    "controller_labels": {"name!": str, "organization!": str},
    "controller_execution_environments": {"name!": str, "description": str, "image!": str, "pull": {"always", "missing", "never"}},
    "controller_credential_types": {
        "name!": str,
        "description": str,
        "kind": {"ssh", "vault", "net", "scm", "cloud", "insights"},
        "inputs": dict,
        "injectors": dict,
    },
    "controller_projects": {
        "name!": str,
        "description": str,
        "organization": str,
        "scm_type": {"manual", "git", "svn", "insights", "archive"},
        "scm_url": str,
        "scm_branch": str,
        "scm_update_on_launch": bool,
    },
    "controller_templates": {
        "name!": str,
        "description": str,
        "organization": str,
        "project": str,
        "playbook": str,
        "inventory": str,
        "execution_environment": str,
        "credentials": list,
        "become_enabled": bool,
        "ask_job_type_on_launch": bool,
        "ask_limit_on_launch": bool,
        "ask_diff_mode_on_launch": bool,
        "ask_variables_on_launch": bool,
        "extra_vars": dict,
        "survey_enabled": bool,
        "survey_spec": dict,
        "labels": list,
    },
    "controller_workflows": {
        "name!": str,
        "description": str,
        "organization": str,
        "inventory": str,
        "ask_limit_on_launch": bool,
        "ask_variables_on_launch": bool,
        "survey_enabled": bool,
        "survey_spec": dict,
        # of infra.aap_configuration; the module for nodes has them one by one
        "simplified_workflow_nodes": list,
    },
    "controller_schedules": {
        "name!": str,
        "description": str,
        "organization": str,
        "unified_job_template": str,
        "rrule": str,
        "enabled": bool,
        "extra_data": dict,
    },
}
NODE = {
    "identifier!": str,
    "unified_job_template!": str,
    "lookup_organization": str,
    "extra_data": dict,
    "success_nodes": list,
    "failure_nodes": list,
    "always_nodes": list,
}
QUESTION = {
    "variable!": str,
    "question_name!": str,
    "question_description!": str,
    "type!": {"text", "textarea", "password", "integer", "float", "multiplechoice", "multiselect"},
    "required!": bool,
    "default!": (str, int),
    "choices": list,
    "min": int,
    "max": int,
}


def fits(entry: dict, form: dict) -> None:
    known = {key.rstrip("!"): kind for key, kind in form.items()}
    assert set(entry) <= set(known), f"{entry} has {set(entry) - set(known)}"
    assert {key.rstrip("!") for key in form if key.endswith("!")} <= set(entry), entry
    for key, value in entry.items():
        assert value in known[key] if isinstance(known[key], set) else isinstance(value, known[key]), (key, value)


def surveys() -> list:
    return [pytest.param(entry, id=entry["name"]) for entry in [*TEMPLATES, *WORKFLOWS]]


def option_names(role: str) -> set[str]:
    specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    return {name for entry in specs["argument_specs"].values() for name in entry.get("options", {})}


def test_every_key_is_one_that_the_modules_have():
    lists = {key for key in AWX if key.startswith("controller_")}
    assert lists == set(MODULES)
    for name, form in MODULES.items():
        assert AWX[name]
        for entry in AWX[name]:
            fits(entry, form)


def test_the_playbook_hands_on_every_key_that_is_given():
    tasks = yaml.safe_load((ROOT / "playbooks" / "awx.yml").read_text(encoding="utf-8"))[0]["tasks"]
    for name, entries in ((name, AWX[name]) for name in MODULES):
        handed = set().union(*(set(task["args"]) for task in tasks if name in task["loop"]))
        given = {key for entry in entries for key in entry}
        if name == "controller_workflows":
            given |= {key for entry in entries for node in entry["simplified_workflow_nodes"] for key in node}
            given -= {"simplified_workflow_nodes"}
            handed -= {"workflow_job_template"}
        assert handed == given, name


@pytest.mark.parametrize("template", [pytest.param(template, id=template["name"]) for template in TEMPLATES])
def test_a_template_names_a_playbook_that_is_there_and_asks_for_what_its_role_takes(template):
    playbook = ROOT / template["playbook"]
    assert playbook.is_file(), f"{template['name']} names {template['playbook']}, which is not there"
    text = playbook.read_text(encoding="utf-8")
    role = re.search(r"vdisk\.gluster\.(\w+)\n", text.partition("tasks:")[2] or text.partition("roles:")[2])
    known = option_names(role[1]) if role else set(re.findall(r"verify_exports_(?:dir|checksum_file)", text))
    asked = {question["variable"] for question in template["survey_spec"]["spec"]}
    # hosts of a play are no option of a role
    for name in asked | set(template["extra_vars"]):
        assert name in known or name.startswith("vdisk_") or name in re.findall(r"hosts: .*?(\w+_hosts)", text), (name, template["name"])
    filled = " ".join(str(value) for value in template["extra_vars"].values())
    wanted = set(re.findall(r"\bvdisk_\w+", filled))
    assert wanted <= asked, f"{wanted - asked} is asked nowhere"
    # what is asked goes somewhere
    assert {name for name in asked if name.startswith("vdisk_")} <= wanted | set(re.findall(r"\bvdisk_\w+", text))


@pytest.mark.parametrize("entry", surveys())
def test_questions_are_well_formed(entry):
    questions = entry["survey_spec"]["spec"]
    for question in questions:
        fits(question, QUESTION)
        assert re.fullmatch(r"[a-z0-9_]{1,64}", question["variable"])
        assert ("choices" in question) == (question["type"] == "multiplechoice") and ("min" in question) == (question["type"] == "integer")
        if "choices" in question:
            assert question["default"] in question["choices"]
        if question["type"] == "integer":
            assert question["min"] <= question["default"] <= question["max"]
    names = [question["variable"] for question in questions]
    assert len(names) == len(set(names))


def test_what_belongs_together_names_each_other():
    names = {key: {entry["name"] for entry in AWX[key]} for key in MODULES}
    for template in TEMPLATES:
        assert template["project"] in names["controller_projects"] and set(template["labels"]) <= names["controller_labels"]
        assert template["execution_environment"] in names["controller_execution_environments"]
    for schedule in AWX["controller_schedules"]:
        (started,) = (entry for entry in [*TEMPLATES, *WORKFLOWS] if entry["name"] == schedule["unified_job_template"])
        asked = {question["variable"]: question for question in started["survey_spec"]["spec"]}
        assert set(schedule["extra_data"]) <= set(asked)
        assert schedule["enabled"] is False, "a schedule starts nothing before somebody has looked"
        assert re.fullmatch(r"DTSTART;TZID=UTC:\d{8}T\d{6} RRULE:FREQ=(HOURLY|DAILY|WEEKLY);INTERVAL=\d+", schedule["rrule"])
    assert AWX["awx_repository_credential"] in names["controller_credential_types"]
    injected = AWX["controller_credential_types"][0]["injectors"]["extra_vars"]
    asked = {field["id"] for field in AWX["controller_credential_types"][0]["inputs"]["fields"]}
    assert {re.fullmatch(r"\{\{ (\w+) \}\}", value)[1] for value in injected.values()} == asked
    assert all(field.get("secret") for field in AWX["controller_credential_types"][0]["inputs"]["fields"] if field["id"] == "passphrase")


def test_a_workflow_ends_removes_nothing_before_the_export_is_verified_and_asks_for_all_that_its_nodes_need():
    (workflow,) = WORKFLOWS
    nodes = {node["identifier"]: node for node in workflow["simplified_workflow_nodes"]}
    for node in nodes.values():
        fits(node, NODE)
        (template,) = (entry for entry in TEMPLATES if entry["name"] == node["unified_job_template"])
        asked = {question["variable"] for question in workflow["survey_spec"]["spec"]}
        for question in template["survey_spec"]["spec"]:
            # what the workflow does not ask for has an answer
            assert (
                question["variable"] in asked | set(node.get("extra_data", {})) or question["default"] != "" or not question["required"]
            ), question
        assert set(node.get("extra_data", {})) <= option_names("snapshot_rotate") | {"vdisk_keep_snapshots"}
    order = ["snapshot"]
    while nodes[order[-1]].get("success_nodes"):
        (following,) = nodes[order[-1]]["success_nodes"]
        assert following not in order
        order.append(following)
    assert order == ["snapshot", "export", "verify", "rotate"] and nodes["rotate"]["always_nodes"] == ["report"]
    assert all(nodes[name]["failure_nodes"] == ["report"] for name in ("snapshot", "export", "verify"))
    assert (
        nodes["snapshot"]["extra_data"]["vdisk_keep_snapshots"] >= 1000 and nodes["rotate"]["extra_data"]["snapshot_rotate_take"] is False
    )


def test_the_pattern_is_what_is_made_of_the_same_data():
    made = pattern.files(AWX)
    there = {path for path in pattern.PATTERN.rglob("*") if path.is_file() and path.name != "README.md"}
    assert there == set(made), "run tools/pattern.py"
    for path, text in made.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run tools/pattern.py"
    assert (
        sum(
            template["primary"]
            for template in yaml.safe_load(made[pattern.PATTERN / "meta" / "pattern.json"])["aap_resources"]["controller_job_templates"]
        )
        == 1
    )
