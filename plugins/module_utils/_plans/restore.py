# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan that makes a volume read as an archive (pure): what it holds now stays as a snapshot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import SECTOR, round_up
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan, redefine_domains
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.checks import (
    record_of,
    refuse_attached_elsewhere,
    refuse_in_use,
    refuse_problems,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import free_overlay, with_chain
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.overlay import WriteInfo, WriteRecord
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.restore import FillOverlay
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import record_file
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.backing_chain import ChainFile
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import SnapshotNote


def plan_restored(volume: Volume, snapshot: str, note: SnapshotNote, source: str, label: str, size: int, origin: Mapping[str, Any]) -> Plan:
    """Return the plan that puts restored content on top of a volume.

    :param snapshot: name under which what it holds now stays.
    :param source: raw file that holds the content, at least as large as the volume.
    :param label: what that is in a sentence.
    :param size: bytes of the content; the volume gets no smaller.
    :raises Refused: the volume is in use, not sound, not of this collection, or has a snapshot of that name.
    """
    if not volume.exists and not volume.problems:
        raise Refused(f"{volume.label} does not exist any more; run the task again")
    refuse_problems(volume)
    old = record_of(volume, "restored")
    refuse_in_use(volume, "restored")
    refuse_attached_elsewhere(volume, "restored")
    if volume.snapshot(snapshot) is not None:
        raise Refused(
            f"{volume.label} has a snapshot {snapshot} already, of its content before another restore; delete that, or name another one"
        )
    active = volume.active
    size = round_up(max(size, active.virtual_size or 0), SECTOR)
    file = free_overlay(volume, snapshot)
    snapshots = {**volume.chain.snapshots, snapshot: file}
    record = replace(old, virtual_size=max(size, old.virtual_size), snapshots={**old.snapshots, snapshot: note}, origin=origin)
    after = with_chain(volume, (ChainFile(file, "qcow2", active.file, active.format, size, size), *volume.chain.files), snapshots, record)
    names = [entry.file for entry in after.chain.files]
    steps = (
        FillOverlay(file, active.file, str(active.format), size, source, label, tuple(names[1:])),
        WriteInfo(file, snapshots),
        WriteRecord(record_file.to_json(record)),
        *redefine_domains(volume, file, "qcow2", names),
    )
    return Plan(volume, after, steps, journaled=True)
