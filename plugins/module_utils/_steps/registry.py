# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps as the journal keeps them: JSON objects that any later run, on any host, can carry on.

The names of steps and of their fields are part of the format on disk (docs/on-disk-format.md). They do not follow the names of classes:
a class is renamed in C(STEPS) too, and no unfinished journal notices. A field is never renamed; a new one has a default.
"""

from __future__ import annotations

from dataclasses import MISSING, asdict, fields
from typing import Any, Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step

STEPS: Mapping[str, str] = {
    "create-overlay": "CreateOverlay",
    "freeze-guest": "FreezeGuest",
    "switch-domain": "SwitchDomain",
    "thaw-guest": "ThawGuest",
    "write-info": "WriteInfo",
    "write-record": "WriteRecord",
    "redefine-domains": "RedefineDomains",
    "commit": "Commit",
    "pull": "Pull",
    "rebase": "RebaseOverlay",
    "remove-merged": "RemoveMerged",
    "replace-overlay": "ReplaceOverlay",
    "fill-overlay": "FillOverlay",
    "remove-volume": "RemoveVolume",
    "withdraw-volume": "WithdrawVolume",
    "receive-volume": "ReceiveVolume",
    "remove-source-files": "RemoveSourceFiles",
    "copy-frozen-files": "CopyFrozenFiles",
    "switch-to-target": "SwitchToTarget",
    "write-moved-info": "WriteMovedInfo",
    "redefine-moved-domains": "RedefineMovedDomains",
}
"""The steps that a journal may hold, and the name of the class of each: whoever writes a journal loads no class for it."""

FORMER_NAMES: Mapping[str, str] = {
    # those of commit 4ed7eae and before, which were the names of classes of that time; they stay as they are for good
    "MakeOverlay": "create-overlay",
    "FreezeGuest": "freeze-guest",
    "SwitchLive": "switch-domain",
    "ThawGuest": "thaw-guest",
    "WriteInfo": "write-info",
    "WriteRecord": "write-record",
    "PointMachines": "redefine-domains",
    "Commit": "commit",
    "Pull": "pull",
    "Repoint": "rebase",
    "RemoveMerged": "remove-merged",
    "ReplaceOverlay": "replace-overlay",
    "FillOverlay": "fill-overlay",
    "RemoveVolume": "remove-volume",
    "TakeAway": "withdraw-volume",
    "TakeOver": "receive-volume",
    "RemoveMoved": "remove-source-files",
    "CopyFrozen": "copy-frozen-files",
    "GoOver": "switch-to-target",
    "WriteMovedInfo": "write-moved-info",
    "PointElsewhere": "redefine-moved-domains",
}
"""Names under which earlier releases wrote steps."""

_NAMES = {kind: name for name, kind in STEPS.items()}


def to_json(step: Step) -> dict[str, Any]:
    """Return a step as the journal keeps it."""
    name = next(_NAMES[kind.__name__] for kind in type(step).__mro__ if kind.__name__ in _NAMES)
    return {"step": name, **asdict(step)}


def from_json(entries: Mapping[str, Any]) -> Step:
    """Return the step that the journal kept.

    :raises Damaged: this release knows no such step.
    """
    name = str(entries.get("step"))
    kind = classes().get(FORMER_NAMES.get(name, name))
    names = set(entries) - {"step"}
    known = {field.name: field.default is MISSING for field in fields(kind)} if kind else {}
    if kind is None or names - set(known) or {name for name, needed in known.items() if needed} - names:
        raise Damaged(f"it has a step that this release does not know: {entries.get('step')!r}")
    return kind(**{name: tuple(entries[name]) if isinstance(entries[name], list) else entries[name] for name in names})


def classes() -> dict[str, type[Step]]:
    """Return the class of each step by its name in the journal; loaded for who finds a journal, which few tasks do."""
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

    kinds: tuple[type[Step], ...] = (
        CreateOverlay,
        FreezeGuest,
        SwitchDomain,
        ThawGuest,
        WriteInfo,
        WriteRecord,
        RedefineDomains,
        Commit,
        Pull,
        RebaseOverlay,
        RemoveMerged,
        ReplaceOverlay,
        FillOverlay,
        RemoveVolume,
        WithdrawVolume,
        ReceiveVolume,
        RemoveSourceFiles,
        CopyFrozenFiles,
        SwitchToTarget,
        WriteMovedInfo,
        RedefineMovedDomains,
    )
    by_class = {kind.__name__: kind for kind in kinds}
    return {name: by_class[kind] for name, kind in STEPS.items()}
