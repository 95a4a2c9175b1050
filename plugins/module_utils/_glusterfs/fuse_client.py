# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The FUSE client behind a mount: its process, how many threads serve it, and whether zeroing a range zeroes it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import uuid

from ansible_collections.vdisk.gluster.plugins.module_utils._common.sparse import write_all
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files

ENOUGH_EVENT_THREADS = 8
"""With fewer, several qemu-img at once can wedge the mount (U(https://github.com/gluster/glusterfs/issues/4371))."""

_ZERO_RANGE = 0x10
_PROBE = b"\xa5" * 65536


def client_of(mount_point: str) -> int | None:
    """Return the process of the FUSE client that serves a mount point, or None where it is not seen.

    The one that was started last: a mount that was left lazily lives on, below the same name, for as long as a file of it is open.
    """
    found: list[tuple[int, int]] = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{name}/cmdline", "rb") as stream:
                argv = stream.read().split(b"\0")
            if os.path.basename(argv[0]) == b"glusterfs" and os.fsencode(mount_point) in argv[1:]:
                with open(f"/proc/{name}/stat", "rb") as stream:
                    # field 22 of proc(5), counted from behind the program's name, which may hold anything
                    found.append((int(stream.read().rpartition(b")")[2].split()[19]), int(name)))
    return max(found)[1] if found else None


def event_threads(mount_point: str) -> int | None:
    """Return how many event threads (client.event-threads) the client of a mount point has, or None where that is not seen."""
    process = client_of(mount_point)
    if process is None:
        return None
    count = 0
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{thread}/comm", encoding="ascii", errors="replace") as stream:
                count += stream.read().startswith("glfs_epoll")
    return count or None


def kill_client(mount_point: str) -> None:
    """End a client that hangs, so that it does not come back to a mount point that another serves by then."""
    process = client_of(mount_point)
    if process is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def prove_writable(directory: str) -> bool | None:
    """Prove that a share can be written by making and removing a file, and return whether zeroing a range zeroes it there.

    GlusterFS answers fallocate with FALLOC_FL_ZERO_RANGE by success and leaves the data as they are. None where it refuses, or
    where there is no space to try.
    """
    path = f"{directory}/.~writable.vdisk-{uuid.uuid4().hex}"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            return _zeroes(descriptor)
        finally:
            os.close(descriptor)
            os.unlink(path)
    except OSError as error:
        raise files.explain(error, path, "create") from error


def _zeroes(descriptor: int) -> bool | None:
    try:
        write_all(descriptor, _PROBE, 0)
        os.fsync(descriptor)
        if ctypes.CDLL(None).fallocate(descriptor, _ZERO_RANGE, ctypes.c_int64(0), ctypes.c_int64(len(_PROBE))):
            return None
        return os.pread(descriptor, len(_PROBE), 0) == bytes(len(_PROBE))
    except OSError:
        return None  # a full share is still one that files can be made on
