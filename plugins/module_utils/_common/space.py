# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The space that a copy needs, and that a file system has."""

from __future__ import annotations

import shutil

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import human


def available_in(directory: str) -> int:
    """Return the bytes that may be written to the file system of a directory.

    :raises Unavailable: the directory cannot be looked at.
    """
    try:
        return shutil.disk_usage(directory).free
    except OSError as error:
        raise Unavailable(f"cannot look at the space of {directory}: {error.strerror}") from error


def check_space(where: str, available: int, needed: int, what: str) -> None:
    """Refuse a copy that does not fit, before a byte of it is written.

    :param where: the option and directory, or the share, that is to take it.
    :param available: bytes that are free there.
    :param needed: bytes that the copy takes at most.
    :param what: what is copied.
    :raises Unavailable: too little space is free; the message gives both sizes.
    """
    if needed > available:
        raise Unavailable(
            f"{where} has {human(available)} available, and {what} needs up to {human(needed)}; free space or choose another directory"
        )
