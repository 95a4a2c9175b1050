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


def failing(tmp_path: Path, said: str) -> QemuImg:
    """Return a qemu-img that says this and fails."""
    program = tmp_path / "qemu-img"
    program.write_text(f'#!/bin/sh\necho "{said}" >&2\nexit 1\n')
    program.chmod(0o755)
    qemu_img = QemuImg(Runner(30))
    qemu_img._program = str(program)
    return qemu_img


@pytest.mark.parametrize(
    ("said", "error", "told"),
    [
        ('Failed to get \\"write\\" lock', Refused, "an image lock is held"),
        ("error while writing: No space left on device", Unavailable, "there is no space left"),
        ("Failed to update the image size: Transport endpoint is not connected", Unavailable, "the mount does not respond .* quorum"),
        ("something else", CommandFailed, "cannot resize: something else"),
    ],
)
def test_a_failure_is_told_by_what_to_do(tmp_path: Path, said: str, error: type[VdiskError], told: str) -> None:
    qemu_img = failing(tmp_path, said)
    with pytest.raises(error, match=told):
        qemu_img._run(["resize"], "resize")


def test_a_file_is_told_by_the_name_that_its_user_knows(tmp_path: Path) -> None:
    qemu_img = failing(tmp_path, "qemu-img: Could not open '/proc/7/fd/3': Image is corrupt")
    with pytest.raises(Refused, match="^source_image: /images/web is not accepted .*Could not open '/images/web': Image is corrupt$"):
        qemu_img.foreign_info("/proc/7/fd/3", "vhdx", "source_image: /images/web")
    with pytest.raises(CommandFailed, match="^cannot copy the image /images/web to /mnt/v: .*Could not open 'the image /images/web'"):
        qemu_img.fill("/proc/7/fd/3", "raw", "/mnt/v", "raw", "the image /images/web")
