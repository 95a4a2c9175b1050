# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mount is asked by a process of its own: its answer comes back, and its silence holds nobody up."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import responsiveness
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.responsiveness import probe, probe_directory


def silent(path: str) -> None:
    """Say nothing, as a mount that hangs; tell by a file who it is that does."""
    Path(path, "asked").write_text(str(os.getpid()), encoding="ascii")
    time.sleep(60)


def test_an_answer_comes_back_whether_good_or_bad(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert probe(str(tmp_path), 5) == 0
    assert probe(str(tmp_path), 5, probe_directory) == 0
    assert probe(str(tmp_path / "none"), 5) == errno.ENOENT
    assert probe(str(tmp_path / "file"), 5, probe_directory) == errno.ENOTDIR


def test_silence_holds_nobody_up_and_leaves_no_process_and_no_descriptor(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    began = time.monotonic()
    assert probe(str(tmp_path), 3, silent) is None
    assert 2.9 < time.monotonic() - began < 50
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "asked").read_text(encoding="ascii")), 0)
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_process_that_is_left_behind_keeps_nothing_open(tmp_path: Path) -> None:
    """It may hang for as long as the mount does: neither a lock of the task nor the pipe to Ansible may hang with it."""

    def what_is_open(path: str) -> None:
        # the descriptor of the listing itself is gone by the time its link is read
        paths = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
        Path(path, "open").write_text("\n".join(os.readlink(name) for name in paths if os.path.lexists(name)), encoding="utf-8")

    with (tmp_path / "lock").open("wb"):
        assert probe(str(tmp_path), 5, what_is_open) == 0
    links = (tmp_path / "open").read_text(encoding="utf-8").splitlines()
    assert [link.partition(":")[0] for link in links if link != os.devnull] == ["pipe"], links


def test_a_mount_has_longer_than_glusterfs_itself_waits_for_a_server() -> None:
    assert responsiveness.RESPONSE_TIMEOUT > 42
