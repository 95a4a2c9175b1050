# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Option that says what domains of other hosts mean to a task."""

    DOCUMENTATION = r"""
options:
  attached_elsewhere:
    description:
      - What to do where a domain that is shut off on another host has the volume, by the volume's record. After a change of the
        volume's files here, that domain would start on an outdated file and write to a file that other files are based on.
      - V(refuse) names the host and the domain. Growth is not refused, for no file changes its place, and neither is what a domain
        of this host does that runs on the volume and is the same one, which has come from there.
      - V(ignore) goes on, and leaves the record as it is. Before that domain is started, run M(vdisk.gluster.gluster_volume_attachment)
        with C(state=present) on its host, which lets its definition name the active file. A volume that is open on another
        host is refused in any case.
    type: str
    choices: [refuse, ignore]
    default: refuse
"""
