#!/usr/bin/python
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: gluster_volume_attachment
short_description: Attach virtual disks on GlusterFS to libvirt domains, and detach them
version_added: 1.0.0
description:
  - Makes a volume a disk of a libvirt domain, in its running and in its stored definition, with the format that is on record; or detaches
    away.
  - A volume that another domain has, or that is in use on another host, is refused. So is one that is not sound.
  - The domain that has the volume, with its host, is written to the volume's record, so that tasks on other hosts, which cannot see it,
    refuse what would let that domain start on an old file. A domain whose definition names an old file gets the active one.
author:
  - the vdisk.gluster authors (@vdisk)
extends_documentation_fragment:
  - vdisk.gluster.location
  - vdisk.gluster.gluster
  - vdisk.gluster.hypervisor
  - vdisk.gluster.attachments
  - vdisk.gluster.patience
  - vdisk.gluster.attributes
requirements:
  - The Python package C(libvirt) on the managed host (C(python3-libvirt) on Debian and Red Hat), in any of its Pythons.
options:
  volume:
    description:
      - Name of the volume.
    type: str
    required: true
  domain:
    description:
      - Name or UUID of the domain.
    type: str
    required: true
  target:
    description:
      - Name of the disk in the domain, such as V(vdb). Without it, the next free one on the bus.
      - A volume that the domain has under another name is refused.
    type: str
  bus:
    description:
      - Bus of the disk.
    type: str
    choices: [virtio, scsi, sata, usb]
    default: virtio
  cache:
    description:
      - How QEMU caches the disk.
      - V(none), V(directsync) and V(writethrough) are safe; with V(unsafe) a power cut loses what the guest believes to be written.
    type: str
    choices: [none, writeback, writethrough, directsync, unsafe]
    default: none
  io:
    description:
      - How QEMU does input and output; left to libvirt without it.
    type: str
    choices: [native, threads, io_uring]
  discard:
    description:
      - Whether space that the guest discards is given back to the share. V(unmap) also keeps QEMU from zeroing by a call that GlusterFS
        answers without zeroing.
    type: str
    choices: [unmap, ignore]
    default: unmap
  serial:
    description:
      - Serial number of the disk, by which the guest finds it under C(/dev/disk/by-id).
    type: str
  state:
    description:
      - Whether the domain has the disk.
    type: str
    choices: [present, absent]
    default: present
  host:
    description:
      - Name of another host, for O(state=absent), whose O(domain) does not have the volume any more; for one that is gone for good, or from
        which the domain has been migrated. It is taken from the volume's record, and no libvirt is asked.
      - Without it, the task is about a domain of the hypervisor that O(libvirt_uri) names.
    type: str
notes:
  - O(bus), O(cache), O(io), O(discard) and O(serial) are for a disk that is attached; one that the domain has already is left as it is.
  - A domain that this hypervisor does not have is detached already; its entry for this host in the record is removed.
  - A running guest has to let go of a disk before it is gone. O(stall_timeout) limits the wait for that; unmount it in the guest
    first.
  - While a domain has a file open, libvirt makes it the property of the user that QEMU runs as, and gives it back afterwards.
  - On a host with SELinux, the share has to be usable for virtual machines (C(setsebool -P virt_use_fusefs on)).
"""

EXAMPLES = r"""
---
- name: Attach a volume to a domain, running or shut off
  vdisk.gluster.gluster_volume_attachment:
    share: "gl1:/vms"
    volume: web-1
    domain: web
    serial: web-1

- name: Detach it
  vdisk.gluster.gluster_volume_attachment:
    share: "gl1:/vms"
    volume: web-1
    domain: web
    state: absent

- name: Forget that a host had it which is gone for good
  vdisk.gluster.gluster_volume_attachment:
    share: "gl1:/vms"
    volume: web-1
    domain: web
    host: hv1
    state: absent
"""

RETURN = r"""
---
attachment:
  description: The disk as it is now, or would be.
  type: dict
  returned: success
  contains:
    domain:
      description: Name of the domain.
      type: str
    host:
      description: Name of the host that has the domain.
      type: str
    volume:
      description: Name of the volume.
      type: str
    target:
      description: Name of the disk in the domain; V(null) where it does not have the volume.
      type: str
    path:
      description: The file that the domain has, or gets at its next start.
      type: str
    format:
      description: Its format.
      type: str
    live:
      description: Whether the running domain has it.
      type: bool
    persistent:
      description: Whether the domain has it from its next start on.
      type: bool
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

from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import ELSEWHERE, HYPERVISOR, LOCATION, PATIENCE, run
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.volume_attachment import work

OPTIONS = {
    **LOCATION,
    **HYPERVISOR,
    **ELSEWHERE,
    **PATIENCE,
    "volume": {"type": "str", "required": True},
    "domain": {"type": "str", "required": True},
    "target": {"type": "str"},
    "bus": {"type": "str", "choices": ["virtio", "scsi", "sata", "usb"], "default": "virtio"},
    "cache": {"type": "str", "choices": ["none", "writeback", "writethrough", "directsync", "unsafe"], "default": "none"},
    "io": {"type": "str", "choices": ["native", "threads", "io_uring"]},
    "discard": {"type": "str", "choices": ["unmap", "ignore"], "default": "unmap"},
    "serial": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "host": {"type": "str"},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


if __name__ == "__main__":
    main()
