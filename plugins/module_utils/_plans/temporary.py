# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for the snapshots that hold one instant of a running volume while it is read (pure).

Such a snapshot is an ordinary one with an ordinary journal, and says in the record that it is temporary. Who reads the instant
holds a lock on the frozen file that nobody else takes; a temporary snapshot without it was left by a killed task.
"""

from __future__ import annotations

import itertools

from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.checks import refuse_zeroing, running_disk_of
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import AUTO, plan_absent, plan_present
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import SnapshotNote, utc_now


def plan_temporary(volume: Volume, why: str, quiesce: str = AUTO) -> Plan:
    """Return the plan that freezes a volume for a moment.

    :param why: what it is read for, in a word.
    :raises Refused: the volume cannot have a snapshot now.
    """
    disk = running_disk_of(volume, "frozen for a moment")
    if disk is not None:
        refuse_zeroing(volume, disk)
    taken = set(volume.chain.snapshots)
    names = (f"vdisk-{why}" if number == 1 else f"vdisk-{why}-{number}" for number in itertools.count(1))
    name = next(name for name in names if name not in taken and f"{volume.name}.{name}" not in volume.facts)
    note = SnapshotNote(utc_now(), "vdisk.gluster", f"temporary, for {why}", temporary=True)
    return plan_present([volume], name, note, quiesce)[0]


def plan_merged_back(taken: Plan, volume: Volume) -> Plan:
    """Return the plan that deletes the snapshot that a plan took."""
    return plan_absent(volume, sorted(set(taken.after.chain.snapshots) - set(taken.before.chain.snapshots)))
