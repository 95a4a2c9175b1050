# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the unit tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ansible_collections.vdisk.gluster.tests.harness.shares import PlainShare


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a moment only where a lock stands in the way: here nobody lets go of one late."""
    from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import image_lock

    monkeypatch.setattr(image_lock, "_PAUSES", (0.01,))


@pytest.fixture
def share(tmp_path: Path) -> PlainShare:
    """Return an empty directory that stands for a mounted share."""
    # this file is read before the collection can be imported
    from ansible_collections.vdisk.gluster.tests.harness.shares import PlainShare

    return PlainShare(tmp_path)
