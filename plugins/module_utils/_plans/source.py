# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an export, a clone or a backup reads of a volume: the files of one point in time (pure)."""

from __future__ import annotations

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.checks import record_of, refuse_in_use, refuse_problems
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import Source


def source_of(volume: Volume, snapshot: str | None, done: str) -> Source:
    """Return what is to be read of a volume: now, or as it was at a snapshot.

    :param done: what is done with it, as the end of a sentence.
    :raises Refused: there is no such point in time, or it cannot be read safely now.
    """
    if not volume.exists and not volume.problems:
        raise Refused(f"{volume.label} does not exist, so it cannot be {done}")
    refuse_problems(volume)
    record_of(volume, done)
    files = volume.chain.files
    if snapshot is None:
        refuse_in_use(volume, done)
        return Source(volume, None, None, files)
    found = volume.snapshot(snapshot)
    if found is None:
        there = ", ".join(volume.chain.snapshots) or "none"
        raise Refused(f"{volume.label} has no snapshot {snapshot}, so it cannot be {done} (it has: {there})")
    start = next(index for index, entry in enumerate(files) if entry.file == found.point_in_time_file)
    return Source(volume, found.name, found.note.created, files[start:])
