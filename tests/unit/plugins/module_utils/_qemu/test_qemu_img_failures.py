# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What qemu-img says when it fails becomes a sentence that tells what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import CommandFailed, Refused, Unavailable, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Runner
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg


@pytest.mark.parametrize(
    ("said", "error", "told"),
    [
        ('Failed to get "write" lock', Refused, "an image lock is held"),
        ("error while writing: No space left on device", Unavailable, "there is no space left"),
        ("Failed to update the image size: Transport endpoint is not connected", Unavailable, "the mount does not respond .* quorum"),
        ("something else", CommandFailed, "cannot resize: something else"),
    ],
)
def test_a_failure_is_told_by_what_to_do(tmp_path: Path, said: str, error: type[VdiskError], told: str) -> None:
    program = tmp_path / "qemu-img"
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    program.chmod(0o755)
    qemu_img = QemuImg(Runner(30))
    qemu_img._program = str(program)
    with pytest.raises(error, match=told):
        qemu_img._run(["resize"], "resize")
