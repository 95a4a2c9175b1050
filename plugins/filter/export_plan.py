# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: export_plan
short_description: Turn a list of volumes and snapshots into exports with names
version_added: 1.0.0
author:
  - the vdisk.gluster authors (@vdisk)
description:
  - Turns a list of volumes and snapshots into exports, each with the name of its file and of its image, or names what of it cannot be
    exported. It changes nothing.
  - This is what the role P(vdisk.gluster.image_export#role) works with.
positional: _input, volumes
options:
  _input:
    description:
      - Names of volumes and shell patterns as V(db-*), as a list or as the words of a text. In a list there may be mappings too, with
        C(volume), and C(snapshot), or C(label) for the newest snapshot that carries it.
    type: raw
    required: true
  volumes:
    description: Volume objects, as RV(vdisk.gluster.gluster_volume_file_info#module:volumes).
    type: list
    elements: dict
    required: true
  now:
    description: The present time, ISO 8601 in UTC.
    type: str
    required: true
  snapshot:
    description: Name of the snapshot for entries with neither C(snapshot) nor C(label).
    type: str
    default: ""
  label:
    description: Label for entries with neither.
    type: str
    default: ""
  dest:
    description: Directory of the files; without it there are none.
    type: str
    default: ""
  name:
    description:
      - Pattern of the names of files, as P(vdisk.gluster.timed_name#filter) fills it in, with the fields C(volume), C(snapshot) (V(now)
        without one) and C(format). The time is that of the snapshot.
    type: str
    default: "{volume}.%Y%m%dT%H%M%SZ.{format}"
  image_name:
    description: Pattern of the names of images; without it there are none.
    type: str
    default: ""
  format:
    description: Format of the files.
    type: str
    default: raw
"""

EXAMPLES = r"""
---
- name: Look at all volumes
  vdisk.gluster.gluster_volume_file_info:
    share: "gl1:/vms"
  register: look

- name: Show what an export of the newest nightly snapshots would make
  ansible.builtin.debug:
    msg: "{{ plan.errors or plan.exports | map(attribute='dest') }}"
  vars:
    plan: >-
      {{ ['db-*'] | vdisk.gluster.export_plan(look.volumes, now='2026-11-24T03:00:00Z', label='nightly', dest='/var/backups',
         format='qcow2') }}
"""

RETURN = r"""
---
_value:
  description: What is to be exported.
  type: dict
  contains:
    errors:
      description: Error messages on what cannot be exported. There are no exports then.
      type: list
      elements: str
    exports:
      description: The exports.
      type: list
      elements: dict
      contains:
        volume:
          description: Name of the volume.
          type: str
        share:
          description: The share it is on.
          type: str
        snapshot:
          description: Name of the snapshot; V(null) for the volume as it is now.
          type: str
        time:
          description: When the snapshot was taken, or the present time; V(null) where that is not on record.
          type: str
        dest:
          description: Path of the file.
          type: str
        image_name:
          description: Name of the image.
          type: str
"""

from typing import Any, Callable

from ansible_collections.vdisk.gluster.plugins.plugin_utils._filtering import explained, time_of
from ansible_collections.vdisk.gluster.plugins.plugin_utils._plans import export
from ansible_collections.vdisk.gluster.plugins.plugin_utils._plans.naming import names_of


@explained
def export_plan(
    requested: Any,
    volumes: list[dict[str, Any]],
    now: str,
    snapshot: str = "",
    label: str = "",
    dest: str = "",
    name: str = "{volume}.%Y%m%dT%H%M%SZ.{format}",
    image_name: str = "",
    format: str = "raw",
) -> dict[str, Any]:
    """Turn a list of volumes and snapshots into exports with names."""
    names = {"file": name if dest else "", "image": image_name}
    return export.plan(names_of(requested), volumes, {"snapshot": snapshot, "label": label}, names, dest, format, time_of(now))


class FilterModule:
    """Offers the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters of this file."""
        return {"export_plan": export_plan}
