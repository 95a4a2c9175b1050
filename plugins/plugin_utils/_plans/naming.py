# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that roles give: a pattern with a time and fields, and shell patterns of volume names (pure)."""

from __future__ import annotations

import datetime
import fnmatch
import re
from typing import Any, Iterable, Mapping, Sequence

_PART = re.compile(r"%(.)|\{([a-z_]*)\}", re.DOTALL)
_TIMES = "YmdHMSjGVuy"
"""What a pattern may take from a time: those directives of strftime(3) that are digits in every language."""


def timed_name(pattern: str, time: datetime.datetime, fields: Mapping[str, str]) -> str:
    """Return a pattern with its time, as C(%Y%m%d), and its fields, as C({volume}), filled in; C(%%) is a percent sign.

    :raises ValueError: there is no such field or directive.
    """

    def filled(match: re.Match[str]) -> str:
        directive, field = match[1], match[2]
        if directive == "%":
            return "%"
        if directive is not None:
            if directive not in _TIMES:
                raise ValueError(f"{pattern!r}: a name has no %{directive}; it may have {', '.join('%' + letter for letter in _TIMES)}")
            return time.strftime(f"%{directive}")
        if field not in fields:
            raise ValueError(f"{pattern!r}: there is no {{{field}}}; there is {', '.join('{' + name + '}' for name in fields)}")
        return fields[field]

    return _PART.sub(filled, pattern)


def names_of(value: Any) -> list[Any]:
    """Return a list as it is, and the words of a text, as a survey has it, as a list."""
    return [word for word in re.split(r"[,\s]+", value) if word] if isinstance(value, str) else list(value)


def is_pattern(name: str) -> bool:
    """Tell whether a name stands for those that match it; no volume's own name has such characters."""
    return bool(set(name) & set("*?["))


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """Return the names that match a shell pattern, sorted."""
    return sorted(fnmatch.filter(names, pattern))


def chosen(requested: Sequence[str], there: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the volumes that names and shell patterns choose, each once, and sentences on what chooses none."""
    found: list[str] = []
    wrong: list[str] = []
    for name in requested:
        names = matching(name, there) if is_pattern(name) else [name] if name in there else []
        if not names:
            wrong.append(f"no volume matches {name}" if is_pattern(name) else f"volume {name} does not exist")
        found += [one for one in names if one not in found]
    return found, wrong
