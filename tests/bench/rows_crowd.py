# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One volume among many on its share: a task lists the share before it believes what it opens, so a crowd is paid for by each."""

from __future__ import annotations

import os
import statistics

from engine import timed_program
from glusterfs import Site
from table import show
from timing import Row, figure

_CROWDS = (10, 1000, 10000)
"""Other volumes on the share."""


def measure(site: Site, repetitions: int) -> None:
    """Measure and print."""
    rows: list[Row] = []
    notes: list[str] = []
    have = 0
    for crowd in _CROWDS:
        for number in range(have, crowd):
            # as Cinder leaves them, without a record of ours
            descriptor = os.open(site.mount_point / f"crowd{number}", os.O_CREAT | os.O_WRONLY, 0o660)
            os.ftruncate(descriptor, 1 << 30)
            os.close(descriptor)
        have = crowd
        found = _turns(site, repetitions)
        listings = [timed_program(["ls", "-f", str(site.mount_point)]) for _repetition in range(repetitions)]
        rows += [Row(f"{operation}, among {crowd}", seconds, listings, "ls -f of the share") for operation, seconds in found.items()]
    for operation in ("info", "create", "snapshot", "remove"):
        few, many = (next(row.ours for row in rows if row.name == f"{operation}, among {crowd}") for crowd in (_CROWDS[0], _CROWDS[-1]))
        each = (statistics.median(many) - statistics.median(few)) / (_CROWDS[-1] - _CROWDS[0])
        notes.append(f"{operation}: {figure(each * 1e6)} microseconds more for each volume that is there")
    show("One volume among many: the engine of a module, with one listing of the share beside it", rows, notes=notes)


def _turns(site: Site, repetitions: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for repetition in range(-1, repetitions):
        for operation, module, options in (
            ("create", "gluster_volume_file", {"name": ["one"], "size": "1G"}),
            ("info", "gluster_volume_file_info", {"name": ["one"]}),
            ("snapshot", "gluster_snapshot", {"volume": ["one"], "name": ["s"]}),
            ("remove", "gluster_volume_file", {"name": ["one"], "state": "absent", "delete_snapshots": True}),
        ):
            seconds = site.do(module, **options).engine_seconds
            if repetition >= 0:
                found.setdefault(operation, []).append(seconds)
    return found
