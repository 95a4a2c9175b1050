# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: checksum_file
short_description: Write the checksums of exports as sha256sum does
version_added: 1.0.0
author:
  - the vdisk.gluster authors (@vdisk)
description:
  - Returns the content of a file by which C(sha256sum -c) or C(sha512sum -c) checks the exports beside it.
positional: _input, algorithm
options:
  _input:
    description: The exports, as RV(vdisk.gluster.gluster_image_export_info#module:exports).
    type: list
    elements: dict
    required: true
  algorithm:
    description: V(sha256) or V(sha512). Exports with another checksum are left out.
    type: str
    required: true
  exclude:
    description: Paths of exports to leave out.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
---
- name: Look at the exports
  vdisk.gluster.gluster_image_export_info:
    path: /var/backups
  register: info

- name: Keep their checksums beside them
  ansible.builtin.copy:
    content: "{{ info.exports | vdisk.gluster.checksum_file('sha256') }}"
    dest: /var/backups/SHA256SUMS
    mode: "0644"
"""

RETURN = r"""
---
_value:
  description: The content; its first line names the collection.
  type: str
"""

from typing import Any, Callable

from ansible_collections.vdisk.gluster.plugins.plugin_utils._filtering import explained
from ansible_collections.vdisk.gluster.plugins.plugin_utils._plans.export import checksums


@explained
def checksum_file(exports: list[dict[str, Any]], algorithm: str, exclude: list[str] | None = None) -> str:
    """Write the checksums of exports as sha256sum does."""
    return checksums(exports, algorithm, exclude or [])


class FilterModule:
    """Offers the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file."""
        return {"checksum_file": checksum_file}
