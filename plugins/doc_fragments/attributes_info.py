# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Attributes of modules that only read."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what would change, without changing anything.
    support: full
    details:
      - This module only reads.
  diff_mode:
    description: Returns what changed, or would change, when in diff mode.
    support: N/A
    details:
      - This module only reads.
  platform:
    description: Where the module runs.
    support: full
    platforms: posix
"""
