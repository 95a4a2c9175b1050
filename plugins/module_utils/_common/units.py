# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes as people write them and as programs count them (pure)."""

from __future__ import annotations

import re

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}
_STEP = 1024
_SIZE = re.compile(r"\A\s*(\d+(?:\.\d+)?)\s*(?:([KMGTP])(?:i?B)?|B)?\s*\Z", re.IGNORECASE | re.ASCII)

SECTOR = 512
"""Guests see disks in sectors of this many bytes; virtual sizes are whole numbers of them."""

LARGEST = (1 << 63) - SECTOR
"""The largest virtual size a file offset can name, in bytes."""


def parse_size(text: str, option: str = "size") -> int:
    """Return the bytes that a text such as C(10G), C(10GiB), C(1.5T) or C(1048576) means; units are powers of 1024.

    :raises BadInput: the text is no size, or is zero or too large.
    """
    match = _SIZE.match(str(text))
    if not match:
        raise BadInput(f"{option}: {text!r} is not a size; write bytes or a number with a unit of 1024, such as 512M, 10GiB or 1.5T")
    number, unit = match.group(1), (match.group(2) or "").upper()
    whole, _dot, fraction = number.partition(".")
    scale = _UNITS[unit]
    # decimal digits are scaled as integers: floats lose bytes above 8 PiB
    count = int(whole) * scale
    if fraction and not unit:
        raise BadInput(f"{option}: {text!r} has a fraction and no unit of 1024; write one, such as {text.strip().rstrip('Bb').strip()}G")
    if fraction:
        count += int(fraction) * scale // 10 ** len(fraction)
    if not 0 < count <= LARGEST:
        raise BadInput(f"{option}: {text!r} is out of range; a size is from 1 byte to 8 EiB")
    return count


def parse_virtual_size(text: str, option: str = "size") -> int:
    """Return the virtual size a text means, in bytes, rounded up to a whole sector as qemu-img does."""
    return round_up(parse_size(text, option), SECTOR)


def round_up(count: int, step: int) -> int:
    """Return the smallest multiple of C(step) that is not below C(count)."""
    return -(-count // step) * step


def human(count: int) -> str:
    """Return bytes for a person to read, exact where the unit divides them: 10 GiB, 1.5 TiB, 513 B."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if value < _STEP or unit == "PiB":
            break
        value /= _STEP
    digits = f"{value:.2f}".rstrip("0").rstrip(".")
    return f"{digits} {unit}"
