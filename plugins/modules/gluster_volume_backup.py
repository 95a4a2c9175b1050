#!/usr/bin/python
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: gluster_volume_backup
short_description: Store a snapshot of a virtual disk on GlusterFS in a backup repository
version_added: 1.0.0
description:
  - Stores what a volume read as when a snapshot was taken in a deduplicating, encrypted repository of BorgBackup or restic, and reads it
    back. Raw and qcow2 volumes, with or without other snapshots, running or not, are all stored as the raw bytes of the disk, so that
    what did not change since the last backup takes no space again.
  - The tool reads the snapshot where it is, through a raw view of its chain that nobody else sees; no copy of the disk is made. While it is
    read, image locks keep the snapshot from being merged, on every host.
  - Beside the disk an archive has C(volume.json) with name, share, snapshot, format, size and checksum, so that
    M(vdisk.gluster.gluster_volume_restore) needs nothing but the repository and a name.
  - The role P(vdisk.gluster.volume_backup#role) takes the snapshots too.
author:
  - the vdisk.gluster authors (@vdisk)
extends_documentation_fragment:
  - vdisk.gluster.location
  - vdisk.gluster.gluster
  - vdisk.gluster.hypervisor
  - vdisk.gluster.patience
  - vdisk.gluster.backup_repository
  - vdisk.gluster.attributes
requirements:
  - C(borg) or C(restic) on the managed host.
  - C(qemu-storage-daemon) built with FUSE (package C(qemu-system-common) on Debian), or C(qemu-img) and room for a copy of the disk.
options:
  volume:
    description:
      - Name of the volume.
    type: str
    required: true
  snapshot:
    description:
      - Name of the snapshot to store. It is no longer needed where the archive exists.
    type: str
    required: true
  archive:
    description:
      - Name of the archive, 1 to 64 letters, digits, V(_) and V(-). In the repository it is C(<volume>.<archive>), and no archive of
        another volume is ever listed, counted or removed with it.
      - An existing archive is read back and otherwise not changed; one of another point in time is refused.
    type: str
    required: true
  init:
    description:
      - Make the repository where there is none.
    type: bool
    default: false
  encryption:
    description:
      - How a new repository of borg keeps its key; restic has one way. With the V(keyfile) ones the key is on the managed host only, so
        keep a copy of it elsewhere.
    type: str
    choices: [repokey, repokey-blake2, keyfile, keyfile-blake2]
    default: repokey-blake2
  compression:
    description:
      - How borg compresses, such as V(lz4), V(zstd,6) or V(none). restic up to 0.13 does not, later ones decide it themselves.
    type: str
    default: lz4
  verify:
    description:
      - V(archive) reads the disk back from the repository and compares its checksum; V(repository) also lets the tool read and check
        everything in the repository; V(none) trusts the tool.
      - An archive that this task made and that reads back otherwise is removed again, and the task fails.
    type: str
    choices: [archive, repository, none]
    default: archive
  keep:
    description:
      - Which archives of this volume retention keeps; the others are removed when the new one exists and is verified, and the space
        that nothing else needs is given back. Without it nothing is removed.
      - In check mode the archives that would be removed now are reported, without the new one.
      - Only archives that this module made are counted and removed. Where the repository has others that the tool would take for archives
        of this volume, as borg does by the beginnings of their names, the task is refused before anything is stored.
      - A repository is for one share. Where it has archives of a volume of this name on another share, the task is refused.
    type: dict
    suboptions:
      last:
        description: How many of the newest.
        type: int
      hourly:
        description: For how many hours the newest of each.
        type: int
      daily:
        description: For how many days.
        type: int
      weekly:
        description: For how many weeks.
        type: int
      monthly:
        description: For how many months.
        type: int
      yearly:
        description: For how many years.
        type: int
      within:
        description: All that are newer than this, a number and a unit, V(h), V(d), V(w), V(m) or V(y), such as V(14d).
        type: str
  read_method:
    description:
      - How the tool reads the disk. V(fuse) exports it as a raw file through FUSE, without a copy. V(copy) writes a raw copy below
        O(scratch_dir) first. V(auto) uses V(fuse) where this host can, and otherwise V(copy) with a warning.
    type: str
    choices: [auto, fuse, copy]
    default: auto
  scratch_dir:
    description:
      - Directory for the FUSE export, which takes no space in it, or for the copy. It is gone when the task ends.
    type: path
    default: /var/tmp
notes:
  - A task that is killed leaves no archive, or a complete one. What restic has stored until then is found again by the next run; borg gives
    the space back with the next retention.
  - Every backup reads all data of the disk, twice, and a third time from the repository with O(verify).
"""

EXAMPLES = r"""
---
- name: Store a snapshot in a repository of borg, which ssh://backup@backup1/srv/backup/vms would be on another host
  vdisk.gluster.gluster_volume_backup:
    share: "gl1:/vms"
    volume: web-1
    snapshot: before-upgrade
    archive: before-upgrade
    repository: /srv/backup/vms
    passphrase: "{{ vault_backup_passphrase }}"
    init: true

- name: Store a snapshot in a repository of restic, which could be a bucket as well, and keep a week and a month of backups
  vdisk.gluster.gluster_volume_backup:
    share: "gl1:/vms"
    volume: web-1
    snapshot: before-upgrade
    archive: "{{ now(utc=true, fmt='%Y-%m-%d') }}"
    tool: restic
    repository: /srv/backup/restic-vms
    passphrase: "{{ vault_backup_passphrase }}"
    secret_env:
      AWS_ACCESS_KEY_ID: "{{ vault_backup_key_id }}"
      AWS_SECRET_ACCESS_KEY: "{{ vault_backup_key }}"
    init: true
    keep:
      daily: 7
      weekly: 4
"""

RETURN = r"""
---
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
      description: Its id in the repository; V(null) where it is not made yet, as are the keys that only storing it determines.
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
    original_size:
      description: Bytes that the tool stored; V(null) for an existing archive.
      type: int
    deduplicated_size:
      description: Bytes of them that the repository did not have; V(null) for an existing archive.
      type: int
    duration:
      description: Seconds that all of it took; V(null) in check mode.
      type: float
    verified:
      description: Whether this task read it back and found it to be what was stored.
      type: bool
pruned:
  description: Names of the archives of the volume that retention removed.
  type: list
  elements: str
  returned: success
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
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import HYPERVISOR, LOCATION, PATIENCE, run
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.volume_backup import work

KEEP = {
    "last": {"type": "int"},
    "hourly": {"type": "int"},
    "daily": {"type": "int"},
    "weekly": {"type": "int"},
    "monthly": {"type": "int"},
    "yearly": {"type": "int"},
    "within": {"type": "str"},
}

OPTIONS = {
    **LOCATION,
    **HYPERVISOR,
    **PATIENCE,
    **REPOSITORY,
    "volume": {"type": "str", "required": True},
    "snapshot": {"type": "str", "required": True},
    "archive": {"type": "str", "required": True},
    "init": {"type": "bool", "default": False},
    "encryption": {
        "type": "str",
        "choices": ["repokey", "repokey-blake2", "keyfile", "keyfile-blake2"],
        "default": "repokey-blake2",
    },
    "compression": {"type": "str", "default": "lz4"},
    "verify": {"type": "str", "choices": ["archive", "repository", "none"], "default": "archive"},
    "keep": {"type": "dict", "no_log": False, "options": KEEP},
    "read_method": {"type": "str", "choices": ["auto", "fuse", "copy"], "default": "auto"},
    "scratch_dir": {"type": "path", "default": "/var/tmp"},
}


def main() -> None:
    """Run the module."""
    run(OPTIONS, work, required_one_of=[("passphrase", "passphrase_file")], mutually_exclusive=[("passphrase", "passphrase_file")])


if __name__ == "__main__":
    main()
