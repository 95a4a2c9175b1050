# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An export is listed by its manifest, also while that is replaced; what is no manifest of this collection is left out."""

from __future__ import annotations

import os
import threading
import types
from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._export import manifest_file
from ansible_collections.vdisk.gluster.plugins.module_utils._modules import image_export_info
from ansible_collections.vdisk.gluster.tests.harness.replacing import Replacing
from ansible_collections.vdisk.gluster.tests.unit.plugins.module_utils._export.test_manifest_file import MANIFEST


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with one export and a file of the user's that is called like a manifest."""
    (tmp_path / "disk.raw").touch()
    os.truncate(tmp_path / "disk.raw", MANIFEST.size_bytes)
    os.utime(tmp_path / "disk.raw", ns=(0, MANIFEST.modified_ns))
    (tmp_path / f"disk.raw{manifest_file.SUFFIX}").write_bytes(manifest_file.dump(MANIFEST))
    (tmp_path / f"notes{manifest_file.SUFFIX}").write_text("{}")
    return tmp_path


def listed(directory: Path) -> list[tuple[str, bool]]:
    """Return the names of the exports that are listed, and whether each is as it was made."""
    result = image_export_info.work(types.SimpleNamespace(params={"path": str(directory)}))  # type: ignore[arg-type]
    return [(os.path.basename(entry["dest"]), entry["unmodified"]) for entry in result.values["exports"]]


def test_what_has_a_manifest_is_listed(directory: Path) -> None:
    assert listed(directory) == [("disk.raw", True)]
    (directory / "disk.raw").write_bytes(b"longer" * 4096)
    assert listed(directory) == [("disk.raw", False)]
    (directory / "disk.raw").unlink()
    assert listed(directory) == [("disk.raw", False)]


def test_an_export_that_is_made_anew_meanwhile_is_not_left_out(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replacing = Replacing(monkeypatch)

    def make_anew() -> None:
        for _number in range(20):
            (directory / ".new").write_bytes(manifest_file.dump(MANIFEST))
            os.rename(str(directory / ".new"), str(directory / f"disk.raw{manifest_file.SUFFIX}"))

    thread = threading.Thread(target=make_anew)
    thread.start()
    while thread.is_alive():
        assert listed(directory) == [("disk.raw", True)]
    assert replacing.missed > 0


def test_a_file_that_is_replaced_meanwhile_is_not_said_to_be_gone(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missed = []
    lstat = os.lstat

    def looks(path: str) -> os.stat_result:
        if path == str(directory / "disk.raw") and len(missed) < 3:
            missed.append(path)
            raise FileNotFoundError(2, "No such file or directory", path)
        return lstat(path)

    monkeypatch.setattr(image_export_info.os, "lstat", looks)
    assert listed(directory) == [("disk.raw", True)] and len(missed) == 3
