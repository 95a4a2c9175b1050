# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the coverage of every Python process that has this directory in PYTHONPATH and COVERAGE_PROCESS_START, see coverage.sh."""

from __future__ import annotations

import os
import sys

RUN_MODULES = ("/tests/harness/worker.py", "/tests/harness/processes.py")
"""Tests that run modules in processes that they fork off and end at once; those of the modules themselves are not worth a file each."""

try:
    import coverage
except ImportError:
    # a program of this machine in another Python
    measuring = None
else:
    measuring = coverage.process_startup()

if measuring is not None:
    end_at_once = os._exit

    def save_and_end(status: int) -> None:
        """End this process as before, with what it has measured kept where it has run a module."""
        if sys._getframe(1).f_code.co_filename.endswith(RUN_MODULES):
            measuring.save()
        end_at_once(status)

    os._exit = save_and_end
