# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What SECURITY.md says that nobody can do is shown by a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_each_line_on_what_an_enemy_cannot_do_names_a_test_that_is_there() -> None:
    lines = [line for line in (ROOT / "SECURITY.md").read_text(encoding="utf-8").splitlines() if "| cannot |" in line]
    assert len(lines) > 8
    for line in lines:
        (named,) = re.findall(r"`(tests/[^`]+)::(\w+)`", line)
        assert f"def {named[1]}(" in (ROOT / named[0]).read_text(encoding="utf-8"), line
