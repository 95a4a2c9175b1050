# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process of a run gets which tests: those that need the same lab go to one, so that it is made once."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/functional/faults/cluster/", "tests/functional/faults/lab/", "tests/functional/live/test_migration.py")
"""How the names of those tests begin. The mark C(xdist_group) would say it at the tests, but pytest-xdist 3.8 has no effect of it on
pytest 9.2, which keeps the names of tests elsewhere."""


class LabsOnce(LoadScopeScheduling):
    """Hands out tests one by one, and those of a lab as one; the largest come first."""

    def _split_scope(self, nodeid: str) -> str:
        """Return what a test is handed out with."""
        return next((place for place in TOGETHER if nodeid.startswith(place)), nodeid)
