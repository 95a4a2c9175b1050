# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a mount answers, asked without the danger of being stuck in it.

A call into a FUSE mount whose client hangs does not return, and where the client has taken the request already not even
SIGKILL ends it. So a process of its own asks, and is left behind where no answer comes: it ends with the mount.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Callable

from ansible_collections.vdisk.gluster.plugins.module_utils._common.child_process import close_all_but, is_readable

RESPONSE_TIMEOUT = 60
"""Seconds in which a mount answers: more than the 42 for which GlusterFS waits for a server that has gone (network.ping-timeout)."""

_LET_GO = 0.2
"""Seconds for a process that was killed to end, where the kernel lets it."""


def statvfs(path: str) -> None:
    """Ask a mount for its capacity."""
    os.statvfs(path)


def probe_directory(path: str) -> None:
    """Ask a mount for its capacity, and to open its root directory: without quorum it still tells its capacity."""
    os.statvfs(path)
    os.close(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))


def probe(path: str, timeout: float, how: Callable[[str], None] = statvfs) -> int | None:
    """Return 0 where a mount point answers, the number of its error where it answers by one, None where it does not in time.

    :param timeout: seconds to wait.
    """
    # the end of the process closes its end of the pipe, and its exit status is the answer
    answer, open_there = os.pipe()
    child = os.fork()
    if not child:
        _probe_and_end(path, how, open_there)
    os.close(open_there)
    try:
        if is_readable(answer, timeout):
            status = os.waitpid(child, 0)[1]
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        os.kill(child, signal.SIGKILL)
        until = time.monotonic() + _LET_GO
        while os.waitpid(child, os.WNOHANG) == (0, 0) and time.monotonic() < until:
            time.sleep(0.01)
        return None
    finally:
        os.close(answer)


def _probe_and_end(path: str, how: Callable[[str], None], keep: int) -> None:
    """Ask, and end this process, which is a child, with the number of the error as its exit status."""
    code = 255
    try:
        # what it would keep open it would keep for as long as the mount hangs: Ansible's pipes, and locks above all
        close_all_but(keep)
        how(path)
        code = 0
    except OSError as error:
        code = error.errno or 255
    finally:
        # nothing of the task may run twice, not even what Python does at its end
        os._exit(code)
