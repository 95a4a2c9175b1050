# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archives that are asked for are listed, and a repository that does not exist yet is no failure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.archive_metadata import Archive
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.base import NoRepository
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Runner
from ansible_collections.vdisk.gluster.plugins.module_utils._modules import volume_backup_info


def task(**options: Any) -> Any:
    """Return a task with these options."""
    return SimpleNamespace(params={"volume": None, "archive": None, **options}, runner=Runner())


def archive(volume: str, name: str) -> Archive:
    """Return an archive of which nothing else is known."""
    return Archive(volume, name, f"{volume}{name}", "2026-11-26T00:00:00", None)


def test_what_is_asked_for_is_listed_and_no_repository_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [archive("a", "1"), archive("b", "1"), archive("a", "2")]
    monkeypatch.setattr(volume_backup_info, "tool_of", lambda *_words: SimpleNamespace(archives=lambda: there))
    monkeypatch.setattr(volume_backup_info, "archive_object", lambda found: f"{found.volume}.{found.name}")
    for options, found in (({}, ["a.1", "b.1", "a.2"]), ({"volume": ["b"]}, ["b.1"]), ({"archive": "1"}, ["a.1", "b.1"])):
        assert volume_backup_info.work(task(**options)).values == {"archives": found, "repository_exists": True}
    assert volume_backup_info.work(task(archive="latest")).values["archives"] == ["b.1", "a.2"]

    def none() -> list[Archive]:
        raise NoRepository("there is none")

    monkeypatch.setattr(volume_backup_info, "tool_of", lambda *_words: SimpleNamespace(archives=none))
    result = volume_backup_info.work(task())
    assert result.msg == "There is no repository yet." and result.values == {"archives": [], "repository_exists": False}
