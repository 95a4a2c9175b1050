# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gluster_image_export does where an image is wanted: take its options, and make it while no other task of the host does."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.result import Result
from ansible_collections.vdisk.gluster.plugins.module_utils._common.single_flight import single_flight
from ansible_collections.vdisk.gluster.plugins.module_utils._export.image import ImageExport, ImageRequest
from ansible_collections.vdisk.gluster.plugins.module_utils._glance import client, image_marker
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import Task
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import Source

_OWN = ("id", "name", "status", "visibility", "size", "disk_format", "container_format", "checksum", "owner", "protected", "tags")
"""Properties that the service keeps itself, or that options of the module set."""

_LONGEST_NAME = 255
"""Characters that the service stores of a name."""


def work(task: Task, read_source: Callable[[Task], Source], make_file: Callable[[Task, str], Result]) -> Result:
    """Export to an image service.

    :param read_source: returns what is to be read, as it is now.
    :param make_file: makes the export's file at a path, or predicts that in check mode.
    """
    request = _request(task.params)
    # first of all: where the SDK is missing in this Python the module starts again in another one
    service = client.connect(request.cloud, task.runner.stall_timeout)
    export = ImageExport(request, service, lambda: read_source(task), lambda path: make_file(task, path), task.progress)
    if task.check_mode:
        return export.predict()
    subject = f"{task.params['volume']} {task.params['snapshot']} {task.params['format']} {task.params['compress']}"
    label = f"export {task.params['volume']} as image {request.name}"
    with single_flight(f"image:{request.cloud}:{request.name}", subject, label, task.progress, task.runner.stall_timeout) as ours:
        if not ours:
            raise Refused(f"image_name: another task is exporting to image {request.name} right now; wait until it ends")
        return export.make()


def _request(params: Mapping[str, Any]) -> ImageRequest:
    name = params["image_name"]
    if not 0 < len(name) <= _LONGEST_NAME or name != name.strip() or not name.isprintable():
        raise BadInput(f"image_name: {name!r} is not a name for an image; use 1 to 255 printable characters")
    properties = {}
    for key, value in (params["image_properties"] or {}).items():
        if key in _OWN or key.startswith((image_marker.PREFIX, "os_hash")):
            raise BadInput(f"image_properties: {key} cannot be set as a property; omit it")
        if not isinstance(value, (str, bool, int, float)):
            raise BadInput(
                f"image_properties: the value of {key} is not a string; quote it, because the image service accepts only strings"
            )
        properties[str(key)] = str(value).lower() if isinstance(value, bool) else str(value)
    return ImageRequest(
        name,
        params["cloud"],
        params["visibility"],
        properties,
        params["dest"],
        params["scratch_dir"],
        params["format"],
        params["compress"],
        params["checksum_algorithm"],
        params["verify"],
        params["force"],
    )
