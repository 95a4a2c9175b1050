#!/usr/bin/python
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: gluster_share_info
short_description: Show the state of GlusterFS shares
version_added: 1.0.0
description:
  - Returns for each share whether it is mounted, its capacity, how many volumes it holds, and how much they may grow to.
  - Never fails for a share that is not mounted or does not answer; its RV(shares[].error) has the reason.
author:
  - the vdisk.gluster authors (@vdisk)
extends_documentation_fragment:
  - vdisk.gluster.location
  - vdisk.gluster.gluster
  - vdisk.gluster.hypervisor
  - vdisk.gluster.attributes_info
notes:
  - O(libvirt_uri) is taken so that it can be a default of the whole action group; this module asks no hypervisor.
"""

EXAMPLES = r"""
---
- name: Look at two shares
  vdisk.gluster.gluster_share_info:
    shares:
      - "gl1:/vms"
      - "gl1:/fast"
  register: info

- name: Show how much more is provisioned than available
  ansible.builtin.debug:
    msg: "{{ item.share }}: {{ item.provisioned_bytes | human_readable }} of {{ item.total_bytes | human_readable }}"
  loop: "{{ info.shares | selectattr('mounted') }}"
"""

RETURN = r"""
---
shares:
  description: The shares, in the order of the task.
  type: list
  elements: dict
  returned: always
  contains:
    share:
      description: Name of the share.
      type: str
      sample: "gl1:/vms"
    mount_point:
      description: Where it is mounted, or would be.
      type: str
      sample: /var/lib/vdisk/mnt/c2df5f7e4b1d0d6a4d2b0f3c7e8a9b10
    options:
      description: Mount options from O(shares_file) and, where the module has them, from the task.
      type: str
    mounted:
      description: Whether it is mounted. A mount that does not answer counts for C(gluster_share_mount) only.
      type: bool
    writable:
      description: Whether it can be written; V(null) where that is not known.
      type: bool
    total_bytes:
      description: Size in bytes.
      type: int
    available_bytes:
      description: Available space in bytes.
      type: int
    event_threads:
      description:
        - Event threads of the client that serves the mount (C(client.event-threads)); with fewer than 8, several concurrent C(qemu-img) can
          wedge it. V(null) where they are not seen.
      type: int
    error:
      description: Why it cannot be used.
      type: str
      returned: where the share failed
    volumes:
      description: How many volumes are on it; V(null) where it cannot be looked at.
      type: int
    provisioned_bytes:
      description: Sum of the virtual sizes of its volumes.
      type: int
    allocated_bytes:
      description: Bytes that the files of its volumes take.
      type: int
msg:
  description: What the task found or did, in one line.
  type: str
  returned: always
actions:
  description: Always empty; this module only reads.
  type: list
  elements: str
  returned: always
"""

from ansible_collections.vdisk.gluster.plugins.module_utils._modules.info import share_info
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import HYPERVISOR, LOCATION, run

OPTIONS = {**LOCATION, **HYPERVISOR}


def main() -> None:
    """Run the module."""
    run(OPTIONS, share_info)


if __name__ == "__main__":
    main()
