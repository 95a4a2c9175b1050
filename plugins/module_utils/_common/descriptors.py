# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open files of a task that works on very many volumes at once."""

from __future__ import annotations

import resource

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused

PER_VOLUME = 4
"""Files that are open for each volume: its lock, and image locks of what is merged, left and made."""
RESERVE = 128
"""Files that are open beside that: those of Python, and of programs that are started."""
_ENOUGH = 1 << 16


def make_room(volumes: int) -> None:
    """Let this process open as many files as so many volumes need; nothing happens where it may already.

    :raises Refused: the host does not allow it, and nothing was begun.
    """
    needed = volumes * PER_VOLUME + RESERVE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise Refused(
            f"{volumes} volumes at the same time need {needed} open files, and this host allows a process {hard} (ulimit -Hn); name "
            "fewer volumes, or raise the limit"
        )
    # more than that where it costs nothing: several snapshots of each may go at once
    limit = max(needed, _ENOUGH)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
