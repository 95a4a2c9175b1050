# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of labs, called by tools/lab.sh."""

from __future__ import annotations

import argparse
import os
import signal
import sys

from ansible_collections.vdisk.gluster.tests.harness import preflight
from ansible_collections.vdisk.gluster.tests.harness.lab import lab as labs
from ansible_collections.vdisk.gluster.tests.harness.lab.bricks import KINDS
from ansible_collections.vdisk.gluster.tests.harness.lab.plan import LabError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab.sh", description="hosts as name spaces of this machine")
    parser.add_argument("name", help="of the lab: one to eight of a-z and 0-9")
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up", help="make it")
    up.add_argument("--servers", type=int, default=3, help="hosts gs1, gs2, ... (default: 3)")
    up.add_argument("--hypervisors", type=int, default=2, help="hosts hv1, hv2, ... (default: 2)")
    up.add_argument("--brick", choices=KINDS, default="tmpfs", help="file system at /bricks of the servers (default: tmpfs)")
    up.add_argument("--brick-size", default="512M", help="of that file system (default: 512M)")
    verbs.add_parser("down", help="take it away, also what an interrupted run has left of it")
    verbs.add_parser("status", help="show its hosts")
    verbs.add_parser("inventory", help="print the path of its inventory for Ansible")
    execute = verbs.add_parser("exec", help="run a program on a host")
    execute.add_argument("host")
    execute.add_argument("argv", nargs=argparse.REMAINDER)
    for verb, what in (("cut", "pull its cable"), ("join", "put its cable back"), ("crash", "cut its power"), ("boot", "switch it on")):
        verbs.add_parser(verb, help=what).add_argument("host")
    return parser


def _status(lab: labs.Lab) -> None:
    for host in lab.hosts.values():
        power = f"is on as process {host.pid}" if host.is_on() else "is off"
        print(f"{host.name} {host.address} {power}{', its cable is pulled' if host.is_cut() else ''}")


def _serve(options: argparse.Namespace) -> None:
    if options.verb == "up":
        preflight.check(["faults"])
        made = labs.Lab.up(options.name, options.servers, options.hypervisors, options.brick, options.brick_size)
        print(f"the lab {options.name} is up; its inventory is {made.inventory}")
    elif options.verb == "down":
        print(f"the lab {options.name} {'is taken down' if labs.down(options.name) else 'is not there'}")
    else:
        lab = labs.Lab.at(options.name)
        if options.verb == "status":
            _status(lab)
        elif options.verb == "inventory":
            print(lab.inventory)
        elif options.verb == "exec":
            command = lab.host(options.host).command(options.argv or ["bash"])
            os.execvp(command[0], command)
        else:
            getattr(lab.host(options.host), options.verb)()


def main() -> None:
    # so that what was begun is taken away then too
    signal.signal(signal.SIGTERM, lambda *_ignored: sys.exit(143))
    options = _parser().parse_args()
    try:
        _serve(options)
    except (LabError, preflight.Lacking) as error:
        sys.exit(f"lab.sh: {error}")


if __name__ == "__main__":
    main()
