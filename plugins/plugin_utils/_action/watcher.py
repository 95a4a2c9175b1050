# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching a task that is running on the managed host, from the control node, and when to say what."""

from __future__ import annotations

import contextvars
import threading
import time
from typing import Callable

from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import duration, parse

AT_LEAST_EVERY = 60.0
"""Seconds after which something is said even when nothing moves: whoever watches jobs kills silent ones."""
_FAILED_LOOKS = 3
"""Looks that fail one after another, before no more is looked for."""


class Narrator:
    """Decides, look by look, whether there is something to say, and what."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = self._shown_at = self._moved_at = clock()
        self._report: object = None
        self._shown: str | None = None

    def look(self, content: str | None) -> str | None:
        """Return the line that is due after a look that found this; None for nothing found."""
        now = self._clock()
        found = parse(content) if content else None
        if found is not None and found != self._report:
            self._report, self._moved_at = found, now
            line = found[0].line()
            # another report can read the same
            if line != self._shown:
                self._shown, self._shown_at = line, now
                return line
        if now - self._shown_at < AT_LEAST_EVERY:
            return None
        self._shown_at = now
        if self._shown is None:
            return f"running for {duration(now - self._began)}"
        return f"{self._shown}; no change for {duration(now - self._moved_at)}"


class Watcher:
    """Looks every few seconds, in a thread of its own, until it is stopped; after that it says nothing more."""

    def __init__(
        self, look: Callable[[], str | None], show: Callable[[str], None], interval: float, narrator: Narrator | None = None
    ) -> None:
        """Take how to look, where to say it, and the seconds between two looks.

        :param look: returns what the task reports, or None where there is nothing; any exception means that it cannot be seen.
        """
        self._look = look
        self._show = show
        self._interval = interval
        self._narrator = narrator or Narrator()
        self._stopped = threading.Event()
        self._showing = threading.Lock()
        self.seen = False
        # what Ansible keeps for the present task is found through the context, which threads do not inherit
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,), name="vdisk.gluster progress", daemon=True)

    def start(self) -> None:
        """Begin to look, the first time after one interval."""
        self._thread.start()

    def stop(self, patience: float = 10.0) -> None:
        """Say nothing more from now on, and wait some seconds for a look that is under way.

        A process must not end while a thread of it has the queue to Ansible's main process locked: nobody else could use it.
        """
        with self._showing:
            self._stopped.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(patience)

    def _run(self) -> None:
        failures = 0
        while not self._stopped.wait(self._interval):
            content = None
            if failures < _FAILED_LOOKS:
                try:
                    content = self._look()
                    failures = 0
                except Exception:
                    # whatever a connection cannot do twice at a time: the task itself must not notice
                    failures += 1
            if content:
                self.seen = True
            line = self._narrator.look(content)
            with self._showing:
                if line and not self._stopped.is_set():
                    self._show(line)
