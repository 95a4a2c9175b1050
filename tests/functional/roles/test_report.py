# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vdisk.gluster.report: what is on a real share is on the page, two hosts are one whole, and nothing that is no page is overwritten."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys

import pytest
from ansible_collections.vdisk.gluster.tests.harness.playing import environment

TIME = "2026-11-24T03:00:00Z"
LATER = "2026-11-25T03:00:00Z"
LATEST = "2026-11-26T03:00:00Z"


class Reports:
    """The playbook with an inventory of its own: C(box), which is this machine, and whatever a test adds."""

    def __init__(self, place, directory: pathlib.Path) -> None:
        self.place = place
        self.directory = directory
        self.dest = directory / "out" / "report.html"
        self.hosts = {"box": {}}
        self.said = ""

    def play(self, *options: str, ok: bool = True, time: str = TIME, **variables) -> dict:
        """Play the playbook and return how often it was ok and changed, of all hosts together."""
        local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        # variables of the host: what is given with -e would be the same for all
        look = {"share_report_mount_point_base": str(self.place.base), "share_report_libvirt_uri": "none"}
        inventory = self.directory / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": {name: {**local, **look, **more} for name, more in self.hosts.items()}}}))
        given = {
            "share_report_shares": [self.place.share],
            "share_report_dest": str(self.dest),
            "share_report_now": time,
            **variables,
        }
        argv = [
            str(pathlib.Path(sys.executable).with_name("ansible-playbook")),
            "-i",
            str(inventory),
            "vdisk.gluster.report",
            "-e",
            "vdisk_hosts=all",
            "-e",
            json.dumps(given),
        ]
        done = subprocess.run([*argv, *options], capture_output=True, text=True, env=environment(), timeout=120, check=False)
        self.said = done.stdout + done.stderr
        assert (done.returncode == 0) == ok, self.said
        recap = re.findall(r" : ok=(\d+)\s+changed=(\d+)", self.said)
        return {"ok": sum(int(count) for count, _changed in recap), "changed": sum(int(changed) for _count, changed in recap)}

    def page(self) -> str:
        return self.dest.read_text(encoding="utf-8")

    def memory(self) -> dict:
        return json.loads(re.search(r'id="report-memory">(.*?)</script>', self.page(), re.DOTALL)[1])


@pytest.fixture
def reports(place, small_volumes, tmp_path):
    """The playbook for a share that nobody else writes to, so that its free space stays what it is."""
    place.share = place.new_share(small_volumes[1])
    place.mount()
    place.volume("v1", "8M", format="qcow2")
    place.snapshot("first", label="<script>alert(1)</script>", description="{{ 7 * 6 }} & more")
    place.write(0xA1, 0, 1 << 20)
    place.snapshot("second")
    return Reports(place, tmp_path)


def test_check_mode_then_a_run_then_another_and_then_a_change(reports):
    before = reports.place.digest()
    assert reports.play("--check", "--diff")["changed"] == 1 and not reports.dest.parent.exists()
    # the directory and the page
    assert reports.play("--diff")["changed"] == 2
    page = reports.page()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "<script>alert(1)" not in page
    assert "&#123;{ 7 * 6 }} &amp; more" in page and ">42 " not in page
    for seen in (reports.place.share, "v1.first", "v1.second", "Nothing is wrong"):
        assert seen in page
    assert oct(reports.dest.stat().st_mode & 0o777) == "0o640"
    # the same again is the same, byte for byte
    assert reports.play("--check")["changed"] == 0 and reports.play()["changed"] == 0 and reports.page() == page
    assert reports.place.digest() == before, "a report wrote to the share"
    # what has changed since is told against the last page
    reports.place.volume("v2", "4M")
    reports.place.write(0xB2, 2 << 20, 1 << 20)
    assert reports.play("--check", time=LATER)["changed"] == 1
    # the page and its mode
    assert reports.play(time=LATER, share_report_mode="0644")["changed"] == 2 and oct(reports.dest.stat().st_mode & 0o777) == "0o644"
    assert "New: v2." in reports.said and "v1 +" in reports.said
    assert len(reports.memory()["history"][reports.place.share]) == 2


@pytest.mark.whole("the page of another day, and its memory, are proved by unit tests of what makes it; this plays eight times")
def test_another_day_by_itself_is_no_change_a_mode_is_and_a_page_remembers_the_one_before(reports):
    reports.play()
    page = reports.page()
    # the same but for the time and the ages that follow from it
    assert reports.play("--check", time=LATER)["changed"] == 0 and reports.page() == page
    assert reports.play(time=LATER)["changed"] == 0
    assert "2026-11-25 03:00 UTC" in reports.page() and "2026-11-24 03:00 UTC" not in reports.page()
    assert reports.play("--check", time=LATER, share_report_mode="0644")["changed"] == 1
    assert reports.play(time=LATER, share_report_mode="0644")["changed"] == 1 and oct(reports.dest.stat().st_mode & 0o777) == "0o644"
    reports.place.volume("v2", "4M")
    assert reports.play(time=LATEST, share_report_mode="0644")["changed"] == 1
    assert reports.memory()["before"]["made"] == LATER and len(reports.memory()["history"][reports.place.share]) == 2


def test_two_hosts_are_one_whole_and_those_that_cannot_look_are_told(reports):
    other = reports.place.other_host()
    dead = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_common_args": "-o ConnectTimeout=2"}
    reports.hosts = {
        # the first one cannot be reached, and is the one that a task for all would run on
        "gone": dead,
        "box": {},
        "twin": {"share_report_mount_point_base": str(other.base)},
        "odd": {"share_report_libvirt_uri": "test:///nowhere"},
        "blind": {"share_report_mount_point_base": str(reports.directory / "nothing")},
    }
    reports.play()
    page = reports.page()
    assert len(re.findall('<article class="card', page)) == 1 and len(re.findall('<details class="volume', page)) == 1
    assert "gone is unreachable: " in page and "odd could not look: " in page
    assert f"On blind, {reports.place.share} is not mounted at " in page
    assert "seen from 3 of 5 hosts" in page
    assert reports.play(ok=False, share_report_fail_on="problems")["changed"] == 0
    assert "3 problems and 0 warnings are on" in reports.said


def test_what_is_no_page_is_not_overwritten(reports):
    reports.dest.parent.mkdir()
    reports.dest.write_text("<html>the home page of somebody</html>")
    for check in ([], ["--check"]):
        reports.play(*check, ok=False)
        assert "is no report; move it away" in reports.said and "home page of somebody" in reports.page()
    reports.dest.unlink()
    reports.dest.mkdir()
    reports.play(ok=False)
    assert "is no report" in reports.said


def test_a_page_whose_memory_is_damaged_is_replaced_and_that_is_told(reports):
    reports.play()
    reports.dest.write_text(reports.page().replace('"history":', '"histori":'))
    assert reports.play(time=LATER)["changed"] == 1
    assert "contains no data to compare with" in reports.page()


def test_no_share_is_refused(reports):
    reports.play(ok=False, share_report_shares=[])
    assert "Set one of share_report_shares" in reports.said
