# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan: the state now, the state afterwards, and the steps between them, each with its reason (pure)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.domain import RedefineDomains
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume


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
    def modified_files(self) -> tuple[str, ...]:
        """The files that nobody may be reading meanwhile, each once; a domain of this host that reads them is part of the plan."""
        if self.before.running_disks:
            return ()
        return self._modified_files

    @property
    def modified_live(self) -> tuple[str, ...]:
        """The files that a running domain merges or lets go of, and that no task may be reading meanwhile."""
        return self._modified_files if self.before.running_disks else ()

    @property
    def _modified_files(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(file for step in self.steps for file in step.modified_files()))


def interleaved(plans: Sequence[Plan]) -> list[tuple[Plan, Step]]:
    """Return the steps of plans in the order in which they are taken.

    The volumes of a group go through each kind of step together, so that their instants lie close to one another.
    """
    rows = [[(plan, step) for step in plan.steps] for plan in plans]
    pairs = [pair for pair in itertools.chain.from_iterable(itertools.zip_longest(*rows)) if pair is not None]
    return sorted(pairs, key=lambda pair: pair[1].stage)


def actions_of(plans: Sequence[Plan]) -> list[str]:
    """Return the sentences that say what plans do and why, in order."""
    return [step.describe() for _plan, step in interleaved(plans) if not step.internal]


def nothing_to_do(volume: Volume) -> Plan:
    """Return the plan that changes nothing of a volume; definitions of domains that name other files of it are brought up to it."""
    if not volume.exists or volume.problems or not volume.chain.files:
        return Plan(volume, volume)
    names = [entry.file for entry in volume.chain.files]
    return Plan(volume, volume, redefine_domains(volume, volume.active_file, volume.active.format, names))


def redefine_domains(volume: Volume, active: str, image_format: str | None, names: Sequence[str]) -> tuple[Step, ...]:
    """Return the step that lets the definitions of domains follow a volume, where they would not start on it.

    :param names: the files of the chain then, the active one first.
    """
    stale = [disk for disk in volume.disks if disk.stored is not None and not disk.stored.fits(names, image_format)]
    if not stale or image_format is None:
        return ()
    host = volume.host.name if volume.host is not None else None
    return (RedefineDomains(active, image_format, tuple(disk.domain for disk in stale), host),)
