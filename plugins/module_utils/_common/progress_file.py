# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress where others on this host can read it: a small file that is replaced whole and goes away with the work.

Nothing here ever fails the work: what cannot be written is not reported.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import time

from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import LIMIT, ProgressReport, dump, parse

DIRECTORY = "/run/lock"
"""In memory, on every Linux, and where the locks within a host are."""
VARIABLE = "VDISK_GLUSTER_PROGRESS"
"""The environment variable by which an action plugin gives its module the token; no option, for playbooks do not set it."""
_PREFIX = "vdisk-progress-"
_TOKEN = re.compile(r"\A[0-9a-f]{32}\Z")
_DEAD_AFTER = 24 * 3600
"""Seconds after which a file that a killed task left is taken away by another one."""


def path_of(token: str) -> str:
    """Return where the task writes its progress whose watcher has chosen C(token): 32 hexadecimal digits."""
    return f"{DIRECTORY}/{_PREFIX}{token}"


def is_token(token: object) -> bool:
    """Tell whether a text may become part of a file's name."""
    return isinstance(token, str) and bool(_TOKEN.match(token))


def token_of(work: str) -> str:
    """Return the token of work that any task on this host can name, so that another one can watch it."""
    return hashlib.sha256(work.encode("utf-8", "surrogateescape")).hexdigest()[:32]


class ProgressFile:
    """The output of a C(Progress) that is a file; a context manager that removes it in the end."""

    def __init__(self, token: str, subject: str | None = None) -> None:
        """Take the token and, for those who do not know the task, exactly what it works on."""
        self._path = path_of(token)
        self._subject = subject
        self._works = True
        self._swept = False

    def __call__(self, report: ProgressReport) -> None:
        """Replace the file; not durably: after a power cut there is no such task any more."""
        if not self._works:
            return
        temporary = f"{self._path}.{os.getpid()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(temporary, flags, 0o600)
            try:
                os.write(descriptor, dump(report, self._subject))
            finally:
                os.close(descriptor)
            os.rename(temporary, self._path)
        except OSError:
            self._works = False
            _unlink(temporary)
        if not self._swept:
            self._swept = True
            _sweep()

    def __enter__(self) -> ProgressFile:
        return self

    def __exit__(self, *_failure: object) -> None:
        self._works = False
        _unlink(self._path)


def read(token: str) -> tuple[ProgressReport, str | None] | None:
    """Return what a task of this host last reported and its subject, or None where it reports nothing."""
    try:
        descriptor = os.open(path_of(token), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        # anybody may make files here; only a task of our own user is believed
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            return None
        return parse(os.read(descriptor, LIMIT))
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _unlink(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def _sweep() -> None:
    """Remove what tasks left that were killed long ago."""
    with contextlib.suppress(OSError), os.scandir(DIRECTORY) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and time.time() - entry.stat(follow_symlinks=False).st_mtime > _DEAD_AFTER:
                _unlink(entry.path)
