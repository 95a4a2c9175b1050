# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks between the tasks of one host."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from typing import Iterator

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Unavailable

_HOST_DIRECTORY = "/run/lock"


@contextlib.contextmanager
def host_lock(what: str, wait: bool = False) -> Iterator[bool]:
    """Hold a lock within this host and give True; False where another task has it, unless C(wait)."""
    token = hashlib.sha256(what.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    path = f"{_HOST_DIRECTORY}/vdisk-{token}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(f"cannot open {path}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        yield False
        return
    try:
        yield True
    finally:
        os.close(descriptor)
