# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which share each volume of a task is on."""

from __future__ import annotations

from typing import Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.health import check_complete
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.mounts import read_mount_table
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share, check_mounted
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.reader import Listing, list_share


class Shares:
    """The shares of a task: those that can be worked on, and why others cannot."""

    def __init__(self, shares: Sequence[Share]) -> None:
        table = read_mount_table()
        self.named = tuple(shares)
        self.usable: dict[str, Share] = {}
        self.unusable: dict[str, VdiskError] = {}
        for share in shares:
            try:
                check_mounted(share, table)
                check_complete(share.name, share.mount_point)
                self.usable[share.name] = share
            except VdiskError as error:
                self.unusable[share.name] = error

    def list(self) -> dict[str, Listing]:
        """Return a fresh listing of each usable share."""
        return {name: list_share(share) for name, share in self.usable.items()}

    def share_of(self, volume: str, listings: Mapping[str, Listing]) -> Share | None:
        """Return the share a volume is on, or None where it is on none of them.

        :raises Refused: it is on two.
        :raises VdiskError: it was not found, and a share that could hold it cannot be looked at; the message says why.
        """
        found = [name for name, listing in listings.items() if listing.has(volume)]
        # a journal alone is what a killed task left where the volume was moved away from, or was removed
        found = found or [name for name, listing in listings.items() if listing.holds(volume)]
        if len(found) > 1:
            raise Refused(f"{volume} is on {found[0]} and on {found[1]}; set share to one of them")
        if found:
            return self.usable[found[0]]
        for error in self.unusable.values():
            raise error
        return None

    def locate(self, volumes: Sequence[str], listings: Mapping[str, Listing]) -> dict[str, Share]:
        """Return the share of each volume; one that is nowhere is looked for on the first share."""
        return {name: self.share_of(name, listings) or next(iter(self.usable.values())) for name in volumes}
