# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write down what became of each task."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: ran
type: aggregate
short_description: Write what became of each task to a file
description:
  - Appends a line of JSON for each task to the file that the environment variable E(VDISK_EXAMPLES_RAN) names.
author:
  - the vdisk.gluster authors (@vdisk)
"""


class CallbackModule(CallbackBase):
    """Names of tasks, of the roles they are in, and what became of them."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "ran"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, result, became):
        # before ansible-core 2.19 it was not public
        task = result._task
        role = task._role
        entry = {"task": task.name or task.action, "role": role.get_name() if role else None, "became": became}
        with open(os.environ["VDISK_EXAMPLES_RAN"], "a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")

    def v2_runner_on_ok(self, result):
        """It ran."""
        self._write(result, "ran")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        """It failed."""
        self._write(result, "failed")

    def v2_runner_on_skipped(self, result):
        """It was left out."""
        self._write(result, "skipped")
