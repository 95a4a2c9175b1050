# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes by the network name space they live in; only those are ever killed here."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import time
from typing import Iterable

from ansible_collections.vdisk.gluster.tests.harness.lab.plan import LabError


def lives_in(pid: int, space: pathlib.Path) -> bool:
    """Tell whether a process lives in the name space that a file keeps."""
    try:
        return _is_space(space) and os.path.samefile(f"/proc/{pid}/ns/net", space)
    except OSError:
        return False  # it has ended


def inhabitants(spaces: Iterable[pathlib.Path]) -> list[int]:
    """Return all processes that live in one of the name spaces that these files keep."""
    wanted = {(status.st_dev, status.st_ino) for status in (space.stat() for space in spaces if _is_space(space))}
    found = []
    for directory in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            status = (directory / "ns/net").stat()
            if (status.st_dev, status.st_ino) in wanted:
                found.append(int(directory.name))
    return found


def kill(pid: int, space: pathlib.Path) -> None:
    """Kill a process if it lives in a name space; a number that has gone to another process meanwhile is left alone."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if lives_in(pid, space):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        os.close(descriptor)


def wait_until_empty(spaces: list[pathlib.Path], seconds: float = 20) -> None:
    """Wait until no process lives in name spaces.

    :raises LabError: some still do.
    """
    end = time.monotonic() + seconds
    while left := inhabitants(spaces):
        if time.monotonic() > end:
            raise LabError(f"the processes {left} of {', '.join(map(str, spaces))} do not end")
        time.sleep(0.01)


def _is_space(file: pathlib.Path) -> bool:
    # a file that keeps nothing any more is an ordinary one
    return os.path.ismount(file)
