# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gluster_image_export with lines that say how far it is."""

from __future__ import annotations

from ansible_collections.vdisk.gluster.plugins.plugin_utils._action.base import WatchedAction


class ActionModule(WatchedAction):
    """Runs gluster_image_export."""
