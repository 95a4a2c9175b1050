# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that say how long a task waits for what stands still."""

    DOCUMENTATION = r"""
options:
  stall_timeout:
    description:
      - A long step that makes no progress for this many seconds fails. There is no limit on the whole; V(0) means the default.
    type: int
    default: 600
  lock_timeout:
    description:
      - Seconds to wait for another task, on this or another host, that is changing the same volume.
    type: int
    default: 60
  progress_interval:
    description:
      - Seconds between two lines that report the progress of long work, with percent, bytes, rate and time left. Work that takes less
        shows none; a line is shown once a minute at least, also when nothing moves.
      - V(0) shows none. Nothing is shown of a task with C(no_log), or of one with C(async) and C(poll=0).
    type: int
    default: 10
"""
