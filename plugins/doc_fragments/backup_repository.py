# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that say which backup repository is meant and what opens it."""

    DOCUMENTATION = r"""
options:
  tool:
    description:
      - The backup program, BorgBackup (1.2 or later) or restic (0.14 or later), on the managed host. Repositories of one cannot be read by
        the other.
    type: str
    choices: [borg, restic]
    default: borg
  repository:
    description:
      - Where the backups are, as the tool writes it; V(/srv/backup), V(ssh://backup@host:22/srv/backup) (borg),
        V(sftp:backup@host:/srv/backup), V(s3:https://s3.example.com/bucket) (restic) and so on.
      - Give passwords of servers in O(secret_env), not in the address.
    type: str
    required: true
  passphrase:
    description:
      - The passphrase of the repository. It reaches the tool through its environment and is in no command line and no log.
      - Give it here, from a vault, and not as a variable of the task's C(environment), which Ansible writes into command lines.
      - Exactly one of O(passphrase) and O(passphrase_file) is needed.
    type: str
  passphrase_file:
    description:
      - Absolute path of a file on the managed host whose first line is the passphrase; nobody but its owner may read it.
    type: path
  secret_env:
    description:
      - Environment variables with credentials for the tool, such as E(AWS_ACCESS_KEY_ID) and E(AWS_SECRET_ACCESS_KEY).
      - Variables that are no secret can be set by the task's C(environment).
    type: dict
  ssh_command:
    description:
      - The SSH client, with its options, by which C(ssh://) and C(sftp:) repositories are reached.
      - It is visible in the list of processes of the managed host and, with restic, in its log, so do not put a password into it.
    type: str
    default: ssh -o BatchMode=yes
"""
