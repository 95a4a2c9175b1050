# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killing a task at its N-th call that changes a file: the library that is preloaded, and what it is told."""

from __future__ import annotations

import pathlib
import struct
import subprocess
from typing import Sequence

_SOURCE = pathlib.Path(__file__).with_name("killer.c")
_HEAD = struct.Struct("iiiiiii")
_SIZE = 4096


def build(directory: pathlib.Path) -> pathlib.Path:
    """Compile the library and return its path."""
    library = directory / "killer.so"
    subprocess.run(["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(library), str(_SOURCE)], check=True)
    return library


class Killer:
    """What one run is told, and what it says afterwards; without C(at) it is only counted."""

    def __init__(
        self, path: pathlib.Path, watched: Sequence[pathlib.Path], at: int = 0, after: bool = False, stop: bool = False, told: str = ""
    ) -> None:
        """Make the control file anew; C(watched) are the directories below which calls count.

        :param stop: stop the process that makes the N-th call instead of killing the task; SIGCONT lets it go on.
        :param told: the path of the control file as the task sees it, where that is another one.
        """
        self.path = path
        self.told = told or str(path)
        lines = "".join(f"{directory}/\n" for directory in watched).encode()
        path.write_bytes((_HEAD.pack(0, 0, at, after, 0, stop, 0) + lines).ljust(_SIZE, b"\0"))
        self._watched = watched
        self._log = path.with_name(path.name + ".log")
        self._log.unlink(missing_ok=True)

    @property
    def calls(self) -> list[str]:
        """Every call so far, as C(fsync volume-1.info)."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        for directory in self._watched:
            lines = [line.replace(f" {directory}/", " ").replace(f" {directory}", " .") for line in lines]
        return lines

    @property
    def stopped(self) -> int:
        """The process that was stopped, as it calls itself; 0 as long as none was."""
        return int(_HEAD.unpack_from(self.path.read_bytes())[6])
