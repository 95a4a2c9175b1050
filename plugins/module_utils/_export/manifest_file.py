# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest beside an exported file: what it is a copy of, so that the next run can tell without reading it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged

SCHEMA = 1
LIMIT = 1 << 20
"""No manifest is larger than this, in bytes."""
SUFFIX = ".manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What was exported, and the file that was made of it.

    C(snapshot) and C(snapshot_created) are None for an export of the volume as it was then. Sizes are in bytes;
    C(modified_ns) is the file's modification time in nanoseconds: size and time unchanged mean the file is as it was made.
    """

    share: str
    volume: str
    snapshot: str | None
    snapshot_created: str | None
    format: str
    compressed: bool
    virtual_size: int
    size_bytes: int
    modified_ns: int
    checksum: str | None
    verified: bool
    exported: str
    duration: float
    bytes_per_second: int
    qemu_img: str


def dump(manifest: Manifest) -> bytes:
    """Return the bytes of a manifest's file."""
    return (json.dumps({"schema": SCHEMA, **asdict(manifest)}, indent=1, sort_keys=True) + "\n").encode("utf-8")


def read(dest: str) -> Manifest:
    """Return the manifest of a file that this task has just exported, or found to be as it was exported."""
    with open(dest + SUFFIX, "rb") as stream:
        return parse(stream.read(LIMIT))


def parse(content: bytes) -> Manifest:
    """Return what a manifest says.

    :raises Damaged: it is none, or one of another release; the message is a clause on the reason.
    """
    try:
        entries = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Damaged("it is not JSON") from error
    names = {entry.name for entry in fields(Manifest)}
    if not isinstance(entries, dict) or entries.get("schema") != SCHEMA or names - set(entries):
        raise Damaged("it is not an export manifest that this release supports")
    manifest = Manifest(**{name: entries[name] for name in names})
    if not all(isinstance(value, int) for value in (manifest.size_bytes, manifest.modified_ns, manifest.virtual_size)):
        raise Damaged("its sizes are not numbers")
    return manifest
