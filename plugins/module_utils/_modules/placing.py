# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which share takes what a task makes, and whether there is room for it."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share, capacity
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.placement import Candidate, PlacementLimits, choose
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import VolumeRequest
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.locator import Shares
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume, provisioned
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.reader import Listing, read_volumes

_WHOLE = 100
"""Percent."""


def limits_of(params: Mapping[str, Any]) -> PlacementLimits:
    """Return what the operator allows for placing volumes.

    :raises BadInput: an option is out of range.
    """
    reserved, ratio = params["reserved_percentage"], params["max_over_subscription_ratio"]
    if not 0 <= reserved <= _WHOLE:
        raise BadInput(f"reserved_percentage: {reserved} is not a percentage; give a number from 0 to 100")
    if ratio is not None and not 0 < ratio < float("inf"):
        raise BadInput(f"max_over_subscription_ratio: {ratio} is not a ratio; give a number above 0, such as 20.0")
    return PlacementLimits(reserved, ratio)


def shares_for(
    names: Sequence[str],
    request: VolumeRequest,
    new: VolumeRequest,
    shares: Shares,
    listings: Mapping[str, Listing],
    limits: PlacementLimits | None,
) -> dict[str, Share]:
    """Return the share of each volume; C(limits) are for placing new ones, made as C(new); without them none is made."""
    where: dict[str, Share] = {}
    taken: dict[str, int] = {}
    found = {name: shares.share_of(name, listings) for name in names}
    there = [(listings[share.name], name) for name, share in found.items() if share is not None]
    volumes = {volume.name: volume for volume in read_volumes(there)} if limits is not None and request.size is not None else {}
    for name, home in found.items():
        if home is not None:
            share = home
            if limits is not None and name in volumes:
                _check_growth(volumes[name], request, share, listings, limits, taken)
        elif limits is None or new.size is None:
            share = next(iter(shares.usable.values()))
        else:
            # what lies around of an earlier volume is refused where it lies, not avoided by another share
            left = next((listings[name_].share for name_ in listings if listings[name_].mentions(name)), None)
            share = left or shares.usable[choose_share(name, new.size, new, list(shares.usable.values()), listings, limits, taken)]
            taken[share.name] = taken.get(share.name, 0) + new.size
        where[name] = share
    return where


def _check_growth(
    volume: Volume, request: VolumeRequest, share: Share, listings: Mapping[str, Listing], limits: PlacementLimits, taken: dict[str, int]
) -> None:
    """Refuse a growth that a new volume of that size would be refused; growth is always thin."""
    size = volume.active.virtual_size if volume.chain.files else None
    if size is not None and request.size is not None and request.size > size:
        choose_share(volume.name, request.size - size, VolumeRequest(), [share], listings, limits, taken)
        taken[share.name] = taken.get(share.name, 0) + request.size - size


def choose_share(
    name: str,
    size: int,
    request: VolumeRequest,
    shares: Sequence[Share],
    listings: Mapping[str, Listing],
    limits: PlacementLimits,
    taken: Mapping[str, int],
) -> str:
    """Return the name of the share that takes this many more virtual bytes; C(taken) is what the task itself has planned on each.

    :raises Refused: none has room.
    """
    candidates = []
    for share in shares:
        space = capacity(share)
        planned = taken.get(share.name, 0)
        if limits.max_over_subscription_ratio is not None:
            listing = listings[share.name]
            planned += provisioned(read_volumes([(listing, other) for other in listing.volumes()]))
        reserved = 0 if request.thin else taken.get(share.name, 0)
        candidates.append(Candidate(share.name, space.total, max(0, space.available - reserved), planned))
    return choose(name, size, request.thin, candidates, limits)
