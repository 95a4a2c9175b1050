# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for volumes that are made as copies (pure)."""

from __future__ import annotations

from dataclasses import fields, replace

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import human
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.checks import refuse_problems
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import VolumeRequest, plan_new, plan_present
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.copy import CopyVolume
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.volume import CreateVolume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import CopySource


def request_of_copy(request: VolumeRequest, original: CopySource) -> VolumeRequest:
    """Return what is wanted of a copy: as large as its original, and in its format, where the task says nothing else.

    :raises Refused: it is to be smaller.
    """
    if request.size is not None and request.size < original.virtual_size:
        raise Refused(
            f"size: {original.label} is {human(original.virtual_size)} ({original.virtual_size} bytes) large, and a copy is never "
            f"smaller; give at least that, not {human(request.size)}, or omit size"
        )
    return replace(request, size=request.size or original.virtual_size, format=request.format or original.base_format)


def plan_copy(volume: Volume, request: VolumeRequest, original: CopySource | None) -> Plan:
    """Return the plan that makes a volume be there, as a copy if it is not: an original is only for making it.

    :raises Refused: it went away after it was found, and what it is to be copied from was not opened.
    """
    if volume.chain.files:
        return plan_present(volume, request)
    refuse_problems(volume)
    if original is None:
        raise Refused(f"{volume.label} was removed while this task ran; find out who removed it, then run the task again")
    plan = plan_new(volume, request_of_copy(request, original))
    (blank,) = plan.steps
    step = CopyVolume(**{entry.name: getattr(blank, entry.name) for entry in fields(CreateVolume)}, original=original)
    return replace(plan, after=replace(plan.after, record=step.record()), steps=(step,))
