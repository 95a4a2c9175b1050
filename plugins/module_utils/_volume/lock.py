# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lock a volume, held across hosts through the share; and locks within this host.

flock and open file description locks exclude one another between FUSE mounts of a GlusterFS volume and are free 10 ms
after their holder is killed; the file that is locked stays empty and is never removed, so that all lock the same inode. Who
holds it stands in an extended attribute of it, which other mounts see at once.

A holder can lose the lock and not be told: its host was cut off or stood still until the servers gave it up, or they were
restarted in turn. So it looks again before whatever could do harm.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import time
import uuid
from typing import Callable, Container, Iterable, Iterator

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import LostLock, Refused, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.files import close_quietly, explain, open_to_lock
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout

_PAUSE = 0.05
_HOLDER = "user.vdisk.holder"
_SEEN_HOLDS = 1.0
"""Seconds for which a look at the holder holds good: no server gives up a client that soon."""
_LOST_ERRORS = (errno.EBADF, errno.EBADFD, errno.ENOENT, errno.ESTALE, errno.ENODATA)
"""What the FUSE client says of a descriptor whose lock it has lost (client.strict-locks), and a share whose lock file was taken away."""


class HeldLock:
    """The lock of a volume as its holder has it."""

    def __init__(self, descriptor: int, volume: str, clock: Callable[[], float]) -> None:
        """Say on the share who holds it; C(descriptor) holds the lock."""
        self._descriptor = descriptor
        self.volume = volume
        self._clock = clock
        self._signed = _sign(descriptor)
        self._seen = clock()

    def check(self, now: bool = False) -> None:
        """See that nobody else has taken the lock since; C(now) does not go by a look of the last second.

        :raises LostLock: somebody has, or the lock is gone.
        :raises VdiskError: the share does not answer.
        """
        if self._signed is None or not now and self._clock() - self._seen < _SEEN_HOLDS:
            return
        try:
            ours = os.getxattr(self._descriptor, _HOLDER) == self._signed
        except OSError as error:
            if error.errno not in _LOST_ERRORS:
                raise explain(error, f"the lock of {self.volume}", "look at") from error
            ours = False
        if not ours:
            raise LostLock(
                f"the lock of {self.volume} was lost, for example because this host was cut off from the share, and another task may "
                "have changed it since; "
                "this task stops here, run it again"
            )
        self._seen = self._clock()


def locks_of(volumes: Container[str], locks: Iterable[HeldLock]) -> list[HeldLock]:
    """Return the locks of some volumes, those of a name that is on two shares in both: of a long list each looks at its own only."""
    return [lock for lock in locks if lock.volume in volumes]


@contextlib.contextmanager
def volume_lock(
    root: str, volume: str, timeout: float, create: bool = True, clock: Callable[[], float] = time.monotonic
) -> Iterator[HeldLock | None]:
    """Hold the lock of a volume and give it, or None where there is nothing to lock.

    After it was taken, the share has to be listed and every file opened anew.

    :param root: the share's mount point.
    :param timeout: seconds to wait for another holder.
    :param create: make the file to lock where it is missing; without it a missing one counts as free.
    :raises Unavailable: another task held it all the time.
    :raises Refused: the directory of the locks is a symbolic link: what this collection writes there would land elsewhere.
    """
    path = f"{root}/{layout.lock(volume)}"
    if os.path.islink(os.path.dirname(path)):
        raise Refused(
            f"{os.path.dirname(path)} is a symbolic link, not the directory of this collection; find out who created it and move it away"
        )
    try:
        descriptor = open_to_lock(path, create)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        raise explain(error, path, "open") from error
    try:
        _take(descriptor, volume, timeout, clock)
        yield HeldLock(descriptor, volume, clock)
    finally:
        close_quietly(descriptor)


def _take(descriptor: int, volume: str, timeout: float, clock: Callable[[], float]) -> None:
    until = clock() + timeout
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if clock() >= until:
                raise Unavailable(
                    f"{volume} is being changed by another task{_holder(descriptor)}, and this one has waited {timeout:g} s for it; "
                    "wait until it ends, then run this task again, or set a longer lock_timeout"
                ) from None
            time.sleep(_PAUSE)
        except OSError as error:
            raise explain(error, f"the lock of {volume}", "take") from error


def _sign(descriptor: int) -> bytes | None:
    """Say who holds the lock, for others who wait and for the holder itself; None where the share has no extended attributes of users."""
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    holder = {"host": socket.gethostname(), "pid": os.getpid(), "since": since, "token": uuid.uuid4().hex}
    content = json.dumps(holder).encode("utf-8")
    try:
        os.setxattr(descriptor, _HOLDER, content)
    except OSError:
        # on a full share say: at least nobody else who has lost the lock may find his own name
        with contextlib.suppress(OSError):
            os.removexattr(descriptor, _HOLDER)
        return None
    return content


def _holder(descriptor: int) -> str:
    """Return who holds the lock, as a clause of a sentence."""
    try:
        content = json.loads(os.getxattr(descriptor, _HOLDER).decode("utf-8"))
        host, process, since = content["host"], int(content["pid"]), content["since"]
        # anybody who can write to the share can write it
        if layout.is_label(host) and layout.is_label(since):
            return f" (on host {host}, process {process}, since {since})"
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        pass
    return ", here or on another host"
