# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that one task of a host does at a time, and that another task which wants the same can watch."""

from __future__ import annotations

import contextlib
import time
from typing import Iterator

from ansible_collections.vdisk.gluster.plugins.module_utils._common.host_lock import host_lock
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import Progress, ProgressReport
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress_file import ProgressFile, read, token_of

_LOOK_EVERY = 0.5
"""Seconds between two looks at how far the other task is."""


@contextlib.contextmanager
def single_flight(work: str, subject: str, label: str, progress: Progress, patience: float) -> Iterator[bool]:
    """Hold the lock of work within this host and give True; False where another task has it that does not do the same.

    A task whose connection was cut goes on. The same work once more waits for it, shows how far it is, and then finds it done.

    :param work: what only one task may do at a time.
    :param subject: exactly what is done; tasks of the same subject wait for one another.
    :param label: the work in a few words.
    :param patience: seconds that the other task may stand still.
    """
    token, since, seen, step = token_of(work), time.monotonic(), None, None
    while True:
        with host_lock(work) as ours:
            if ours:
                with ProgressFile(token, subject) as watchable:
                    watchable(ProgressReport(label))
                    progress.also_to(watchable)
                    yield True
                return
            found = read(token)
            if found != seen:
                seen, since = found, time.monotonic()
            if found is None or found[1] != subject or time.monotonic() - since > patience:
                yield False
                return
        step = step or progress.step(f"{label} (by another task that is already running)")
        step.mirror(found[0])
        time.sleep(_LOOK_EVERY)
