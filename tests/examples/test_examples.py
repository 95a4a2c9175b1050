# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example of the documentation runs, as it is written, and none is left out.

What a page needs before its examples, between them, and what has to be so afterwards, is in C(pages/<page>.yml).
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
from typing import Any

import pytest
import yaml
from ansible_collections.vdisk.gluster.tests.examples import extract
from ansible_collections.vdisk.gluster.tests.harness.programs import command

HERE = pathlib.Path(__file__).parent
BLOCKS = extract.blocks()
OWN_CORE = extract.ROOT / ".venv"
CORE = pathlib.Path(os.environ.get("EXAMPLES_CORE", OWN_CORE))
"""The venv whose ansible-core runs them."""
OURS = "around the examples: "
"""How the names of tasks begin that are no examples."""
INVENTORY = {
    "all": {
        "hosts": {name: {} for name in ("hypervisor", "hypervisor1", "hypervisor2", "localhost")},
        "children": {"gluster": {"hosts": {"gl1": {}}}, "hypervisors": {"hosts": {"hypervisor1": {}}}},
        # there is no sudo on every machine, and root needs none
        "vars": {
            "ansible_connection": "local",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_become_method": "su",
        },
    }
}


def around(page: str) -> dict[str, Any]:
    """Return what stands in the file of a page."""
    path = HERE / "pages" / f"{page}.yml"
    assert path.exists(), f"{page} has examples and no {path.relative_to(extract.ROOT)} that says what they need"
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def blocks_here(page: str) -> list[extract.Block]:
    """Return the examples of a page but those that a scenario of Molecule runs, word for word."""
    elsewhere = around(page).get("molecule", {})
    for name, scenario in elsewhere.items():
        plays = yaml.safe_load((extract.ROOT / f"extensions/molecule/{scenario}/converge.yml").read_text(encoding="utf-8"))
        entry = next(block.entries for block in BLOCKS[page] if block.entries[0].get("name") == name)
        assert all(one in plays for one in entry), f"the scenario {scenario} does not run the example '{name}' of {page} as it is written"
    return [block for block in BLOCKS[page] if block.entries[0].get("name") not in elsewhere]


def ours(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return tasks of a page's file, to be told from the examples."""
    return [{**task, "name": f"{OURS}{task.get('name', 'a task')}"} for task in tasks]


def name_of(task: dict[str, Any]) -> str:
    """Return what a task is called: one without a name by its module."""
    return task.get("name") or next(key for key in task if "." in key)


def playbooks(page: str, directory: pathlib.Path) -> list[pathlib.Path]:
    """Write the examples of a page, with what stands around them, as playbooks to run one after another."""
    needs, written = around(page), []

    def write(content: str) -> None:
        written.append(directory / f"{len(written)}.yml")
        written[-1].write_text(content)

    def play(tasks: list[dict[str, Any]]) -> str:
        return yaml.safe_dump([{"hosts": "hypervisor1", "gather_facts": False, "tasks": tasks}], sort_keys=False) if tasks else "[]"

    between = dict(needs.get("between", {}))
    write(play(ours(needs.get("before", []))))
    for block in blocks_here(page):
        if block.is_plays:
            name = block.entries[0]["name"]
            write(play(ours(between.pop(name, []))))
            # the text itself
            write(block.text)
        else:
            tasks: list[dict[str, Any]] = []
            for task in block.tasks:
                tasks += [*ours(between.pop(name_of(task), [])), task]
            write(play(tasks))
    write(play(ours(needs.get("after", []))))
    assert not between, f"there are no such examples of {page}: {list(between)}"
    return [path for path in written if path.read_text() != "[]"]


def run(page: str, directory: pathlib.Path, variables: dict[str, Any]) -> list[dict[str, Any]]:
    """Run the playbooks of a page and return what became of each task."""
    inventory, ran = directory / "inventory.json", directory / "ran.jsonl"
    inventory.write_text(json.dumps(INVENTORY))
    paths = [str(path) for path in playbooks(page, directory)]
    argv = [str(CORE / "bin/ansible-playbook"), "-v", "-i", str(inventory), "-e", json.dumps(variables), *paths]
    environment = {
        **os.environ,
        "VDISK_EXAMPLES_RAN": str(ran),
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "ran",
        "ANSIBLE_NOCOLOR": "1",
    }
    if CORE != OWN_CORE:
        # it would find our own core there, but the modules need the packages that examples of a cloud use
        python = directory / "python3"
        python.write_text(f'#!/bin/sh\nPYTHONPATH={environment.pop("PYTHONPATH")} exec /usr/bin/python3 "$@"\n')
        python.chmod(0o755)
        argv += ["-e", json.dumps({"ansible_python_interpreter": str(python)})]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in ran.read_text().splitlines()]


def count(page: str, became: list[dict[str, Any]]) -> tuple[int, int]:
    """See that every example of a page ran, and return how many did, and how many there are."""
    wanted = [task for block in blocks_here(page) for task in block.tasks]
    left = [entry["task"] for entry in became if entry["became"] == "ran" and not entry["role"]]
    roles = {entry["role"] for entry in became if entry["became"] == "ran"} - {None}
    missing = []
    for task in wanted:
        if "role" in task:
            if task["role"] not in roles and task["role"].rpartition(".")[2] not in roles:
                missing.append(task["role"])
        elif name_of(task) in left:
            left.remove(name_of(task))
        else:
            missing.append(name_of(task))
    assert not missing, f"these examples of {page} did not run: {missing}"
    return len(wanted) - len(missing), len(wanted)


def test_no_page_has_blocks_that_nobody_runs():
    for path in extract.pages():
        allowed = extract.SHOWN | {"yaml"} | ({extract.SHELL} if path.name == "README.md" else set())
        assert extract.languages(path) <= allowed, f"{path}: {extract.languages(path) - allowed}"


def test_every_module_has_examples():
    modules = {path.stem for path in (extract.ROOT / "plugins/modules").glob("*.py")}
    assert modules <= set(BLOCKS)


@pytest.mark.parametrize("page", sorted(BLOCKS))
def test_the_examples_run(page, world, tmp_path, request):
    needs = around(page)
    for name in needs.get("without_volumes", []):
        world.without(name)
    for name in needs.get("volumes", []):
        world.volume(name)
    variables = {"root": str(extract.ROOT), **needs.get("variables", {})}
    for name in needs.get("fixtures", []):
        request.getfixturevalue(name)
    if needs.get("backup_host"):
        world.backup_host()
    if needs.get("cloud"):
        world.glance().make("debian-12", data=world.cloud_image(), disk_format="qcow2")
    if needs.get("image"):
        pathlib.Path("/var/lib/images/debian-12.qcow2").write_bytes(world.cloud_image())
    # told with the report of the test, at the end of the run
    request.node.user_properties.append(("examples", count(page, run(page, tmp_path, variables))))
    if page == "running-machines":
        guest_reads_what_was_exported(request.getfixturevalue("machine"), pathlib.Path("/var/backups/db-data-now.raw"))


def guest_reads_what_was_exported(machine, export: pathlib.Path) -> None:
    """Compare the export of the running disk with what the guest, which has not written since, reads."""
    assert int(machine.execute("cat /sys/block/vda/size")) * 512 == export.stat().st_size
    machine.execute("sync")
    assert machine.execute("md5sum </dev/vda").split()[0] == command("md5sum", str(export)).stdout.split()[0]
