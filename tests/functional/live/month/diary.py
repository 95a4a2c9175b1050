# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the disks of machines hold on each night of a simulated month, and which of these nights are still to be found."""

from __future__ import annotations

import datetime
import hashlib
from typing import Iterable

from ansible_collections.vdisk.gluster.tests.harness.guests.machine import Machine

KIB = 1 << 10
MIB = 1 << 20
SIZE = 4 * MIB
"""Bytes of each volume."""
PIECE = 256 * KIB
"""Bytes that each volume changes by in a night."""

Names = "bcde"
"""Letters of the disks of each machine that are volumes; its first disk is the test's own."""


class Diary:
    """Volumes of machines, what was written to them, and what they were on each night; kept by the test, not by any module."""

    def __init__(self, machines: dict[Machine, list[str]], start: datetime.datetime) -> None:
        """Take the volumes of each machine, disk by disk, and the first night."""
        self.machines = machines
        self.start = start
        self.now = {name: bytearray(SIZE) for names in machines.values() for name in names}
        self.nights: dict[int, dict[str, bytes]] = {}

    def moment(self, night: int) -> datetime.datetime:
        """Return when a night is."""
        return self.start + datetime.timedelta(days=night)

    def snapshot(self, night: int) -> str:
        """Return what the snapshot of a night is called."""
        return f"nightly-{self.moment(night):%Y%m%d}"

    def write(self, night: int) -> None:
        """Let every machine write to all its disks, and note what they hold then."""
        for machine, names in self.machines.items():
            lines = []
            for number, name in enumerate(names):
                # bytes and places differ from volume to volume and from night to night, and places are written again after some nights
                byte, piece = 1 + (night * 31 + number * 7) % 255, (night * 5 + number) % (SIZE // PIECE)
                lines.append(
                    f"tr '\\0' '\\{byte:03o}' </dev/zero | dd of=/dev/vd{Names[number]} bs={PIECE // KIB}k seek={piece} count=1 "
                    "iflag=fullblock conv=fsync,notrunc 2>/dev/null"
                )
                self.now[name][piece * PIECE : (piece + 1) * PIECE] = bytes([byte]) * PIECE
            machine.execute("\n".join(lines))
        self.nights[night] = {name: bytes(content) for name, content in self.now.items()}

    def expected(self, last: int, daily: int, weekly: int) -> set[str]:
        """Return the names of the snapshots that a retention leaves on a night, told anew and more simply than the collection does."""
        newest_of_week = {self.moment(night).isocalendar()[:2]: night for night in range(last + 1)}
        kept = {*range(max(0, last + 1 - daily), last + 1), *sorted(newest_of_week.values())[-weekly:]}
        return {self.snapshot(night) for night in kept}

    def digest(self, volume: str) -> str:
        """Return the MD5 sum of what a disk holds now, as the guest's own program tells it."""
        return hashlib.md5(self.now[volume]).hexdigest()

    def night_of(self, snapshot: str) -> int:
        """Return the night of a snapshot."""
        return next(night for night in self.nights if self.snapshot(night) == snapshot)

    def volumes(self) -> Iterable[str]:
        """Return the names of all volumes."""
        return self.now.keys()
