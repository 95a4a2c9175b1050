# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks of servers for their bricks."""

from __future__ import annotations

import pathlib

from ansible_collections.vdisk.gluster.tests.harness.lab.programs import call

KINDS = ("tmpfs", "xfs", "ext4")


def make_disk(directory: pathlib.Path, kind: str, size: str) -> None:
    """Make the disk of a server and mount it at C(bricks) of its directory; C(size) is a number with K, M or G."""
    place = directory / "bricks"
    place.mkdir()
    if kind == "tmpfs":
        call("mount", "-t", "tmpfs", "-o", f"size={size},mode=755", f"bricks-{directory.name}", str(place))
        return
    image = directory / "bricks.img"
    call("truncate", "--size", size, str(image))
    call(f"mkfs.{kind}", "-q", str(image))
    call("mount", "-o", "loop", str(image), str(place))
