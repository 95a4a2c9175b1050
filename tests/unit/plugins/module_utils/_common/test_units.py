# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes as people write them become whole bytes, exactly."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common import units
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1", 1),
        ("1048576", 1 << 20),
        ("513B", 513),
        ("10G", 10 << 30),
        ("10GiB", 10 << 30),
        ("10GB", 10 << 30),
        ("10 g", 10 << 30),
        (" 512m ", 512 << 20),
        ("1.5T", 3 << 39),
        ("0.5K", 512),
        ("8T", 8 << 40),
        ("1P", 1 << 50),
        ("9007199254740993", (1 << 53) + 1),
        ("8191.999999999999P", 8191 * (1 << 50) + 999999999999 * (1 << 50) // 10**12),
    ],
)
def test_units_are_powers_of_1024_and_no_byte_is_lost(text: str, count: int) -> None:
    assert units.parse_size(text) == count


@pytest.mark.parametrize(
    "text", ["", "G", "10X", "-1G", "1e9", "1,5G", "10 G B", "0x10", "1.G", ".5G", "١٠G", "1G1M", "inf", "10Gi", "1\n2"]
)
def test_what_is_no_size_is_refused_by_the_name_of_its_option(text: str) -> None:
    with pytest.raises(BadInput, match="rate_limit: .*not a size"):
        units.parse_size(text, "rate_limit")


@pytest.mark.parametrize("text", ["1.5", "10.0", "0.5B", " 1.5 b "])
def test_a_fraction_needs_a_unit(text: str) -> None:
    with pytest.raises(BadInput, match=r"^size: .* has a fraction and no unit of 1024; write one, such as [0-9.]+G$"):
        units.parse_size(text)


@pytest.mark.parametrize("text", ["0", "0G", "0.0001K", "8192P", "9223372036854775807", "99999999999999999999999"])
def test_a_size_no_disk_can_have_is_out_of_range(text: str) -> None:
    with pytest.raises(BadInput, match="out of range"):
        units.parse_size(text)


@pytest.mark.parametrize(("text", "count"), [("1", 512), ("512", 512), ("513", 1024), ("1M", 1 << 20), ("1000001", 1000448)])
def test_a_virtual_size_is_rounded_up_to_whole_sectors(text: str, count: int) -> None:
    assert units.parse_virtual_size(text) == count


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (513, "513 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (10 << 30, "10 GiB"),
        (3 << 39, "1.5 TiB"),
        (1 << 60, "1024 PiB"),
        (100 << 20, "100 MiB"),
    ],
)
def test_sizes_are_shown_for_people_to_read(count: int, text: str) -> None:
    assert units.human(count) == text
