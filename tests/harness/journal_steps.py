# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One sound step, or more, of each kind that a journal may hold, all of volume v of gl1:/vms, and what an enemy writes in their place."""

from __future__ import annotations

from typing import Any, Iterator

from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import mount_point_of
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
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import record_file
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import Record, SnapshotNote

GiB = 1 << 30
SHARES = ("gl1:/vms", "gl1:/new")
RECORD = Record("v", "raw", GiB, None, {"a": SnapshotNote("2026-01-05T00:00:00.000000Z", "ä", None, True)})
UUID = "b3f1a2d0-5c1e-4a77-9f43-0d1f6f0a9c11"
AT = mount_point_of("/mnt", SHARES[0])

STEPS = (
    CreateOverlay("v.a", "v", "raw", GiB, "a", "v", "a test wants it"),
    WriteInfo("v.a", {"a": "v.a"}),
    WriteInfo("v", {}),
    WriteRecord(record_file.to_json(RECORD)),
    Commit(("v.b", "v.a"), "v", "raw", 1 << 40, ("a", "b")),
    Pull(("v.a",), "v.b", "v", "raw", 7, ("b",)),
    RebaseOverlay("v.c", "v.a", "qcow2"),
    RemoveMerged(("v.b", "v.a")),
    RemoveMerged(()),
    ReplaceOverlay("v.a", "v", "raw", GiB, "a"),
    RemoveVolume(("v.a", "v"), ("a",)),
    FreezeGuest("web", UUID, f"{AT}/v.a", True),
    SwitchDomain("web", UUID, {"vda": {"path": f"{AT}/v.a", "below": "v", "format": "raw", "size": GiB}}),
    ThawGuest("web", UUID),
    RedefineDomains("v.a", "qcow2", ("web",)),
    WithdrawVolume(("v.a", "v"), (1, 2), (3, 4), (5, 6), "gl1:/new", "0a"),
    ReceiveVolume(("v.a", "v"), "gl1:/vms", "gl1:/new", "0a", record_file.to_json(RECORD), {"active": "v.a", "snapshots": {"a": "v.a"}}),
    RemoveSourceFiles(("v.a", "v"), "gl1:/vms", "gl1:/new"),
    CopyFrozenFiles(("v.a", "v"), "gl1:/vms", "gl1:/new", "0a", record_file.to_json(RECORD)),
    SwitchToTarget(("v.a", "v"), "qcow2", "raw", GiB, "gl1:/vms", "gl1:/new"),
    WriteMovedInfo("v.a", None),
    RedefineMovedDomains("v.a", "qcow2", "gl1:/new", ("web",)),
    FillOverlay("v.a", "v", "raw", GiB, "/var/tmp/disk", "archive v.monday of borg", ("v",)),
)

NEVER: tuple[Any, ...] = (
    1.5,
    -(1 << 70),
    1 << 70,
    "v\0",
    "\ud800",
    "x" * 5000,
    [["v"]],
    {"more": {"of": "it"}},
    {"active": "../outside/victim", "snapshots": {}},
    {"vda": {"path": f"{AT}/../outside/victim", "below": "v", "format": "raw", "size": GiB}},
    {"vda": {"path": "/etc/passwd", "below": "v", "format": "raw", "size": GiB}},
    {"vda": {"path": f"{AT}/v.a", "below": "../outside/victim", "format": "raw", "size": GiB}},
    {"vda": {"path": f"{AT}/v.a", "below": "v", "format": "raw", "size": 1 << 62}},
    {"a": "../outside/victim"},
    {**record_file.to_json(RECORD), "base_file": "../outside/victim"},
    {**record_file.to_json(RECORD), "virtual_size": 1 << 70},
)
"""What no field of any step may hold."""
NAMES: tuple[Any, ...] = (
    *(
        "../outside/victim",
        "/etc/passwd",
        "/",
        "",
        ".",
        "..",
        "v/../w",
        "./v",
        "w",
        "w.a",
        "v.",
        "v.info",
        "v.a/b",
        "v.a\n",
        ".vdisk/v.json",
    ),
    *(".vdisk/v.json", f"{AT}/w", f"{AT}/../outside/victim", "gl1:/other", "; reboot", None, True, 7, 0, -1, [], ["../outside/victim"], {}),
)
"""What only fields may hold that are shown to people, or that are numbers, flags or lists."""
_MAY_HOLD: dict[str, tuple[Any, ...]] = {
    "Flag": (True,),
    "Token": ("w",),
    "Number": (7, 0),
    "Time": (7, 0, -1),
    "tuple[FileName, ...]": ([],),
    "tuple[Text, ...]": ([], ["../outside/victim"]),
    "SnapshotFiles": ({},),
    "ImageFormat | None": (None,),
    "InfoContent | None": (None,),
    "Uuid | None": (None,),
}


def hostile(kind: str) -> Iterator[Any]:
    """Yield what a field that is annotated so may not hold, as the journal would have it."""
    yield from NEVER
    for value in NAMES:
        harmless = kind in ("Text", "Text | None") and (isinstance(value, str) or value is None and kind.endswith("None"))
        # 1 is no flag, although it equals one
        if not harmless and not any(value == may and type(value) is type(may) for may in _MAY_HOLD.get(kind, ())):
            yield value
