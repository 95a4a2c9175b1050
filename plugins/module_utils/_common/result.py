# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence


@dataclass(frozen=True)
class Result:
    """What a module returns; C(diff) is the objects before and after."""

    msg: str
    changed: bool = False
    actions: Sequence[str] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    before: Any = None
    after: Any = None
