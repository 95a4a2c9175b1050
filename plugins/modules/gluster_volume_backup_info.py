#!/usr/bin/python
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: gluster_volume_backup_info
short_description: List the backups of virtual disks in a repository
version_added: 1.0.0
description:
  - Lists the archives that M(vdisk.gluster.gluster_volume_backup) made in a repository. No share is needed for it.
author:
  - the vdisk.gluster authors (@vdisk)
extends_documentation_fragment:
  - vdisk.gluster.backup_repository
  - vdisk.gluster.attributes_info
requirements:
  - C(borg) or C(restic) on the managed host.
options:
  volume:
    description:
      - Names of the volumes whose archives are listed; those of all without it.
    type: list
    elements: str
  archive:
    description:
      - Name of the archive to list of each volume, or V(latest) for the newest; all without it.
    type: str
  stall_timeout:
    description:
      - The tool fails where it makes no progress for this many seconds; V(0) means the default.
    type: int
    default: 600
  lock_timeout:
    description:
      - Seconds that borg waits for another one which has the repository locked.
    type: int
    default: 60
notes:
  - A repository that does not exist does not fail the task.
"""

EXAMPLES = r"""
---
- name: See which backups of a volume there are
  vdisk.gluster.gluster_volume_backup_info:
    volume: web-1
    repository: /srv/backup/vms
    passphrase: "{{ vault_backup_passphrase }}"
"""

RETURN = r"""
---
archives:
  description: The archives, the oldest first.
  type: list
  elements: dict
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
      description: The share that the volume was on; V(null), as are the keys below, where another program made the archive.
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
repository_exists:
  description: Whether there is a repository.
  type: bool
  returned: success
msg:
  description: What the task found, in one line.
  type: str
  returned: always
actions:
  description: Always empty.
  type: list
  elements: str
  returned: always
"""

from ansible_collections.vdisk.gluster.plugins.module_utils._backup.options import REPOSITORY
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import PATIENCE, run
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.volume_backup_info import work

OPTIONS = {
    **REPOSITORY,
    "stall_timeout": PATIENCE["stall_timeout"],
    "lock_timeout": PATIENCE["lock_timeout"],
    "volume": {"type": "list", "elements": "str"},
    "archive": {"type": "str"},
}


def main() -> None:
    """Run the module."""
    run(
        OPTIONS,
        work,
        required_one_of=[("passphrase", "passphrase_file")],
        mutually_exclusive=[("passphrase", "passphrase_file")],
    )


if __name__ == "__main__":
    main()
