# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file systems of guests in mode C(fs), judged from outside."""

from __future__ import annotations

import os
import pathlib
import tempfile

from ansible_collections.vdisk.gluster.tests.harness.guests.machine import Machine
from ansible_collections.vdisk.gluster.tests.harness.guests.oracle import Finding
from ansible_collections.vdisk.gluster.tests.harness.programs import command


def needs_recovery(copy: pathlib.Path) -> bool:
    """Tell whether an ext4 has to replay its journal before it can be used."""
    told = command("dumpe2fs", "-h", str(copy)).stdout
    return "needs_recovery" in next(line for line in told.splitlines() if line.startswith("Filesystem features:"))


def records_in_file_system(machine: Machine, copy: pathlib.Path, image: str) -> Finding:
    """Judge the file of records in the ext4 that a raw copy holds, after the replay of its journal."""
    # 1: errors were corrected, which the replay of a journal counts as
    assert command("e2fsck", "-fy", str(copy), check=False).returncode in (0, 1), f"the file system in {image} is damaged"
    descriptor, name = tempfile.mkstemp(prefix="vdisk-live-")
    os.close(descriptor)
    try:
        command("debugfs", "-R", f"dump /records {name}", str(copy))
        return machine.oracle.of_records(pathlib.Path(name), 0, image)
    finally:
        os.unlink(name)
