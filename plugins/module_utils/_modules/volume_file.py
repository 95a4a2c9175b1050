# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gluster_volume_file does: find each volume or the share a new one goes to, then change them in a session."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.ownership import group_id, mode_bits, user_id
from ansible_collections.vdisk.gluster.plugins.module_utils._common.result import Result
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import parse_virtual_size
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import shares_of
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.placing import limits_of, shares_for
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import Task
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import VolumeRequest, plan_absent, plan_present
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.session import Session
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.locator import Shares
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume, volume_object

if TYPE_CHECKING:
    from ansible_collections.vdisk.gluster.plugins.module_utils._modules.volume_source import SourceRequest

_SOURCES = (
    *("source_volume", "source_snapshot", "source_share"),
    *("source_image", "source_format", "source_checksum"),
    *("source_image_name", "cloud"),
)
"""Options that say what a volume is to be copied from."""


def work(task: Task, wish: SourceRequest | None = None) -> Result:
    """Bring the volumes of a task into the wanted state; C(wish) is a source that its options do not name."""
    params = task.params
    names = layout.check_volumes(params["name"])
    # copies and moves are loaded by who asks for them: most tasks make blank volumes, or find that they are there
    if params["move"]:
        from ansible_collections.vdisk.gluster.plugins.module_utils._modules.volume_move import move

        return move(task, names)
    copies = wish is not None or any(params[option] is not None for option in _SOURCES)
    if copies:
        from ansible_collections.vdisk.gluster.plugins.module_utils._modules import volume_source
        from ansible_collections.vdisk.gluster.plugins.module_utils._plans import copy

        wish = wish or volume_source.source_request_of(params, names)
    request = _requested(params)
    limits = limits_of(params)
    hypervisor = task.hypervisor()
    shares = Shares(shares_of(params, task.warn))
    present = params["state"] == "present"
    listings = shares.list()
    qemu_img = QemuImg(task.runner)
    session = Session(qemu_img, task.check_mode, params["lock_timeout"], params["repair"], hypervisor, task.respects_other_hosts, task.warn)
    with contextlib.ExitStack() as holding:
        original = None
        # a source is only for making a volume: where all are there it may be gone
        missing = [name for name in names if shares.share_of(name, listings) is None] if wish else []
        if wish and missing:
            original = holding.enter_context(volume_source.opened(wish, session, shares, qemu_img, task.check_mode))
        new = copy.request_of_copy(request, original) if original else request
        where = shares_for(names, request, new, shares, listings, limits if present else None)
        if original and original.path:
            volume_source.check_room([where[name] for name in missing], new, original, qemu_img, limits)

        def planner(volumes: Sequence[Volume]) -> list[Plan]:
            if not present:
                return [plan_absent(volume, params["delete_snapshots"]) for volume in volumes]
            return [copy.plan_copy(volume, request, original) if wish else plan_present(volume, request) for volume in volumes]

        outcome = session.change(where, planner, listings=listings)
        earlier = session.recovered
    after = [volume_object(volume) for volume in outcome.after]
    values: dict[str, Any] = {"volumes": after}
    if len(names) == 1:
        values["volume"] = after[0]
    return Result(
        _sentence(names, present, outcome.changed, task.check_mode),
        outcome.changed,
        (*outcome.actions, *session.recovered[len(earlier) :]),
        values,
        [volume_object(volume) for volume in outcome.before],
        after,
    )


def _requested(params: Mapping[str, Any]) -> VolumeRequest:
    return VolumeRequest(
        parse_virtual_size(params["size"]) if params["size"] is not None else None,
        params["format"],
        params["allocation"],
        user_id(params["owner"]),
        group_id(params["group"]),
        mode_bits(params["mode"]),
        params["repair"],
        params["confirm_format"],
    )


def _sentence(names: Sequence[str], present: bool, changed: bool, check_mode: bool) -> str:
    what = names[0] if len(names) == 1 else f"{len(names)} volumes"
    are = "is" if len(names) == 1 else "are"
    state = "up to date" if present else "absent"
    if not changed:
        return f"{what} {are} {state} already."
    return f"{what} would be {state}." if check_mode else f"{what} {are} {state} now."
