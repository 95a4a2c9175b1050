# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another time of day for tasks: of one by its C(environment), or of a whole ansible-playbook by its own.

A time name space of the kernel does not move the time of day, and an option that sets what is put on record would be one to lie
with. So the unchanged modules are given another clock.
"""

from __future__ import annotations

import calendar
import pathlib
import subprocess
import time


class ShiftedClock:
    """A library that moves the clock of the programs it is loaded into."""

    def __init__(self, directory: pathlib.Path) -> None:
        """Compile it."""
        self.library = directory / "shifted_clock.so"
        source = pathlib.Path(__file__).with_suffix(".c")
        subprocess.run(["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(self.library), str(source)], check=True)

    def at(self, moment: str) -> dict[str, str]:
        """Return the environment in which it is now C(moment), as C(2026-12-01T03:00:00Z), and goes on from there."""
        ahead = calendar.timegm(time.strptime(moment, "%Y-%m-%dT%H:%M:%SZ")) - int(time.time())
        return {"LD_PRELOAD": str(self.library), "SHIFTED_CLOCK": str(ahead)}
