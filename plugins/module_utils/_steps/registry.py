# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps as the journal keeps them: JSON objects that any later run, on any host, can carry on."""

from __future__ import annotations

from dataclasses import MISSING, asdict, fields
from typing import Any, Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step


def to_json(step: Step) -> dict[str, Any]:
    """Return a step as the journal keeps it."""
    name = next(name for name, kind in _journaled().items() if isinstance(step, kind))
    return {"step": name, **asdict(step)}


def from_json(entries: Mapping[str, Any]) -> Step:
    """Return the step that the journal kept.

    :raises Damaged: this release knows no such step.
    """
    kind = _journaled().get(str(entries.get("step")))
    names = set(entries) - {"step"}
    known = {field.name: field.default is MISSING for field in fields(kind)} if kind else {}
    if kind is None or names - set(known) or {name for name, needed in known.items() if needed} - names:
        raise Damaged(f"the journal has a step that this release does not know: {entries.get('step')!r}")
    return kind(**{name: tuple(entries[name]) if isinstance(entries[name], list) else entries[name] for name in names})


def _journaled() -> dict[str, type[Step]]:
    """Return the kinds of steps that a journal may hold by their names; loaded for who finds a journal, which few tasks do."""
    from ansible_collections.vdisk.gluster.plugins.module_utils._steps.domain import FreezeGuest, RedefineDomains, SwitchDomain, ThawGuest
    from ansible_collections.vdisk.gluster.plugins.module_utils._steps.merge import Commit, Pull
    from ansible_collections.vdisk.gluster.plugins.module_utils._steps.move import ReceiveVolume, RemoveSourceFiles, WithdrawVolume
    from ansible_collections.vdisk.gluster.plugins.module_utils._steps.move_live import (
        CopyFrozenFiles,
        RedefineMovedDomains,
        SwitchToTarget,
        WriteMovedInfo,
    )
    from ansible_collections.vdisk.gluster.plugins.module_utils._steps.overlay import (
        CreateOverlay,
        RebaseOverlay,
        RemoveMerged,
        ReplaceOverlay,
        WriteInfo,
        WriteRecord,
    )
    from ansible_collections.vdisk.gluster.plugins.module_utils._steps.restore import FillOverlay
    from ansible_collections.vdisk.gluster.plugins.module_utils._steps.volume import RemoveVolume

    return {
        "MakeOverlay": CreateOverlay,
        "FreezeGuest": FreezeGuest,
        "SwitchLive": SwitchDomain,
        "ThawGuest": ThawGuest,
        "WriteInfo": WriteInfo,
        "WriteRecord": WriteRecord,
        "PointMachines": RedefineDomains,
        "Commit": Commit,
        "Pull": Pull,
        "Repoint": RebaseOverlay,
        "RemoveMerged": RemoveMerged,
        "ReplaceOverlay": ReplaceOverlay,
        "FillOverlay": FillOverlay,
        "RemoveVolume": RemoveVolume,
        "TakeAway": WithdrawVolume,
        "TakeOver": ReceiveVolume,
        "RemoveMoved": RemoveSourceFiles,
        "CopyFrozen": CopyFrozenFiles,
        "GoOver": SwitchToTarget,
        "WriteMovedInfo": WriteMovedInfo,
        "PointElsewhere": RedefineMovedDomains,
    }
