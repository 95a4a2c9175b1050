#!/usr/bin/python
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: gluster_volume_file_info
short_description: Show the state of virtual disks on GlusterFS
version_added: 1.0.0
description:
  - Returns volumes with their chains, sizes, snapshots and problems, and what a hypervisor needs to connect to them.
  - Reads headers itself and starts no program. Never fails for a volume that does not exist or a share that is not mounted.
author:
  - the vdisk.gluster authors (@vdisk)
extends_documentation_fragment:
  - vdisk.gluster.location
  - vdisk.gluster.gluster
  - vdisk.gluster.hypervisor
  - vdisk.gluster.attributes_info
options:
  name:
    description:
      - Names of the volumes; every volume on the shares without it.
    type: list
    elements: str
"""

EXAMPLES = r"""
---
- name: List the snapshots of a volume
  vdisk.gluster.gluster_volume_file_info:
    share: "gl1:/vms"
    name: web-1
  register: info

- name: Show them, oldest first
  ansible.builtin.debug:
    msg: "{{ info.volumes[0].snapshots | map(attribute='name') | list }}"

- name: See which host has a volume open
  vdisk.gluster.gluster_volume_file_info:
    share: "gl1:/vms"
    name: web-1
  register: web
  run_once: true

- name: Take a snapshot there, with a playbook for all hypervisors
  vdisk.gluster.gluster_snapshot:
    share: "gl1:/vms"
    volume: web-1
    name: before-upgrade
  delegate_to: "{{ web.volumes[0].running_on or inventory_hostname }}"
  run_once: true

- name: Find volumes with problems
  vdisk.gluster.gluster_volume_file_info:
    share: "gl1:/vms"
  register: all_volumes
  failed_when: all_volumes.volumes | map(attribute='problems') | flatten | length > 0
"""

RETURN = r"""
---
volumes:
  description: The volumes, in the order of O(name) or sorted by name.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: Name of the volume.
      type: str
    share:
      description: The share it is on, or would be.
      type: str
    mount_point:
      description: Where that share is mounted.
      type: str
    exists:
      description: Whether it exists.
      type: bool
    path:
      description: Absolute path of the active file, which a hypervisor opens.
      type: str
    format:
      description: Format of the active file; V(null) where nothing names it.
      type: str
    base_format:
      description: Format of the base file.
      type: str
    virtual_size:
      description: Size of the disk in bytes.
      type: int
    allocated_size:
      description: Bytes that all its files take on the share.
      type: int
    active_file:
      description: Name of the active file.
      type: str
    owner:
      description: Number of the owner of the active file.
      type: int
    group:
      description: Number of the group of the active file.
      type: int
    mode:
      description: Mode of the active file.
      type: str
      sample: "0660"
    in_use:
      description: Whether a running VM or another program, on any host, has the active file open.
      type: bool
    domains:
      description: Names of running domains of the hypervisor that have it open.
      type: list
      elements: str
    all_domains:
      description: Names of all domains of the hypervisor, running or shut off, that have it as a disk.
      type: list
      elements: str
    running_on:
      description:
        - Name of the host whose domain runs on it; V(null) where none does, or where it is not known which.
        - For another host this is from the record, while a QEMU on some other host writes to the volume.
      type: str
    attachments:
      description: The domains that have it as a disk, according to the hypervisor of this host and the record.
      type: list
      elements: dict
      contains:
        host:
          description: Name of the host.
          type: str
        domain:
          description: Name of the domain.
          type: str
        uuid:
          description: UUID of the domain.
          type: str
        target:
          description: Name of the disk in the domain.
          type: str
        persistent:
          description: Whether the definition of the domain has it, so that it has it from its next start on.
          type: bool
        running:
          description: Whether the domain runs on it now; V(null) where it may.
          type: bool
    managed:
      description: Whether this collection has a record of the volume; without one it has to be adopted before it is changed.
      type: bool
    content_format:
      description: Of a volume without a record, the format that its base file is a sound image of; V(null) for all others.
      type: str
    origin:
      description: What it was copied from, as it was called then; V(null) for one that was made blank or adopted.
      type: dict
    snapshots:
      description: Its snapshots, oldest first.
      type: list
      elements: dict
      contains:
        volume:
          description: Name of the volume.
          type: str
        name:
          description: Name of the snapshot.
          type: str
        file:
          description: The overlay that the snapshot made; it holds the changes since.
          type: str
        point_in_time_file:
          description: The file whose chain holds the frozen data; the backing file of RV(volumes[].snapshots[].file).
          type: str
        virtual_size:
          description: Size of the disk at that point in time, in bytes.
          type: int
        created:
          description: When it was taken, ISO 8601 in UTC; V(null) for one that another program made.
          type: str
        label:
          description: The label given to it.
          type: str
        description:
          description: The description given to it.
          type: str
        quiesced:
          description: Whether a guest agent froze the file systems.
          type: bool
        in_use:
          description:
            - Whether it is being read, on any host; by an export or a clone, or, of a volume that no VM runs on, by any QEMU program.
              It is not deleted meanwhile, and neither are those before it.
          type: bool
    chain:
      description: Its files, the active one first.
      type: list
      elements: dict
      contains:
        file:
          description: Name of the file.
          type: str
        format:
          description: Its format.
          type: str
        backing_file:
          description: Name of the file below it.
          type: str
        backing_format:
          description: Format of the file below it, according to its header.
          type: str
        virtual_size:
          description: Its virtual size in bytes.
          type: int
        allocated_size:
          description: Bytes it takes on the share.
          type: int
        internal_snapshots:
          description: Number of internal snapshots (of C(virsh snapshot-create) or C(qemu-img snapshot)) in it.
          type: int
        bitmaps:
          description: Number of persistent bitmaps (of checkpoints of libvirt) in it.
          type: int
    problems:
      description: What is wrong with it, as messages; empty when it is sound. A volume with problems is not changed.
      type: list
      elements: str
    connection:
      description: What is needed to connect to it; V(null) where it does not exist.
      type: dict
      contains:
        driver_volume_type:
          description: Always V(glusterfs).
          type: str
        data:
          description: The share (C(export)), active file (C(name)), its C(format) and the mount C(options) with C(-o), as Cinder gave them.
          type: dict
        mount_point_base:
          description: Directory under which shares are mounted.
          type: str
        libvirt_disk:
          description: A C(<disk>) element for a libvirt domain; V(null) where the format is unknown or the volume has problems.
          type: str
shares:
  description: The shares that were looked at.
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

from ansible_collections.vdisk.gluster.plugins.module_utils._modules.info import volume_info
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import HYPERVISOR, LOCATION, run

OPTIONS = {
    **LOCATION,
    **HYPERVISOR,
    "name": {"type": "list", "elements": "str"},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, volume_info)


if __name__ == "__main__":
    main()
