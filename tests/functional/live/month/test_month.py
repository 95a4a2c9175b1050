# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A month of an operator: twenty disks of five running machines, a snapshot every night, a backup, a loss, a restore, an export, a report.

Nights are simulated, machines and disks are not. After each stage every point in time of every disk is compared with what the
machines wrote.
"""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import re
import subprocess
import time

import pytest
from ansible_collections.vdisk.gluster.tests.functional.live.month.diary import SIZE, Diary
from ansible_collections.vdisk.gluster.tests.harness.programs import command
from ansible_collections.vdisk.gluster.tests.harness.shifted_clock import ShiftedClock

ROOT = pathlib.Path(os.environ["ANSIBLE_CONFIG"]).parent
PLAYBOOK = pathlib.Path(__file__).with_name("month.yml")
MACHINES = 5
DAILY, WEEKLY = 7, 3
LOST, WANTED = "disk-00", "disk-07"


class Month:
    """The machines, their disks, the playbook, and the table of what was done."""

    def __init__(self, lab, tmp_path: pathlib.Path, nights: int) -> None:
        self.lab = lab
        self.nights = nights
        self.rows: list[tuple[str, str, float, int]] = []
        self._place = tmp_path
        self._clock = ShiftedClock(tmp_path)
        self.machines = [lab.machine(lab.image(f"root-{number}", "raw", SIZE), mode="idle") for number in range(MACHINES)]
        names = [f"disk-{number:02d}" for number in range(4 * MACHINES)]
        own = {machine: names[4 * number : 4 * number + 4] for number, machine in enumerate(self.machines)}
        # a Monday, at three in the morning
        self.diary = Diary(own, datetime.datetime(2027, 3, 1, 3, tzinfo=datetime.timezone.utc))
        self.disks = [
            {"name": name, "format": "raw" if number % 2 else "qcow2", "domain": machine.name, "target": f"vd{'bcde'[number]}"}
            for machine, volumes in own.items()
            for number, name in enumerate(volumes)
        ]
        # a month's nights are enough for backing up all; a short run backs up those of two machines
        self.precious = names if nights >= 30 else names[:8]
        self.exports = tmp_path / "exports"
        self.exports.mkdir()
        self.report = tmp_path / "report.html"

    def play(self, night: int, *steps: str) -> dict[str, int]:
        """Run the playbook at three in the morning after a night, and return what it counts."""
        where = {"mount_point_base": str(self.lab.here.base), "libvirt_uri": self.lab.hypervisor.uri}
        values = {
            "steps": list(steps),
            "disks": self.disks,
            "precious": self.precious,
            "lost": LOST,
            "wanted": WANTED,
            "exports": str(self.exports),
            **{f"{role}_{key}": value for role in ROLES for key, value in where.items()},
            **{f"{role}_share": self.lab.here.share for role in ROLES},
            **{f"{role}_shares": [self.lab.here.share] for role in ("volume_backup", "share_report")},
            "volume_backup_repository": str(self._place / "repository"),
            "volume_backup_passphrase": "correct horse battery staple",
            "volume_backup_packages": [],
            "share_report_dest": str(self.report),
        }
        inventory = {"hypervisors": {"hosts": {"hypervisor": {"ansible_connection": "local", **values}}}}
        # not the Python of these tests, which has libvirt: the modules have to find that one themselves
        inventory["all"] = {"vars": {"ansible_python_interpreter": str(ROOT / ".venv/bin/python")}}
        (self._place / "inventory.json").write_text(json.dumps(inventory))
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        environment.update(self._clock.at(f"{self.diary.moment(night):%Y-%m-%dT%H:%M:%SZ}"))
        program = str(ROOT / ".venv/bin/ansible-playbook")
        argv = [program, "-i", str(self._place / "inventory.json"), str(PLAYBOOK), "-e", json.dumps({"steps": list(steps)})]
        began = time.monotonic()
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=900, env=environment)
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr
        counts = {}
        for line in done.stdout.rpartition("PLAY RECAP")[2].splitlines():
            for word, number in re.findall(r"(\w+)=(\d+)", line):
                counts[word] = counts.get(word, 0) + int(number)
        what, said = f"night {night + 1}: {', '.join(steps)}", f"{counts['ok']} ok, {counts['changed']} changed"
        self.rows.append((what, said, time.monotonic() - began, 0))
        return counts

    def compare(self, snapshots: dict[str, set[str]]) -> None:
        """See that every disk has just these snapshots, and that each of them, and the disk, is byte for byte what the machines wrote."""
        began, compared = time.monotonic(), 0
        found = {volume["name"]: volume for volume in self.lab.here.ok("gluster_volume_file_info")["volumes"]}
        for name in self.diary.volumes():
            volume = found[name]
            assert volume["problems"] == [], volume["problems"]
            assert {entry["name"] for entry in volume["snapshots"]} == snapshots[name], name
            formats = {entry["file"]: entry["format"] for entry in volume["chain"]}
            for entry in volume["snapshots"]:
                wanted = self.diary.nights[self.diary.night_of(entry["name"])][name]
                file = entry["point_in_time_file"]
                assert self.read(self.lab.here.path(file), formats[file]) == wanted, f"{entry['name']} of {name} is not what it was"
                compared += 1
        for machine, names in self.diary.machines.items():
            # what is active is open in QEMU, so the guest is asked
            said = machine.execute("; ".join(f"md5sum </dev/vd{letter}" for letter in "bcde"[: len(names)]))
            wanted = [self.diary.digest(name) for name in names]
            assert said.split()[::2] == wanted, f"the disks of {machine.name} are not what it wrote"
            compared += len(names)
        what, done, seconds, _compared = self.rows.pop()
        self.rows.append((what, done, seconds, compared))
        assert compared >= len(found) - MACHINES, f"{compared} points in {time.monotonic() - began:.0f} s"

    def read(self, path: pathlib.Path, image_format: str) -> bytes:
        """Return what an image reads as."""
        raw = self._place / "read.raw"
        command("qemu-img", "convert", "-f", image_format, "-O", "raw", str(path), str(raw))
        content = raw.read_bytes()
        raw.unlink()
        return content


ROLES = ("volume_provision", "snapshot_rotate", "volume_backup", "image_export", "share_report")


@pytest.fixture
def month(lab, tmp_path, request):
    """The machines and their month."""
    made = Month(lab, tmp_path, request.config.getoption("--nights"))
    request.node.user_properties.append(("month", made.rows))
    return made


@pytest.mark.whole("a longer version of what roles prove on running machines in test_roles.py and on all shares in tests/functional/roles")
def test_a_month_of_nights_a_loss_and_its_restore(month):
    lab, diary, last = month.lab, month.diary, month.nights - 1
    for machine in month.machines:
        machine.start()
    for machine in month.machines:
        machine.wait_for_agent()
    month.play(0, "provision")
    kept: set[str] = set()
    for night in range(last):
        diary.write(night)
        month.play(night, "rotate", *(["backup"] if night == last - 1 else []))
        kept = diary.expected(night, DAILY, WEEKLY)
        if night % 5 == 4 or night == last - 1:
            month.compare(dict.fromkeys(diary.volumes(), kept))
    # one disk is gone: its files were removed by hand, with the machine off
    loser = month.machines[0]
    loser.shut_off()
    files = [path for place in (lab.here.root, lab.here.root / ".vdisk") for path in place.iterdir() if path.name.split(".")[0] == LOST]
    assert len(files) > 3
    for path in files:
        path.unlink()
    month.play(last, "restore")
    # its snapshots went with it; the definition of the machine named files that are no more
    month.play(last, "provision")
    loser.start()
    loser.wait_for_agent()
    month.compare({name: set() if name == LOST else kept for name in diary.volumes()})
    diary.write(last)
    counts = month.play(last, "rotate", "export", "report")
    assert counts["failed"] == 0
    kept = diary.expected(last, DAILY, WEEKLY)
    month.compare({name: {diary.snapshot(last)} if name == LOST else kept for name in diary.volumes()})
    (exported,) = [path for path in month.exports.iterdir() if path.suffix == ".qcow2"]
    assert month.read(exported, "qcow2") == bytes(diary.now[WANTED])
    page = month.report.read_text(encoding="utf-8")
    assert all(name in page for name in diary.volumes())
    lab.counts.add("operations under load", month.nights)
