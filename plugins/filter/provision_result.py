# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: provision_result
short_description: Report the result for a list of requested volumes
version_added: 1.0.0
author:
  - the vdisk.gluster authors (@vdisk)
description:
  - Puts the results of module calls together to one entry for each volume of a list.
  - This is what the role P(vdisk.gluster.volume_provision#role) returns.
positional: _input
options:
  _input:
    description: The entries of P(vdisk.gluster.provision_plan#filter).
    type: list
    elements: dict
    required: true
  before:
    description: The volumes before the first change, as RV(vdisk.gluster.gluster_volume_file_info#module:volumes).
    type: list
    elements: dict
    required: true
  results:
    description: Results of M(vdisk.gluster.gluster_volume_file), in order.
    type: list
    elements: dict
    required: true
  attachment_results:
    description: Results of M(vdisk.gluster.gluster_volume_attachment), in order.
    type: list
    elements: dict
    required: true
  deferred:
    description: Names of volumes whose creation check mode could not predict.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
---
- name: Make a volume
  vdisk.gluster.gluster_volume_file:
    share: "gl1:/vms"
    name: web-1
    size: 10G
  register: made

- name: Show where it is
  ansible.builtin.debug:
    msg: "{{ [{'name': 'web-1', 'state': 'present'}] | vdisk.gluster.provision_result(before=[], results=[made], attachment_results=[]) }}"
"""

RETURN = r"""
---
_value:
  description: What became of each volume, in the order of the list.
  type: list
  elements: dict
  contains:
    name:
      description: Name of the volume.
      type: str
    state:
      description: V(present) or V(absent), as requested.
      type: str
    share:
      description: The share it is on.
      type: str
    path:
      description: Absolute path of its active file.
      type: str
    format:
      description: Format of its active file.
      type: str
    base_format:
      description: Format of its base file.
      type: str
    size:
      description: Size of the disk in bytes.
      type: int
    changed:
      description: Whether it was changed, or would be.
      type: bool
    attachment:
      description: As RV(vdisk.gluster.gluster_volume_attachment#module:attachment); V(null) for a volume that was not attached.
      type: dict
"""

from typing import Any, Callable

from ansible_collections.vdisk.gluster.plugins.plugin_utils._filtering import explained
from ansible_collections.vdisk.gluster.plugins.plugin_utils._plans import provision


@explained
def provision_result(
    entries: list[dict[str, Any]],
    before: list[dict[str, Any]],
    results: list[dict[str, Any]],
    attachment_results: list[dict[str, Any]],
    deferred: list[str] | None = None,
) -> list[dict[str, Any]]:
    """Report the result for a list of requested volumes."""
    return provision.result(entries, before, results, attachment_results, deferred or [])


class FilterModule:
    """Offers the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file."""
        return {"provision_result": provision_result}
