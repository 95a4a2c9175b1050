# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: timed_name
short_description: Make a name of a pattern and a time
version_added: 1.0.0
author:
  - the vdisk.gluster authors (@vdisk)
description:
  - Fills a time, in UTC, and fields into a pattern.
  - Of a time a name may have C(%Y), C(%m), C(%d), C(%H), C(%M), C(%S), C(%j), C(%G), C(%V), C(%u) and C(%y), as strftime(3) has them;
    C(%%) is a percent sign.
positional: _input, now
options:
  _input:
    description: The pattern.
    type: str
    required: true
  now:
    description: The time, ISO 8601 in UTC.
    type: str
    required: true
  fields:
    description: What stands for C({name}) in the pattern, by name.
    type: dict
    default: {}
"""

EXAMPLES = r"""
---
- name: Show the name of tonight's snapshot
  ansible.builtin.debug:
    # nightly-20261124T030000Z
    msg: "{{ '{label}-%Y%m%dT%H%M%SZ' | vdisk.gluster.timed_name('2026-11-24T03:00:00Z', fields={'label': 'nightly'}) }}"
"""

RETURN = r"""
---
_value:
  description: The name.
  type: str
"""

from typing import Any, Callable

from ansible_collections.vdisk.gluster.plugins.plugin_utils._filtering import explained, time_of
from ansible_collections.vdisk.gluster.plugins.plugin_utils._plans import naming


@explained
def timed_name(pattern: str, now: str, fields: dict[str, str] | None = None) -> str:
    """Make a name of a pattern and a time."""
    return naming.timed_name(pattern, time_of(now), fields or {})


class FilterModule:
    """Offers the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file."""
        return {"timed_name": timed_name}
