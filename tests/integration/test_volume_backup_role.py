# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role volume_backup and its playbooks, run as users run them, by the examples of its README."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import threading
import time

import pytest
import yaml
from ansible_collections.vdisk.gluster.tests.integration.playing import Playing, environment, until, write_inventory

README = pathlib.Path(__file__).parents[2] / "roles" / "volume_backup" / "README.md"
KIB = 1 << 10
MIB = 1 << 20
PASSPHRASE = "a phrase that nobody else has 4711"


def examples() -> list[list]:
    """Return the plays of the README."""
    return [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", README.read_text(), re.DOTALL)]


@pytest.fixture
def site(place, tmp_path):
    """A share with the volumes db-1 (raw, with a snapshot) and db-2 (qcow2), and how to play on it."""
    place.volume("db-1", size="4M")
    place.volume("db-2", size="4M", format="qcow2")
    for number, volume in enumerate(("db-1", "db-2"), 1):
        place.write(number, number * 512 * KIB, MIB, volume=volume)
    place.ok("gluster_snapshot", volume=["db-1"], name=["mine"])
    place.write(5, 2 * MIB, 64 * KIB, volume="db-1")
    (tmp_path / "home").mkdir()
    place.variables = {
        "volume_backup_mount_point_base": str(place.base),
        "volume_backup_libvirt_uri": "none",
        "volume_backup_packages": [],
        "volume_backup_tmp_dest": str(tmp_path),
    }
    place.contents = {volume: place.read(volume) for volume in ("db-1", "db-2")}
    return place


def started(site, plays, *options, programs=None, **variables) -> Playing:
    """Start plays (or a playbook by its name) against this machine, with what an example has to be told of this place."""
    values = {**site.variables, "vault_backup_passphrase": PASSPHRASE, **variables}
    path = plays
    if not isinstance(plays, str):
        for play in plays:
            play.update(hosts="all", gather_facts=False, become=False)
            for told in [role["vars"] for role in play.get("roles", ())] + [task["vars"] for task in play.get("tasks", ()) if "vars" in task]:
                told.update(volume_backup_shares=[values.pop("share", site.share)], volume_backup_repository=str(site.tmp / "repository"))
        path = site.tmp / "play.yml"
        path.write_text(yaml.safe_dump(plays))
    file = site.tmp / "variables.yml"
    file.write_text(yaml.safe_dump(values))
    inventory = write_inventory(site.tmp)
    argv = ["ansible-playbook", "-i", str(inventory), str(path), "-e", f"@{file}", *options]
    return Playing(argv, environment(programs, HOME=str(site.tmp / "home"), ANSIBLE_SHOW_CUSTOM_STATS="1"), site.tmp)


def played(site, plays, *options, **more) -> str:
    playing = started(site, plays, *options, **more)
    text = playing.wait(180)
    assert playing.process.returncode == 0, text
    return text


def unchanged(text: str) -> bool:
    return " changed=0 " in text


def snapshots(site) -> dict[str, list[str]]:
    return {volume: [entry["name"] for entry in site.info(volume)["snapshots"]] for volume in ("db-1", "db-2")}


def test_the_examples_of_the_readme_bring_a_group_back_on_an_empty_share(site):
    backup, restore = examples()
    before = site.digest()
    text = played(site, backup, "--check", volume_backup_archive="first")
    assert "Store db-1 as archive db-1.first" in text and not unchanged(text)
    assert site.digest() == before and not (site.tmp / "repository").exists()
    text = played(site, examples()[0], volume_backup_archive="first")
    assert not unchanged(text)
    assert snapshots(site) == {"db-1": ["mine"], "db-2": []}
    text = played(site, examples()[0], volume_backup_archive="first")
    assert unchanged(text), text
    for volume in ("db-1", "db-2"):
        site.write(8, 0, 256 * KIB, volume=volume)
    # another host, another share, nothing on it
    elsewhere = site.new_share()
    site.ok("gluster_share_mount", shares=[elsewhere])
    played(site, restore, share=elsewhere)
    text = played(site, examples()[1], share=elsewhere)
    assert unchanged(text), text
    for volume, content in site.contents.items():
        found = site.ok("gluster_volume_file_info", share=elsewhere, name=[volume]).volumes[0]
        assert found["origin"]["archive"] == f"{volume}.first" and not found["snapshots"]
        assert site.read_image(site.mount_point(elsewhere) / volume, found["format"]) == content
