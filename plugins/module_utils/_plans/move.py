# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans that move a volume to another share (pure)."""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import SECTOR, round_up
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan, nothing_to_do
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.checks import (
    record_of,
    refuse_attached_elsewhere,
    refuse_problems,
    running_disk_of,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.move import ReceiveVolume, RemoveSourceFiles, WithdrawVolume
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.move_live import (
    CopyFrozenFiles,
    RedefineMovedDomains,
    SwitchToTarget,
    WriteMovedInfo,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import record_file
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume, absent
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import Identity


def is_there(old: Volume, new: Volume) -> bool:
    """Tell whether a volume is on the new share and not on the old one.

    :raises Refused: it is on neither, or on both, or cannot be moved as it is.
    """
    if old.unfinished or new.unfinished:
        return False
    if new.exists or new.problems:
        if old.exists:
            raise Refused(
                f"{new.name} is on {old.share} and on {new.share}, and no unfinished move connects them; "
                "remove the one that is not needed, or move under another name by a copy"
            )
        refuse_problems(new)
        return True
    check_movable(old)
    return False


def check_movable(old: Volume) -> None:
    """See that a volume can be moved.

    :raises Refused: it is not there, not sound, not adopted, or in use.
    """
    if not old.exists and not old.problems:
        raise Refused(f"{old.label} does not exist, so it cannot be moved")
    refuse_problems(old)
    record_of(old, "moved")
    running_disk_of(old, "moved")
    refuse_attached_elsewhere(old, "moved")
    if old.strays:
        raise Refused(f"{old.strays[0]} is a stray file beside {old.label}; inspect it and move it away first")


def plan_move(old: Volume, new: Volume, identities: Sequence[Identity], token: str) -> tuple[Plan, ...]:
    """Return the plans for a volume on its old share and on its new one; they are applied as one unit.

    :param identities: the files of the chain on the old share, the active one first.
    :param token: for the temporary names of the copies.
    """
    if is_there(old, new):
        return nothing_to_do(old), nothing_to_do(new)
    files = tuple(entry.file for entry in old.chain.files)
    active = old.chain.files[0]
    domains = tuple(disk.domain for disk in old.disks if disk.stored is not None)
    elsewhere = (RedefineMovedDomains(files[0], str(active.format), new.share, domains),) if domains else ()
    info = {"active": old.info.active, "snapshots": dict(old.info.snapshots)} if old.info else None
    record = record_file.to_json(record_of(old, "moved"))
    moved = replace(old, share=new.share, mount_point=new.mount_point, leftovers=(), disks=())
    gone = absent(old.name, old.share, old.mount_point)
    if old.running_disks:
        size = round_up(active.virtual_size or 0, SECTOR)
        copied = CopyFrozenFiles(files, old.share, new.share, token, record)
        switch = SwitchToTarget(files, str(active.format), active.backing_format, size, old.share, new.share)
        return (
            Plan(old, gone, (switch, *elsewhere, RemoveSourceFiles(files, old.share, new.share)), journaled=True),
            Plan(new, moved, (copied, WriteMovedInfo(files[0], info)), journaled=True),
        )
    away = WithdrawVolume(
        files,
        tuple(seen.inode for seen in identities),
        tuple(seen.size for seen in identities),
        tuple(seen.modified_ns for seen in identities),
        new.share,
        token,
    )
    receive = ReceiveVolume(files, old.share, new.share, token, record, info)
    # the first step on the old share decides, and its last comes last
    return (
        Plan(old, gone, (away, *elsewhere, RemoveSourceFiles(files, old.share, new.share)), journaled=True),
        Plan(new, moved, (receive,), journaled=True),
    )
