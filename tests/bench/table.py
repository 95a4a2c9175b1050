# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables for people: rows aligned, medians with their noise, goals beside them."""

from __future__ import annotations

from typing import Sequence

from timing import Row, spread

_UNITS = {"ms": 1000.0, "s": 1.0}


def show(title: str, rows: Sequence[Row], unit: str = "ms", notes: Sequence[str] = ()) -> None:
    """Print the table of one group of rows."""
    heads = ("", f"ours {unit}", "min..max", f"bare {unit}", "min..max", "ours/bare", "min..max", "against", "goal")
    lines = [heads]
    for row in rows:
        scale = _UNITS[unit]
        lines.append((row.name, *spread(row.ours, scale), *spread(row.bare, scale), *spread(row.ratios), row.bare_name, row.goal))
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    print(f"\n{title}")
    for number, line in enumerate(lines):
        # words to the left, figures to the right
        cells = [
            cell.ljust(width) if column in (0, 2, 4, 6, 7, 8) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths))
        ]
        print("  " + "  ".join(cells).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))
    for note in notes:
        print(f"  {note}")
    print(end="", flush=True)
