# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The patches that break the invariants fit the collection as it is: who changes a line that one of them breaks makes it anew."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PATCHES = sorted((ROOT / "tests/mutations").glob("*.patch"))


@pytest.mark.parametrize("patch", PATCHES, ids=lambda path: path.stem)
def test_a_mutation_applies_and_names_a_test_that_is_there(patch: Path) -> None:
    done = subprocess.run(["patch", "-p1", "-s", "--dry-run", "-i", patch], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    (caught_by,) = (line.split(": ", 1)[1] for line in patch.read_text(encoding="utf-8").splitlines() if line.startswith("# Caught by: "))
    path, name = caught_by.split("::")
    assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text(encoding="utf-8")


def test_there_are_mutations() -> None:
    assert len(PATCHES) > 40
