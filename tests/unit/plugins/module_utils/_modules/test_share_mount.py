# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mount points that gluster_share_mount makes, and the shares that it reads."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import shares_of
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.share_mount import _make_directories


def test_domains_pass_through_the_directories_above_a_mount_point_whatever_the_umask(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    before = os.umask(0o077)
    try:
        _make_directories(str(tmp_path / "a" / "b" / "c"))
    finally:
        os.umask(before)
    made = [tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path, *made)] == [0o750, 0o755, 0o755, 0o755]


def test_a_shares_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "shares").write_bytes(b"\xef\xbb\xbfgl1:/vms -o acl\n")
    warnings: list[str] = []
    params = {"mount_point_base": "/mnt", "shares_file": str(tmp_path / "shares")}
    assert [(share.name, share.options) for share in shares_of(params, warnings.append)] == [("gl1:/vms", "acl")] and not warnings
