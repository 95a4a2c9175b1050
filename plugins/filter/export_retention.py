# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: export_retention
short_description: Decide which exports of volumes are kept
version_added: 1.0.0
author:
  - the vdisk.gluster authors (@vdisk)
description:
  - Decides which exports in a directory are kept and which are removed, with a reason for each, for each volume by itself. It changes
    nothing.
  - Only exports with a manifest of this collection are known to it, and only those of the volumes of O(planned) are looked at.
  - The rules are those of P(vdisk.gluster.snapshot_retention#filter). The time of an export is that of its snapshot, or that when it was
    made. Without rules all are kept.
  - An export that was changed since it was made is kept.
positional: _input
options:
  _input:
    description: The exports, as RV(vdisk.gluster.gluster_image_export_info#module:exports).
    type: list
    elements: dict
    required: true
  planned:
    description:
      - Exports of P(vdisk.gluster.export_plan#filter). They stay, made or still to be made. One without C(dest) only names, by C(share) and
        C(volume), the volume of the exports.
    type: list
    elements: dict
    required: true
  now:
    description: The present time, ISO 8601 in UTC.
    type: str
    required: true
  keep:
    description:
      - The rules of the retention, see above. Without any, all exports are kept.
    type: dict
    default: {}
    suboptions:
      last:
        description: So many of the newest are kept.
        type: int
      hourly:
        description: Of so many latest hours the newest is kept.
        type: int
      daily:
        description: Of so many latest days the newest is kept.
        type: int
      weekly:
        description: Of so many latest weeks the newest is kept.
        type: int
      monthly:
        description: Of so many latest months the newest is kept.
        type: int
      yearly:
        description: Of so many latest years the newest is kept.
        type: int
      within:
        description: Those are kept that are younger than this, such as V(36h), V(7d) or V(2w).
        type: str
"""

EXAMPLES = r"""
---
- name: Look at the exports
  vdisk.gluster.gluster_image_export_info:
    path: /var/backups
  register: info

- name: Show which exports of web-1 a retention would remove
  ansible.builtin.debug:
    msg: "{{ decision.removed }}"
  vars:
    decision: >-
      {{ info.exports | vdisk.gluster.export_retention(planned=[{'share': 'gl1:/vms', 'volume': 'web-1'}],
         now='2026-11-24T03:00:00Z', keep={'last': 3}) }}
"""

RETURN = r"""
---
_value:
  description: What is decided, for each volume the newest first.
  type: dict
  contains:
    kept:
      description: The exports that are kept.
      type: list
      elements: dict
      contains:
        dest:
          description: Path of the file.
          type: str
        volume:
          description: The volume it is a copy of.
          type: str
        time:
          description: The time it is a copy of.
          type: str
        reason:
          description: Why it is kept.
          type: str
    removed:
      description: The exports that are to be removed, with the same keys.
      type: list
      elements: dict
"""

from typing import Any, Callable

from ansible_collections.vdisk.gluster.plugins.plugin_utils._filtering import explained, time_of
from ansible_collections.vdisk.gluster.plugins.plugin_utils._plans import export
from ansible_collections.vdisk.gluster.plugins.plugin_utils._retention.policy import rules_of


@explained
def export_retention(
    exports: list[dict[str, Any]],
    planned: list[dict[str, Any]],
    now: str,
    keep: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Decide which exports of volumes are kept."""
    return export.rotate(exports, planned, rules_of(keep or {}), time_of(now))


class FilterModule:
    """Offers the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file."""
        return {"export_retention": export_retention}
