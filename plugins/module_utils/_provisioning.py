# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gluster_volume_file does: find each volume or the share a new one goes to, then walk the corridor."""

from __future__ import annotations

import contextlib
from typing import Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils import _names
from ansible_collections.vdisk.gluster.plugins.module_utils._copying import check_space, space_needed
from ansible_collections.vdisk.gluster.plugins.module_utils._corridor import Corridor
from ansible_collections.vdisk.gluster.plugins.module_utils._errors import BadInput
from ansible_collections.vdisk.gluster.plugins.module_utils._information import promised
from ansible_collections.vdisk.gluster.plugins.module_utils._locating import Shares
from ansible_collections.vdisk.gluster.plugins.module_utils._module import Result, Task
from ansible_collections.vdisk.gluster.plugins.module_utils._ownership import group_id, mode_bits, user_id
from ansible_collections.vdisk.gluster.plugins.module_utils._placement import Candidate, Limits, choose
from ansible_collections.vdisk.gluster.plugins.module_utils._plan import Plan
from ansible_collections.vdisk.gluster.plugins.module_utils._plan_copy import plan_copy, wanted_of_copy
from ansible_collections.vdisk.gluster.plugins.module_utils._plan_volume import (
    Wanted,
    plan_absent,
    plan_present,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._reading import Listing, read_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._share import Share, capacity, shares_of
from ansible_collections.vdisk.gluster.plugins.module_utils._sizes import parse_virtual_size
from ansible_collections.vdisk.gluster.plugins.module_utils._source import Original
from ansible_collections.vdisk.gluster.plugins.module_utils._sources import opened, wish_of
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import Volume, volume_object


def work(task: Task) -> Result:
    """Bring the volumes of a task into the wanted state."""
    params = task.params
    names = _names.check_volumes(params["name"])
    wanted = Wanted(
        parse_virtual_size(params["size"]) if params["size"] is not None else None,
        params["format"],
        params["allocation"],
        user_id(params["owner"]),
        group_id(params["group"]),
        mode_bits(params["mode"]),
        params["repair"],
    )
    wish = wish_of(params, names)
    limits = _limits(params)
    hypervisor = task.hypervisor()
    shares = Shares(shares_of(params, task.warn))
    present = params["state"] == "present"
    listings = shares.list()
    qemu_img = QemuImg(task.runner)
    corridor = Corridor(qemu_img, task.check_mode, params["lock_timeout"], deep=params["repair"], hypervisor=hypervisor)
    with contextlib.ExitStack() as holding:
        original = None
        # a source is only for making a volume: where all are there it may be gone
        missing = [name for name in names if shares.share_of(name, listings) is None] if wish else []
        if wish and missing:
            original = holding.enter_context(opened(wish, corridor, shares, qemu_img, task.check_mode))
        new = wanted_of_copy(wanted, original) if original else wanted
        where = _places(names, wanted, new, shares, listings, limits if present else None)
        if original:
            _check_room([where[name] for name in missing], new, original, qemu_img, limits)

        def planner(volumes: Sequence[Volume]) -> list[Plan]:
            if not present:
                return [plan_absent(volume, params["delete_snapshots"]) for volume in volumes]
            return [plan_copy(volume, wanted, original) if wish else plan_present(volume, wanted) for volume in volumes]

        outcome = corridor.change(where, planner, listings=listings)
        told = corridor.recovered
    after = [volume_object(volume) for volume in outcome.after]
    values = {"volumes": after}
    if len(names) == 1:
        values["volume"] = after[0]
    return Result(
        _sentence(names, present, outcome.changed, task.check_mode),
        outcome.changed,
        (*outcome.actions, *corridor.recovered[len(told) :]),
        values,
        [volume_object(volume) for volume in outcome.before],
        after,
    )


def _limits(params: Mapping) -> Limits:
    reserved, ratio = params["reserved_percentage"], params["max_over_subscription_ratio"]
    if not 0 <= reserved <= 100:
        raise BadInput(f"reserved_percentage: {reserved} is not a percentage; give a number from 0 to 100")
    if ratio is not None and not 0 < ratio < float("inf"):
        raise BadInput(f"max_over_subscription_ratio: {ratio} is not a ratio; give a number above 0, as 20.0")
    return Limits(reserved, ratio)


def _places(
    names: Sequence[str], wanted: Wanted, new: Wanted, shares: Shares, listings: Mapping[str, Listing], limits: Limits | None
) -> dict[str, Share]:
    """Return the share of each volume; C(limits) are for placing new ones, made as C(new); without them none is made."""
    where: dict[str, Share] = {}
    taken: dict[str, int] = {}
    for name in names:
        share = shares.share_of(name, listings)
        if share is not None:
            if limits is not None and wanted.size is not None:
                _check_growth(name, wanted, share, listings, limits, taken)
        elif limits is None or new.size is None:
            share = next(iter(shares.usable.values()))
        else:
            # what lies around of an earlier volume is refused where it lies, not avoided by another share
            left = next((listings[name_].share for name_ in listings if listings[name_].mentions(name)), None)
            share = left or shares.usable[_choose(name, new.size, new, list(shares.usable.values()), listings, limits, taken)]
            taken[share.name] = taken.get(share.name, 0) + new.size
        where[name] = share
    return where


def _check_room(shares: Sequence[Share], new: Wanted, original: Original, qemu_img: QemuImg, limits: Limits) -> None:
    """Refuse copies whose data do not fit, where their whole size may be promised but is not there."""
    for share in {share.name: share for share in shares}.values():
        space = capacity(share)
        available = max(0, space.available - space.total * limits.reserved_percentage // 100)
        count = sum(1 for other in shares if other.name == share.name)
        one = (
            space_needed(qemu_img, original.path, original.format, original.virtual_size, available // count) if new.thin else new.size or 0
        )
        check_space(one * count, available, share.name, original.label)


def _check_growth(name: str, wanted: Wanted, share: Share, listings: Mapping[str, Listing], limits: Limits, taken: dict[str, int]) -> None:
    """Refuse a growth that a new volume of that size would be refused; growth is always thin."""
    volume = read_volume(listings[share.name], name)
    size = volume.active.virtual_size if volume.chain.files else None
    if size is not None and wanted.size is not None and wanted.size > size:
        _choose(name, wanted.size - size, Wanted(), [share], listings, limits, taken)
        taken[share.name] = taken.get(share.name, 0) + wanted.size - size


def _choose(
    name: str,
    size: int,
    wanted: Wanted,
    shares: Sequence[Share],
    listings: Mapping[str, Listing],
    limits: Limits,
    taken: Mapping[str, int],
) -> str:
    candidates = []
    for share in shares:
        space = capacity(share)
        planned = taken.get(share.name, 0)
        if limits.max_over_subscription_ratio is not None:
            listing = listings[share.name]
            planned += promised([read_volume(listing, other) for other in listing.volumes()])
        reserved = 0 if wanted.thin else taken.get(share.name, 0)
        candidates.append(Candidate(share.name, space.total, max(0, space.available - reserved), planned))
    return choose(name, size, wanted.thin, candidates, limits)


def _sentence(names: Sequence[str], present: bool, changed: bool, check_mode: bool) -> str:
    what = names[0] if len(names) == 1 else f"{len(names)} volumes"
    are = "is" if len(names) == 1 else "are"
    state = "there as wanted" if present else "absent"
    if not changed:
        return f"{what} {are} {state} already."
    return f"{what} would be {state}." if check_mode else f"{what} {are} {state} now."
