#!/usr/bin/python
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: gluster_image_export
short_description: Export a virtual disk on GlusterFS, or a snapshot of it, to a file or an image service
version_added: 1.0.0
description:
  - Copies what a volume reads as now, or read as when a snapshot was taken, to one complete file.
  - The copy is made under a temporary name, made durable and verified, and only then gets its name. A manifest beside it,
    C(<dest>.manifest.json), lets the same export of a snapshot run again without reading the data.
  - With O(image_name) it becomes an image of an OpenStack Image service (Glance). The same verified file is made first, at O(dest) or
    below O(scratch_dir), and uploaded; the image counts only after its status and hash were read back. Its properties C(vdisk_gluster_*)
    identify its source, so that the same export of a snapshot is unchanged, and half-made images of killed tasks are deleted.
  - While it is read, image locks keep the source from being written or merged, on every host.
author:
  - the vdisk.gluster authors (@vdisk)
extends_documentation_fragment:
  - vdisk.gluster.location
  - vdisk.gluster.gluster
  - vdisk.gluster.hypervisor
  - vdisk.gluster.patience
  - vdisk.gluster.attributes
requirements:
  - C(qemu-img) on the managed host.
  - The Python package C(openstacksdk) on the managed host, only with O(image_name); with a hypervisor on that host, in the same Python as
    C(libvirt).
options:
  volume:
    description:
      - Name of the volume.
    type: str
    required: true
  snapshot:
    description:
      - Name of the snapshot to export. Without it the volume is exported as it is now. If a domain of the hypervisor runs on it, a
        temporary snapshot holds the instant that is read, and is merged back afterwards; its disk must have been attached with
        C(discard='unmap'). A volume in use elsewhere is refused.
    type: str
  quiesce:
    description:
      - Whether the file systems of a running guest are frozen for the instant of the export, so that it needs no recovery afterwards.
        V(auto) does it where a guest agent answers, V(required) fails where they cannot be frozen, V(never) does not ask.
      - A volume that no domain runs on needs none of it.
    type: str
    choices: [auto, required, never]
    default: auto
  dest:
    description:
      - Absolute path of the file, or of a directory in which it is named C(<volume>[.<snapshot>].<format>). Its directory must exist.
      - An existing file is replaced only if it is an export of the same volume and was not changed since, or with O(force=true).
      - At least one of O(dest) and O(image_name) is needed.
    type: path
  image_name:
    description:
      - Name of an image to make in an OpenStack Image service.
      - Only an image of this name that is an export of the same volume is ever replaced, after its successor is complete. Where there
        is any other image of this name, the task is refused, with O(force=true) too.
    type: str
  cloud:
    description:
      - Name of the cloud in C(clouds.yaml) on the managed host. Without it the SDK's environment variables select it, such as E(OS_CLOUD).
    type: str
  image_properties:
    description:
      - Properties of the image, such as C(hw_disk_bus) or C(hw_qemu_guest_agent). Other properties of an existing image are not changed.
      - True and false become V(true) and V(false).
    type: dict
  visibility:
    description:
      - Who sees the image.
    type: str
    choices: [private, public, shared, community]
    default: private
  scratch_dir:
    description:
      - Directory with room for the file that is uploaded, where O(dest) is not given. It is gone when the task ends.
    type: path
    default: /var/tmp
  format:
    description:
      - Format of the file. In each of them the disk is exactly as large as the volume, also in V(vpc) (VHD), which is made with
        C(force_size).
    type: str
    choices: [raw, qcow2, vmdk, vdi, vhdx, vpc]
    default: raw
  compress:
    description:
      - Compress a qcow2 image, or make a vmdk image a streamOptimized one. The other formats cannot be compressed.
    type: bool
    default: false
  checksum_algorithm:
    description:
      - Algorithm of the checksum of the file's bytes, or V(none).
    type: str
    choices: [sha256, sha512, none]
    default: sha256
  verify:
    description:
      - Compare the copy with its source before it gets its name.
    type: bool
    default: true
  rate_limit:
    description:
      - Bytes a second that are written at most, such as V(50M) or V(1.5G); units are powers of 1024. No limit without it.
    type: str
  force:
    description:
      - Export again in any case, over any existing file.
      - Also replace an image that another host is still uploading, or left half made.
    type: bool
    default: false
  owner:
    description:
      - Owner of the file, by name or number.
    type: str
  group:
    description:
      - Group of the file, by name or number.
    type: str
  mode:
    description:
      - Mode of the file, in octal and in quotes; V("0640") for a new one.
    type: raw
notes:
  - Without O(snapshot) a second run compares the volume with the existing file, and changes nothing if they read the same.
"""

EXAMPLES = r"""
---
- name: Export a snapshot
  vdisk.gluster.gluster_image_export:
    share: "gl1:/vms"
    volume: web-1
    snapshot: before-upgrade
    dest: /var/backups/web-1.raw

- name: Export a volume as it is now, compressed, into a directory
  vdisk.gluster.gluster_image_export:
    share: "gl1:/vms"
    volume: web-1
    dest: /var/backups/
    format: qcow2
    compress: true
    checksum_algorithm: sha512

- name: Export for VMware, slowly enough for the VMs beside it
  vdisk.gluster.gluster_image_export:
    share: "gl1:/vms"
    volume: web-1
    snapshot: before-upgrade
    dest: /var/backups/web-1.vmdk
    format: vmdk
    compress: true
    rate_limit: 50M

- name: Upload a snapshot to the image service of a cloud
  vdisk.gluster.gluster_image_export:
    share: "gl1:/vms"
    volume: web-1
    snapshot: before-upgrade
    format: qcow2
    image_name: web-1-before-upgrade
    cloud: production
    image_properties:
      hw_disk_bus: virtio
      hw_qemu_guest_agent: true
"""

RETURN = r"""
---
export:
  description: The export.
  type: dict
  returned: success
  contains:
    dest:
      description: Path of the file; V(null) where there is only an image.
      type: str
    image_id:
      description: Id of the image; V(null) for a file, and where it is not made yet.
      type: str
    format:
      description: Its format.
      type: str
    virtual_size:
      description: Size of the disk in bytes.
      type: int
    size_bytes:
      description: Length of the file in bytes; V(null) where it is not made yet.
      type: int
    checksum:
      description: Checksum of the file's bytes, after its algorithm.
      type: str
      sample: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    source:
      description: The C(volume) and C(snapshot) it is a copy of.
      type: dict
    duration:
      description: Seconds that making it took; V(null) for an existing image.
      type: float
    bytes_per_second:
      description: Length of the file by RV(export.duration).
      type: int
    verified:
      description: Whether it was compared with its source.
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

from ansible_collections.vdisk.gluster.plugins.module_utils._modules.image_export import work
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import HYPERVISOR, LOCATION, OWNERSHIP, PATIENCE, run

OPTIONS = {
    **LOCATION,
    **HYPERVISOR,
    **PATIENCE,
    **OWNERSHIP,
    "quiesce": {"type": "str", "choices": ["auto", "required", "never"], "default": "auto"},
    "volume": {"type": "str", "required": True},
    "snapshot": {"type": "str"},
    "dest": {"type": "path"},
    "image_name": {"type": "str"},
    "cloud": {"type": "str"},
    "image_properties": {"type": "dict"},
    "visibility": {"type": "str", "choices": ["private", "public", "shared", "community"], "default": "private"},
    "scratch_dir": {"type": "path", "default": "/var/tmp"},
    "format": {"type": "str", "choices": ["raw", "qcow2", "vmdk", "vdi", "vhdx", "vpc"], "default": "raw"},
    "compress": {"type": "bool", "default": False},
    "checksum_algorithm": {"type": "str", "choices": ["sha256", "sha512", "none"], "default": "sha256"},
    "verify": {"type": "bool", "default": True},
    "rate_limit": {"type": "str"},
    "force": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    run(
        OPTIONS,
        work,
        required_one_of=[("dest", "image_name")],
        required_by={"cloud": "image_name", "image_properties": "image_name"},
    )


if __name__ == "__main__":
    main()
