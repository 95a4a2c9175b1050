# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gluster_image_export does: find the point in time, hold what must not change under it, make the file."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import replace
from typing import Any, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.ownership import group_id, mode_bits, user_id
from ansible_collections.vdisk.gluster.plugins.module_utils._common.result import Result
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import parse_size
from ansible_collections.vdisk.gluster.plugins.module_utils._export.file import FileExport
from ansible_collections.vdisk.gluster.plugins.module_utils._export.request import ExportRequest
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share, shares_of
from ansible_collections.vdisk.gluster.plugins.module_utils._modules import image_upload
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import Task
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.source import source_of
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.temporary import plan_temporary
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.frozen_read import hold_readable
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.session import Session
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.locator import Shares
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import Source

COMPRESSED = ("qcow2", "vmdk")
"""Formats that can be compressed; a vmdk image is then a streamOptimized one."""


def work(task: Task) -> Result:
    """Export a volume, or a snapshot of it, to a file, to an image service, or to both."""
    if task.params["image_name"] is not None:
        return image_upload.work(task, _read_source, _to_file)
    return _to_file(task, task.params["dest"])


def _request(params: Mapping[str, Any]) -> ExportRequest:
    request = ExportRequest(
        layout.check_snapshot(params["snapshot"]) if params["snapshot"] is not None else None,
        params["format"],
        params["compress"],
        params["checksum_algorithm"],
        params["verify"],
        params["force"],
        user_id(params["owner"]),
        group_id(params["group"]),
        mode_bits(params["mode"]),
        None if params["rate_limit"] is None else parse_size(params["rate_limit"], "rate_limit"),
    )
    if request.compress and request.format not in COMPRESSED:
        raise BadInput(
            f"compress: only a qcow2 image or a vmdk one can be compressed, not {request.format}; name another format, or omit compress"
        )
    return request


def _find(task: Task) -> tuple[str, ExportRequest, Shares]:
    name = layout.check_volume(task.params["volume"])
    return name, _request(task.params), Shares(shares_of(task.params, task.warn))


def _share_of(name: str, shares: Shares) -> Share:
    share = shares.share_of(name, shares.list())
    if share is None:
        raise Refused(f"{name} does not exist on {', '.join(shares.usable)}, so it cannot be exported")
    return share


def _read_source(task: Task) -> Source:
    """Return what is to be read, as it is now."""
    name, request, shares = _find(task)
    session = Session(QemuImg(task.runner), True, task.params["lock_timeout"], hypervisor=task.hypervisor())
    found = session.read({name: _share_of(name, shares)})[name]
    if request.snapshot is None and found.running_disks:
        return Source(found, None, None, found.chain.files, running=True)
    return source_of(found, request.snapshot, "exported")


def _to_file(task: Task, dest: str) -> Result:
    """Export to a file."""
    params = task.params
    name, request, shares = _find(task)
    hypervisor = task.hypervisor()
    dest = _destination(dest, name, request, shares.named)
    share = _share_of(name, shares)
    qemu_img = QemuImg(task.runner)
    session = Session(qemu_img, task.check_mode, params["lock_timeout"], hypervisor=hypervisor)
    export = FileExport(qemu_img, request, dest)
    found = session.read({name: share})[name]
    if request.snapshot is None and found.running_disks:
        return _export_running(session, export, found, share, params["quiesce"], task.check_mode)
    if task.check_mode:
        return export.predict(source_of(found, request.snapshot, "exported"))
    with contextlib.ExitStack() as images:
        with session.locked(name, share, lambda volume: export.check(source_of(volume, request.snapshot, "exported"))) as volume:
            source = source_of(volume, request.snapshot, "exported")
            images.enter_context(hold_readable(source.paths))
            if request.snapshot is None:
                return export.make(source, session.recovered)
        # nobody writes to what a snapshot froze, and its image locks keep it from being merged: others may go on
        return export.make(source, session.recovered)


def _export_running(session: Session, export: FileExport, found: Volume, share: Share, quiesce: str, check_mode: bool) -> Result:
    """Export what a volume reads as now while a domain runs on it: from files that a temporary snapshot freezes."""

    def planner(volume: Volume) -> Plan:
        if not volume.exists and not volume.problems:
            raise Refused(f"{volume.label} does not exist, so it cannot be exported")
        plan = plan_temporary(volume, "export", quiesce)
        export.check(Source(volume, None, None, volume.chain.files, running=True))
        return plan

    with session.frozen(found.name, share, planner) as volume:
        before = session.recovered
        source = Source(volume, None, None, volume.chain.files, running=True)
        result = export.predict(source) if check_mode else export.make(source, ())
    return replace(result, changed=True, actions=(*before, *result.actions, *session.recovered[len(before) :]))


def _destination(dest: str, volume: str, request: ExportRequest, shares: Sequence[Share]) -> str:
    """Return the path of the file to make.

    :raises BadInput: it is no absolute path.
    :raises Refused: its directory is missing, it is no regular file, or it lies on a share of volumes.
    """
    if not dest.startswith("/"):
        raise BadInput(f"dest: {dest!r} is not an absolute path")
    if files.is_directory(dest) or dest.endswith("/"):
        dest = os.path.join(dest, ".".join(part for part in (volume, request.snapshot, request.format) if part))
    directory = os.path.realpath(os.path.dirname(dest))
    if not files.is_directory(directory):
        raise Refused(f"dest: the directory {directory} does not exist; create it first")
    for share in shares:
        base = os.path.realpath(os.path.dirname(share.mount_point))
        if directory == base or directory.startswith(base + "/"):
            raise Refused(
                f"dest: {dest} is below {base}, where the shares are mounted, and could be mistaken for a volume; choose another directory"
            )
    path = os.path.join(directory, os.path.basename(dest))
    status = files.status_of(path)
    if status is not None and not stat.S_ISREG(status.st_mode):
        raise Refused(f"dest: {path} exists and is not a regular file; name the file itself, or move it away")
    return path
