# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new volume goes to the share with the most available space that may take it."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.placement import Candidate, PlacementLimits, choose, room

GiB = 1 << 30
NONE = PlacementLimits()


def test_the_share_with_the_most_available_space_is_taken() -> None:
    shares = [Candidate("a", 900 * GiB, 10 * GiB), Candidate("b", 50 * GiB, 40 * GiB), Candidate("c", 90 * GiB, 30 * GiB)]
    assert choose("v", GiB, True, shares, NONE) == "b"
    assert choose("v", GiB, True, list(reversed(shares)), NONE) == "b"


def test_of_two_with_as_much_the_one_named_first_is_taken() -> None:
    shares = [Candidate("a", 9 * GiB, 5 * GiB), Candidate("b", 50 * GiB, 5 * GiB)]
    assert choose("v", GiB, True, shares, NONE) == "a"
    assert choose("v", GiB, True, list(reversed(shares)), NONE) == "b"


def test_a_share_that_may_not_take_it_is_passed_over_even_with_the_most_space() -> None:
    shares = [Candidate("a", 1000 * GiB, 100 * GiB), Candidate("b", 60 * GiB, 50 * GiB)]
    assert choose("v", 20 * GiB, True, shares, PlacementLimits(reserved_percentage=10)) == "b"


def test_a_volume_that_fits_to_the_byte_is_taken_and_one_byte_more_is_not() -> None:
    share = Candidate("a", 100 * GiB, 10 * GiB)
    assert choose("v", 10 * GiB, False, [share], NONE) == "a"
    with pytest.raises(Refused):
        choose("v", 10 * GiB + 1, False, [share], NONE)


def test_what_is_reserved_is_kept_free() -> None:
    assert room(Candidate("a", 100 * GiB, 30 * GiB), PlacementLimits(reserved_percentage=20), True) == 10 * GiB
    assert room(Candidate("a", 100 * GiB, 10 * GiB), PlacementLimits(reserved_percentage=20), True) == 0
    assert room(Candidate("a", 100 * GiB, 100 * GiB), PlacementLimits(reserved_percentage=100), True) == 0


def test_thin_volumes_may_be_promised_beyond_what_is_free_and_full_ones_may_not() -> None:
    share, twice = Candidate("a", 100 * GiB, 20 * GiB, provisioned=50 * GiB), PlacementLimits(max_over_subscription_ratio=2.0)
    assert room(share, twice, thin=True) == 40 * GiB
    assert room(share, twice, thin=False) == 20 * GiB


def test_never_more_is_promised_than_the_ratio_allows() -> None:
    share = Candidate("a", 100 * GiB, 90 * GiB, provisioned=190 * GiB)
    assert room(share, PlacementLimits(max_over_subscription_ratio=2.0), True) == 10 * GiB
    assert room(share, PlacementLimits(max_over_subscription_ratio=1.0), True) == 0
    assert room(Candidate("a", 100 * GiB, 100 * GiB, provisioned=500 * GiB), NONE, True) == 100 * GiB


def test_too_little_on_every_share_is_told_with_the_sizes() -> None:
    shares = [Candidate("gl1:/a", 100 * GiB, 10 * GiB), Candidate("gl1:/b", 50 * GiB, 5 * GiB)]
    with pytest.raises(Refused) as caught:
        choose("v", 20 * GiB, True, shares, PlacementLimits(reserved_percentage=5))
    for part in ("20 GiB of v", "gl1:/a has 10 GiB available of 100 GiB and may take 5 GiB", "gl1:/b has 5 GiB"):
        assert part in caught.value.message
