#!/usr/bin/python
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: gluster_share_mount
short_description: Mount GlusterFS shares that hold virtual disks
version_added: 1.0.0
description:
  - Mounts GlusterFS shares at hashed mount points, proves that they can be written, and unmounts them when nothing uses them.
  - A dead mount (the FUSE client has gone, or lost its servers) and a wedged one (the client runs and does not respond) are repaired
    when nothing uses them; the client of a wedged one is killed for that.
  - Refuses to mount over files, where something else is mounted, and to unmount while any process has a file on the share open.
author:
  - the vdisk.gluster authors (@vdisk)
extends_documentation_fragment:
  - vdisk.gluster.location
  - vdisk.gluster.gluster
  - vdisk.gluster.hypervisor
  - vdisk.gluster.attributes
requirements:
  - C(mount.glusterfs) on the managed host (package glusterfs-client on Debian, glusterfs-fuse on Red Hat).
options:
  state:
    description:
      - V(mounted), V(unmounted), or V(absent), which also removes the mount point and the entry in O(fstab).
    type: str
    choices: [mounted, unmounted, absent]
    default: mounted
  options:
    description:
      - Mount options, separated by commas, appended to those of O(shares_file).
      - FUSE has no remount and the kernel hides most options. With O(boot=true) they are compared with the entry in O(fstab), and where
        they differ the share is mounted again, if no process uses it.
      - C(attribute-timeout=0) and C(entry-timeout=0) are added where these options are not given. GlusterFS's client would else go for a
        second by what it remembers, and where another host does not reach one of the bricks, it is not informed of what that host changes.
    type: str
  boot:
    description:
      - Keep an entry in O(fstab), so that the share is mounted at boot. V(false) does not change an existing entry.
    type: bool
    default: false
  fstab:
    description:
      - The file that O(boot) keeps the entry in.
    type: path
    default: /etc/fstab
  owner:
    description:
      - Owner of the share's root directory, by name or number.
    type: str
  group:
    description:
      - Group of the share's root directory, by name or number.
    type: str
  mode:
    description:
      - Mode of the share's root directory, in octal and in quotes.
    type: raw
  writable:
    description:
      - Prove that the share can be written by making and removing a file.
    type: bool
    default: true
  required:
    description:
      - Whether V(all) shares must succeed, or V(any) one is enough; then a share that fails is reported in its object and in a warning.
    type: str
    choices: [all, any]
    default: all
  retries:
    description:
      - How many times mounting is tried; V(0) means once.
    type: int
    default: 3
"""

EXAMPLES = r"""
---
- name: Mount a share, also at boot
  vdisk.gluster.gluster_share_mount:
    share: "gl1:/vms"
    options: backup-volfile-servers=gl2:gl3
    boot: true

- name: Mount the shares of a former Cinder deployment where Cinder had them
  vdisk.gluster.gluster_share_mount:
    shares_file: /etc/cinder/glusterfs_shares
    mount_point_base: /var/lib/cinder/mnt
    required: any

- name: Unmount a share and remove its mount point and its entry in fstab
  vdisk.gluster.gluster_share_mount:
    share: "gl1:/vms"
    state: absent
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
    supports_zero_range:
      description:
        - Whether C(fallocate) with C(FALLOC_FL_ZERO_RANGE) zeroes there; GlusterFS may answer by success and leave the data. V(null) where
          it is refused or was not tried (it is tried with O(writable=true), not in check mode). This collection does not depend on it.
      type: bool
    owner:
      description: Number of the owner of its root directory; V(null) where it is not mounted.
      type: int
    group:
      description: Number of the group of its root directory.
      type: int
    mode:
      description: Mode of its root directory.
      type: str
      sample: "0755"
    fstab_entry:
      description: Its line in O(fstab), or V(null).
      type: str
msg:
  description: What the task found or did, in one line.
  type: str
  returned: always
actions:
  description: What was done, or would be in check mode, and why; one line each, in order.
  type: list
  elements: str
  returned: always
"""

from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import HYPERVISOR, LOCATION, OWNERSHIP, run
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.share_mount import work

OPTIONS = {
    **LOCATION,
    **HYPERVISOR,
    **OWNERSHIP,
    "state": {"type": "str", "choices": ["mounted", "unmounted", "absent"], "default": "mounted"},
    "options": {"type": "str"},
    "boot": {"type": "bool", "default": False},
    "fstab": {"type": "path", "default": "/etc/fstab"},
    "writable": {"type": "bool", "default": True},
    "required": {"type": "str", "choices": ["all", "any"], "default": "all"},
    "retries": {"type": "int", "default": 3},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


if __name__ == "__main__":
    main()
