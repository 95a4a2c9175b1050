# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What opens a repository of archives is taken from where it is safe, and an archive that is not there is told with those that are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.archive_metadata import Archive
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.options import _passphrase, newest, tool_of
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Runner


def options(**more: Any) -> dict[str, Any]:
    """Return the options of a repository, these among them."""
    usual = {
        "repository": "/repo",
        "passphrase": "secret",
        "passphrase_file": None,
        "secret_env": None,
        "ssh_command": None,
        "lock_timeout": 1,
    }
    return {**usual, "tool": "borg", **more}


def archive(volume: str, name: str) -> Archive:
    """Return an archive of which nothing else is known."""
    return Archive(volume, name, f"{volume}{name}", "2026-11-26T00:00:00", None)


@pytest.mark.parametrize("place", ["", "  ", "/repo\n", "/re\0po"])
def test_a_repository_is_a_path_or_an_address(place: str) -> None:
    with pytest.raises(BadInput, match="^repository: "):
        tool_of(options(repository=place), Runner())


@pytest.mark.parametrize("key", ["PATH", "LD_PRELOAD", "BORG_PASSPHRASE", "lower", "A=B"])
def test_secrets_are_variables_that_nobody_else_needs(key: str) -> None:
    with pytest.raises(BadInput, match="^secret_env: .*cannot be set"):
        tool_of(options(secret_env={key: "x"}), Runner())


def test_the_first_line_of_a_private_file_is_the_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("secret words\r\nand more\n")
    path.chmod(0o600)
    (tmp_path / "link").symlink_to(path)
    for name in ("secret", "link"):
        assert _passphrase({"passphrase": None, "passphrase_file": str(tmp_path / name)}) == "secret words"


def test_a_file_that_is_no_private_one_is_refused_at_once(tmp_path: Path) -> None:
    def refusal(name: str) -> str:
        with pytest.raises((Refused, BadInput)) as caught:
            _passphrase({"passphrase": None, "passphrase_file": str(tmp_path / name)})
        return caught.value.message

    assert "cannot be read: No such file" in refusal("missing")
    (tmp_path / "open").write_text("secret\n")
    (tmp_path / "open").chmod(0o644)
    assert "is readable by others" in refusal("open")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\n")
    (tmp_path / "binary").chmod(0o600)
    assert "it is not text" in refusal("binary")
    (tmp_path / "empty").touch(0o600)
    assert "it is empty" in refusal("empty")
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "is not a regular file" in refusal("pipe")


def test_an_archive_is_found_by_its_name_or_as_the_newest() -> None:
    there = [archive("a", "1"), archive("b", "1"), archive("a", "2")]
    assert newest(there, "a", "1") is there[0] and newest(there, "a", "latest") is there[2]
    with pytest.raises(Refused, match=r"no archive 3 of a \(it has: 1, 2\)"):
        newest(there, "a", "3")
    with pytest.raises(Refused, match=r"no archive latest of c \(it has: none\)"):
        newest(there, "c", "latest")


@pytest.mark.parametrize("name", ["borg", "restic"])
def test_the_tool_of_the_options_is_used(name: str) -> None:
    assert tool_of(options(tool=name), Runner()).name == name
