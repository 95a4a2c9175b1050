# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of shares, volumes, snapshots and of every file this collection puts on a share (pure)."""

from __future__ import annotations

import re

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput

OWN_DIRECTORY = ".vdisk"
"""The directory on a share that holds records, journals and locks."""

RESERVED_SNAPSHOTS = ("active", "info", "json", "lock", "journal")

_VOLUME = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,127}\Z")
_SNAPSHOT = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
_CINDER_VOLUME = re.compile(r"\Avolume-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_CINDER_SNAPSHOT = re.compile(r"\A(tmp-snap-)?[0-9a-f-]+\Z")
_HALVES = re.compile("[\ud800-\udfff]")
_TAIL = re.compile(r"\A[^/\x00-\x1f\x7f\ud800-\udc7f\udd00-\udfff]{1,255}\Z")
_TEMPORARY = re.compile(r"\A\.(?P<final>[A-Za-z0-9][^/]*)\.vdisk-[0-9a-z]+\Z")


def check_volume(volume: str) -> str:
    """Return a volume's name as it is.

    :raises BadInput: it has other characters than letters, digits, C(_) and C(-), or is too long.
    """
    if not _VOLUME.match(volume):
        raise BadInput(f"{volume!r} is not a volume name; use 1 to 128 letters, digits, '_' and '-', beginning with a letter or digit")
    return volume


def check_volumes(names: list[str]) -> tuple[str, ...]:
    """Return the names of a task as they are.

    :raises BadInput: a name is malformed, stands twice, or there is none.
    """
    for name in names:
        check_volume(name)
    if not names:
        raise BadInput("the list of volume names is empty; name at least one")
    twice = next((name for index, name in enumerate(names) if name in names[:index]), None) if len(set(names)) < len(names) else None
    if twice:
        raise BadInput(f"volume {twice} is named twice")
    return tuple(names)


def check_snapshot(snapshot: str) -> str:
    """Return a snapshot's name as it is.

    :raises BadInput: it has other characters than letters, digits, C(_) and C(-), is too long, or is reserved.
    """
    if not _SNAPSHOT.match(snapshot):
        raise BadInput(f"{snapshot!r} is not a snapshot name; use 1 to 64 letters, digits, '_' and '-', beginning with a letter or digit")
    if snapshot in RESERVED_SNAPSHOTS:
        raise BadInput(f"a snapshot cannot be named {snapshot!r}: the files beside a volume use that name")
    return snapshot


def is_volume_name(name: str) -> bool:
    """Tell whether a file name could be a volume's."""
    return bool(_VOLUME.match(name))


def info_file(volume: str) -> str:
    """Return the name of the file that maps a volume's snapshots to overlays."""
    return f"{volume}.info"


def overlay(volume: str, snapshot: str) -> str:
    """Return the name of the overlay that a snapshot makes."""
    return f"{volume}.{snapshot}"


def breaks_cinder(volume: str, snapshot: str) -> bool:
    """Tell whether OpenStack Cinder could not manage a volume of its own any more after a snapshot of this name.

    Once something lies above it, it is a backing file, and its driver takes C(volume-<uuid>(.(tmp-snap-)?[0-9a-f-]+)?) for one.
    """
    return bool(_CINDER_VOLUME.match(volume)) and not _CINDER_SNAPSHOT.match(snapshot)


def is_file_of(volume: str, name: str) -> bool:
    """Tell whether a bare file name can be part of a volume's chain: its base name or one of its overlays.

    A name with characters that no file system call takes, or that no line of a log shows, is no name of an overlay.
    """
    if name == volume:
        return True
    head, _dot, tail = name.partition(".")
    return head == volume and tail != "info" and bool(_TAIL.match(tail))


def is_text(value: object, limit: int = 4096) -> bool:
    """Tell whether something that stands in a file on a share can be shown to people: text of few characters, none of them a half one."""
    return isinstance(value, str) and len(value) <= limit and "\x00" not in value and not _HALVES.search(value)


def is_label(value: object) -> bool:
    """Tell whether something on a share can be what any program called a snapshot, a domain or a host: a name on one line."""
    return is_text(value, 255) and str(value).isprintable() and bool(value)


def record(volume: str) -> str:
    """Return the path, from the share's root, of a volume's record."""
    return f"{OWN_DIRECTORY}/{volume}.json"


def journal(volume: str) -> str:
    """Return the path, from the share's root, of a volume's journal."""
    return f"{OWN_DIRECTORY}/{volume}.journal"


def lock(volume: str) -> str:
    """Return the path, from the share's root, of the file that is locked while a volume is changed."""
    return f"{OWN_DIRECTORY}/{volume}.lock"


def moved(volume: str) -> str:
    """Return the path, from the share's root, of the active file of a volume that is being moved to another share."""
    return f"{OWN_DIRECTORY}/{volume}.moved"


def temporary(final: str, token: str) -> str:
    """Return the name under which a file is written before it gets its final name.

    The form C(.<final>.<token>) lets GlusterFS place both names on the same brick (cluster.rsync-hash-regex), so that
    giving the final name leaves no link file behind on a distributed volume.
    """
    return f".{final}.vdisk-{token}"


def temporary_of(volume: str, name: str) -> bool:
    """Tell whether a file name is one that C(temporary) gives to a file of this volume."""
    match = _TEMPORARY.match(name)
    return match is not None and match.group("final").split(".", 1)[0] == volume
