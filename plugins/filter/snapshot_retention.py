# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: snapshot_retention
short_description: Decide which snapshots of a rotation are kept
version_added: 1.0.0
author:
  - the vdisk.gluster authors (@vdisk)
description:
  - Decides which snapshots of a group of volumes a rotation keeps and which it removes, with a reason for each. It changes nothing.
  - Only snapshots that carry O(label) are looked at. One that has the same name on another volume of the group and does not carry it
    there is kept.
  - Each rule keeps by itself, and what any rule keeps is kept, the newest in any case. A rule for periods keeps the newest snapshot of
    each of so many latest periods that have one; periods are those of UTC, weeks those of ISO 8601.
  - A snapshot whose time is in the future by more than an hour, or not on record, is kept, and stands for no period.
positional: _input
options:
  _input:
    description:
      - Volume objects, as RV(vdisk.gluster.gluster_snapshot#module:volumes) or
        RV(vdisk.gluster.gluster_volume_file_info#module:volumes). They are one group.
    type: list
    elements: dict
    required: true
  label:
    description: The label of the rotation.
    type: str
    required: true
  now:
    description: The present time, ISO 8601 in UTC.
    type: str
    required: true
  keep:
    description:
      - The rules of the retention, see above. At least one has to keep something.
    type: dict
    required: true
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
  usage:
    description:
      - The same volumes as RV(vdisk.gluster.gluster_volume_file_info#module:volumes). Snapshots that are C(in_use) there are kept.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
---
- name: Look at the volumes
  vdisk.gluster.gluster_volume_file_info:
    share: "gl1:/vms"
    name: [db-1, db-2]
  register: look

- name: Show what a rotation would remove
  ansible.builtin.debug:
    msg: "{{ decision.removed }}"
  vars:
    decision: >-
      {{ look.volumes | vdisk.gluster.snapshot_retention(label='nightly', now='2026-11-24T03:00:00Z', keep={'daily': 7, 'weekly': 4},
         usage=look.volumes) }}
"""

RETURN = r"""
---
_value:
  description: What is decided, the newest first.
  type: dict
  contains:
    kept:
      description: The snapshots that are kept.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the snapshot.
          type: str
        created:
          description: When it was taken.
          type: str
        volumes:
          description: The volumes of the group that have it.
          type: list
          elements: str
        reason:
          description: Why it is kept.
          type: str
    removed:
      description: The snapshots that are to be removed, with the same keys.
      type: list
      elements: dict
"""

from typing import Any, Callable

from ansible_collections.vdisk.gluster.plugins.plugin_utils._filtering import explained, time_of
from ansible_collections.vdisk.gluster.plugins.plugin_utils._retention.policy import rules_of
from ansible_collections.vdisk.gluster.plugins.plugin_utils._retention.snapshots import rotate


@explained
def snapshot_retention(
    volumes: list[dict[str, Any]],
    label: str,
    now: str,
    keep: dict[str, Any],
    usage: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Decide which snapshots of a rotation are kept."""
    return rotate(volumes, label, rules_of(keep), time_of(now), usage or [])


class FilterModule:
    """Offers the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file."""
        return {"snapshot_retention": snapshot_retention}
