# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vdisk.gluster.awx: with the real modules of awx.awx it makes all that the data say, once."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import pytest
from ansible_collections.vdisk.gluster.tests.harness.awx_controller import StandIn
from ansible_collections.vdisk.gluster.tests.harness.checkout import CACHE
from ansible_collections.vdisk.gluster.tests.harness.installed import awx_collection
from ansible_collections.vdisk.gluster.tests.harness.playing import environment


@pytest.fixture
def awx():
    made = StandIn()
    for kind, name in (("organizations", "Default"), ("inventories", "Hypervisors"), ("credentials", "Hypervisors")):
        made.make(kind, name=name)
    yield made
    made.close()


def play(awx: StandIn, *options: str) -> tuple[int, str]:
    """Play it and return how many tasks changed something, or -1 where it failed, and what was said."""
    variables = environment(
        ANSIBLE_COLLECTIONS_PATH=f"{CACHE}:{awx_collection()}",
        CONTROLLER_HOST=awx.address,
        CONTROLLER_OAUTH_TOKEN="token",
        CONTROLLER_VERIFY_SSL="false",
    )
    ansible_playbook = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
    argv = [ansible_playbook, "vdisk.gluster.awx", "-e", "awx_shares=gl7:/disks", *options]
    done = subprocess.run(argv, capture_output=True, text=True, env=variables, timeout=300, check=False)
    said = done.stdout + done.stderr
    return int(re.search(r"changed=(\d+)", said)[1]) if done.returncode == 0 else -1, said


def test_it_makes_everything_once(awx):
    changed, said = play(awx)
    assert changed == -1 and "vdisk.gluster backup repository" in said.rpartition("[ERROR]")[2], "a credential that is missing is named"
    awx.make("credentials", name="vdisk.gluster backup repository")
    changed, said = play(awx)
    assert changed > 0, said
    assert len(awx.objects["job_templates"]) == 7 and len(awx.objects["schedules"]) == 2
    made = len(awx.changes)
    changed, said = play(awx)
    assert changed == 0 and len(awx.changes) == made, said
    back_up = awx.named("job_templates", "vdisk - Back up")
    assert [one["name"] for one in awx.linked("job_templates", back_up, "credentials")] == [
        "Hypervisors",
        "vdisk.gluster backup repository",
    ]
    survey = awx.related[("job_templates", back_up["id"], "survey_spec")]
    assert {question["variable"]: question["default"] for question in survey["spec"]}["vdisk_shares"] == "gl7:/disks"
    # what AWX or a job fills in arrives as it is written
    assert '"volume_backup_shares": "{{ vdisk_shares.split() }}"' in back_up["extra_vars"]
    assert awx.named("credential_types", "vdisk.gluster backup repository")["injectors"]["extra_vars"] == {
        "volume_backup_repository": "{{ repository }}",
        "volume_backup_passphrase": "{{ passphrase }}",
    }
    nodes = {node["identifier"]: node for node in awx.objects["workflow_job_template_nodes"].values()}
    following = {
        name: {
            kind: [one["identifier"] for one in awx.linked("workflow_job_template_nodes", node, f"{kind}_nodes")]
            for kind in ("success", "failure", "always")
        }
        for name, node in nodes.items()
    }
    assert following["export"] == {"success": ["verify"], "failure": ["report"], "always": []}
    assert following["rotate"] == {"success": [], "failure": [], "always": ["report"]}
    assert all(schedule["enabled"] is False for schedule in awx.objects["schedules"].values())
