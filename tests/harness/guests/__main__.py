# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of the live tests for tests that are playbooks: make what the test guest boots, judge the records that it has written."""

from __future__ import annotations

import argparse
import pathlib
import sys

from ansible_collections.vdisk.gluster.tests.harness.guests.counting import Counts
from ansible_collections.vdisk.gluster.tests.harness.guests.guest_image import build
from ansible_collections.vdisk.gluster.tests.harness.guests.oracle import Layout, Oracle


def _judge(copy: pathlib.Path, slots: int) -> int:
    """Print which record a raw copy of a disk is at."""
    found = Oracle(Layout(slots), Counts()).of_records(copy)
    if found.point is None:
        print(f"{copy} is no point in time: {found.reason}", file=sys.stderr)
        return 1
    print(found.point)
    return 0


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="live")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("guest", help="make kernel and initrd").add_argument("directory", type=pathlib.Path)
    judge = verbs.add_parser("judge", help="see that a raw copy of a disk is a point in time, and print which record it is at")
    judge.add_argument("copy", type=pathlib.Path)
    judge.add_argument("slots", type=int)
    options = parser.parse_args()
    if options.verb == "guest":
        build(options.directory)
        return 0
    return _judge(options.copy, options.slots)


if __name__ == "__main__":
    sys.exit(main())
