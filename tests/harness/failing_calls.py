# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls to the operating system that fail: the N-th on files below a directory, alone or with all after it, as where a mount goes away."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Any, Callable, Iterator
from unittest import mock

_BY_PATH = ("open", "stat", "lstat", "listdir", "mkdir", "rename", "link", "unlink", "chown", "chmod", "statvfs")
_BY_DESCRIPTOR = ("fstat", "pread", "write", "pwrite", "ftruncate", "posix_fallocate", "fsync", "fchown", "fchmod")
_CHANGES = {
    "mkdir",
    "rename",
    "link",
    "unlink",
    "chown",
    "chmod",
    "write",
    "pwrite",
    "ftruncate",
    "posix_fallocate",
    "fsync",
    "fchown",
    "fchmod",
}


class Failing:
    """Counts calls, and lets the one at C(at) fail with a number of an error; C(lasting): and every one after it."""

    def __init__(self, root: Path, at: int | None = None, number: int = 0, lasting: bool = False) -> None:
        self._root = f"{root}/"
        self._at = at
        self._number = number
        self._lasting = lasting
        self.calls: list[tuple[str, str]] = []

    @contextlib.contextmanager
    def armed(self) -> Iterator[Failing]:
        """Wrap the calls; what is made durable here is not, which only a power cut would show."""
        with contextlib.ExitStack() as stack:
            for name in (*_BY_PATH, *_BY_DESCRIPTOR):
                stack.enter_context(mock.patch.object(os, name, self._wrapped(name, getattr(os, name))))
            yield self

    def changing(self) -> list[int]:
        """Return the numbers of the calls that would change a file, from 1."""
        return [number for number, (name, _path) in enumerate(self.calls, 1) if name in _CHANGES or name == "open to write"]

    def numbers(self, lasting: bool, every: int = 1) -> Iterator[tuple[int, int]]:
        """Yield which call is to fail, and with what: each change, and one of so many looks, fewer of them where all that follows fails."""
        changing = set(self.changing())
        for at in range(1, len(self.calls) + 1):
            if at in changing or not at % (8 if lasting else every):
                yield at, errno.ENOTCONN if lasting else errno.ENOSPC if at in changing else errno.EIO

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(what: Any = ".", *rest: Any, **named: Any) -> Any:
            path = os.readlink(f"/proc/self/fd/{what}") if isinstance(what, int) else os.fspath(what)
            if f"{path}/".startswith(self._root):
                writes = name == "open" and rest and rest[0] & (os.O_RDWR | os.O_WRONLY | os.O_CREAT)
                self.calls.append(("open to write" if writes else name, path[len(self._root) :]))
                count = len(self.calls)
                if self._at is not None and (count == self._at or self._lasting and count > self._at):
                    raise OSError(self._number, os.strerror(self._number), path)
                if name == "fsync":
                    return None
            return real(what, *rest, **named)

        return call
