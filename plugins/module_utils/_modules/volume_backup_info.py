# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gluster_volume_backup_info does: list the archives of a repository."""

from __future__ import annotations

from ansible_collections.vdisk.gluster.plugins.module_utils._backup.archive_metadata import LATEST, archive_object, check_name
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.base import NoRepository
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.options import newest, tool_of
from ansible_collections.vdisk.gluster.plugins.module_utils._common.result import Result
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import Task
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout


def work(task: Task) -> Result:
    """Return the archives of a repository."""
    params = task.params
    requested = [layout.check_volume(name) for name in params["volume"] or ()]
    name = check_name(params["archive"]) if params["archive"] not in (None, LATEST) else params["archive"]
    tool = tool_of(task.params, task.runner)
    try:
        archives, exists = tool.archives(), True
    except NoRepository:
        archives, exists = [], False
    found = [archive for archive in archives if not requested or archive.volume in requested]
    if name == LATEST:
        found = [archive for archive in found if archive == newest(found, archive.volume, LATEST)]
    elif name is not None:
        found = [archive for archive in found if archive.name == name]
    what = f"{len(found)} matching archive{'' if len(found) == 1 else 's'}"
    return Result(
        f"The repository has {what}." if exists else "There is no repository yet.",
        values={"archives": [archive_object(archive) for archive in found], "repository_exists": exists},
    )
