# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role volume_backup and its playbooks, run as users run them, by the examples of its README."""

from __future__ import annotations

import contextlib
import glob
import json
import pathlib
import re
import socket
import threading

import pytest
import yaml
from ansible_collections.vdisk.gluster.tests.harness.checkout import ROOT
from ansible_collections.vdisk.gluster.tests.harness.playing import Playing, environment, until, write_inventory

README = ROOT / "roles" / "volume_backup" / "README.md"
KIB = 1 << 10
MIB = 1 << 20
PASSPHRASE = "a phrase that nobody else has 4711"


def examples() -> list[list]:
    """Return the plays of the README."""
    return [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", README.read_text(), re.DOTALL)]


@pytest.fixture
def site(place, tmp_path, monkeypatch):
    """A share with the volumes db-1 (raw, with a snapshot) and db-2 (qcow2), and how to play on it."""
    place.volume("db-1", size="4M")
    place.volume("db-2", size="4M", format="qcow2")
    for number, volume in enumerate(("db-1", "db-2"), 1):
        place.write(number, number * 512 * KIB, MIB, volume=volume)
    place.ok("gluster_snapshot", volume=["db-1"], name=["mine"])
    place.write(5, 2 * MIB, 64 * KIB, volume="db-1")
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    place.variables = {
        "volume_backup_mount_point_base": str(place.base),
        "volume_backup_libvirt_uri": "none",
        "volume_backup_packages": [],
        "volume_backup_scratch_dir": str(tmp_path),
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
            for told in (step["vars"] for step in [*play.get("roles", ()), *play.get("tasks", ())]):
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


def gate_borg(directory: pathlib.Path, verb: str) -> tuple[pathlib.Path, pathlib.Path]:
    """Return a directory with a borg that waits with one verb until a file is there, and that file."""
    programs, opened = directory / "gated", directory / "gate"
    programs.mkdir()
    wait = f": >{opened}.reached\nwhile [ ! -e {opened} ]; do sleep 0.02; done\n"
    (programs / "borg").write_text(f'#!/bin/sh\nfor word; do if [ "$word" = {verb} ]; then\n{wait}fi; done\nexec /usr/bin/borg "$@"\n')
    (programs / "borg").chmod(0o755)
    return programs, opened


def test_a_run_that_was_killed_is_taken_up_as_of_its_instant(site):
    programs, opened = gate_borg(site.tmp, "create")
    # the role sets a PATH of its own
    environment = {"PATH": f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    playing = started(site, examples()[0], volume_backup_archive="night", volume_backup_environment=environment)
    until(pathlib.Path(f"{opened}.reached").exists, "the first archive", 60)
    playing.kill()
    assert snapshots(site) == {"db-1": ["mine", "backup-night"], "db-2": ["backup-night"]}
    opened.touch()
    # the module goes on without Ansible, and what it has stored is not stored again
    until(lambda: not site.run("gluster_volume_backup", **module_options(site), volume="db-1").failed, "the end of the module", 60)
    for volume in ("db-1", "db-2"):
        site.write(8, 0, 256 * KIB, volume=volume)
    text = played(site, examples()[0], volume_backup_archive="night")
    assert not unchanged(text) and snapshots(site) == {"db-1": ["mine"], "db-2": []}
    for volume, content in site.contents.items():
        made = site.ok("gluster_volume_restore", volume=volume, name=f"{volume}-back", scratch_dir=str(site.tmp), **repository(site))
        assert made.archive["name"] == "night"
        assert site.read(f"{volume}-back") == content, "the group is not of one instant"
    # the instant is gone: what lacks one of the group cannot be completed any more
    site.volume("db-3", size="1M")
    for play in (plays := examples()[0]):
        play["roles"][0]["vars"]["volume_backup_volumes"] = ["db-1", "db-3"]
    playing = started(site, plays, volume_backup_archive="night")
    assert "exists of db-1 and not of db-3" in playing.wait(60) and playing.process.returncode != 0


def repository(site) -> dict[str, str]:
    return {"repository": str(site.tmp / "repository"), "passphrase": PASSPHRASE}


def module_options(site) -> dict[str, str]:
    return {**repository(site), "snapshot": "backup-night", "archive": "night", "scratch_dir": str(site.tmp), "verify": "none"}


ELSEWHERE = """#!/bin/sh
# run a program with a /dev whose syslog is a socket of the test's own
set -e
mkdir "$1"
mount -t tmpfs tmpfs "$1"
cp -a /dev/null /dev/zero /dev/random /dev/urandom /dev/fuse /dev/tty /dev/ptmx "$1"
ln -s /proc/self/fd "$1/fd"
mkdir "$1/shm"
mount --bind /dev/shm "$1/shm"
ln -s "$2" "$1/log"
mount --bind "$1" /dev
shift 2
exec "$@"
"""


class Listening:
    """A syslog of the test's own, and everything that the process list shows meanwhile."""

    def __init__(self, socket_path: pathlib.Path) -> None:
        self.logged = b""
        self.listed: set[bytes] = set()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(socket_path))
        self._socket.settimeout(0.01)
        self._over = False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._over:
            with contextlib.suppress(OSError):
                while True:
                    self.logged += self._socket.recv(1 << 20)
            for path in glob.glob("/proc/[0-9]*/cmdline"):
                with contextlib.suppress(OSError), open(path, "rb") as stream:
                    self.listed.add(stream.read())

    def stop(self) -> None:
        self._over = True
        self._thread.join()
        self._socket.close()


def test_the_playbooks_tell_no_secret_and_leave_one_small_dict(site):
    site.ok("gluster_snapshot", volume=["db-1", "db-2"], name=["backup-old"], label="volume_backup")
    secret = "another 4712 secret"
    variables = {
        **site.variables,
        "vdisk_hosts": "box",
        "volume_backup_volumes": ["db-1", "db-2"],
        "volume_backup_shares": [site.share],
        "volume_backup_repository": str(site.tmp / "repository"),
        "volume_backup_passphrase": PASSPHRASE,
        "volume_backup_secret_env": {"AWS_SECRET_ACCESS_KEY": secret},
        "volume_backup_init": True,
        "volume_backup_archive": "one",
        "volume_backup_keep": {"last": 3},
    }
    script = site.tmp / "elsewhere"
    script.write_text(ELSEWHERE)
    listening = Listening(site.tmp / "syslog")
    file = site.tmp / "variables.yml"
    file.write_text(yaml.safe_dump(variables))
    inventory = write_inventory(site.tmp)
    argv = ["unshare", "--mount", "--propagation", "private", "sh", str(script), str(site.tmp / "dev"), str(site.tmp / "syslog")]
    argv += ["ansible-playbook", "-vvv", "-i", str(inventory), "vdisk.gluster.backup", "-e", f"@{file}"]
    playing = Playing(argv, environment(HOME=str(site.tmp / "home"), ANSIBLE_SHOW_CUSTOM_STATS="1"), site.tmp)
    text = playing.wait(180)
    listening.stop()
    assert playing.process.returncode == 0, text
    # something was heard and seen
    assert b"gluster_volume_backup: Invoked with" in listening.logged and b"passphrase=NOT_LOGGING_PARAMETER" in listening.logged
    assert any(b"/usr/bin/borg\0" in words and b"create" in words for words in listening.listed)
    left = [path for path in site.tmp.rglob("*") if path.is_file() and path != file and not str(path).startswith(f"{site.base}/")]
    assert any(path.name == "config" for path in left)
    for hidden in (PASSPHRASE, secret):
        assert hidden not in text
        assert hidden.encode() not in listening.logged
        assert not [words for words in listening.listed if hidden.encode() in words]
        assert not [path for path in left if hidden.encode() in path.read_bytes()]
    told = json.loads(re.search(r"RUN: (\{.*\})", text).group(1))["vdisk_backup"]["box"]
    assert told["archives"] == ["db-1.one", "db-2.one"] and told["verified"] is True and told["pruned"] == []
    assert snapshots(site) == {"db-1": ["mine"], "db-2": []}, "what a killed run left is there, or what it did not make is gone"
    for volume in ("db-1", "db-2"):
        site.write(8, 0, 256 * KIB, volume=volume)
    more = {**variables, "volume_backup_replace": True, "volume_backup_keep_pre_restore_snapshot": False}
    text = played(site, "vdisk.gluster.restore", **more)
    assert '"volumes":["db-1","db-2"]' in re.sub(r"\s", "", text)
    assert {volume: site.read(volume) for volume in site.contents} == site.contents
    assert snapshots(site) == {"db-1": ["mine"], "db-2": []}
