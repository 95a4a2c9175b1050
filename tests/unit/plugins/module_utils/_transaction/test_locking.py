# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks of several volumes are taken in one order, whatever the order of the task: then no two tasks wait for one another."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction import locking
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.locking import VolumeLocks
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.lock import HeldLock
from ansible_collections.vdisk.gluster.tests.harness.shares import PlainShare


@pytest.mark.parametrize("names", [["v1", "v2", "v3"], ["v3", "v2", "v1"], ["v2", "v3", "v1"]])
def test_locks_are_taken_in_the_order_of_names_and_then_of_shares(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("a", "b"):
        (tmp_path / part).mkdir()
    shares = [PlainShare(tmp_path / part) for part in ("b", "a")]
    where = [(name, Share(f"gl1:/{number}", str(share.root))) for name in names for number, share in enumerate(shares)]
    taken: list[tuple[str, str]] = []
    lock = locking.volume_lock

    def noting(root: str, volume: str, timeout: float, create: bool):
        taken.append((volume, root))
        return lock(root, volume, timeout, create)

    monkeypatch.setattr(locking, "volume_lock", noting)
    held: list[HeldLock] = []
    stack, _targets, _listings = VolumeLocks(shares[0].qemu_img, 1, held).take(where)
    with stack:
        assert len(held) == 6
    assert taken == [(name, str(share.root)) for name in ("v1", "v2", "v3") for share in shares]
    assert held == []
