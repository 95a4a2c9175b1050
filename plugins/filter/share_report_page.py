# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: share_report_page
short_description: Make a report of shares and their volumes as a page
version_added: 1.0.0
author:
  - the vdisk.gluster authors (@vdisk)
description:
  - Puts together what several hosts see of GlusterFS shares, works out what somebody should look at and what has changed since the last
    report, and returns it as one HTML page that needs nothing else. It changes nothing; the role P(vdisk.gluster.share_report#role) writes
    the page.
  - Everything that is on the shares, as names and labels, is escaped.
  - The same input makes the same page.
positional: _input, now
options:
  _input:
    description: Results of M(vdisk.gluster.gluster_volume_file_info) by the names of hosts. One without C(shares) is of a host that failed.
    type: dict
    required: true
  now:
    description: The present time, ISO 8601 in UTC.
    type: str
    required: true
  templates:
    description: Directory on the control node with C(page.html.j2), C(page.css) and C(page.js); those of the role by default.
    type: path
  previous_page:
    description: The page of the previous report, which carries what this one is compared with.
    type: str
    default: ""
  title:
    description: Title of the page.
    type: str
    default: GlusterFS shares
  space_limit:
    description: A share that is so many percent full gets a warning.
    type: float
    default: 85
  provisioned_limit:
    description: A share whose volumes have so many times its size as their virtual size gets a warning; V(0) for none.
    type: float
    default: 2
  age_limit:
    description: Snapshots that are older than so many days get a warning; V(0) for none.
    type: float
    default: 30
  chain_limit:
    description: Chains of more than so many files get a warning; V(0) for none.
    type: int
    default: 64
"""

EXAMPLES = r"""
---
- name: Look at the volumes
  vdisk.gluster.gluster_volume_file_info:
    share: "gl1:/vms"
  register: look

- name: Work out what is to be looked at
  ansible.builtin.debug:
    msg: "{{ report.findings }}"
  vars:
    report: "{{ {inventory_hostname: look} | vdisk.gluster.share_report_page(now='2026-11-24T03:00:00Z') }}"
"""

RETURN = r"""
---
_value:
  description: The report.
  type: dict
  contains:
    page:
      description: The page.
      type: str
    unchanged:
      description: Whether the previous page shows the same, apart from the time and the ages that follow from it.
      type: bool
    problems:
      description: Number of problems.
      type: int
    warnings:
      description: Number of warnings.
      type: int
    findings:
      description: What needs attention, as messages, the worst first.
      type: list
      elements: str
    changes:
      description: What has changed since the last report, as messages.
      type: list
      elements: str
    shares:
      description: Of each share C(share), C(total_bytes), C(available_bytes), C(provisioned_bytes), C(allocated_bytes) and C(volumes).
      type: list
      elements: dict
"""

from pathlib import Path
from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.build import report

OWN_TEMPLATES = Path(__file__).resolve().parents[2] / "roles" / "share_report" / "templates"


def share_report_page(observations: dict[str, Any], now: str, templates: str | None = None, **options: Any) -> dict[str, Any]:
    """Make a report of shares and their volumes."""
    try:
        return report(observations, now, templates or str(OWN_TEMPLATES), **options)
    except (TypeError, ValueError) as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Offers the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file."""
        return {"share_report_page": share_report_page}
