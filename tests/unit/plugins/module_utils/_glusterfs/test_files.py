# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed file operation is told as."""

from __future__ import annotations

import errno
import os

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.files import explain


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_root_is_not_told_to_become_root(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    message = explain(OSError(number, "no"), "/x", "write").message
    assert "become" not in message and "lsattr" in message and "root-squash" in message
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert explain(OSError(number, "no"), "/x", "write").message == "cannot write /x: permission is denied; set become: true"
