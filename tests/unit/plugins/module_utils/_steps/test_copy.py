# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy that fails says so at once."""

from __future__ import annotations

import dataclasses
from typing import Callable

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import copy
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import CopySource
from ansible_collections.vdisk.gluster.tests.harness.images import KiB
from ansible_collections.vdisk.gluster.tests.harness.shares import PlainShare
from ansible_collections.vdisk.gluster.tests.harness.waiting import PATIENCE, Patience


def test_the_checksum_of_a_copy_that_failed_is_given_up(share: PlainShare, monkeypatch: pytest.MonkeyPatch) -> None:
    given_up = []

    def endless(_path: str, _algorithm: str, is_needed: Callable[[], bool]) -> str:
        patience = Patience(PATIENCE)
        while is_needed() and not patience.is_over():
            patience.nap()
        given_up.append(not is_needed())
        return ""

    def failing(*_what: object) -> None:
        raise Unavailable("there is no space left")

    monkeypatch.setattr(copy, "checksum", endless)
    monkeypatch.setattr(share.qemu_img, "fill", failing)
    original = CopySource("an image", "/image", "raw", 64 * KiB, "raw", (), {}, "sha256:0")
    step = copy.CopyVolume("v", "raw", 64 * KiB, "sparse", 0, 0, 0o660, "gl1:/vms", original)
    with pytest.raises(Unavailable, match="no space left"):
        step.fill(dataclasses.replace(share.context()), str(share.root / "temporary"))
    assert given_up == [True]
