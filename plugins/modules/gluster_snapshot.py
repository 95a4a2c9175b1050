#!/usr/bin/python
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: gluster_snapshot
short_description: Take and delete snapshots of virtual disks on GlusterFS, and revert to them
version_added: 1.0.0
description:
  - Takes snapshots of volumes as qcow2 overlays, deletes them in any order, and reverts to them; while a domain of the hypervisor runs on
    them (O(libvirt_uri)), or offline. Which of the two applies is detected.
  - Deleting a snapshot merges two neighbouring files in the direction that moves less data. Every other snapshot and the disk itself stay
    byte for byte what they were.
  - The plan of every change is on the share before its first step. Killed at any instant, the next task that changes the volume, from any
    host, finishes it first.
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
  - C(qemu-img) on the managed host, only to delete snapshots.
options:
  volume:
    description:
      - Names of the volumes. Several are one group, whose snapshots are taken together or not at all.
    type: list
    elements: str
    required: true
  name:
    description:
      - Name of the snapshot, 1 to 64 letters, digits, V(_) and V(-), beginning with a letter or digit.
      - Several only with O(state=absent); neighbours are merged together, so that their data move once.
    type: list
    elements: str
    required: true
  state:
    description:
      - Whether the snapshots exist. An existing one is not changed, whatever O(label) and O(description) are.
      - V(reverted) makes the volumes read as they did at the snapshot, which stays. What was written since is lost. The volumes keep their
        present size; what lies beyond the size at the snapshot reads as zeroes.
    type: str
    choices: [present, absent, reverted]
    default: present
  discard_newer:
    description:
      - Let O(state=reverted) delete the snapshots that came after the one to revert to.
    type: bool
    default: false
  quiesce:
    description:
      - Whether the file systems of a running guest are frozen for the instant of the snapshot, so that it needs no recovery afterwards.
        V(auto) does it where a guest agent answers, V(required) fails where they cannot be frozen, V(never) does not ask.
      - A volume that no domain runs on needs none of it.
    type: str
    choices: [auto, required, never]
    default: auto
  label:
    description:
      - A label to record with a new snapshot, for example the name of the rotation that owns it.
    type: str
  description:
    description:
      - A description to record with a new snapshot.
    type: str
  require_live_delete:
    description:
      - Refuse a new snapshot that could not be deleted while the domain is running, see the notes. Meant for temporary snapshots.
    type: bool
    default: false
notes:
  - A volume that is in use on another host, or by a program that is no domain of this hypervisor, is refused.
  - All disks of one domain are switched in one instant. Several domains are frozen first, then all switched, then thawed.
  - The definition of a domain that is shut off is brought up to every change, so that it starts on the new active file; that of a domain on
    another host is not, see RV(volumes[].path).
  - Reverting needs an offline volume.
  - The newest snapshot of a running domain is deleted only if its disk was attached with C(discard='unmap'). Without it QEMU zeroes by a
    call that GlusterFS answers without zeroing, and old data could come back.
  - A running domain merges down only; QEMU may lose what it merged up if it dies right afterwards. Where AppArmor denies merging down
    (libvirt before 12.1 on Debian and Ubuntu), the newest of several snapshots is merged up, with a warning, and others are refused.
"""

EXAMPLES = r"""
---
- name: Take a snapshot
  vdisk.gluster.gluster_snapshot:
    share: "gl1:/vms"
    volume: web-1
    name: before-upgrade
    description: Before the upgrade to the new release

- name: Take a snapshot of a group of volumes
  vdisk.gluster.gluster_snapshot:
    share: "gl1:/vms"
    volume: [db-1, db-2]
    name: monday
    label: nightly

- name: Take a snapshot of a database's disks only if the guest can be frozen
  vdisk.gluster.gluster_snapshot:
    share: "gl1:/vms"
    volume: [db-1, db-2]
    name: tuesday
    quiesce: required

- name: Delete two snapshots in one merge
  vdisk.gluster.gluster_snapshot:
    share: "gl1:/vms"
    volume: web-1
    name: [before-upgrade, after-upgrade]
    state: absent

- name: Revert to a snapshot and discard what came after it
  vdisk.gluster.gluster_snapshot:
    share: "gl1:/vms"
    volume: web-1
    name: monday
    state: reverted
    discard_newer: true
"""

RETURN = r"""
---
snapshots:
  description: The snapshots of O(volume) under O(name) that exist now.
  type: list
  elements: dict
  returned: success
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
      description: The file whose chain holds the frozen data; the backing file of RV(snapshots[].file).
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
volumes:
  description: The volumes, in the order of O(volume).
  type: list
  elements: dict
  returned: success
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
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.snapshot import work

OPTIONS = {
    **LOCATION,
    **HYPERVISOR,
    **ELSEWHERE,
    **PATIENCE,
    "volume": {"type": "list", "elements": "str", "required": True},
    "name": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent", "reverted"], "default": "present"},
    "discard_newer": {"type": "bool", "default": False},
    "quiesce": {"type": "str", "choices": ["auto", "required", "never"], "default": "auto"},
    "label": {"type": "str"},
    "require_live_delete": {"type": "bool", "default": False},
    "description": {"type": "str"},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


if __name__ == "__main__":
    main()
