# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: choose_volumes
short_description: Choose volumes by names and shell patterns
version_added: 1.0.0
author:
  - the vdisk.gluster authors (@vdisk)
description:
  - Returns the volumes that names and shell patterns match among the existing ones, each once, and what matches none.
positional: _input, volumes
options:
  _input:
    description:
      - Names of volumes, and shell patterns as V(db-*), as a list or as the words of a text.
    type: raw
    required: true
  volumes:
    description: Volume objects, as RV(vdisk.gluster.gluster_volume_file_info#module:volumes).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
---
- name: Look at all volumes
  vdisk.gluster.gluster_volume_file_info:
    share: "gl1:/vms"
  register: look

- name: Name those of the databases
  ansible.builtin.debug:
    msg: "{{ (['db-*'] | vdisk.gluster.choose_volumes(look.volumes)).names }}"
"""

RETURN = r"""
---
_value:
  description: What is chosen.
  type: dict
  contains:
    names:
      description: Names of the volumes.
      type: list
      elements: str
    errors:
      description: Error messages on names that do not exist and patterns that match nothing.
      type: list
      elements: str
"""

from typing import Any, Callable

from ansible_collections.vdisk.gluster.plugins.plugin_utils._filtering import explained
from ansible_collections.vdisk.gluster.plugins.plugin_utils._plans.naming import chosen, names_of


@explained
def choose_volumes(requested: Any, volumes: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Choose volumes by names and shell patterns."""
    names, errors = chosen(names_of(requested), [volume["name"] for volume in volumes if volume["exists"]])
    return {"names": names, "errors": errors}


class FilterModule:
    """Offers the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file."""
        return {"choose_volumes": choose_volumes}
