# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The locks of the volumes of a task, and of those that an unfinished plan binds to them."""

from __future__ import annotations

import contextlib
import time
from typing import Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common import parallel
from ansible_collections.vdisk.gluster.plugins.module_utils._common.descriptors import make_room
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.recovery import Located, with_linked_volumes
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.lock import HeldLock, volume_lock
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.reader import Listing, list_shares


class VolumeLocks:
    """Takes the locks of volumes, always in the same order, so that no two tasks wait for one another."""

    def __init__(self, qemu_img: QemuImg, timeout: float, held: list[HeldLock]) -> None:
        """Take the seconds to wait for another holder, and the list that has the locks while they are held."""
        self._qemu_img = qemu_img
        self._timeout = timeout
        self._held = held

    def take(self, where: Sequence[Located], create: bool = True) -> tuple[contextlib.ExitStack, tuple[Located, ...], dict[str, Listing]]:
        """Take the locks of volumes, and of those that an unfinished plan binds to them, in the order of their names and shares.

        Returns what releases them, all volumes that are locked, and listings of their shares that were made under the locks.
        """
        targets = tuple(where)
        while True:
            make_room(len(targets))
            with contextlib.ExitStack() as held:
                if len(targets) > parallel.FEW:
                    # before the locks are opened: each program that this process started would close a copy of every one of them
                    held.enter_context(self._qemu_img.launching())
                taken: list[str] = []
                since = time.monotonic()
                held.callback(self._log_locks, "Unlocked", taken)
                for name, share in sorted(targets, key=lambda located: (located[0], located[1].name)):
                    lock = held.enter_context(volume_lock(share.mount_point, name, self._timeout, create))
                    if lock is not None:
                        self._held.append(lock)
                        held.callback(self._held.remove, lock)
                        taken.append(f"{name} on {share.name}")
                self._log_locks("Locked", taken, f" after {time.monotonic() - since:.3f} s")
                listings = list_shares(share for _name, share in targets)
                found = with_linked_volumes(targets, listings)
                if len(found) == len(targets):
                    return held.pop_all(), targets, listings
            # a lock further up in the order may be needed too, so all are taken anew
            targets = found

    def _log_locks(self, what: str, taken: Sequence[str], end: str = "") -> None:
        if taken:
            self._qemu_img.log(f"{what} {', '.join(taken)}{end}")
