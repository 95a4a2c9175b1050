# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private directory for a file on its way to or from an image service, gone in the end, also after a kill: by the next run."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from typing import Iterator

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused, Unavailable

FILE = "image"


def scratch_path(scratch_dir: str, work: str) -> str:
    """Return the directory for some work: always the same one, so that the next run takes away what a killed one left."""
    digest = hashlib.sha256(work.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return os.path.join(os.path.realpath(scratch_dir), f"vdisk-gluster-{digest}")


@contextlib.contextmanager
def scratch_directory(directory: str) -> Iterator[str]:
    """Give the path of a file in the directory, which is made empty and removed in the end; whoever asks is alone at its work.

    :raises Refused: somebody else has made it.
    :raises Unavailable: it cannot be made.
    """
    _remove_private(directory)
    try:
        os.mkdir(directory, 0o700)
    except OSError as error:
        raise Unavailable(f"scratch_dir: {directory} could not be created: {error.strerror}; choose another directory") from error
    try:
        yield os.path.join(directory, FILE)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def clear(directory: str) -> None:
    """Take away what a killed task left, where the work is not done again; whoever asks is alone at its work.

    :raises Refused: it is not this task's own.
    """
    _remove_private(directory)


def _remove_private(directory: str) -> None:
    """Remove what a killed task left; anybody may have made something of that name in a directory for all."""
    try:
        status = os.lstat(directory)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise Refused(f"scratch_dir: {directory} exists and does not belong to this task; remove it, or choose another directory")
    shutil.rmtree(directory)
