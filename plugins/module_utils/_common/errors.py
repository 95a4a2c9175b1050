# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of this collection: each message is a sentence that a person can act on."""

from __future__ import annotations

from typing import Any, Sequence


class VdiskError(Exception):
    """Something went wrong; C(details) are result keys that the failing task returns beside its message."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class BadInput(VdiskError):
    """An option cannot be meant as it was written; nothing was looked at yet."""


class Refused(VdiskError):
    """What is wanted would not be safe, or is not known to be safe, in the state that was found."""


class Abandoned(Refused):
    """The first step of a journaled plan finds that the plan does not fit any more, and has done nothing; the message is a clause."""


class LostLock(VdiskError):
    """The lock of a volume was lost while it was held, and another task may have it now: nothing more is written."""


class Damaged(VdiskError):
    """A file does not hold what its place in the layout demands."""


class Incomplete(VdiskError):
    """A part of a distributed share does not answer, so that files on it cannot be told from files that are not there."""


class DeadMount(VdiskError):
    """The FUSE client behind a mount point does not answer any more (ENOTCONN)."""


class Unavailable(VdiskError):
    """Something this host needs (a program, a share, a lock) cannot be had now."""


class CommandFailed(VdiskError):
    """A program failed; the exact command, exit status and standard error are in the details."""

    def __init__(self, message: str, argv: Sequence[str], returncode: int | None, stderr: str) -> None:
        super().__init__(message, cmd=list(argv), rc=returncode, stderr=stderr)
