# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a file is exported again, in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._export.file import FileExport


@pytest.mark.parametrize(
    ("name", "created", "reason"),
    [
        ("s1", "2026-01-01", "it holds another snapshot s1, taken at 2026-01-01, and this one was taken at 2026-02-02"),
        ("s0", "2026-01-01", "it holds snapshot s0, taken at 2026-01-01"),
        (None, None, "it holds another point in time"),
    ],
)
def test_of_two_snapshots_of_one_name_it_is_said_which_is_meant(name: str | None, created: str | None, reason: str) -> None:
    manifest: Any = SimpleNamespace(snapshot=name, snapshot_created=created)
    source: Any = SimpleNamespace(snapshot="s1", created="2026-02-02")
    request: Any = SimpleNamespace()
    assert FileExport(request, request, "/d/f")._difference(source, manifest) == reason
