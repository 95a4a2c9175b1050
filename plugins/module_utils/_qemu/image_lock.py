# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU's own locks on an image file, looked at and taken without QEMU.

QEMU says what it does with an image by open file description locks on single bytes: byte 100 + N held means that it
uses permission N (0 consistent read, 1 write, 2 write unchanged, 3 resize), byte 200 + N that it does not let others use
it (block/file-posix.c). GlusterFS carries these locks between hosts. Taking the same locks keeps QEMU, on any host, from
opening a file that is being changed here, and keeps this collection from changing a file that is being read.

Byte 300 is this collection's own: a task that reads a frozen file holds it, so that it can be told from the machine that has
the file open too.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import time
from typing import Callable, Iterator, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.files import close_quietly, explain, fresh

# not in the fcntl module of Python 3.8; the values are the kernel's (fcntl.h)
_F_OFD_GETLK, _F_OFD_SETLK = 36, 37
_FLOCK = "hhqqi4x"

_USED, _DENIED, _OURS = 100, 200, 300
_READ, _WRITE, _WRITE_UNCHANGED, _RESIZE = 0, 1, 2, 3
_PERMISSIONS = (_READ, _WRITE, _WRITE_UNCHANGED, _RESIZE)
_RANGE = 64

_PASSING = (0.05, 0.05, 0.05)
"""Seconds to wait between looks for a passing C(qemu-img info) to end."""

_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.75, 0.75, 0.75)
"""Seconds to wait between looks whether a lock that stands in the way was only just let go.

The FUSE client tells the brick after the close has returned; where all hosts were busy, that was seen to come a second later.
"""


def is_open_in_qemu(path: str, patient: bool = True) -> bool:
    """Tell whether any QEMU program on any host has an image open now.

    :param patient: wait out a passing C(qemu-img info), for up to 0.15 s.
    """
    return _locked_throughout(path, _PASSING if patient else ())


def stays_open_in_qemu(path: str) -> bool:
    """Tell whether an image is open now and goes on being so for some seconds: for who would refuse because of that."""
    return _locked_throughout(path, _PAUSES)


def _locked_throughout(path: str, pauses: Sequence[float]) -> bool:
    for pause in (None, *pauses):
        if pause is not None:
            time.sleep(pause)
        if not _locked_now(path):
            return False
    return True


def _locked_now(path: str) -> bool:
    # one call for both rows of bytes: QEMU locks nothing between them, and each call is a round trip to the brick
    return _on_file(path, lambda descriptor: _taken(descriptor, _USED, _DENIED - _USED + _RANGE))


def _on_file(path: str, question: Callable[[int], bool]) -> bool:
    def look() -> bool:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return question(descriptor)
        finally:
            os.close(descriptor)

    try:
        # another host may remove the file while it is looked at, or replace it: then it is there, and somebody may have it open
        return fresh(look, path, listed=True)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise explain(error, path, "look at the image lock of") from error


def is_written_in_qemu(path: str) -> bool:
    """Tell whether a QEMU program on any host has an image open for writing: a running machine, and no reader of it."""
    return _on_file(path, lambda descriptor: _taken(descriptor, _USED + _WRITE, 1))


def is_being_read(path: str) -> bool:
    """Tell whether a task of this collection, on any host, is reading a frozen image: for an export, say."""
    return _on_file(path, lambda descriptor: _taken(descriptor, _OURS, 1))


def _taken(descriptor: int, start: int, length: int) -> bool:
    """Tell whether somebody else holds any lock on these bytes."""
    tested = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, start, length, 0)
    found: int = struct.unpack(_FLOCK, fcntl.fcntl(descriptor, _F_OFD_GETLK, tested))[0]
    return found != fcntl.F_UNLCK


def _take(descriptor: int, start: int, length: int) -> None:
    fcntl.fcntl(descriptor, _F_OFD_SETLK, struct.pack(_FLOCK, fcntl.F_RDLCK, os.SEEK_SET, start, length, 0))


def _rows(bits: Sequence[int]) -> list[tuple[int, int]]:
    """Return permissions as first and number of neighbours: a row of bytes is one call, and each call a round trip to the brick."""
    rows: list[tuple[int, int]] = []
    for bit in sorted(bits):
        if rows and sum(rows[-1]) == bit:
            rows[-1] = (rows[-1][0], rows[-1][1] + 1)
        else:
            rows.append((bit, 1))
    return rows


def _hold(path: str, uses: Sequence[int], denies: Sequence[int], access: int = os.O_RDONLY) -> int:
    """Take the locks of a user of an image as QEMU would and return the descriptor that holds them.

    :raises Refused: another program uses what is denied, or denies what is used, and goes on doing so for some seconds.
    """
    pauses = iter(_PAUSES)
    while True:
        try:
            # another host may have replaced the file a moment ago: what the old name opens cannot be locked, or it is said not to be there
            return fresh(lambda: _try_to_hold(path, uses, denies, access), path, listed=True)
        except Refused:
            pause = next(pauses, None)
            if pause is None:
                raise
            time.sleep(pause)
        except OSError as error:
            raise explain(error, path, "lock") from error


def _try_to_hold(path: str, uses: Sequence[int], denies: Sequence[int], access: int) -> int:
    descriptor = os.open(path, access | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for bit, count in _rows(uses):
            _take(descriptor, _USED + bit, count)
        for bit, count in _rows(denies):
            _take(descriptor, _DENIED + bit, count)
        if any(_taken(descriptor, _DENIED + bit, count) for bit, count in _rows(uses)) or any(
            _taken(descriptor, _USED + bit, count) for bit, count in _rows(denies)
        ):
            raise Refused(
                f"{path} is in use: a running VM or a qemu-img, here or on another host, holds its image lock; wait until it ends, then "
                "run the task again"
            )
    except BaseException as error:
        close_quietly(descriptor)
        if isinstance(error, OSError) and error.errno in (errno.EAGAIN, errno.EACCES):
            raise Refused(f"{path} is in use: its image lock is held elsewhere; run the task again later") from error
        raise
    return descriptor


@contextlib.contextmanager
def changing(*paths: str) -> Iterator[None]:
    """Keep every QEMU on every host from opening these images while they are changed without QEMU."""
    with contextlib.ExitStack() as held:
        for path in paths:
            held.callback(close_quietly, _hold(path, uses=_PERMISSIONS, denies=_PERMISSIONS))
        yield


@contextlib.contextmanager
def written(path: str) -> Iterator[int]:
    """Keep every QEMU on every host from opening an image and give a descriptor to write it by.

    The locks are that descriptor's own: a client that has lost them refuses to write by it (client.strict-locks).
    """
    descriptor = _hold(path, uses=_PERMISSIONS, denies=_PERMISSIONS, access=os.O_RDWR)
    try:
        yield descriptor
    finally:
        close_quietly(descriptor)


@contextlib.contextmanager
def reading(*paths: str) -> Iterator[None]:
    """Keep these images from being written, resized or merged into while they are read; others may read them too."""
    with contextlib.ExitStack() as held:
        for path in paths:
            descriptor = _hold(path, uses=(_READ,), denies=(_WRITE, _RESIZE))
            held.callback(close_quietly, descriptor)
            _take(descriptor, _OURS, 1)
        yield
