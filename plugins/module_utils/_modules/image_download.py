# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image of an image service as the source of new volumes: found, and as a checked file below C(scratch_dir) while it is needed."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import Any, Iterator, Mapping

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.host_lock import host_lock
from ansible_collections.vdisk.gluster.plugins.module_utils._common.scratch import scratch_directory
from ansible_collections.vdisk.gluster.plugins.module_utils._common.space import available_in, check_space
from ansible_collections.vdisk.gluster.plugins.module_utils._glance import client
from ansible_collections.vdisk.gluster.plugins.module_utils._glance.image import Image
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg


@dataclass(frozen=True)
class ServiceImage:
    """An image that a task names, and the directory for its file."""

    name: str
    cloud: str | None
    scratch: str


@dataclass(frozen=True)
class DownloadedImage:
    """An image that was found; C(path) is None in check mode, where nothing is read but what is said of it.

    C(base_format) is that of the volume which is made of it where the task names none.
    """

    label: str
    format: str
    virtual_size: int | None
    origin: Mapping[str, Any]
    path: str | None
    base_format: str = "raw"


@contextlib.contextmanager
def downloaded(request: ServiceImage, qemu_img: QemuImg, check_mode: bool) -> Iterator[DownloadedImage]:
    """Find an image and, but in check mode, read it into a file whose hash is the service's.

    :raises Refused: there is no such image, or none that can be read safely.
    """
    service = client.connect(request.cloud, qemu_img.stall_timeout)
    image = service.find(request.name)
    label = f"image {request.name} of {service.label}"
    if image.format is None:
        raise Refused(f"source_image_name: {label} is {image.disk_format}, which cannot become a volume; convert it, and upload it again")
    origin = {"image": f"{image.name} ({image.id})", "format": image.format, "checksum": image.hash}
    if check_mode:
        yield DownloadedImage(label, image.format, _virtual_size(image), origin, None)
        return
    with contextlib.ExitStack() as holding:
        if not holding.enter_context(host_lock(f"spool:{request.scratch}")):  # words: a name that other releases lock
            raise Refused(f"source_image_name: another task is creating the same volumes from {label} right now; wait until it ends")
        path = holding.enter_context(scratch_directory(request.scratch))
        parent = os.path.dirname(request.scratch)
        check_space(f"scratch_dir: {parent}", available_in(parent), image.size or 0, f"the copy of {label}")
        service.download(image, path, qemu_img.progress.step(f"download {label}", image.size))
        yield DownloadedImage(label, image.format, _virtual_size(image), origin, path)


def _virtual_size(image: Image) -> int | None:
    """Return the size of the disk in bytes, as far as the service knows it."""
    return image.virtual_size or (image.size if image.format == "raw" else None)
