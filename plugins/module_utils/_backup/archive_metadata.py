# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive of a volume in a backup repository: its name, and what it says of the disk it holds (pure).

An archive is named C(<volume>.<name>). No volume's name has a dot, so C(web.*) is the archives of C(web) and of no other volume.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any, Mapping
from urllib.parse import quote, unquote

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, Damaged
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout

SCHEMA = 1
MADE_BY = "vdisk.gluster 1.0.0"
DISK, DESCRIPTION = "disk.raw", "volume.json"
"""The files of an archive: the disk as raw bytes, and beside it what is known of the volume."""

LATEST = "latest"
TAG = "vdisk.gluster"
LIMIT = 1 << 20
"""No description is larger than this, in bytes."""

_NAME = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
_CHECKSUM = re.compile(r"\Asha256:[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class Description:
    """What an archive says of its volume; sizes in bytes. C(data_size) is what the disk takes without its holes."""

    volume: str
    archive: str
    share: str
    snapshot: str | None
    created: str | None
    quiesced: bool
    format: str
    virtual_size: int
    data_size: int
    checksum: str
    made_by: str = MADE_BY
    schema: int = SCHEMA


@dataclass(frozen=True)
class Archive:
    """An archive as its repository lists it; C(description) is None where that cannot be read."""

    volume: str
    name: str
    id: str
    made: str
    description: Description | None

    @property
    def label(self) -> str:
        """The archive in a sentence."""
        return f"archive {full_name(self.volume, self.name)}"


def check_name(name: str) -> str:
    """Return an archive's name as it is.

    :raises BadInput: it has other characters than letters, digits, C(_) and C(-), is too long, or means the newest one.
    """
    if not _NAME.match(name) or name == LATEST:
        raise BadInput(
            f"archive: {name!r} is not a name for an archive; use 1 to 64 letters, digits, '_' and '-', beginning with a letter or digit, "
            f"and not {LATEST!r}"
        )
    return name


def full_name(volume: str, name: str) -> str:
    """Return the name that an archive of a volume has in its repository."""
    return f"{volume}.{name}"


def split_name(full: str) -> tuple[str, str] | None:
    """Return volume and name of an archive, or None where it is none of this collection's."""
    volume, dot, name = full.partition(".")
    return (volume, name) if dot and volume and _NAME.match(name) else None


def dump(description: Description, indent: int | None = 1) -> str:
    """Return a description as JSON, in ASCII."""
    return json.dumps(asdict(description), indent=indent, sort_keys=True)


def parse(content: str | bytes) -> Description:
    """Return what a description says.

    :raises Damaged: it is none, or one of a newer release; the message is a clause on the reason.
    """
    try:
        entries = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Damaged("it is not JSON") from error
    if not isinstance(entries, dict) or entries.get("schema") != SCHEMA:
        raise Damaged("it is not of this collection, or of a newer release of it")
    return _description(entries)


def _description(entries: Mapping[str, Any]) -> Description:
    kinds_of: dict[str, tuple[type, ...]] = {
        **{key: (str,) for key in ("volume", "archive", "share", "format", "checksum", "made_by")},
        **{key: (str, type(None)) for key in ("snapshot", "created")},
        **{key: (int,) for key in ("virtual_size", "data_size", "schema")},
        "quiesced": (bool,),
    }
    for key, kinds in kinds_of.items():
        value = entries.get(key)
        if (
            not isinstance(value, kinds)
            or isinstance(value, bool) != (bool in kinds)
            or isinstance(value, str)
            and not layout.is_text(value)
        ):
            raise Damaged(f"its {key} is {repr(value)[:200]}, which no archive has")
    if entries["virtual_size"] <= 0 or entries["data_size"] < 0 or not _CHECKSUM.match(entries["checksum"]):
        raise Damaged("its sizes or its checksum are none")
    if entries["format"] not in ("raw", "qcow2"):
        raise Damaged(f"its format is {entries['format']!r}, which no volume has")
    sound: dict[str, Any] = {field.name: entries.get(field.name) for field in fields(Description)}
    return Description(**sound)


def tags(description: Description) -> list[str]:
    """Return a description as tags, each C(key=value) with nothing in it that separates tags."""
    entries = asdict(description)
    # the volume as it is, for it is asked for by its tag
    return [TAG, f"volume={entries.pop('volume')}", *(f"{key}={quote(json.dumps(value), safe='')}" for key, value in entries.items())]


def from_tags(found: list[str] | None) -> Description | None:
    """Return the description that tags hold, or None where they hold none."""
    entries: dict[str, Any] = {}
    for tag in found or ():
        key, equals, value = tag.partition("=")
        try:
            entries[key] = value if key == "volume" else json.loads(unquote(value)) if equals else True
        except (ValueError, RecursionError):
            return None
    try:
        return _description(entries)
    except Damaged:
        return None


def archive_object(archive: Archive) -> dict[str, Any]:
    """Return the C(archive) object of results."""
    description = archive.description
    return {
        "volume": archive.volume,
        "name": archive.name,
        "full_name": full_name(archive.volume, archive.name),
        "id": archive.id,
        "created": archive.made,
        "share": description.share if description else None,
        "snapshot": description.snapshot if description else None,
        "snapshot_created": description.created if description else None,
        "quiesced": description.quiesced if description else None,
        "format": description.format if description else None,
        "virtual_size": description.virtual_size if description else None,
        "data_size": description.data_size if description else None,
        "checksum": description.checksum if description else None,
    }
