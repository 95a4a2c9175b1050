# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the filters share: their options as rules and times, and their failures as sentences."""

from __future__ import annotations

import datetime
import functools
from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.vdisk.gluster.plugins.plugin_utils._retention.policy import parse_time


def explained(work: Callable[..., Any]) -> Callable[..., Any]:
    """Let a filter fail with the sentence of what it was given wrongly."""

    @functools.wraps(work)
    def wrapper(*args: Any, **named: Any) -> Any:
        try:
            return work(*args, **named)
        except (TypeError, ValueError) as error:
            raise AnsibleFilterError(str(error)) from error

    return wrapper


def time_of(text: Any) -> datetime.datetime:
    """Return the time that a text means.

    :raises ValueError: it is no time in UTC.
    """
    time = parse_time(text)
    if time is None:
        raise ValueError(f"{text!r} is not a time in UTC; write it as 2026-11-24T03:00:00Z")
    return time
