# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gluster_image_export_info does: list the exports in a directory by their manifests, and read nothing else."""

from __future__ import annotations

import os
import stat
from dataclasses import asdict
from typing import Any

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, Damaged, Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.result import Result
from ansible_collections.vdisk.gluster.plugins.module_utils._export import manifest_file
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import Task

_KEYS = {"exported": "created"}
"""Key of a manifest -> the name that results have for it."""


def work(task: Task) -> Result:
    """Return the exports in the directory of a task."""
    directory = task.params["path"]
    if not directory.startswith("/"):
        raise BadInput(f"path: {directory!r} is not an absolute path")
    exists = files.is_directory(directory)
    found = _exports(directory) if exists else []
    count = f"{len(found)} export{'' if len(found) == 1 else 's'} found in {directory}"
    return Result(f"{count}." if exists else f"{directory} does not exist.", values={"exists": exists, "exports": found})


def _exports(directory: str) -> list[dict[str, Any]]:
    found = []
    for name in sorted(files.list_names(directory)):
        if name.endswith(manifest_file.SUFFIX) and not name.startswith("."):
            entry = _export(os.path.join(directory, name))
            found += [entry] if entry else []
    return found


def _export(path: str) -> dict[str, Any] | None:
    """Return an export by the path of its manifest; None where it is no manifest of this collection."""
    try:
        content = files.read_text_file(path, manifest_file.LIMIT, listed=True)
        if content is None:
            return None
        manifest = manifest_file.parse(content)
    except (Damaged, Refused):
        return None
    dest = path[: -len(manifest_file.SUFFIX)]
    entry = {_KEYS.get(key, key): value for key, value in asdict(manifest).items() if key != "modified_ns"}
    try:
        status = files.fresh(lambda: os.lstat(dest), dest, listed=True)
    except FileNotFoundError:
        return {"dest": dest, **entry, "exists": False, "unmodified": False}
    as_made = (status.st_size, status.st_mtime_ns) == (manifest.size_bytes, manifest.modified_ns)
    return {"dest": dest, **entry, "exists": True, "unmodified": stat.S_ISREG(status.st_mode) and as_made}
