# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX gets, run as AWX runs it: by ansible-runner, with the answers that surveys propose, on a real GlusterFS."""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys

import ansible_runner
import pytest
from ansible_collections.vdisk.gluster.tests.harness.checkout import ROOT

_spec = importlib.util.spec_from_file_location("pattern", ROOT / "tools" / "pattern.py")
pattern = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(pattern)
AWX = pattern.read()
TEMPLATES = {template["name"]: template for template in AWX["controller_templates"]}
LOCATED = ("volume_provision", "snapshot_rotate", "image_export", "volume_backup", "share_report")


class Controller:
    """Starts templates and workflows as AWX does, with an inventory of this machine as C(box)."""

    def __init__(self, place, directory: pathlib.Path) -> None:
        self.directory = directory
        self._jobs = 0
        of_roles = {
            f"{role}_{key}": value for role in LOCATED for key, value in (("mount_point_base", str(place.base)), ("libvirt_uri", "none"))
        }
        host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "volume_backup_packages": [], **of_roles}
        self.inventory = {"all": {"children": {"hypervisors": {"hosts": {"box": host}}}}}
        # what is proposed for nobody in particular, or not at all
        self.answers = {
            "vdisk_shares": place.share,
            "vdisk_volumes": "db-1",
            "vdisk_size": "8M",
            "vdisk_export_dir": str(directory / "exports"),
            "share_report_host": "box",
            "share_report_dest": str(directory / "report.html"),
            "vdisk_init_repository": "yes",
            "volume_backup_restore_name": "db-1-restored",
        }
        self.credential = {"volume_backup_repository": str(directory / "repository"), "volume_backup_passphrase": "secret of a test"}

    def survey(self, entry: dict) -> dict:
        """Return the answers to a survey: ours, or else what it proposes. One that is left empty is not given."""
        answers = {}
        for question in entry["survey_spec"]["spec"]:
            answer = self.answers.get(question["variable"], question["default"])
            assert answer != "" or not question["required"], f"{question['variable']} has no answer"
            if answer != "":
                answers[question["variable"]] = answer
        return answers

    def launch(self, template: dict, check: bool = False, **given) -> dict:
        """Run a template and return its artifacts."""
        self._jobs += 1
        job = self.directory / f"job-{self._jobs}"
        job.mkdir()
        injected = self.credential if AWX["awx_repository_credential"] in template["credentials"] else {}
        done = ansible_runner.run(
            private_data_dir=str(job),
            project_dir=str(ROOT),
            playbook=template["playbook"],
            inventory=self.inventory,
            extravars={**template["extra_vars"], **self.survey(template), **injected, **given},
            cmdline="--check" if check else None,
            envvars={"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache"), "PATH": self.path()},
            quiet=True,
        )
        said = "\n".join(event["stdout"] for event in done.events if event.get("stdout"))
        assert done.status == "successful", said
        last = [event for event in done.events if event["event"] == "playbook_on_stats"][-1]["event_data"]
        assert sum(last["ok"].values()) > 0 and not last["failures"] and not last["dark"]
        # the passphrase of a credential is in no event
        assert self.credential["volume_backup_passphrase"] not in said
        return {"artifacts": last.get("artifact_data", {}), "changed": sum(last["changed"].values()), "said": said}

    @staticmethod
    def path() -> str:
        return f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"


@pytest.fixture
def controller(place, tmp_path):
    return Controller(place, tmp_path)


def test_every_template_runs_with_what_its_survey_proposes(controller, place):
    """In the order in which somebody would start them the first time, each in check mode; those of the workflow are run there."""
    (workflow,) = AWX["controller_workflows"]
    in_workflow = {node["unified_job_template"] for node in workflow["simplified_workflow_nodes"]}
    for template in TEMPLATES.values():
        checked = controller.launch(template, check=True)
        assert checked["artifacts"] and (checked["changed"] > 0) == (template["name"] != "vdisk - Verify exports"), template["name"]
        if template["name"] in in_workflow:
            continue
        done = controller.launch(template)
        assert set(checked["artifacts"]) == set(done["artifacts"]) and done["changed"] > 0, template["name"]
        if template["name"] == "vdisk - Provision volumes":
            place.write(0xA1, 0, 1 << 20, "db-1")
            place.snapshot("nightly-1", "db-1", label="nightly")
    assert checked["artifacts"]["vdisk_report"]["shares"][0]["volumes"] == 2
    assert place.read("db-1-restored") == place.read("db-1") != bytes(8 << 20)


def test_the_workflow_protects_verifies_and_only_then_removes(controller, place):
    (workflow,) = AWX["controller_workflows"]
    place.volume("db-1", "8M", format="qcow2")
    place.snapshot("nightly-1", "db-1", label="nightly")
    place.snapshot("by-hand", "db-1")
    place.write(0xA1, 0, 1 << 20, "db-1")
    content = place.read("db-1")
    nodes = {node["identifier"]: node for node in workflow["simplified_workflow_nodes"]}
    controller.answers.update(vdisk_keep_snapshots=1, vdisk_keep_snapshots_weekly=0)
    handed: dict = {}
    ran, following = [], ["snapshot"]
    while following:
        node = nodes[following[0]]
        # as AWX puts them together: artifacts of earlier nodes, answers of the workflow, those of the node
        given = {**handed, **controller.survey(workflow), **node.get("extra_data", {})}
        handed.update(controller.launch(TEMPLATES[node["unified_job_template"]], **given)["artifacts"])
        ran.append(node["identifier"])
        following = node.get("success_nodes") or node.get("always_nodes") or []
    assert ran == ["snapshot", "export", "verify", "rotate", "report"]
    left = [snapshot["name"] for snapshot in place.info("db-1")["snapshots"]]
    assert len(left) == 2 and left[0] == "by-hand" and left[1].startswith("nightly-2")
    (export,) = (controller.directory / "exports").glob("db-1.*.qcow2")
    assert handed["vdisk_verify_exports"]["box"] == [f"{export.name}: OK"] and place.read_image(export, "qcow2") == content
    assert handed["vdisk_report"]["problems"] == 0 and (controller.directory / "report.html").is_file()


def test_a_damaged_export_is_found(controller):
    directory = controller.directory / "damaged"
    directory.mkdir()
    (directory / "db-1.raw").write_bytes(b"\0" * 4096)
    sums = subprocess.run(["sha256sum", "db-1.raw"], cwd=directory, capture_output=True, text=True, check=True).stdout
    (directory / "SHA256SUMS").write_text(sums)
    controller.answers["vdisk_export_dir"] = str(directory)
    verify = TEMPLATES["vdisk - Verify exports"]
    assert controller.launch(verify)["artifacts"] == {"vdisk_verify_exports": {"box": ["db-1.raw: OK"]}}
    (directory / "db-1.raw").write_bytes(b"\0" * 4095 + b"x")
    with pytest.raises(AssertionError, match="db-1.raw: FAILED"):
        controller.launch(verify, check=True)
    (directory / "SHA256SUMS").unlink()
    with pytest.raises(AssertionError, match="there is nothing to compare with"):
        controller.launch(verify)


def test_an_execution_environment_is_made_of_what_the_collection_needs(tmp_path):
    builder = str(pathlib.Path(sys.executable).with_name("ansible-builder"))
    place = tmp_path / "definition"
    shutil.copytree(ROOT / "extensions" / "execution_environment", place)
    subprocess.run([builder, "create", "--context", str(tmp_path / "context")], cwd=place, check=True, capture_output=True, text=True)
    assert "vdisk.gluster" in (tmp_path / "context" / "_build" / "requirements.yml").read_text()
    assert "ansible-core>=2.17,<2.20" in next((tmp_path / "context").glob("*file")).read_text()
    # the collection as it would be installed, not as it is developed
    archives = tmp_path / "archives"
    subprocess.run(["ansible-galaxy", "collection", "build", "--output-path", str(archives)], cwd=ROOT, check=True, capture_output=True)
    (archive,) = archives.glob("*.tar.gz")
    installed = tmp_path / "collections"
    argv = ["ansible-galaxy", "collection", "install", "--offline", "-p", str(installed), str(archive)]
    # elsewhere than the one that is developed, which counts as installed
    subprocess.run(argv, check=True, capture_output=True, env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(installed)})
    told = subprocess.run([builder, "introspect", str(installed)], check=True, capture_output=True, text=True).stdout
    assert "Jinja2>=3.0" in told and "openssh-clients [platform:rpm" in told and "vdisk.gluster" in told
    assert "ansible-core==" not in told, "what the tests need got into the execution environment"
    assert json.loads(
        (installed / "ansible_collections/vdisk/gluster/extensions/patterns/gluster_virtual_disks/meta/pattern.json").read_text()
    )
