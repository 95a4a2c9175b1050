# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of C(/etc/fstab) as text (pure); every line that is not of the mount point in question stays as it is."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.mounts import escape, unescape


@dataclass(frozen=True)
class FstabEntry:
    """One entry for a share."""

    source: str
    mount_point: str
    options: str

    def line(self) -> str:
        """Return the entry as a line of the file, without its end."""
        return f"{escape(self.source)} {escape(self.mount_point)} glusterfs {escape(self.options)} 0 0"


def _fields(line: str) -> list[str]:
    return [] if line.lstrip().startswith("#") else [unescape(field) for field in line.split()]


def find(text: str, mount_point: str) -> FstabEntry | None:
    """Return the entry for a mount point."""
    for line in text.splitlines():
        fields = _fields(line)
        if fields[1:2] == [mount_point] and fields[3:]:
            return FstabEntry(fields[0], fields[1], fields[3])
    return None


def with_entry(text: str, entry: FstabEntry) -> str:
    """Return the text with this entry in the place of any for the same mount point, else at the end."""
    lines, placed = [], False
    for line in text.splitlines():
        fields = _fields(line)
        if fields[1:2] == [entry.mount_point]:
            if not placed:
                lines.append(entry.line())
            placed = True
        else:
            lines.append(line)
    return "\n".join(lines + ([] if placed else [entry.line()])) + "\n"


def without_entry(text: str, mount_point: str) -> str:
    """Return the text without any entry for a mount point."""
    kept = [line for line in text.splitlines(keepends=True) if _fields(line)[1:2] != [mount_point]]
    return "".join(kept)
