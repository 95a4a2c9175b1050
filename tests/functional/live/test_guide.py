# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook of the guide to running machines, run as it is written there."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess

from ansible_collections.vdisk.gluster.tests.harness.programs import command

ROOT = pathlib.Path(os.environ["ANSIBLE_CONFIG"]).parent
GUIDE = ROOT / "docs/running-machines.md"


def playbooks() -> list[str]:
    """Return the playbooks of the guide, in order."""
    return re.findall(r"^```yaml\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.M | re.S)


def play(playbook: pathlib.Path, lab, machine, exports: pathlib.Path, *options: str) -> dict[str, int]:
    """Run the playbook as an operator does and return what its last line counts."""
    values = {
        "share": lab.here.share,
        "mount_point_base": str(lab.here.base),
        "libvirt_uri": lab.hypervisor.uri,
        "domain": machine.name,
        "exports": str(exports),
        # not the Python of these tests, which has libvirt: the modules have to find that one themselves
        "ansible_python_interpreter": str(ROOT / ".venv/bin/python"),
    }
    (counts,) = run("-i", "hypervisor,", "-c", "local", str(playbook), "-e", json.dumps(values), *options).values()
    return counts


def run(*words: str) -> dict[str, dict[str, int]]:
    """Run ansible-playbook and return what its last lines count, by host."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    argv = [str(ROOT / ".venv/bin/ansible-playbook"), *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    recap = re.findall(r"^(\S+)\s+: (ok=.*)$", done.stdout, re.M)
    return {host: {word: int(number) for word, number in re.findall(r"(\w+)=(\d+)", told)} for host, told in recap}


def test_the_playbook_takes_a_running_machine_from_attaching_to_exporting(lab, tmp_path):
    machine = lab.machine(lab.image("root", "raw"), mode="idle").start()
    machine.wait_for_agent()
    playbook = tmp_path / "playbook.yml"
    playbook.write_text(playbooks()[0])
    exports = tmp_path / "exports"
    exports.mkdir()
    first = play(playbook, lab, machine, exports)
    assert (first["ok"], first["changed"], first["failed"]) == (9, 9, 0)
    found = lab.here.look("db-data")
    assert [entry["name"] for entry in found["snapshots"]] == ["before-upgrade"]
    assert (found["virtual_size"], found["domains"], found["problems"]) == (96 << 20, [machine.name], [])
    assert int(machine.execute("cat /sys/block/vdb/size")) * 512 == 96 << 20
    machine.execute("sync")
    now = machine.execute("md5sum </dev/vdb").split()[0]
    assert command("md5sum", str(exports / "db-data-now.raw")).stdout.split()[0] == now
    assert json.loads((exports / "db-data.before-upgrade.qcow2.manifest.json").read_text())["virtual_size"] == 64 << 20
    lab.counts.add("operations under load", 6)
