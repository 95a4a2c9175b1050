# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A chain of many files read: the engine of volume_file_info against one qemu-img that walks the chain."""

from __future__ import annotations

from engine import timed_program
from glusterfs import Site
from table import show
from timing import Row, take_turns

_GOALS = {10: "0.8 ms", 50: "3.4 ms", 200: "13.6 ms"}
"""What opening each file once and reading its header cost, measured alone on GlusterFS 10.3."""


def measure(site: Site, repetitions: int) -> None:
    """Measure and print."""
    site.do("gluster_volume_file", name=["chain"], size="1G")
    rows = []
    files = 1
    for wanted, goal in _GOALS.items():
        while files < wanted:
            site.do("gluster_snapshot", volume=["chain"], name=[f"s{files}"])
            files += 1
        active = str(site.mount_point / f"chain.s{files - 1}")
        argv = ["qemu-img", "info", "-U", "--backing-chain", "--output=json", "-f", "qcow2", active]

        def ours(files: int = wanted) -> float:
            done = site.do("gluster_volume_file_info", name=["chain"])
            assert len(done.result["volumes"][0]["chain"]) == files and not done.result["volumes"][0]["problems"]
            return done.engine_seconds

        row = Row(f"{wanted} files", bare_name="qemu-img info --backing-chain", goal=goal)
        for repetition in range(repetitions):
            take_turns({"ours": ours, "bare": lambda argv=argv: timed_program(argv)}, repetition, {"ours": row.ours, "bare": row.bare})
        rows.append(row)
    site.do("gluster_volume_file", name=["chain"], state="absent", delete_snapshots=True)
    show("A chain of files read: the engine of volume_file_info", rows, notes=["Goal: each file opened once and its header read."])
