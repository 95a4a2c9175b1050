# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owner, group and mode as tasks write them."""

from __future__ import annotations

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput
from ansible_collections.vdisk.gluster.plugins.module_utils._common.ownership import group_id, mode_bits, user_id


def test_users_and_groups_are_known_by_name_or_number() -> None:
    assert (user_id("root"), user_id("107"), user_id(None)) == (0, 107, None)
    assert (group_id("root"), group_id("64055"), group_id(None)) == (0, 64055, None)


def test_an_unknown_user_or_group_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="no user 'no-such-user'"):
        user_id("no-such-user")
    with pytest.raises(BadInput, match="no user '²'"):
        user_id("²")
    with pytest.raises(BadInput, match="no group 'no-such-group'"):
        group_id("no-such-group")


@pytest.mark.parametrize(
    ("mode", "bits"), [("0660", 0o660), ("660", 0o660), (0o660, 0o660), ("0o640", 0o640), ("2770", 0o2770), (None, None)]
)
def test_a_mode_is_octal(mode: object, bits: int | None) -> None:
    assert mode_bits(mode) == bits


@pytest.mark.parametrize("mode", ["rw", "u=rw", "0888", "", "-1", -1, 0o10000, "10000", True, 0.5, []])
def test_what_is_no_octal_mode_is_refused(mode: object) -> None:
    with pytest.raises(BadInput, match="is not an octal mode"):
        mode_bits(mode)
