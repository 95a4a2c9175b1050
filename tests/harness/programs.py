# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that tests start."""

from __future__ import annotations

import os
import subprocess


def command(*argv: str, check: bool = True) -> subprocess.CompletedProcess:
    """Run a program and show all it said when it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=dict(os.environ, LC_ALL="C"), timeout=300)
    if check and done.returncode:
        raise AssertionError(f"{argv} ended with {done.returncode}: {done.stdout} {done.stderr}")
    return done
