# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write down when each task begins and ends, for the benchmarks."""

from __future__ import annotations

import json
import os
import time

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: task_times
type: aggregate
short_description: Write the seconds of each task to a file
description:
  - Appends a line of JSON for each task to the file that the environment variable E(VDISK_BENCH_TIMES) names.
  - A task's seconds reach from the moment Ansible takes it up to the moment it has the result.
author:
  - the vdisk.gluster authors (@vdisk)
"""


class CallbackModule(CallbackBase):
    """Seconds of each task of a play that has one host."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_times"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        """Open the file."""
        super().__init__()
        self._stream = open(os.environ["VDISK_BENCH_TIMES"], "a", encoding="utf-8")
        self._started = 0.0

    def v2_playbook_on_task_start(self, task, is_conditional):
        """Note when a task begins."""
        self._started = time.perf_counter()

    def v2_runner_on_ok(self, result):
        """Write how long it took."""
        seconds = time.perf_counter() - self._started
        self._stream.write(json.dumps({"task": result.task.get_name(), "seconds": seconds}) + "\n")
        self._stream.flush()
