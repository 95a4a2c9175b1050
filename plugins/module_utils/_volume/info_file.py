# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The C(<volume>.info) file in the exact form of OpenStack Cinder's GlusterFS driver (pure).

It maps C(active) to the file the hypervisor writes to and each snapshot's id to the overlay made by that snapshot.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout

LIMIT = 1 << 20
"""No info file is larger than this, in bytes."""


@dataclass(frozen=True)
class Info:
    """What an info file says: the active file and, by snapshot, the overlay that snapshot made."""

    active: str
    snapshots: Mapping[str, str]


def parse(content: bytes, volume: str) -> Info:
    """Return what an info file says.

    :raises Damaged: it is not such a file, or names anything but files of this volume; the message is a clause.
    """
    try:
        entries = json.loads(content.decode("utf-8"), object_pairs_hook=_without_twins)
    except (ValueError, RecursionError) as error:
        raise Damaged("it is empty" if not content.strip() else "it is not JSON") from error
    if not isinstance(entries, dict) or not all(isinstance(name, str) for name in entries.values()):
        raise Damaged("it is not a JSON object of names")
    if "active" not in entries:
        raise Damaged("it names no active file")
    for key, name in sorted(entries.items()):
        if not layout.is_label(key):
            raise Damaged(f"it names {name!r} for {key[:64]!r}, which no snapshot is called")
        if not layout.is_file_of(volume, name):
            raise Damaged(f"it names {name!r} for {key}, which is not a file of {volume}")
    active = entries.pop("active")
    by_file: dict[str, str] = {}
    for snapshot, name in sorted(entries.items()):
        if name in by_file:
            raise Damaged(f"it names {name} for two snapshots, {by_file[name]} and {snapshot}")
        by_file[name] = snapshot
    return Info(active, entries)


def _without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key for key, _value in pairs}) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def dump(info: Info) -> bytes:
    """Return the bytes of an info file, as Cinder writes them."""
    return json.dumps({**info.snapshots, "active": info.active}, indent=1, sort_keys=True).encode("utf-8")
