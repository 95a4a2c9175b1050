#!/usr/bin/python
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: gluster_volume_file
short_description: Make, copy, grow, adopt and remove virtual disks on GlusterFS
version_added: 1.0.0
description:
  - Makes virtual disks (volumes) as raw or qcow2 files on a mounted GlusterFS share, blank or as the copy of another volume, of a snapshot
    or of an image file; grows them, adopts those that another program made, and removes them.
  - An existing file is never overwritten. A volume is never made smaller or converted.
  - A volume has its final name only when it is complete and its format is on record. No format is ever guessed from content.
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
  - C(qemu-img) 5.0 or later on the managed host, only to grow qcow2 files and to make copies.
options:
  name:
    description:
      - Names of the volumes; each is 1 to 128 letters, digits, V(_) and V(-), and begins with a letter or digit.
      - All get the same options. What is refused for one of them is refused before any is changed.
    type: list
    elements: str
    required: true
  state:
    description:
      - Whether the volumes exist.
    type: str
    choices: [present, absent]
    default: present
  size:
    description:
      - Virtual size, such as V(10G), V(10GiB), V(1.5T) or in bytes; units are powers of 1024. Rounded up to a multiple of 512 bytes.
      - Needed for a new volume without a source; one with a source is as large as that without it. A larger size than the volume or the
        source has grows it; a smaller one is refused.
    type: str
  format:
    description:
      - Format of the base file. Without it a new volume is V(raw), and the copy of a volume has the format of that one's base file.
      - A volume that this collection did not make is adopted in this format. Without it, it is adopted only as V(raw), and only if
        nothing in it looks like another format. See O(confirm_format).
    type: str
    choices: [raw, qcow2]
  confirm_format:
    description:
      - Whether V(raw) in O(format), where a volume is adopted, or in O(source_format) is meant although the content of the file is a sound
        image of another format. Without it that is refused, for a guest would get the header of the image as its disk. It is right only
        where a guest itself wrote an image to its disk.
      - It has no effect on volumes that this collection made or has adopted, whose format is on record.
    type: bool
    default: false
  allocation:
    description:
      - How a new raw volume takes its space; V(sparse), which is what it is without this option, as it is written, V(falloc) reserved
        immediately, V(full) written with zeroes.
      - Another one than the volume was made with is refused.
    type: str
    choices: [sparse, falloc, full]
  source_volume:
    description:
      - Source volume of a new volume, which is a complete copy with no backing file; the source stays as it is.
      - If a domain of the hypervisor runs on it, a temporary snapshot holds the instant that is copied, and is merged back afterwards. One
        that is in use elsewhere is refused, unless O(source_snapshot) is given.
      - A source is only for creating a volume. An existing one is not changed, whatever its source was.
    type: str
  source_snapshot:
    description:
      - Snapshot of O(source_volume); the copy reads as the volume did then. The source may be in use meanwhile, and all may be done with it
        but deleting this snapshot and those before it.
    type: str
  source_share:
    description:
      - The share that O(source_volume), or with O(move) the volume itself, is on, mounted below the same O(mount_point_base).
      - Without it O(source_volume) is looked for on the shares of the task.
    type: str
  source_image:
    description:
      - Absolute path of an image file on the managed host that a new volume is a copy of. It must be complete; one that names a backing
        file, a data file, an extent outside itself or a parent is refused by its own header, before any program opens it.
      - It is opened once, and what was judged is what is read. If its size, its times or the file behind its name change before the copy is
        complete, the task fails and leaves no volume.
    type: path
  source_format:
    description:
      - Format of O(source_image), needed with it; it is never guessed. A VMDK image has to be monolithicSparse or streamOptimized.
    type: str
    choices: [raw, qcow2, vmdk, vdi, vhdx, vpc]
  source_checksum:
    description:
      - Checksum that the bytes of O(source_image) must have, such as V(sha256:...) or V(sha512:...). With another one there is no volume.
    type: str
  source_image_name:
    description:
      - Name or id of an image of an OpenStack Image service that a new volume is a copy of, in the format that the service reports.
      - It is read into a file below O(scratch_dir), whose hash has to be the one the service has, and is then judged as any
        O(source_image). Where the volumes exist, the service is not asked.
      - In check mode it is not read, and the space for the data is not looked at.
      - This needs the Python package C(openstacksdk) on the managed host.
    type: str
  cloud:
    description:
      - Name of the cloud of O(source_image_name) in C(clouds.yaml) on the managed host. Without it the SDK's environment variables select
        it, such as E(OS_CLOUD).
    type: str
  scratch_dir:
    description:
      - Directory with room for the file of O(source_image_name). It is gone when the task ends.
    type: path
    default: /var/tmp
  move:
    description:
      - Move the volumes with all their snapshots from O(source_share) to the share of the task.
      - If a domain of the hypervisor runs on one, it mirrors the active file and switches to the copy while it runs; the definitions of
        domains follow. One in use elsewhere is refused.
      - Every file is copied as it is and compared byte for byte. One rename decides which of the two is the volume; until then it is
        where it was, and if anything writes to it after it was copied, it stays there.
      - What was cut off is finished by the next task that changes the volume on either share, so both have to be mounted.
      - Nothing else about a volume is changed in the same task.
    type: bool
    default: false
  owner:
    description:
      - Owner of the files, by name or number; root for a new volume. While a volume is in use the hypervisor chooses owner and group,
        and they are left alone.
    type: str
  group:
    description:
      - Group of the files, by name or number.
    type: str
  mode:
    description:
      - Mode of the files, in octal and in quotes; V("0660") for a new volume.
    type: raw
  reserved_percentage:
    description:
      - Percentage of a share that new volumes and growth leave free.
    type: int
    default: 0
  max_over_subscription_ratio:
    description:
      - How many virtual bytes may be provisioned for each byte of a share. Without it, a volume must fit into what is available now.
    type: float
  delete_snapshots:
    description:
      - Let O(state=absent) remove a volume that still has snapshots, together with them. The same holds for internal snapshots and
        persistent bitmaps in its files, and for files of its name that its chain does not use.
    type: bool
    default: false
  repair:
    description:
      - Repair what needs no guess; temporary files of killed tasks, an overlay without data that nothing names, the header
        of an overlay that names its backing file by an absolute path on the same share or without its format.
      - What is wrong beyond that is refused by name.
    type: bool
    default: false
notes:
  - A copy is as sparse as what it reads as; what is zero takes no space in it, unless O(allocation) is set otherwise. It has a temporary
    name until it is complete and durable. Whether the share has room for it is found out before.
  - A new volume goes to the share with the most available space; the one named first if there are several.
"""

EXAMPLES = r"""
---
- name: Make a sparse raw volume
  vdisk.gluster.gluster_volume_file:
    share: "gl1:/vms"
    name: web-1
    size: 10G

- name: Make three qcow2 volumes, each on the share that is emptiest
  vdisk.gluster.gluster_volume_file:
    shares:
      - "gl1:/vms"
      - "gl1:/fast"
    name: [db-1, db-2, db-3]
    size: 20G
    format: qcow2
    max_over_subscription_ratio: 10.0

- name: Make a volume of a cloud image, with room to grow into
  vdisk.gluster.gluster_volume_file:
    share: "gl1:/vms"
    name: web-2
    source_image: /var/lib/images/debian-12.qcow2
    source_format: qcow2
    source_checksum: "sha256:55fa4ee47851f152db449ce9d536cd2a78606c0f583e88555eba0cecb66df1a7"
    size: 20G

- name: Make a volume of an image of a cloud
  vdisk.gluster.gluster_volume_file:
    share: "gl1:/vms"
    name: web-3
    source_image_name: debian-12
    cloud: production
    size: 20G

- name: Clone a volume as it was at a snapshot, on another share and as qcow2
  vdisk.gluster.gluster_volume_file:
    share: "gl1:/fast"
    name: web-1-test
    source_share: "gl1:/vms"
    source_volume: web-1
    source_snapshot: before-upgrade
    format: qcow2

- name: Move a volume with its snapshots to another share
  vdisk.gluster.gluster_volume_file:
    share: "gl1:/fast"
    source_share: "gl1:/vms"
    name: web-1
    move: true

- name: Grow a volume
  vdisk.gluster.gluster_volume_file:
    share: "gl1:/vms"
    name: web-1
    size: 12G

- name: Adopt a volume that Cinder made
  vdisk.gluster.gluster_volume_file:
    share: "gl1:/vms"
    name: volume-2f0b8b36-9f5d-4d53-9ff5-5e3e2a1c7a10
    format: raw

- name: Repair a volume whose headers Cinder wrote with absolute paths, and adopt it
  vdisk.gluster.gluster_volume_file:
    share: "gl1:/vms"
    name: volume-0d1a0b6e-66d5-4a3e-9be0-5a9b7c1f4a55
    format: qcow2
    repair: true

- name: Remove a volume and its snapshots
  vdisk.gluster.gluster_volume_file:
    share: "gl1:/vms"
    name: web-1
    state: absent
    delete_snapshots: true
"""

RETURN = r"""
---
volumes:
  description: The volumes, in the order of O(name).
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
volume:
  description: The volume, with the keys of RV(volumes).
  type: dict
  returned: when one name was given
msg:
  description: What the task found or did, in one line.
  type: str
  returned: always
actions:
  description: What was done, or would be in check mode, and why; one line each, in order.
  type: list
  elements: str
  returned: always
failures:
  description:
    - The volumes of a longer O(name) that failed while the list was worked on, each with its reason; the others are up to date.
    - What speaks against a volume before anything is changed fails the whole list instead, and then nothing was changed.
  type: list
  elements: dict
  returned: when some of several volumes failed
  contains:
    name:
      description: Name of the volume.
      type: str
    msg:
      description: Why it failed.
      type: str
"""

from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import (
    ELSEWHERE,
    HYPERVISOR,
    LOCATION,
    OWNERSHIP,
    PATIENCE,
    run,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.volume_file import work

OPTIONS = {
    **LOCATION,
    **HYPERVISOR,
    **ELSEWHERE,
    **PATIENCE,
    **OWNERSHIP,
    "name": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "size": {"type": "str"},
    "format": {"type": "str", "choices": ["raw", "qcow2"]},
    "confirm_format": {"type": "bool", "default": False},
    "allocation": {"type": "str", "choices": ["sparse", "falloc", "full"]},
    "source_volume": {"type": "str"},
    "source_snapshot": {"type": "str"},
    "source_share": {"type": "str"},
    "source_image": {"type": "path"},
    "source_format": {"type": "str", "choices": ["raw", "qcow2", "vmdk", "vdi", "vhdx", "vpc"]},
    "source_checksum": {"type": "str"},
    "source_image_name": {"type": "str"},
    "cloud": {"type": "str"},
    "scratch_dir": {"type": "path", "default": "/var/tmp"},
    "move": {"type": "bool", "default": False},
    "reserved_percentage": {"type": "int", "default": 0},
    "max_over_subscription_ratio": {"type": "float"},
    "delete_snapshots": {"type": "bool", "default": False},
    "repair": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work)


if __name__ == "__main__":
    main()
