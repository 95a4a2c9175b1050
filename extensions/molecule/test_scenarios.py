# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule's scenarios as tests of pytest, for whoever wants them so; C(make molecule) runs and counts the same ones.

usage, as root and in the environment of tools/env.sh: C(pytest extensions/molecule -k cluster)
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_scenario_succeeds(molecule_scenario):
    # pytest-ansible starts molecule in extensions/, where it finds no config.yml of this collection and so no host
    molecule_scenario.parent_directory = ROOT
    assert molecule_scenario.test().returncode == 0
