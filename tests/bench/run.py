# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the modules against bare qemu-img on a GlusterFS volume of this run's own, and print tables.

Nothing here passes or fails by its time: figures are for people. Contenders take turns within one run, so that ratios
hold although the machine's speed drifts. Needs root and a running glusterd; C(make bench) sees to both.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time

# the collection is found where Ansible finds it
sys.path[:0] = [path for path in os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(":") if path]

import rows_at_once  # noqa: E402
import rows_chain  # noqa: E402
import rows_copy  # noqa: E402
import rows_crowd  # noqa: E402
import rows_depth  # noqa: E402
import rows_drop  # noqa: E402
import rows_export  # noqa: E402
import rows_many  # noqa: E402
import rows_memory  # noqa: E402
import rows_merge  # noqa: E402
import rows_parts  # noqa: E402
import rows_process  # noqa: E402
import rows_rate  # noqa: E402
import rows_safety  # noqa: E402
import rows_tasks  # noqa: E402
from glusterfs import Site, command, site  # noqa: E402

ROWS = {
    "tasks": lambda where, chosen: rows_tasks.measure(where, chosen.repetitions, chosen.pipelining),
    "parts": lambda where, chosen: rows_parts.measure(where, chosen.repetitions, chosen.pipelining),
    "process": lambda where, chosen: rows_process.measure(where, chosen.repetitions),
    "chain": lambda where, chosen: rows_chain.measure(where, chosen.repetitions),
    "depth": lambda where, chosen: rows_depth.measure(where, max(1, chosen.repetitions // 2)),
    "crowd": lambda where, chosen: rows_crowd.measure(where, max(1, chosen.repetitions // 2)),
    "many": lambda where, chosen: rows_many.measure(where, max(1, chosen.repetitions // 2), chosen.volumes, chosen.looped),
    "merge": lambda where, chosen: rows_merge.measure(where, chosen.repetitions),
    "drop": lambda where, chosen: rows_drop.measure(where, chosen.repetitions),
    "safety": lambda where, chosen: rows_safety.measure(where, chosen.repetitions),
    "at_once": lambda where, chosen: rows_at_once.measure(where, chosen.repetitions),
    "rate": lambda where, chosen: rows_rate.measure(where, max(1, chosen.repetitions // 2)),
    "memory": lambda where, chosen: rows_memory.measure(where, max(1, chosen.repetitions // 2)),
    "copy": lambda where, chosen: rows_copy.measure(where, max(1, chosen.repetitions // 2), chosen.mebibytes),
    "export": lambda where, chosen: rows_export.measure(where, chosen.repetitions),
}


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(prog="make bench", description="Time the modules against bare qemu-img on a real GlusterFS.")
    parser.add_argument("--rows", default=",".join(ROWS), help="groups of rows, separated by commas (default: %(default)s)")
    parser.add_argument(
        "--repetitions", type=int, default=7, metavar="N", help="of each figure (default: %(default)s; many, copy: half of it)"
    )
    parser.add_argument("--quick", action="store_true", help="two repetitions and fewer volumes: does it run, and roughly how fast")
    parser.add_argument("--mebibytes", type=int, metavar="N", help="of data in the volume that is copied (default: 1024; quick: 128)")
    parser.add_argument("--pipelining", action="store_true", help="measure tasks with Ansible's pipelining")
    chosen = parser.parse_args()
    chosen.rows = [name for name in chosen.rows.split(",") if name]
    for name in chosen.rows:
        if name not in ROWS:
            parser.error(f"there are no rows {name!r}; there are {', '.join(ROWS)}")
    if chosen.repetitions < 1:
        parser.error("--repetitions: at least 1")
    chosen.volumes, chosen.looped = (100, 5) if chosen.quick else (500, 25)
    chosen.mebibytes = chosen.mebibytes or (128 if chosen.quick else 1024)
    chosen.repetitions = 2 if chosen.quick else chosen.repetitions
    return chosen


def about_this_machine() -> str:
    """Return what the figures depend on, in a line."""
    versions = [command(program, "--version").splitlines()[0] for program in ("qemu-img", "glusterfs", "ansible")]
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{os.cpu_count()} processors, load {load}; {'; '.join(versions)}"


def main() -> None:
    """Measure what was asked for."""
    chosen = arguments()
    # so that the volume is taken away also where this is stopped
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print(about_this_machine())
    print(f"Medians of {chosen.repetitions} repetitions in which the contenders take turns; min..max is the noise.")
    print("ours/bare is the median of the ratios pair by pair: below 1 ours is faster; from 0.77 to 1.3 call it the same.", flush=True)
    for name in chosen.rows:
        measure_one(name, chosen)


def measure_one(name: str, chosen: argparse.Namespace) -> None:
    """Measure one group of rows on a share of its own."""
    started = time.monotonic()
    where: Site
    with site() as where:
        ROWS[name](where, chosen)
    load = os.getloadavg()[0]
    print(f"  ({name}: {time.monotonic() - started:.0f} s, load {load:.1f} at the end)", flush=True)


if __name__ == "__main__":
    main()
