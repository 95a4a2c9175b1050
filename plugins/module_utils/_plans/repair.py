# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mending a volume (pure): what is certain is mended, the rest is refused by name."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.backing_chain import FileFacts
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume, reassembled


def refuse_beyond_repair(volume: Volume, but: tuple[str, ...] = ()) -> None:
    """Refuse to change a volume with problems that no header with other names would solve.

    :param but: problems that something else solves.
    :raises Refused: it has such problems; the message names all of them.
    """
    repairable = {defect.problem for defect in volume.chain.repairs}
    rest = [problem for problem in volume.problems if problem not in repairable and problem not in but]
    if rest:
        raise Refused(f"{volume.label} is not changed, because {'; '.join(rest)}")


def repaired(volume: Volume) -> tuple[list[Step], Volume]:
    """Return the steps that mend a volume, and the volume then.

    :raises Refused: something is wrong with it that can only be guessed at.
    """
    from ansible_collections.vdisk.gluster.plugins.module_utils._steps.repair import RemoveStray, RepairHeader

    steps: list[Step] = []
    strays = tuple(file for file in volume.facts if file not in {entry.file for entry in volume.chain.files})
    if volume.info is not None:
        strays = tuple(file for file in strays if file not in volume.info.snapshots.values())
    after = volume
    for file in strays:
        found = volume.facts[file]
        if not _is_empty_overlay(found, volume):
            raise Refused(
                f"{file} on {volume.share} is referenced by nothing, and it is not an empty overlay of {volume.name}, so it may hold data; "
                "inspect it and move it away"
            )
        steps.append(RemoveStray(file))
        after = reassembled(after, facts={name: seen for name, seen in after.facts.items() if name != file})
    refuse_beyond_repair(after)
    headers = {defect.file: (defect.backing_file, defect.backing_format) for defect in after.chain.repairs}
    facts = dict(after.facts)
    repairs: list[Step] = []
    for file, (backing_file, backing_format) in headers.items():
        if backing_format is None:
            raise Refused(f"the format of {backing_file} below {file} on {volume.share} is unknown; give the format of the volume")
        repairs.append(RepairHeader(file, backing_file, backing_format))
        header = facts[file].header
        if header is not None:
            facts[file] = replace(facts[file], header=replace(header, backing_file=backing_file, backing_format=backing_format))
    # headers first: what lies below them is only then found by name
    return [*repairs, *steps], replace(reassembled(after, facts=facts), leftovers=(), strays=())


def _is_empty_overlay(facts: FileFacts, volume: Volume) -> bool:
    header = facts.header
    below = (header.backing_file or "").rpartition("/")[2] if header else ""
    return facts.kind == "file" and facts.empty is True and any(entry.file == below for entry in volume.chain.files)
