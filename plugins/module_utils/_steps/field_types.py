# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fields of journaled steps may hold: whoever can write to a share can write a journal, and root applies it.

A field of a step is annotated with one of these names. They are plain types for whoever writes a step; whoever reads one from a
journal has each field looked at by the rule of that name, as an option of a task is, before any step of the plan is applied.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, fields
from typing import Any, Callable, Mapping, Sequence, Tuple

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import mount_point_of
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import qcow2
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout, record_file

FileName = str
"""A file of the volume, by its bare name."""
FileNames = Tuple[str, ...]
"""Files of the volume, one at least."""
ImageFormat = str
"""The format of a file of a volume."""
ImageSize = int
"""A virtual size in bytes that an overlay can have."""
Number = int
"""A number that a file system can give: of an inode, or of bytes."""
Time = int
"""An instant in nanoseconds, as a file system gives it."""
Flag = bool
Text = str
"""What is only shown to people, or compared."""
Token = str
"""A part of temporary names."""
Uuid = str
"""The UUID of a domain."""
ShareName = str
"""A share that the plan has a volume on."""
OverlayPath = str
"""Where a domain knows an overlay: a file of a volume of the plan, on a share of the plan."""
RecordContent = Mapping[str, Any]
"""The content of the volume's record."""
InfoContent = Mapping[str, Any]
"""The content of the volume's info file: the active file, and the snapshots by their names."""
SnapshotFiles = Mapping[str, str]
"""The overlays of snapshots by their names."""
OverlaysByTarget = Mapping[str, Mapping[str, Any]]
"""What C(SwitchDomain) says of each overlay."""

_TOKEN = re.compile(r"\A[0-9a-z]{1,64}\Z")
_UUID = re.compile(r"\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_SEVERAL = re.compile(r"\Atuple\[(\w+), \.\.\.\]\Z")


@dataclass(frozen=True)
class Scope:
    """What a step of a journal may concern: its volume, and the volumes of the plan with their shares."""

    volume: str
    members: Sequence[tuple[str, str]]


def check(step: Any, scope: Scope) -> None:
    """See that every field of a step holds what a task of this volume could have written.

    :raises Damaged: one does not; the message names the step and the field.
    """
    for field in fields(step):
        if not _fits(str(field.type), getattr(step, field.name), scope):
            shown = repr(getattr(step, field.name))
            raise Damaged(f"its step {type(step).__name__} has a {field.name} that no task of {scope.volume} writes: {shown[:200]}")
    if not step.is_consistent():
        raise Damaged(f"its step {type(step).__name__} has fields that do not belong together")


def _fits(kind: str, value: Any, scope: Scope) -> bool:
    if kind.endswith(" | None"):
        return value is None or _fits(kind[: -len(" | None")], value, scope)
    several = _SEVERAL.match(kind)
    if several:
        return isinstance(value, tuple) and all(_fits(several.group(1), entry, scope) for entry in value)
    return RULES[kind](value, scope)


def _is_file(value: Any, scope: Scope) -> bool:
    return isinstance(value, str) and layout.is_file_of(scope.volume, value)


def _is_number(value: Any, _scope: Scope) -> bool:
    return _is_integer(value) and 0 <= value < 1 << 64


def _is_time(value: Any, _scope: Scope) -> bool:
    return _is_integer(value) and -(1 << 63) <= value < 1 << 63


def _is_image_size(value: Any, _scope: Scope) -> bool:
    return _is_integer(value) and qcow2.can_be_size(value)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any, _scope: Scope) -> bool:
    return isinstance(value, str) and layout.is_text(value)


def _is_overlay_path(value: Any, scope: Scope) -> bool:
    return bool(_is_text(value, scope)) and _volume_at(value, scope) is not None


def _volume_at(path: str, scope: Scope) -> str | None:
    """Return the volume of the plan that has a file at a path, whatever the base is that the domain's mount points lie below."""
    directory, name = os.path.split(path)
    if not path.startswith("/") or os.path.normpath(path) != path:
        return None
    for volume, share in scope.members:
        if os.path.basename(directory) == os.path.basename(mount_point_of("/", share)) and layout.is_file_of(volume, name):
            return volume
    return None


def _is_record(value: Any, scope: Scope) -> bool:
    try:
        return layout.is_file_of(scope.volume, record_file.from_json(value).base_file)
    except Damaged:
        return False


def _are_snapshot_files(value: Any, scope: Scope) -> bool:
    if not isinstance(value, dict) or len(set(map(repr, value.values()))) != len(value):
        return False
    return all(layout.is_label(name) and _is_file(file, scope) for name, file in value.items())


def _is_info(value: Any, scope: Scope) -> bool:
    if not isinstance(value, dict) or set(value) != {"active", "snapshots"}:
        return False
    return _is_file(value["active"], scope) and _are_snapshot_files(value["snapshots"], scope)


def _are_overlays(value: Any, scope: Scope) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(_is_text(target, scope) and _is_overlay(entry, scope) for target, entry in value.items())
    )


def _is_overlay(entry: Any, scope: Scope) -> bool:
    if not isinstance(entry, dict) or set(entry) != {"path", "below", "format", "size"} or not _is_overlay_path(entry["path"], scope):
        return False
    owner = Scope(str(_volume_at(entry["path"], scope)), scope.members)
    return _is_file(entry["below"], owner) and entry["format"] in record_file.FORMATS and _is_image_size(entry["size"], owner)


RULES: Mapping[str, Callable[[Any, Scope], bool]] = {
    "FileName": _is_file,
    "FileNames": lambda value, scope: isinstance(value, tuple) and bool(value) and all(_is_file(entry, scope) for entry in value),
    "ImageFormat": lambda value, _scope: isinstance(value, str) and value in record_file.FORMATS,
    "ImageSize": _is_image_size,
    "Number": _is_number,
    "Time": _is_time,
    "Flag": lambda value, _scope: isinstance(value, bool),
    "Text": _is_text,
    "Token": lambda value, _scope: isinstance(value, str) and bool(_TOKEN.match(value)),
    "Uuid": lambda value, _scope: isinstance(value, str) and bool(_UUID.match(value)),
    "ShareName": lambda value, scope: isinstance(value, str) and value in {share for _volume, share in scope.members},
    "OverlayPath": _is_overlay_path,
    "RecordContent": _is_record,
    "InfoContent": _is_info,
    "SnapshotFiles": _are_snapshot_files,
    "OverlaysByTarget": _are_overlays,
}
"""What is looked at, by the name that a field is annotated with."""
