# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups to other hosts: over SSH to a real sshd, and into a bucket of an S3 server."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.tests.harness.sshd import serving

MIB = 1 << 20


@pytest.fixture
def volume(place, tmp_path, monkeypatch):
    """A share with the volume v1 and its snapshot s1."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    place.volume("v1", size="4M", format="qcow2")
    place.write(4, 0, MIB)
    place.snapshot("s1")
    place.write(5, 0, MIB)
    return place


def there_and_back(volume, **options) -> None:
    content = volume.read("v1", "s1")
    options = {"volume": "v1", "passphrase": "a b c", "scratch_dir": str(volume.tmp), **options}
    made = volume.ok("gluster_volume_backup", snapshot="s1", archive="a", init=True, **options)
    assert made.archive["verified"] is True
    volume.ok("gluster_volume_restore", name="back", **options)
    assert volume.read("back") == content


@pytest.mark.sample(1)
@pytest.mark.parametrize("tool", ["borg", "restic"])
def test_over_ssh(volume, tmp_path, tool):
    with serving(tmp_path / "ssh") as server:
        place = tmp_path / "repository"
        address = {"borg": f"ssh://root@127.0.0.1:{server.port}{place}", "restic": f"sftp://root@127.0.0.1:{server.port}/{place}"}[tool]
        ssh_command = f"ssh -o BatchMode=yes -i {server.key} {server.options}"
        there_and_back(volume, tool=tool, repository=address, ssh_command=ssh_command)
        assert (place / "config").exists()
    told = volume.refused(
        "gluster_volume_restore", volume="v1", name="again", tool=tool, repository=address, ssh_command=ssh_command, passphrase="a b c"
    )
    assert {"borg": "Connection refused", "restic": "unable to start the sftp session"}[tool] in told or "Connection closed" in told, told


def test_into_a_bucket(volume, s3_address):
    secrets = {"AWS_ACCESS_KEY_ID": "an-id", "AWS_SECRET_ACCESS_KEY": "a-key"}
    there_and_back(volume, tool="restic", repository=f"s3:{s3_address}/backups/vms", secret_env=secrets)
