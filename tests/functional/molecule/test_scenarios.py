# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule's scenarios in extensions/molecule, each on a lab of its own; its output is kept in .cache/molecule."""

from __future__ import annotations

import os
import subprocess
import sys

from ansible_collections.vdisk.gluster.tests.harness.checkout import CACHE, ROOT

_LIMIT = "3600"
"""Seconds after which a scenario hangs, however slow the machine is."""


def test_a_scenario_succeeds(scenario):
    logs = CACHE / "molecule"
    logs.mkdir(parents=True, exist_ok=True)
    # that it has converged twice and verified, and that hosts took part, is counted by who runs it
    tally = [sys.executable, "tools/tally.py", "run", "molecule", scenario, "--scenario", "--"]
    # Molecule keeps its state in the checkout
    environment = {**os.environ, "MOLECULE_EPHEMERAL_DIRECTORY": str(logs / scenario), "NO_COLOR": "1"}
    with open(logs / f"{scenario}.log", "w", encoding="utf-8") as log:
        argv = [*tally, "timeout", _LIMIT, "molecule", "test", "-s", scenario]
        done = subprocess.run(argv, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, check=False)
    told = (logs / f"{scenario}.log").read_text(encoding="utf-8", errors="replace")
    assert done.returncode == 0, told
