# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a copy is made of: a frozen chain of a volume, or an image file that was judged (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._volume.backing_chain import ChainFile
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume


@dataclass(frozen=True)
class Source:
    """What is read of a volume: one file and all below it, none of which may change meanwhile.

    C(running) tells that it is an instant of a volume that goes on.
    """

    volume: Volume
    snapshot: str | None
    created: str | None
    files: tuple[ChainFile, ...]
    running: bool = False

    @property
    def label(self) -> str:
        """The source in a sentence."""
        return f"snapshot {self.snapshot} of {self.volume.label}" if self.snapshot else self.volume.label

    @property
    def path(self) -> str:
        """Absolute path of the file that is read."""
        return f"{self.volume.mount_point}/{self.files[0].file}"

    @property
    def format(self) -> str:
        """Format of the file that is read."""
        return str(self.files[0].format)

    @property
    def virtual_size(self) -> int:
        """Size of the disk in bytes."""
        return self.files[0].virtual_size or 0

    @property
    def paths(self) -> tuple[str, ...]:
        """Absolute paths of every file that is read."""
        return tuple(f"{self.volume.mount_point}/{entry.file}" for entry in self.files)


@dataclass(frozen=True)
class Identity:
    """A file as it was when its copy began: what changes when somebody writes to it or puts another in its place.

    C(changed_ns) also tells of a writer who sets the time of modification back; None for files that may get another owner meanwhile.
    """

    path: str
    inode: int
    size: int
    modified_ns: int
    changed_ns: int | None = None


@dataclass(frozen=True)
class CopySource:
    """What qemu-img reads to make a volume: C(path) is opened with C(format), C(label) is its name in sentences.

    :param identities: the files behind it; a copy counts only if they are the same at its end.
    :param checksum: what the bytes of C(path) must have, as C(algorithm:digest).
    :param origin: what the record of the copy says of it.
    """

    label: str
    path: str
    format: str
    virtual_size: int
    base_format: str
    identities: tuple[Identity, ...]
    origin: Mapping[str, Any]
    checksum: str | None = None
