# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this collection knows of a volume and its layout cannot tell: the record C(.vdisk/<volume>.json) (pure)."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any, Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import attachment, layout
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.attachment import Attachment

SCHEMA = 1
LIMIT = 1 << 20
"""No record is larger than this, in bytes."""

_ORIGIN_LIMIT = 1 << 16
_SHOWN = 200
"""Characters of a value that are told of one that no record has."""
_TEXTS = ("created", "label", "description")

FORMATS = ("raw", "qcow2")
ALLOCATIONS = ("sparse", "falloc", "full")


@dataclass(frozen=True)
class SnapshotNote:
    """What was said of a snapshot when it was made; a C(temporary) one is there only as long as a task reads it."""

    created: str | None = None
    label: str | None = None
    description: str | None = None
    quiesced: bool = False
    temporary: bool = False


@dataclass(frozen=True)
class Record:
    """A volume's record.

    C(base_file) is the lowest file of the chain and C(base_format) the only word on its format. C(virtual_size), in
    bytes, is the least the volume must have; C(allocation) is None where another program made the volume. C(origin) is what it
    was copied from, for people: None for one that was made blank or adopted. C(attachments) are the domains that have it, of all hosts, as
    far as tasks have seen: none where it was written before there were any.
    """

    base_file: str
    base_format: str
    virtual_size: int
    allocation: str | None = None
    snapshots: Mapping[str, SnapshotNote] = field(default_factory=dict)
    origin: Mapping[str, Any] | None = None
    attachments: tuple[Attachment, ...] = ()


def parse(content: bytes) -> Record:
    """Return what a record says.

    :raises Damaged: it is not a record, or one of a newer release; the message is a clause on the reason.
    """
    try:
        entries = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Damaged("it is empty" if not content.strip() else "it is not JSON") from error
    return from_json(entries)


def from_json(entries: Any) -> Record:
    """Return the record that a JSON object stands for.

    :raises Damaged: as C(parse).
    """
    if not isinstance(entries, dict):
        raise Damaged("it is not a JSON object")
    if entries.get("schema") != SCHEMA:
        raise Damaged(f"its schema is {entries.get('schema')!r}; this release knows {SCHEMA}, a newer one may be needed")
    _demand(entries, "base_file", isinstance(entries.get("base_file"), str))
    _demand(entries, "base_format", entries.get("base_format") in FORMATS)
    size = entries.get("virtual_size")
    _demand(entries, "virtual_size", isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 1 << 63)
    _demand(entries, "allocation", entries.get("allocation") in (None, *ALLOCATIONS))
    notes = entries.get("snapshots", {})
    sound = isinstance(notes, dict) and all(layout.is_label(name) and _is_note(note) for name, note in notes.items())
    _demand(entries, "snapshots", sound)
    origin = entries.get("origin")
    _demand(entries, "origin", not isinstance(origin, dict) or layout.is_text(json.dumps(origin, ensure_ascii=False), _ORIGIN_LIMIT))
    attachments = entries.get("attachments", [])
    _demand(entries, "attachments", attachment.is_sound(attachments))
    return Record(
        entries["base_file"],
        entries["base_format"],
        int(size or 0),
        entries.get("allocation"),
        {name: _note(note) for name, note in notes.items()},
        origin if isinstance(origin, dict) else None,
        tuple(attachment.from_json(entry) for entry in attachments),
    )


def _demand(entries: Mapping[str, Any], key: str, sound: bool) -> None:
    if not sound:
        raise Damaged(f"its {key} is {repr(entries.get(key))[:_SHOWN]}, which no record has")


def _is_note(note: Any) -> bool:
    if not isinstance(note, dict):
        return False
    return all(layout.is_text(note[key], LIMIT) for key in _TEXTS if isinstance(note.get(key), str))


def _note(entries: Mapping[str, Any]) -> SnapshotNote:
    texts = {key: entries.get(key) if isinstance(entries.get(key), str) else None for key in _TEXTS}
    return SnapshotNote(quiesced=entries.get("quiesced") is True, temporary=entries.get("temporary") is True, **texts)


def to_json(record: Record) -> dict[str, Any]:
    """Return a record as the JSON object that its file holds."""
    origin = {} if record.origin is None else {"origin": dict(record.origin)}
    attachments = {"attachments": [attachment.to_json(entry) for entry in record.attachments]} if record.attachments else {}
    return {
        "schema": SCHEMA,
        **origin,
        **attachments,
        "base_file": record.base_file,
        "base_format": record.base_format,
        "virtual_size": record.virtual_size,
        "allocation": record.allocation,
        "snapshots": {
            name: {
                "created": note.created,
                "label": note.label,
                "description": note.description,
                "quiesced": note.quiesced,
                **({"temporary": True} if note.temporary else {}),
            }
            for name, note in record.snapshots.items()
        },
    }


def dump(record: Record) -> bytes:
    """Return the bytes of a record's file."""
    return (json.dumps(to_json(record), indent=1, sort_keys=True) + "\n").encode("utf-8")


def utc_now() -> str:
    """Return the time as ISO 8601 in UTC, to the microsecond: it also tells snapshots of one name apart."""
    now = time.time_ns() // 1000
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 1_000_000)) + f".{now % 1_000_000:06d}Z"
