# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shares and unfinished journals of earlier releases are read, and finished as the release that began them would have done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Runner
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import registry
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction import recovery
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.session import Session
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.journal import Journal
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.reader import list_share, read_volume
from ansible_collections.vdisk.gluster.tests.harness.earlier_release import described, names_below, restored_domain, share_of, unpack

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures/earlier_releases"
RELEASES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FIXTURES.glob("*.json"))}
CASES = [(release, case) for release, found in RELEASES.items() for case in found["cases"]]
assert CASES, "there is no release to take over from"
STOPS = [(release, case, stop) for release, case in CASES for stop in case["stops"]]


@pytest.fixture(autouse=True)
def plain_directories(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the other share for a mounted one."""
    monkeypatch.setattr(recovery, "check_mounted", lambda share, table: None)


def state(case: dict[str, Any], base: Path, domain: Any) -> dict[str, Any]:
    """Return what is promised of the volumes of a case, and what the domain has."""
    volumes = {}
    for label in case["end"]["volumes"]:
        name, _on, share = label.partition(" on ")
        volumes[label] = described(share_of(str(base), share), name)
    return {"volumes": volumes, "domain": domain.state(str(base)) if case["end"]["domain"] else None}


def wanted(entries: dict[str, Any]) -> dict[str, Any]:
    """Return what a case promises."""
    return {"volumes": entries["volumes"], "domain": entries["domain"]}


def journals(base: Path) -> Iterator[tuple[str, Path]]:
    """Yield the volume and the root of each journal."""
    for path in sorted(base.glob("*/.vdisk/*.journal")):
        yield path.stem, path.parents[1]


@pytest.mark.parametrize(("release", "case"), CASES, ids=lambda value: value if isinstance(value, str) else value["task"])
def test_a_share_of_an_earlier_release_is_read(release: str, case: dict[str, Any], tmp_path: Path) -> None:
    unpack(case["before"]["files"], RELEASES[release]["blobs"], tmp_path)
    assert state(case, tmp_path, restored_domain(case["before"]["domain"], str(tmp_path))) == wanted(case["before"])


@pytest.mark.parametrize(
    ("release", "case", "stop"), STOPS, ids=lambda value: value if isinstance(value, str) else value.get("task") or value["at"].split()[0]
)
def test_what_an_earlier_release_began_is_finished(release: str, case: dict[str, Any], stop: dict[str, Any], tmp_path: Path) -> None:
    unpack(stop["files"], RELEASES[release]["blobs"], tmp_path)
    domain = restored_domain(stop["domain"], str(tmp_path))
    shares = {share.mount_point: share for share in (share_of(str(tmp_path), name) for name in ("gl1:/vms", "gl1:/new"))}
    found = [(volume, shares[str(root)]) for volume, root in journals(tmp_path)]
    # a plan of several volumes whose leader has no journal yet was never begun
    begun = any(unfinished.steps for volume, share in found for unfinished in [Journal(share.mount_point, volume).read()] if unfinished)
    assert all(read_volume(list_share(share), volume).unfinished for volume, share in found)
    # of a move that was not begun, the copies on the new share are left for the next task there
    for volume, share in dict.fromkeys([*found, *((volume, share) for volume in case["names"] for share in shares.values())]):
        session = Session(QemuImg(Runner(30)), False, 5, deep=True, hypervisor=domain)
        session.change({volume: share}, lambda volumes: [Plan(volume, volume) for volume in volumes])
    if not begun:
        assert state(case, tmp_path, domain) == wanted(case["before"])
        assert names_below(tmp_path) == sorted(entry["path"] for entry in case["before"]["files"] if not entry["path"].endswith(".lock"))
        return
    assert state(case, tmp_path, domain) == wanted(case["end"])
    assert names_below(tmp_path) == case["end"]["names"]


@pytest.mark.parametrize(("release", "case"), CASES, ids=lambda value: value if isinstance(value, str) else value["task"])
def test_no_task_of_the_cases_changes_a_point_in_time(release: str, case: dict[str, Any]) -> None:
    """What a case promises in the end was seen with the earlier release, so it is looked at here too."""
    before, end = (
        {
            (label.split()[0], point): seen
            for label, volume in case[when]["volumes"].items()
            for point, seen in (volume or {"points": {}})["points"].items()
        }
        for when in ("before", "end")
    )
    changes_what_is_there_now = case["task"].startswith("re")
    for point, seen in end.items():
        if point in before and not (point[1] == "now" and changes_what_is_there_now):
            assert seen == before[point], (release, point)


@pytest.mark.parametrize("release", RELEASES)
def test_every_kind_of_step_of_that_release_is_in_its_journals(release: str, tmp_path: Path) -> None:
    seen = set()
    for number, (of, _case, stop) in enumerate(STOPS):
        if of == release:
            unpack(stop["files"], RELEASES[release]["blobs"], tmp_path / str(number))
            for volume, root in journals(tmp_path / str(number)):
                unfinished = Journal(str(root), volume).read()
                seen |= {entry["step"] for entry in unfinished.steps} if unfinished else set()
    assert seen == set(RELEASES[release]["steps"])
    assert {registry.FORMER_NAMES.get(name, name) for name in seen} <= set(registry.STEPS)


def test_the_script_that_stores_shares_works_with_this_release_too() -> None:
    collections = str(Path(registry.__file__).parents[6])
    done = subprocess.run(
        [sys.executable, str(FIXTURES / "make.py"), "take a snapshot", "move live"],
        env={**os.environ, "PYTHONPATH": collections},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    stored = json.loads(done.stdout)
    assert stored["steps"] == sorted(registry.STEPS)
    assert [len(case["stops"]) for case in stored["cases"]] == [4, 4]
