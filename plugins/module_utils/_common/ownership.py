# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owner, group and mode as tasks write them."""

from __future__ import annotations

import grp
import pwd
from typing import Any

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput

_ALL_BITS = 0o7777


def user_id(owner: str | None) -> int | None:
    """Return the number of a user given by name or number.

    :raises BadInput: this host knows no such user.
    """
    if owner is None or owner.isdecimal():
        return None if owner is None else int(owner)
    try:
        return pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise BadInput(f"owner: this host knows no user {owner!r}") from None


def group_id(group: str | None) -> int | None:
    """Return the number of a group given by name or number.

    :raises BadInput: this host knows no such group.
    """
    if group is None or group.isdecimal():
        return None if group is None else int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise BadInput(f"group: this host knows no group {group!r}") from None


def mode_bits(mode: Any) -> int | None:
    """Return permission bits given as an octal text such as C("0660"), or as the number that YAML makes of C(0660).

    :raises BadInput: it is neither, or more than permission bits.
    """
    if mode is None:
        return None
    try:
        bits = mode if isinstance(mode, int) and not isinstance(mode, bool) else int(str(mode), 8)
    except ValueError:
        raise BadInput(f"mode: {mode!r} is not an octal mode; write it as '0660'") from None
    if not 0 <= bits <= _ALL_BITS:
        raise BadInput(f"mode: {mode!r} is not an octal mode; write it in quotes: '0660'")
    return bits
