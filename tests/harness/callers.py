# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has called a run of tests: it ends, as by Ctrl-C, where the make does that called it."""

from __future__ import annotations

import contextlib
import os
import pathlib
import select
import signal
import threading
from typing import Callable, Iterable


def ancestors(pid: int) -> list[int]:
    """Return the process that has started a process, the one that has started that one, and so on."""
    found: list[int] = []
    while pid > 1:
        try:
            status = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            break
        # the name of the program, in brackets, may hold anything
        pid = int(status.rpartition(")")[2].split()[1])
        found.append(pid)
    return found


def end_with_make(processes: Callable[[], Iterable[int]]) -> None:
    """Interrupt this process, and those that a Ctrl-C would reach of some others, when a make that has called it has ended."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # a shell lets what scripts start in the background ignore it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    makes = select.poll()
    watched = []
    for pid in ancestors(os.getpid()):
        with contextlib.suppress(OSError):
            if pathlib.Path(f"/proc/{pid}/comm").read_text() == "make\n":
                watched.append(os.pidfd_open(pid))
                makes.register(watched[-1], select.POLLIN)
    if watched:
        threading.Thread(target=_wait_and_interrupt, args=(makes, processes), daemon=True).start()


def _wait_and_interrupt(makes: select.poll, processes: Callable[[], Iterable[int]]) -> None:
    makes.poll()
    ours = os.getpgrp()
    for pid in {*processes(), os.getpid()}:
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(pid) == ours:
                os.kill(pid, signal.SIGINT)
