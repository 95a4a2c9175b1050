# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives in the form newc of cpio, which the kernel unpacks as its first root file system."""

from __future__ import annotations

import os
import pathlib
import stat


class Archive:
    """An archive that grows; written in Python, since device nodes in a real directory would need root."""

    def __init__(self) -> None:
        self._content = bytearray()
        self._number = 0
        self._directories: set[str] = set()

    def _add(self, name: str, mode: int, content: bytes = b"", device: tuple[int, int] = (0, 0)) -> None:
        self._number += 1
        encoded = name.encode() + b"\0"
        # inode, mode, uid, gid, links, mtime, size, device, device of a node, length of the name, checksum
        fields = (self._number, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(encoded), 0)
        self._content += b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        self._pad()
        self._content += content
        self._pad()

    def _pad(self) -> None:
        self._content += bytes(-len(self._content) % 4)

    def directory(self, path: str) -> None:
        """Add a directory and those above it, unless they are there."""
        if path and path not in self._directories:
            self.directory(os.path.dirname(path))
            self._directories.add(path)
            self._add(path, stat.S_IFDIR | 0o755)

    def file(self, path: str, content: bytes, mode: int = 0o755) -> None:
        """Add a file."""
        self.directory(os.path.dirname(path))
        self._add(path, stat.S_IFREG | mode, content)

    def copy(self, path: str, source: pathlib.Path) -> None:
        """Add a file of this machine."""
        self.file(path, source.read_bytes())

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        self.directory(os.path.dirname(path))
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def character_device(self, path: str, major: int, minor: int) -> None:
        """Add a device node."""
        self.directory(os.path.dirname(path))
        self._add(path, stat.S_IFCHR | 0o600, device=(major, minor))

    def finished(self) -> bytes:
        """Return the archive with its end."""
        self._add("TRAILER!!!", 0)
        return bytes(self._content)
