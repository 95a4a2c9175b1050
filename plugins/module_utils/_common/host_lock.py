# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks between the tasks of one host, in a directory that only their user can enter: who could open one could hold it for ever."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import time
from typing import Iterator

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Unavailable

DIRECTORY = "/run/vdisk"
"""Of root's tasks; it goes with a reboot, as the locks do."""
_PAUSE = 0.01


def directory_of(uid: int) -> str:
    """Return where the tasks of a user lock."""
    if uid == 0:
        return DIRECTORY
    own = f"/run/user/{uid}"
    return f"{own}/vdisk" if os.path.isdir(own) else f"/tmp/vdisk-{uid}"  # noqa: S108 - it is looked at before it is used


@contextlib.contextmanager
def host_lock(what: str, wait: float = 0) -> Iterator[bool]:
    """Hold a lock within this host and give True; False where another task has it.

    :param wait: seconds to wait for it.
    :raises Unavailable: the directory of the locks is not this user's alone, or another task has the lock after these seconds.
    """
    token = hashlib.sha256(what.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    path = f"{_own_directory()}/{token}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(f"cannot open {path}: {error.strerror}") from error
    try:
        ours = _take(descriptor, wait)
        if not ours and wait:
            raise Unavailable(
                f"another task of this host{_holder(descriptor)} has been at {what} for more than {wait:g} s; see what it waits for, end "
                "it if it is stuck, then run the task again"
            )
        yield ours
    finally:
        os.close(descriptor)


def _own_directory() -> str:
    """Return the directory of the locks, made where it is missing.

    :raises Unavailable: somebody else made it, or can enter it.
    """
    uid = os.geteuid()
    path = directory_of(uid)
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
        status = os.lstat(path)
    except OSError as error:
        raise Unavailable(f"cannot create {path}: {error.strerror}") from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != uid or status.st_mode & 0o077:
        raise Unavailable(
            f"{path}, in which tasks lock, is not a directory that only user {uid} can enter; find out who created it and remove it"
        )
    return path


def _take(descriptor: int, wait: float) -> bool:
    until = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with contextlib.suppress(OSError):
                # only for who waits: a full disk is no reason not to work
                os.pwrite(descriptor, f"{os.getpid():<10} {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}".encode("ascii"), 0)
            return True
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
        time.sleep(_PAUSE)


def _holder(descriptor: int) -> str:
    """Return who has the lock, as a clause of a sentence."""
    process, _space, since = os.pread(descriptor, 64, 0).decode("ascii", "replace").partition(" ")
    return f" (process {process}, since {since.strip()})" if process.isdecimal() and since.strip() else ""
