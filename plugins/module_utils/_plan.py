# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan: the state now, the state afterwards, and the steps between them, each with its reason (pure)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._place import Step
from ansible_collections.vdisk.gluster.plugins.module_utils._record import Record
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import Volume


@dataclass(frozen=True)
class Plan:
    """What will be done with one volume.

    :param after: the state that check mode predicts; a run reads it anew.
    :param journaled: the steps are on the share before the first is taken, so that any later task can finish them.
    """

    before: Volume
    after: Volume
    steps: tuple[Step, ...] = ()
    journaled: bool = False

    @property
    def touched(self) -> tuple[str, ...]:
        """The files that nobody may be reading meanwhile, each once."""
        return tuple(dict.fromkeys(file for step in self.steps for file in step.touches()))


def side_by_side(plans: Sequence[Plan]) -> list[tuple[Plan, Step]]:
    """Return the steps of plans in the order in which they are taken.

    The volumes of a group go through each kind of step together, so that their instants lie close to one another.
    """
    rows = [[(plan, step) for step in plan.steps] for plan in plans]
    return [pair for pair in itertools.chain.from_iterable(itertools.zip_longest(*rows)) if pair is not None]


def actions_of(plans: Sequence[Plan]) -> list[str]:
    """Return the sentences that say what plans do and why, in order."""
    return [step.describe() for _plan, step in side_by_side(plans) if not step.quiet]


def nothing_to_do(volume: Volume) -> Plan:
    """Return the plan that changes nothing."""
    return Plan(volume, volume)


def refuse_problems(volume: Volume) -> None:
    """Refuse to change a volume that is not sound.

    :raises Refused: it has problems; the message tells the first and how many more there are.
    """
    if volume.problems:
        more = f" (and {len(volume.problems) - 1} more, see gluster_volume_file_info)" if len(volume.problems) > 1 else ""
        raise Refused(f"{volume.label} is not changed, because {volume.problems[0]}{more}")


def record_of(volume: Volume, what: str) -> Record:
    """Return the record of a volume for what needs the format of its base, which is never guessed.

    :param what: what is to be done with the volume, as the end of a sentence.

    :raises Refused: there is no record.
    """
    if volume.record is None:
        raise Refused(
            f"{volume.label} was not made by this collection, so the format of its base is not known and it cannot be {what}; "
            "adopt it first with gluster_volume_file, state present and its format"
        )
    return volume.record


def refuse_in_use(volume: Volume, what: str) -> None:
    """Refuse what needs a volume at rest.

    :raises Refused: its image lock is held.
    """
    if volume.in_use:
        raise Refused(
            f"{volume.label} is in use: a running machine or another program, here or on another host, has {volume.active_file} open, "
            f"so it cannot be {what} now; shut it down first"
        )
