# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The action group of all modules of this collection."""

    DOCUMENTATION = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/vdisk.gluster.gluster) in C(module_defaults) to set options for all modules of this collection.
    support: full
    membership:
      - vdisk.gluster.gluster
"""
