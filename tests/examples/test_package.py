# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as a user gets it: an archive, installed into an empty place, does the quickstart."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import tarfile

from ansible_collections.vdisk.gluster.tests.examples.extract import ROOT


def test_the_archive_in_an_empty_place_does_the_quickstart_and_takes_it_away(world, tmp_path):
    programs = ROOT / ".venv/bin"
    home, place = tmp_path / "home", tmp_path / "collections"
    home.mkdir()
    environment = {
        "PATH": f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(place),
        "ANSIBLE_NOCOLOR": "1",
    }

    def run(*argv: str, directory: pathlib.Path = tmp_path) -> str:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment, cwd=directory, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def play(name: str, *options: str) -> dict[str, int]:
        said = run("ansible-playbook", f"vdisk.gluster.{name}", *options)
        return {word: int(number) for word, number in re.findall(r"(\w+)=(\d+)", said.strip().splitlines()[-1])}

    # a release has its archive already
    archive = os.environ.get("EXAMPLES_ARCHIVE")
    if not archive:
        run("ansible-galaxy", "collection", "build", "--output-path", str(tmp_path), directory=ROOT)
        (archive,) = tmp_path.glob("vdisk-gluster-*.tar.gz")
    with tarfile.open(archive) as content:
        names = content.getnames()
    assert {"README.md", "COPYING", "CHANGELOG.rst", "docs/on-disk-format.md"} - set(names) <= {"CHANGELOG.rst"}
    assert not [name for name in names if re.match(r"(\.|tests|tools|Makefile|requirements)", name)]
    run("ansible-galaxy", "collection", "install", "--offline", str(archive), "-p", str(place))
    # a collection has to work without what is not in these four
    for entry in (place / "ansible_collections/vdisk/gluster").iterdir():
        if entry.name not in ("meta", "plugins", "roles", "playbooks", "MANIFEST.json", "FILES.json"):
            subprocess.run(["rm", "-r", str(entry)], check=True)
    foretold = play("quickstart", "--check", "--diff")
    assert foretold["changed"] > 0 and foretold["failed"] == 0 and not os.path.exists("/var/lib/vdisk/demo")
    first = play("quickstart")
    assert first["changed"] > 0 and first["failed"] == 0
    assert play("quickstart")["changed"] == 0
    play("teardown")
    left = [entry.name for entry in pathlib.Path("/var/lib/vdisk").iterdir()]
    assert "demo" not in left and not os.path.exists("/var/lib/vdisk/demo")
    assert "vdisk-demo" not in run("gluster", "volume", "list")
