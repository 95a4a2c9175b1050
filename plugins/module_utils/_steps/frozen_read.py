# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what must not change: files are held while they are copied, and looked at again when the copy is there."""

from __future__ import annotations

import contextlib
import os
from typing import Iterable, Iterator

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import image_lock
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import Identity

_CLUSTER = 1 << 16


@contextlib.contextmanager
def hold_readable(paths: Iterable[str]) -> Iterator[None]:
    """Keep the files of a frozen chain from being written, resized or merged into, on every host, and read them from the share.

    Whoever holds them needs no lock of the volume: other tasks on it go on, and refuse what would touch these files.

    :raises Refused: one of them is in use by somebody who writes to it.
    """
    paths = tuple(paths)
    with image_lock.reading(*paths):
        for path in paths:
            files.drop_cached_file(path)
        yield


def identity(path: str, private: bool = True) -> Identity:
    """Return what tells a file from its later self.

    :param private: nobody has a reason to change its owner or mode meanwhile.
    """

    def look() -> os.stat_result:
        # by opening it: after a listing that is fresh, where a status alone may be a second old
        with files.reading(path) as descriptor:
            return os.fstat(descriptor)

    try:
        os.listdir(os.path.dirname(path))
        status = files.fresh(look, path)
    except OSError as error:
        raise files.explain(error, path, "look at") from error
    return Identity(path, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns if private else None)


def check_unchanged(identities: Iterable[Identity], label: str) -> None:
    """See that files are as they were when they were looked at first.

    A lock that was lost, or a program that asks for none, would else make a copy that mixes two points in time.

    :raises Refused: one of them was written to, or is another file now.
    """
    for before in identities:
        try:
            now = identity(before.path, before.changed_ns is not None)
        except Unavailable:
            now = None
        if now != before:
            raise Refused(
                f"{label} was changed while it was read, so there is no copy of it; find out what writes to it, then run the task again"
            )


def space_needed(qemu_img: QemuImg, path: str, image_format: str, virtual_size: int, available: int) -> int:
    """Return the bytes that a sparse copy takes at most; measured only where the whole size does not fit anyway."""
    # the tables of a qcow2 image take 2 bytes of 64 KiB for counts and 8 for places, and a few clusters
    most = virtual_size + virtual_size // _CLUSTER * 16 + 16 * _CLUSTER
    return most if most <= available else qemu_img.measure(path, image_format, "qcow2")
