# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of snapshots in repositories of borg and restic: complete, read back, made once, and removed only by retention."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import subprocess

import pytest
from ansible_collections.vdisk.gluster.tests.integration.conftest import command

KIB = 1 << 10
MIB = 1 << 20
PASSPHRASE = "correct horse battery"
BACKUP, RESTORE, INFO = "gluster_volume_backup", "gluster_volume_restore", "gluster_volume_backup_info"


@pytest.fixture(params=["borg", "restic"])
def tool(request):
    return request.param


@pytest.fixture
def vault(place, tmp_path, monkeypatch, tool):
    """A share with the raw volume v1 and the qcow2 volume v2, each with snapshots s1 and s2, and a place for a repository."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "spool").mkdir()
    place.volume("v1", size="6M")
    place.volume("v2", size="6M", format="qcow2")
    for number, name in enumerate(("s1", "s2"), 1):
        for volume in ("v1", "v2"):
            place.write(number, number * 768 * KIB, MIB, volume=volume)
        place.ok("gluster_snapshot", volume=["v1", "v2"], name=[name])
    for volume in ("v1", "v2"):
        place.write(9, 3 * MIB, 300 * KIB, volume=volume)
    place.tool = tool
    place.repository = tmp_path / "repository"
    place.options = {
        "tool": tool,
        "repository": str(place.repository),
        "passphrase": PASSPHRASE,
        "tmp_dest": str(tmp_path / "spool"),
    }
    yield place
    assert os.listdir(tmp_path / "spool") == [], "a task left something where it worked"


def store(vault, archive, volume="v1", snapshot="s1", **options):
    return vault.ok(BACKUP, volume=volume, snapshot=snapshot, archive=archive, **{**vault.options, "init": True, **options})


def archives(vault, **options):
    wanted = {key: value for key, value in vault.options.items() if key != "tmp_dest"}
    # this module is not about a share
    result = vault._run_module(INFO, False, {**wanted, **options})
    assert not result.failed, result.values
    return result.values["archives"]


def restored(vault, check=False, **options):
    return vault.ok(RESTORE, check=check, **{"volume": "v1", **vault.options, **options})


@pytest.mark.parametrize("volume", ["v1", "v2"])
def test_a_snapshot_is_stored_once_and_comes_back_byte_for_byte(vault, volume):
    before, content = vault.digest(), vault.read(volume, "s1")
    options = {"volume": volume, "snapshot": "s1", "archive": "monday", "init": True, **vault.options}
    made = vault.check_run_again(BACKUP, **options)
    backup = made.backup
    assert (backup["full_name"], backup["virtual_size"], backup["verified"]) == (f"{volume}.monday", 6 * MIB, True)
    assert backup["checksum"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert 0 < backup["deduplicated_size"] < 4 * MIB and backup["original_size"] >= 6 * MIB
    after = vault.digest()
    assert {name: after[name] for name in before} == before, "a backup changes nothing of a volume"
    back = vault.check_run_again(RESTORE, volume=volume, name="back", **vault.options)
    assert vault.read("back") == content
    assert back.volume["base_format"] == {"v1": "raw", "v2": "qcow2"}[volume]
    assert back.volume["origin"]["archive"] == f"{volume}.monday"
    assert back.archive["snapshot"] == "s1"
