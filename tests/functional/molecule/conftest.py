# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which scenarios of Molecule are run: the main one and another one, all of them, or those that are named."""

from __future__ import annotations

import pathlib

import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "extensions" / "molecule"


def pytest_generate_tests(metafunc):
    if "scenario" in metafunc.fixturenames:
        existing = sorted(path.parent.name for path in FOLDER.glob("*/molecule.yml"))
        chosen = (metafunc.config.getoption("--scenario") or "").split() or existing
        if set(chosen) - set(existing):
            raise pytest.UsageError(f"--scenario: there is no {', '.join(set(chosen) - set(existing))}; there are {', '.join(existing)}")
        # the others run playbooks that roles, live tests and examples run on one machine as well
        marks = [] if metafunc.config.getoption("--scenario") else [pytest.mark.sample(1, pinned=["default"])]
        metafunc.parametrize("scenario", [pytest.param(scenario, marks=marks) for scenario in chosen])
