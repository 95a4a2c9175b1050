# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of the system, run to their end."""

from __future__ import annotations

import subprocess

from ansible_collections.vdisk.gluster.tests.harness.lab.plan import LabError


def call(*argv: str, told: str | None = None) -> str:
    """Run a program and return what it printed; C(told) is its input.

    :raises LabError: it failed; the message shows all it said.
    """
    done = subprocess.run(argv, input=told, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(argv)} ended with {done.returncode}: {(done.stderr + done.stdout).strip()}")
    return done.stdout


def tried(*argv: str) -> bool:
    """Run a program and tell whether it succeeded."""
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0
