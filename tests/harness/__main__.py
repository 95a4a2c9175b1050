# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scripts ask the harness for: checks of this machine, installations, and glusterd while a program runs.

usage: python3 -m ansible_collections.vdisk.gluster.tests.harness preflight [unit | PART...]
       python3 -m ansible_collections.vdisk.gluster.tests.harness install glance|s3|importer|awx|guest...
       python3 -m ansible_collections.vdisk.gluster.tests.harness glusterd PROGRAM [ARGUMENT]...
"""

from __future__ import annotations

import os
import subprocess
import sys

from ansible_collections.vdisk.gluster.tests.harness import daemon, glusterd, installed, preflight

_INSTALLATIONS = {"awx": installed.awx_collection, "guest": installed.guest_packages}


def _run(argv: list[str]) -> int:
    preflight.check()
    with glusterd.running():
        # this is found by a path that programs of other Pythons have no use for
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(argv, env=environment, check=False).returncode


def main(verb: str, words: list[str]) -> int:
    if (verb, words) == ("preflight", ["unit"]):
        preflight.check_for_unit_tests()
    elif verb == "preflight":
        preflight.check(words)
    elif verb == "install":
        for name in words:
            _INSTALLATIONS[name]() if name in _INSTALLATIONS else installed.venv(name)
    elif verb == "glusterd":
        return _run(words)
    else:
        raise SystemExit(__doc__)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:]))
    except (preflight.Lacking, daemon.NoDaemon, RuntimeError) as problem:
        sys.exit(str(problem))
