# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shares as they were found, and as the objects that results show of them."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import Any

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files, fstab, fuse_client, mounts
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share, capacity, is_mounted_from

_FSTAB_LIMIT = 1 << 20


UNKNOWN = {"supports_zero_range": None, "owner": None, "group": None, "mode": None, "fstab_entry": None}
"""What a share object of this module has beyond those of others, where it is not known."""


@dataclass(frozen=True)
class ShareState:
    """One share as it was found: mounted or not, in which way it does not answer, its fstab entry, its root's owner, group and mode."""

    mounted: bool
    trouble: str | None = None
    entry: fstab.FstabEntry | None = None
    root: tuple[int, int, int] | None = None


def read_state(share: Share, fstab_path: str) -> ShareState:
    """Return a share as it is now.

    :raises Refused: something else is mounted at its mount point.
    """
    found = mounts.mount_at(mounts.read_mount_table(), share.mount_point)
    entry = fstab.find(read_fstab(fstab_path), share.mount_point)
    if found is None:
        return ShareState(False, entry=entry)
    if not is_mounted_from(found, share.name):
        raise Refused(
            f"{found.source} ({found.fs_type}) is mounted at {share.mount_point}, the mount point of {share.name}; unmount it or choose "
            "another mount_point_base"
        )
    trouble = mounts.trouble_of(share.mount_point, share.response_timeout)
    if trouble is not None:
        return ShareState(True, trouble, entry)
    with files.explained(share.mount_point, "look at"):
        status = os.stat(share.mount_point)
    return ShareState(True, entry=entry, root=(status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)))


def read_fstab(path: str) -> str:
    """Return the text of an fstab file; none where it is missing."""
    content = files.read_text_file(os.path.realpath(path), _FSTAB_LIMIT)
    return "" if content is None else content.decode("utf-8", "surrogateescape")


def state_object(share: Share, state: ShareState, proven: bool | None) -> dict[str, Any]:
    """Return the C(share) object of a share as it was read; C(proven) where writing to it was tried."""
    if not state.mounted or state.trouble:
        return {**share_object(share, mounted=state.mounted), **at_boot(state.entry)}
    space = capacity(share)
    writable = proven if proven is not None else is_writable(share)
    return {**share_object(share, True, writable, space.total, space.available), **owned(state.root), **at_boot(state.entry)}


def owned(root: tuple[int, int, int] | None) -> dict[str, Any]:
    """Return what a share object says of the root directory."""
    return {"owner": root[0], "group": root[1], "mode": f"{root[2]:04o}"} if root else {}


def at_boot(entry: fstab.FstabEntry | None) -> dict[str, Any]:
    """Return what a share object says of the entry in fstab."""
    return {"fstab_entry": entry.line() if entry else None}


def is_writable(share: Share) -> bool:
    """Tell whether the share is mounted for writing and its root may be written, without trying it."""
    with files.explained(share.mount_point, "look at"):
        return os.access(share.mount_point, os.W_OK) and not os.statvfs(share.mount_point).f_flag & os.ST_RDONLY


def share_object(
    share: Share, mounted: bool, writable: bool | None = None, total: int | None = None, available: int | None = None
) -> dict[str, Any]:
    """Return the C(share) object of results."""
    return {
        "share": share.name,
        "mount_point": share.mount_point,
        "options": share.options,
        "mounted": mounted,
        "writable": writable,
        "total_bytes": total,
        "available_bytes": available,
        "event_threads": fuse_client.event_threads(share.mount_point) if mounted else None,
    }
