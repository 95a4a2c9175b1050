# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file of unknown origin looks like, from its first and last bytes (pure).

This is never used to choose a format: only to refuse to take a file for raw that some program might take for more.
"""

from __future__ import annotations

HEAD, TAIL = 4096, 512
"""Bytes from the start and from the end of a file that C(looks_like) wants."""

_AT_START = (
    (b"QFI\xfb", "qcow2"),
    (b"QED\x00", "qed"),
    (b"KDMV", "vmdk"),
    (b"COWD", "vmdk"),
    (b"# Disk DescriptorFile", "vmdk"),
    (b"vhdxfile", "vhdx"),
    (b"conectix", "vpc"),
    (b"LUKS\xba\xbe", "luks"),
    (b"WithoutFreeSpace", "parallels"),
    (b"WithouFreSpacExt", "parallels"),
    (b"Bochs Virtual HD Image", "bochs"),
    (b"#!/bin/sh\n#V2.0 Format\n", "cloop"),
    (b"OOOM", "qcow"),
)
_VDI_OFFSET, _VDI = 0x40, b"\x7f\x10\xda\xbe"
_AT_END = ((b"conectix", "vpc"), (b"koly", "dmg"))


def looks_like(head: bytes, tail: bytes) -> str | None:
    """Return the image format that a file's first and last bytes resemble, or None where they resemble none."""
    for magic, name in _AT_START:
        if head.startswith(magic):
            return name
    if head[_VDI_OFFSET : _VDI_OFFSET + 4] == _VDI:
        return "vdi"
    return next((name for magic, name in _AT_END if tail.startswith(magic)), None)
