# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that name a backup repository: which tool on which repository, and what opens it."""

from __future__ import annotations

import os
import re
import stat
from typing import Any, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._backup.archive_metadata import LATEST, Archive
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.base import BackupTool, Repository
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Runner

REPOSITORY = {
    "tool": {"type": "str", "choices": ["borg", "restic"], "default": "borg"},
    "repository": {"type": "str", "required": True},
    "passphrase": {"type": "str", "no_log": True},
    "passphrase_file": {"type": "path", "no_log": False},
    "secret_env": {"type": "dict", "no_log": True},
    "ssh_command": {"type": "str", "default": "ssh -o BatchMode=yes"},
}
"""Options that say which repository is meant and what opens it."""

_VARIABLE = re.compile(r"\A[A-Z_][A-Z0-9_]*\Z")
_OURS = ("BORG_REPO", "BORG_PASSPHRASE", "RESTIC_REPOSITORY", "RESTIC_PASSWORD", "LC_ALL", "LANGUAGE", "LD_PRELOAD", "PATH")


def tool_of(params: Mapping[str, Any], runner: Runner) -> BackupTool:
    """Return the tool that the options name, on their repository.

    :raises BadInput: the options that name it are malformed.
    :raises Refused: the file with the passphrase cannot be used.
    """
    location = params["repository"]
    if not location.strip() or "\n" in location or "\x00" in location:
        raise BadInput("repository: it is empty or contains a line break; give a path or an address that the tool knows")
    secrets = {str(key): str(value) for key, value in (params["secret_env"] or {}).items()}
    for key in secrets:
        if not _VARIABLE.match(key) or key in _OURS:
            raise BadInput(f"secret_env: {key!r} cannot be set; name variables that the tool reads, such as AWS_SECRET_ACCESS_KEY")
    repository = Repository(
        location,
        _passphrase(params),
        secrets,
        params["ssh_command"],
        params.get("encryption") or "repokey-blake2",
        params.get("compression") or "lz4",
        params["lock_timeout"],
    )
    # of two tools a task uses one: the other is neither read nor compiled, and its program need not be known
    if params["tool"] == "restic":
        from ansible_collections.vdisk.gluster.plugins.module_utils._backup.restic import Restic

        return Restic(runner, repository)
    from ansible_collections.vdisk.gluster.plugins.module_utils._backup.borg import Borg

    return Borg(runner, repository)


def _passphrase(params: Mapping[str, Any]) -> str:
    """Return the passphrase, given or from its file."""
    if params["passphrase_file"] is None:
        text = params["passphrase"]
    else:
        path = params["passphrase_file"]
        try:
            # a pipe would else be waited for
            with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), encoding="utf-8") as stream:
                status = os.fstat(stream.fileno())
                text = stream.readline().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"passphrase_file: {path} cannot be read: {getattr(error, 'strerror', None) or 'it is not text'}") from error
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
            raise Refused(f"passphrase_file: {path} is readable by others or is not a regular file; set its mode to 0600")
    if not text:
        raise BadInput("passphrase: it is empty; backups are encrypted, so give one")
    return str(text)


def newest(archives: Sequence[Archive], volume: str, name: str) -> Archive:
    """Return an archive of a volume by its name, or the newest one.

    :raises Refused: there is none.
    """
    own = [archive for archive in archives if archive.volume == volume]
    found = [archive for archive in own if name in (LATEST, archive.name)]
    if not found:
        there = ", ".join(archive.name for archive in own) or "none"
        raise Refused(f"archive: the repository has no archive {name} of {volume} (it has: {there})")
    return found[-1]
