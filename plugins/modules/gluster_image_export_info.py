#!/usr/bin/python
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: gluster_image_export_info
short_description: List the exported images in a directory
version_added: 1.0.0
description:
  - Lists the files that M(vdisk.gluster.gluster_image_export) made in a directory, by the manifests beside them. Of the files themselves
    only size and time are looked at.
  - Files without a manifest of this collection are not listed.
author:
  - the vdisk.gluster authors (@vdisk)
extends_documentation_fragment:
  - vdisk.gluster.attributes_info
options:
  path:
    description:
      - Absolute path of the directory. One that does not exist holds no exports.
    type: path
    required: true
"""

EXAMPLES = r"""
---
- name: Look at the exports
  vdisk.gluster.gluster_image_export_info:
    path: /var/backups
  register: info

- name: Name those that were changed since
  ansible.builtin.debug:
    msg: "{{ info.exports | selectattr('exists') | rejectattr('unmodified') | map(attribute='dest') }}"
"""

RETURN = r"""
---
exists:
  description: Whether the directory exists.
  type: bool
  returned: success
exports:
  description: The exports, by name.
  type: list
  elements: dict
  returned: success
  contains:
    dest:
      description: Path of the file.
      type: str
    exists:
      description: Whether the file exists.
      type: bool
    unmodified:
      description: Whether it has the size and the time of modification that it was made with.
      type: bool
    share:
      description: The share of the volume it is a copy of.
      type: str
    volume:
      description: That volume.
      type: str
    snapshot:
      description: The snapshot it is a copy of; V(null) for one of the volume as it was then.
      type: str
    snapshot_created:
      description: When that snapshot was taken, ISO 8601 in UTC.
      type: str
    created:
      description: When it was exported, ISO 8601 in UTC.
      type: str
    format:
      description: Format of the file.
      type: str
    compressed:
      description: Whether it is compressed.
      type: bool
    virtual_size:
      description: Size of the disk in bytes.
      type: int
    size_bytes:
      description: Length of the file in bytes, as it was made.
      type: int
    checksum:
      description: Checksum of the file's bytes, after its algorithm; V(null) where none was made.
      type: str
    verified:
      description: Whether it was compared with its source.
      type: bool
    duration:
      description: Seconds that making it took.
      type: float
    bytes_per_second:
      description: Length of the file by that.
      type: int
    qemu_img:
      description: Version of C(qemu-img) that made it.
      type: str
msg:
  description: What the task found, in one line.
  type: str
  returned: always
actions:
  description: Always empty; this module only reads.
  type: list
  elements: str
  returned: always
"""

from ansible_collections.vdisk.gluster.plugins.module_utils._modules.image_export_info import work
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import run

OPTIONS = {
    "path": {"type": "path", "required": True},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


if __name__ == "__main__":
    main()
