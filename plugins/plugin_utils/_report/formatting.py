# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a report writes times, ages, sizes and numbers of things (pure)."""

from __future__ import annotations

import datetime

MINUTE, HOUR, DAY = 60, 3600, 86400


def parse_time(text: object) -> datetime.datetime | None:
    """Return the time that ISO 8601 text means, in UTC; None where it means none."""
    if not isinstance(text, str):
        return None
    try:
        # Python 3.10 knows no Z
        found = datetime.datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
        return found.astimezone(datetime.timezone.utc) if found.tzinfo else found.replace(tzinfo=datetime.timezone.utc)
    except (ValueError, OverflowError):
        return None


def stamp(time: datetime.datetime) -> str:
    """Return a time as ISO 8601 to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def date(time: datetime.datetime) -> str:
    """Return a time for a person to read, to the minute."""
    return time.strftime("%Y-%m-%d %H:%M UTC")


def age(seconds: float) -> str:
    """Return how long ago something was, as C(40 min), C(5 h), C(12 days) or C(2.5 years)."""
    if seconds < 0:
        return "in the future"
    if seconds < 2 * MINUTE:
        return "just now"
    if seconds < 2 * HOUR:
        return f"{int(seconds // MINUTE)} min"
    if seconds < 2 * DAY:
        return f"{int(seconds // HOUR)} h"
    days = int(seconds // DAY)
    return f"{days} days" if days < 730 else f"{days / 365.25:.1f} years"


def size(count: int | None) -> str:
    """Return bytes in about three digits: 9.88 GiB, 98.8 GiB, 988 GiB; a question mark where they are not known."""
    if count is None:
        return "?"
    value, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if abs(value) < 1000 or unit == "PiB":
            break
        value /= 1024
    digits = 0 if abs(value) >= 100 or unit == "B" else 1 if abs(value) >= 10 else 2
    text = f"{value:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {unit}"


def exact(count: int | None) -> str:
    """Return bytes in full."""
    return "?" if count is None else f"{count:,} bytes".replace(",", " ")


def grown(count: int) -> str:
    """Return a difference of bytes with its sign."""
    return f"+{size(count)}" if count > 0 else f"−{size(-count)}" if count < 0 else "±0"


def percent(part: int, whole: int) -> float:
    """Return a part in percent; none of nothing."""
    return 100.0 * part / whole if whole else 0.0


def number(count: int, one: str, many: str | None = None) -> str:
    """Return a number of things: 1 volume, 2 volumes."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def some(names: list[str], shown: int = 5) -> str:
    """Return names in a row, the first few of many."""
    if len(names) <= shown + 1:
        return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
    return f"{', '.join(names[:shown])} and {len(names) - shown} more"
