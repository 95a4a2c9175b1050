# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of the host shows what tasks do and never what opens a repository."""

from __future__ import annotations

import re

import pytest
from ansible.module_utils import basic

PASSPHRASE, OTHER = "correct horse battery", "staple of a file"


@pytest.fixture
def lines(monkeypatch):
    """Return the lines that reach syslog from now on."""
    found: list[str] = []
    monkeypatch.setattr(basic, "has_journal", False)
    monkeypatch.setattr(basic.syslog, "openlog", lambda *_arguments: None)
    monkeypatch.setattr(basic.syslog, "syslog", lambda _priority, line: found.append(line))
    return found


def test_a_snapshot_is_followed_from_the_beginning_to_the_end(place, lines):
    place.volume("v", size="6M")
    lines.clear()
    place.ok("gluster_snapshot", volume=["v"], name=["a"])
    own = [line for line in lines if not line.startswith("Invoked")]
    assert own[0] == "Task begins on v"
    assert re.match(rf"Locked v on {place.share} after ", own[1])
    assert own[-2] == f"Unlocked v on {place.share}"
    assert re.match("Task ended after .* s, changed: ", own[-1])
    assert len([line for line in own if line.startswith("Apply")]) == 6


def test_a_task_that_changes_nothing_logs_two_lines_of_its_own(place, lines):
    """Each line costs some 20 microseconds; what Ansible logs of each task is one more."""
    place.volume("v", size="6M")
    place.ok("gluster_snapshot", volume=["v"], name=["a"])
    for module, options in (
        ("gluster_snapshot", {"volume": ["v"], "name": ["a"]}),
        ("gluster_volume_file", {"name": ["v"], "size": "6M"}),
        ("gluster_volume_file_info", {}),
        ("gluster_share_info", {}),
    ):
        lines.clear()
        assert not place.ok(module, **options).changed
        assert [line.split()[0] for line in lines] == ["Invoked", "Task", "Task"], (module, lines)


@pytest.mark.sample(1)
@pytest.mark.parametrize("tool", ["borg", "restic"])
def test_a_backup_logs_its_commands_and_no_secret(place, lines, tmp_path, monkeypatch, tool):
    monkeypatch.setenv("HOME", str(tmp_path))
    place.volume("v", size="6M")
    place.ok("gluster_snapshot", volume=["v"], name=["a"])
    (tmp_path / "phrase").write_text(OTHER)
    (tmp_path / "phrase").chmod(0o600)
    (tmp_path / "spool").mkdir()
    for number, secret in enumerate(({"passphrase": PASSPHRASE}, {"passphrase_file": str(tmp_path / "phrase")})):
        options = {"tool": tool, "repository": str(tmp_path / f"repository{number}"), "scratch_dir": str(tmp_path / "spool"), **secret}
        place.ok("gluster_volume_backup", volume="v", snapshot="a", archive="one", init=True, **options)
        failed = place.refused("gluster_volume_backup", volume="v", snapshot="a", archive="two", **{**options, **_wrong(secret, tmp_path)})
        assert "passphrase" in failed
        (tmp_path / "phrase").write_text(OTHER)
    commands = [line for line in lines if line.startswith("Command") and f"/{tool} " in line]
    assert len(commands) > 4
    shown = "\n".join(lines)
    assert not [secret for secret in (PASSPHRASE, OTHER, "wrong phrase") if secret in shown]


def _wrong(secret, tmp_path):
    if "passphrase" in secret:
        return {"passphrase": "wrong phrase"}
    (tmp_path / "phrase").write_text("wrong phrase")
    return {}
