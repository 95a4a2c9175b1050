# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: export_result
short_description: Report the result of a plan of exports
version_added: 1.0.0
author:
  - the vdisk.gluster authors (@vdisk)
description:
  - Puts the results of M(vdisk.gluster.gluster_image_export) to the exports of a plan.
  - This is what the role P(vdisk.gluster.image_export#role) returns.
positional: _input, results
options:
  _input:
    description: The exports of P(vdisk.gluster.export_plan#filter).
    type: list
    elements: dict
    required: true
  results:
    description: The results, in the order of the exports. One that was skipped is still to be made.
    type: list
    elements: dict
    required: true
  format:
    description: Format of those that are still to be made.
    type: str
    default: raw
"""

EXAMPLES = r"""
---
- name: Look at all volumes
  vdisk.gluster.gluster_volume_file_info:
    share: "gl1:/vms"
  register: look

- name: Show what would be exported
  ansible.builtin.debug:
    msg: "{{ plan.exports | vdisk.gluster.export_result([]) }}"
  vars:
    plan: "{{ ['web-*'] | vdisk.gluster.export_plan(look.volumes, now='2026-11-24T03:00:00Z', dest='/var/backups') }}"
"""

RETURN = r"""
---
_value:
  description: What became of each export, in their order.
  type: list
  elements: dict
  contains:
    volume:
      description: Name of the volume.
      type: str
    share:
      description: The share it is on.
      type: str
    snapshot:
      description: Name of the snapshot; V(null) for the volume as it was then.
      type: str
    time:
      description: The time it is a copy of.
      type: str
    image_name:
      description: Name of the image.
      type: str
    dest:
      description: Path of the file.
      type: str
    image_id:
      description: Id of the image.
      type: str
    format:
      description: Format of the file.
      type: str
    virtual_size:
      description: Size of the disk in bytes.
      type: int
    size_bytes:
      description: Length of the file in bytes.
      type: int
    checksum:
      description: Checksum of the file's bytes, after its algorithm.
      type: str
    verified:
      description: Whether it was compared with its source.
      type: bool
    changed:
      description: Whether it was made, or would be.
      type: bool
"""

from typing import Any, Callable

from ansible_collections.vdisk.gluster.plugins.plugin_utils._filtering import explained
from ansible_collections.vdisk.gluster.plugins.plugin_utils._plans import export


@explained
def export_result(exports: list[dict[str, Any]], results: list[dict[str, Any]], format: str = "raw") -> list[dict[str, Any]]:
    """Tell what became of a plan of exports."""
    return export.results(exports, results, format)


class FilterModule:
    """Offers the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file."""
        return {"export_result": export_result}
