# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gluster_volume_file does with C(move): bring a volume with all its snapshots to another share."""

from __future__ import annotations

import uuid
from typing import Any, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.result import Result
from ansible_collections.vdisk.gluster.plugins.module_utils._common.space import check_space
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import (
    Share,
    capacity,
    check_base,
    check_share,
    mount_point_of,
    shares_of,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.placing import choose_share, limits_of
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import Task
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan, actions_of
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.move import is_there, plan_move
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import VolumeRequest
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import frozen_read
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.recovery import cleanup_action
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.session import Session
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.locator import Shares
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume, volume_object

_OTHERS = (
    "size",
    "format",
    "allocation",
    "owner",
    "group",
    "mode",
    "source_volume",
    "source_snapshot",
    "source_image",
    "source_format",
    "source_image_name",
)


def move(task: Task, names: Sequence[str]) -> Result:
    """Move the volumes of a task, one after another, to the share that is to hold them."""
    params = task.params
    _check_options(params)
    old = Share(
        check_share(params["source_share"]),
        mount_point_of(check_base(params["mount_point_base"]), params["source_share"]),
    )
    shares = Shares(shares_of(params, task.warn))
    if old.name in (share.name for share in shares.named):
        raise BadInput(f"source_share: {old.name} is also the target share; give another one")
    mover = _Mover(task, Shares([old]), shares)
    moved = [mover.move(name) for name in names]
    after = [volume_object(now) for _before, now in moved]
    values: dict[str, Any] = {"volumes": after}
    if len(names) == 1:
        values["volume"] = after[0]
    changed = bool(mover.actions)
    what, are = (names[0], "is") if len(names) == 1 else (f"{len(names)} volumes", "are")
    where = ", ".join(sorted({now.share for _before, now in moved}))
    be = "would be" if task.check_mode else "is"
    if any(before.share != now.share for before, now in moved):
        sentence = f"{what} {'would be' if task.check_mode else are} moved to {where}."
    elif changed:
        sentence = f"{what} {are} on {where}; the interrupted move {be} finished."
    else:
        sentence = f"{what} {are} on {where} already."
    return Result(sentence, changed, mover.actions, values, [volume_object(before) for before, _now in moved], after)


def _check_options(params: Mapping[str, Any]) -> None:
    if params["source_share"] is None:
        raise BadInput("source_share: to move a volume, name the share it is on")
    if params["state"] != "present":
        raise BadInput("move requires state: present")
    for option in _OTHERS:
        if params[option] is not None:
            raise BadInput(f"{option}: a move changes nothing else; omit {option}, and change the volume in a separate task")


class _Mover:
    def __init__(self, task: Task, old: Shares, new: Shares) -> None:
        self._check_mode = task.check_mode
        self._old, self._new = old, new
        self._limits = limits_of(task.params)
        self._session = Session(
            QemuImg(task.runner),
            task.check_mode,
            task.params["lock_timeout"],
            hypervisor=task.hypervisor(),
            respects_other_hosts=task.respects_other_hosts,
            warn=task.warn,
        )
        self._predicted: list[str] = []

    @property
    def actions(self) -> tuple[str, ...]:
        """What was done, or would be."""
        return tuple(self._predicted) if self._check_mode else self._session.recovered

    def move(self, name: str) -> tuple[Volume, Volume]:
        """Move one volume and return its states before and after."""
        listings = self._new.list()
        to = self._new.share_of(name, listings)
        old = self._old.usable.get(self._old.named[0].name)
        if old is None:
            # what was moved needs its old share no more
            there = self._read(name, to) if to else None
            if there is None or there.unfinished or not there.exists:
                raise next(iter(self._old.unusable.values()))
            return there, there
        at_old = self._read(name, old)
        if to is None:
            is_there(at_old, self._read(name, next(iter(self._new.usable.values()))))
            to = self._place(at_old)
        if self._check_mode:
            return self._predict(at_old, self._read(name, to))
        pair = ((name, old), (name, to))
        at_new = self._read(name, to)
        # what a killed move left on the old share has no volume any more whose next task would clear it away
        if is_there(at_old, at_new) and not at_old.leftovers + at_new.leftovers:
            return at_new, at_new
        with self._session.locked_together(pair, lambda volumes: is_there(*volumes)) as (at_old, at_new):
            self._check_space(at_old, to)
            self._session.apply(_plans(at_old, at_new))
        now = self._read(name, to)
        return (now if is_there(at_old, at_new) else at_old), now

    def _predict(self, old: Volume, new: Volume) -> tuple[Volume, Volume]:
        if old.unfinished or new.unfinished:
            self._predicted.append(f"Finish the interrupted operation on {old.label}.")
            return old, new
        plans = _plans(old, new)
        if plans[0].steps:
            self._check_space(old, Share(new.share, new.mount_point))
        self._predicted += [cleanup_action(leftover) for leftover in old.leftovers + new.leftovers]
        self._predicted += actions_of(plans)
        return (plans[0].before if plans[0].steps else new), plans[1].after

    def _read(self, name: str, share: Share) -> Volume:
        return self._session.look([(name, share)])[0]

    def _place(self, volume: Volume) -> Share:
        """Return the share that takes a volume: it provisions as much as a new one."""
        size = volume.active.virtual_size or 0 if volume.chain.files else 0
        chosen = choose_share(
            volume.name, size, VolumeRequest(size=size), list(self._new.usable.values()), self._new.list(), self._limits, {}
        )
        return self._new.usable[chosen]

    def _check_space(self, volume: Volume, share: Share) -> None:
        if volume.exists:
            needed = sum(entry.allocated_size for entry in volume.chain.files)
            check_space(share.name, capacity(share).available, needed, f"the copy of {volume.label}")


def _plans(old: Volume, new: Volume) -> tuple[Plan, ...]:
    if old.unfinished or new.unfinished:
        raise Refused(f"an operation on {old.name} on {old.share} or {new.share} is unfinished and was not finished; run the task again")
    if is_there(old, new):
        return plan_move(old, new, (), "")
    identities = [frozen_read.identity(f"{old.mount_point}/{entry.file}", private=False) for entry in old.chain.files]
    return plan_move(old, new, identities, uuid.uuid4().hex[:12])
