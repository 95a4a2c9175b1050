#!/usr/bin/python
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: gluster_volume_restore
short_description: Restore a virtual disk on GlusterFS from a backup repository
version_added: 1.0.0
description:
  - Makes a volume of an archive of M(vdisk.gluster.gluster_volume_backup). Nothing is needed but the repository and a mounted share, which
    may be empty and on another host.
  - The disk is fetched to a file below O(scratch_dir) and must have the checksum it was stored with. The volume gets its name only when
    it is complete.
  - With O(replace) the content of an existing volume is replaced, in one instant. What it held before stays as the snapshot
    O(pre_restore_snapshot); M(vdisk.gluster.gluster_snapshot) deletes it with V(absent), or goes back to it with V(reverted). Other
    snapshots stay what they are.
author:
  - the vdisk.gluster authors (@vdisk)
extends_documentation_fragment:
  - vdisk.gluster.location
  - vdisk.gluster.gluster
  - vdisk.gluster.hypervisor
  - vdisk.gluster.attachments
  - vdisk.gluster.patience
  - vdisk.gluster.backup_repository
  - vdisk.gluster.attributes
requirements:
  - C(borg) or C(restic) on the managed host.
  - C(qemu-img) on the managed host.
options:
  volume:
    description:
      - Name of the volume whose archive it is.
    type: str
    required: true
  archive:
    description:
      - Name of the archive, or V(latest) for the newest of the volume.
    type: str
    default: latest
  name:
    description:
      - Name of the volume to make, or to replace the content of; that of O(volume) without it.
    type: str
  replace:
    description:
      - Replace the content of an existing volume. It must be offline, and have a record of this collection; a VM that it is
        attached to may be shut off. Without this an existing volume that was not restored from this archive is refused.
      - A volume that was restored from this archive and still reads as it is left as it is.
      - A volume that is larger than the archive keeps its size, and reads as zeroes beyond the end of the archive; a smaller one grows.
    type: bool
    default: false
  pre_restore_snapshot:
    description:
      - Name of the snapshot under which O(replace) keeps what the volume held before.
    type: str
    default: before-restore
  format:
    description:
      - Format of the new volume; the one that the volume had when it was backed up without it.
    type: str
    choices: [raw, qcow2]
  size:
    description:
      - Size of the new volume, such as V(10G), at least that of the archive; that of the archive without it.
    type: str
  owner:
    description:
      - Owner of the files of a new volume, by name or number; root without it.
    type: str
  group:
    description:
      - Group of the files of a new volume, by name or number.
    type: str
  mode:
    description:
      - Mode of the files of a new volume, in octal and in quotes; V("0660") without it.
    type: raw
  reserved_percentage:
    description:
      - Percentage of a share that a new volume leaves free.
    type: int
    default: 0
  scratch_dir:
    description:
      - Directory with room for the data of the disk. What is fetched is gone from it when the task ends.
    type: path
    default: /var/tmp
notes:
  - In check mode the repository is read for the description of the archive; the disk is not fetched, and whether the share has room for its
    data is not looked at.
"""

EXAMPLES = r"""
---
- name: Restore the newest backup of a volume that is lost
  vdisk.gluster.gluster_volume_restore:
    share: "gl1:/vms"
    volume: web-1
    repository: /srv/backup/vms
    passphrase: "{{ vault_backup_passphrase }}"

- name: Restore an older backup beside the volume
  vdisk.gluster.gluster_volume_restore:
    share: "gl1:/vms"
    volume: web-1
    archive: before-upgrade
    name: web-1-before-upgrade
    repository: /srv/backup/vms
    passphrase: "{{ vault_backup_passphrase }}"

- name: Replace what a volume holds; what it held stays as a snapshot
  vdisk.gluster.gluster_volume_restore:
    share: "gl1:/vms"
    volume: web-1
    archive: before-upgrade
    replace: true
    pre_restore_snapshot: after-upgrade
    repository: /srv/backup/vms
    passphrase: "{{ vault_backup_passphrase }}"
"""

RETURN = r"""
---
volume:
  description: The volume.
  type: dict
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
      description:
        - What it was copied from, as it was called then; C(share), C(volume) and C(snapshot), or C(image), C(format) and C(checksum).
          V(null) for one that was made blank or adopted.
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
          description: The file whose chain holds the frozen data; the backing file of RV(volume.snapshots[].file).
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
archive:
  description: The archive.
  type: dict
  returned: success
  contains:
    volume:
      description: Name of the volume.
      type: str
    name:
      description: Name of the archive.
      type: str
    full_name:
      description: Its name in the repository.
      type: str
    id:
      description: Its id in the repository.
      type: str
    created:
      description: When it was made, as the tool reports it.
      type: str
    share:
      description: The share that the volume was on.
      type: str
    snapshot:
      description: The snapshot it holds.
      type: str
    snapshot_created:
      description: When that was taken, ISO 8601 in UTC.
      type: str
    quiesced:
      description: Whether the file systems of the guest were frozen for it.
      type: bool
    format:
      description: Format of the volume's base file; what is stored is raw.
      type: str
    virtual_size:
      description: Size of the disk in bytes.
      type: int
    data_size:
      description: Bytes of it that are not holes.
      type: int
    checksum:
      description: Checksum of the raw bytes of the disk, after its algorithm.
      type: str
      sample: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
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

from ansible_collections.vdisk.gluster.plugins.module_utils._backup.options import REPOSITORY
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import (
    ELSEWHERE,
    HYPERVISOR,
    LOCATION,
    OWNERSHIP,
    PATIENCE,
    run,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.volume_restore import work

OPTIONS = {
    **LOCATION,
    **HYPERVISOR,
    **ELSEWHERE,
    **PATIENCE,
    **OWNERSHIP,
    **REPOSITORY,
    "volume": {"type": "str", "required": True},
    "archive": {"type": "str", "default": "latest"},
    "name": {"type": "str"},
    "replace": {"type": "bool", "default": False},
    "pre_restore_snapshot": {"type": "str", "default": "before-restore"},
    "format": {"type": "str", "choices": ["raw", "qcow2"]},
    "size": {"type": "str"},
    "reserved_percentage": {"type": "int", "default": 0},
    "scratch_dir": {"type": "path", "default": "/var/tmp"},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work, required_one_of=[("passphrase", "passphrase_file")], mutually_exclusive=[("passphrase", "passphrase_file")])


if __name__ == "__main__":
    main()
