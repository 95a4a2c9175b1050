# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains as data, for tests of what is decided over them."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import qcow2 as images
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.backing_chain import FileFacts, assemble
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.info_file import Info
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Ownership, Volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import Record, SnapshotNote

GiB = 1 << 30
SIZE = 4 * GiB


def raw(name: str, size: int = SIZE, allocated: int = GiB, **more: Any) -> FileFacts:
    """Return what is seen of a raw file."""
    return FileFacts(name, "file", size, allocated, **more)


def qcow2(name: str, backing_file: str | None = None, backing_format: str | None = None, size: int = SIZE, **more: Any) -> FileFacts:
    """Return what is seen of a qcow2 file; other words are those of its header but for C(allocated)."""
    allocated = more.pop("allocated", GiB)
    words = {"data_file": False, "encrypted": False, "internal_snapshots": 0, "dirty": False, "corrupt": False, "unknown_features": 0}
    header = images.Header(3, size, 16, backing_file, backing_format, **{**words, "tables_end": 4 * 65536, **more})
    return FileFacts(name, "file", 64 * 65536, allocated, header)


def files(*facts: FileFacts) -> dict[str, FileFacts]:
    """Return facts by name."""
    return {entry.name: entry for entry in facts}


def volume(
    seen: Mapping[str, FileFacts], active: str = "v", snapshots: Mapping[str, str] | None = None, base: str = "raw", **more: Any
) -> Volume:
    """Return the state of a sound volume v as it would be read; its active file is 4 GiB large where nothing else is said."""
    info = None if snapshots is None else Info(active, snapshots)
    size = more.pop("size", SIZE)
    record = Record("v", base, size, "sparse", {name: SnapshotNote(f"of {name}") for name in snapshots or {}})
    record = more.pop("record", record)
    chain = assemble("v", seen, info, record)
    return Volume(
        "v",
        "gl1:/vms",
        "/mnt",
        True,
        active,
        chain,
        record,
        problems=chain.problems,
        facts=seen,
        info=info,
        **{"ownership": Ownership(0, 0, 0o660), **more},
    )


def stack(*allocated: int, base: str = "raw", sizes: tuple[int, ...] = (), **more: Any) -> Volume:
    """Return a volume whose files, base first, take so many bytes; its snapshots are a, b, c..., oldest first."""
    sizes = sizes or (SIZE,) * len(allocated)
    seen = [raw("v", sizes[0], allocated[0]) if base == "raw" else qcow2("v", size=sizes[0], allocated=allocated[0])]
    snapshots: dict[str, str] = {}
    for letter, taken, size in zip("abcdefgh", allocated[1:], sizes[1:]):
        below = seen[-1].name
        seen.append(qcow2(f"v.{letter}", below, base if below == "v" else "qcow2", size=size, allocated=taken))
        snapshots[letter] = f"v.{letter}"
    return volume(files(*seen), seen[-1].name, snapshots, base, **{"size": sizes[-1], **more})
