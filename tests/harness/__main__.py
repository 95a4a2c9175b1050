# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scripts ask the harness for: checks of this machine, installations, runs of programs with or without glusterd, and clearing up.

usage: python3 -m ansible_collections.vdisk.gluster.tests.harness preflight [unit | PART...]
       python3 -m ansible_collections.vdisk.gluster.tests.harness install glance|s3|importer|awx|guest...
       python3 -m ansible_collections.vdisk.gluster.tests.harness glusterd|run PROGRAM [ARGUMENT]...
       python3 -m ansible_collections.vdisk.gluster.tests.harness clear
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

from ansible_collections.vdisk.gluster.tests.harness import daemon, glusterd, installed, leftovers, preflight

_INSTALLATIONS = {"awx": installed.awx_collection, "guest": installed.guest_packages}
_PATIENCE = 60
_INTERRUPTED = 130


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _run(argv: list[str]) -> int:
    # this is found by a path that programs of other Pythons have no use for
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen(argv, env=environment)
    try:
        return process.wait()
    except KeyboardInterrupt:
        # it has got the same, and may tear down itself; what is left then is cleared away by who has called this
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
        return _INTERRUPTED


def main(verb: str, words: list[str]) -> int:
    if (verb, words) == ("preflight", ["unit"]):
        preflight.check_for_unit_tests()
    elif verb == "preflight":
        preflight.check(words)
    elif verb == "install":
        for name in words:
            _INSTALLATIONS[name]() if name in _INSTALLATIONS else installed.venv(name)
    elif verb == "glusterd":
        preflight.check()
        with leftovers.running(_tell), glusterd.running():
            return _run(words)
    elif verb == "run":
        with leftovers.running(_tell):
            return _run(words)
    elif verb == "clear":
        return 0 if leftovers.clear_dead(_tell) else 1
    else:
        raise SystemExit(__doc__)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:]))
    except (preflight.Lacking, daemon.NoDaemon, RuntimeError) as problem:
        sys.exit(str(problem))
