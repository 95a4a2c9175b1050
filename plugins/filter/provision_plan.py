# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: provision_plan
short_description: Turn a list of requested volumes into module calls
version_added: 1.0.0
author:
  - the vdisk.gluster authors (@vdisk)
description:
  - Turns a list of requested volumes into as few module calls as possible, or reports what in it is not valid. It changes nothing.
  - Volumes with equal options become one call; a volume that is a copy of another one of the list comes after it.
  - This is what the role P(vdisk.gluster.volume_provision#role) works with.
positional: _input, defaults, existing
options:
  _input:
    description:
      - The volumes, each with C(name) and any of the options of M(vdisk.gluster.gluster_volume_file) and
        M(vdisk.gluster.gluster_volume_attachment); C(attached=false) detaches one from its C(domain).
    type: list
    elements: dict
    required: true
  defaults:
    description: Values for all volumes without their own.
    type: dict
    default: {}
  existing:
    description:
      - These volumes as RV(vdisk.gluster.gluster_volume_file_info#module:volumes). What they have against the list is refused too.
    type: list
    elements: dict
"""

EXAMPLES = r"""
---
- name: Show what is wrong with a list of volumes
  ansible.builtin.debug:
    # ['web-1 occurs twice in the list']
    msg: "{{ ([{'name': 'web-1', 'size': '1G'}, {'name': 'web-1'}] | vdisk.gluster.provision_plan).errors }}"
"""

RETURN = r"""
---
_value:
  description: The calls, in the order of their keys here.
  type: dict
  contains:
    errors:
      description: Error messages on what cannot be done. There are no calls then.
      type: list
      elements: str
    entries:
      description: C(name) and C(state) of each volume, in the order of the list.
      type: list
      elements: dict
    queries:
      description: Calls of M(vdisk.gluster.gluster_volume_file_info), with C(names) and C(options).
      type: list
      elements: dict
    detachments:
      description: Calls of M(vdisk.gluster.gluster_volume_attachment), with C(name), C(state) and C(options).
      type: list
      elements: dict
    removals:
      description: Calls of M(vdisk.gluster.gluster_volume_file) that remove, with C(names) and C(options).
      type: list
      elements: dict
    creations:
      description: Calls of M(vdisk.gluster.gluster_volume_file) that create or change, with C(names) and C(options).
      type: list
      elements: dict
    attachments:
      description: Calls of M(vdisk.gluster.gluster_volume_attachment), as RV(_value.detachments).
      type: list
      elements: dict
    deferred:
      description:
        - What check mode cannot predict, because it needs what an earlier call creates or removes; C(name), and in C(message) what a run
          would do. Those calls have C(deferred) set.
      type: list
      elements: dict
"""

from typing import Any, Callable

from ansible_collections.vdisk.gluster.plugins.plugin_utils._filtering import explained
from ansible_collections.vdisk.gluster.plugins.plugin_utils._plans import provision


@explained
def provision_plan(
    volumes: list[Any], defaults: dict[str, Any] | None = None, existing: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Turn a list of requested volumes into module calls."""
    return provision.plan(volumes, defaults or {}, existing)


class FilterModule:
    """Offers the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file."""
        return {"provision_plan": provision_plan}
