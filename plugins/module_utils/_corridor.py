# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The corridor that every change of volumes walks: read, plan, lock, recover, read, plan, apply, read.

What needs no change is found out without a lock and without writing. What is refused is refused before anything was
touched. Check mode ends after the first plan.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import uuid
from dataclasses import dataclass
from typing import Callable, Iterator, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils import _files, _image_lock, _names
from ansible_collections.vdisk.gluster.plugins.module_utils._errors import Refused, Unavailable, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._journal import Journal
from ansible_collections.vdisk.gluster.plugins.module_utils._lock import volume_lock
from ansible_collections.vdisk.gluster.plugins.module_utils._mounts import read_mount_table
from ansible_collections.vdisk.gluster.plugins.module_utils._place import Place
from ansible_collections.vdisk.gluster.plugins.module_utils._plan import Plan
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._reading import Listing, list_share, read_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._share import Share, check_mounted
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import from_json, to_json
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import Volume

Planner = Callable[[Sequence[Volume]], Sequence[Plan]]

CHUNK = 64
"""Volumes of a list that are locked together: one listing of the share serves them all, and others wait for few."""


@dataclass(frozen=True)
class Outcome:
    """What was done, or would be: the states before and after in the order of the names, and the actions."""

    before: tuple[Volume, ...]
    after: tuple[Volume, ...]
    actions: tuple[str, ...]
    changed: bool


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
                self.usable[share.name] = share
            except VdiskError as error:
                self.unusable[share.name] = error

    def list(self) -> dict[str, Listing]:
        """Return a fresh listing of each usable share."""
        return {name: list_share(share) for name, share in self.usable.items()}

    def share_of(self, volume: str, listings: Mapping[str, Listing]) -> Share | None:
        """Return the share a volume is on, or None where it is on none of them.

        :raises Refused: it is on two.
        :raises Unavailable: it was not found, and a share that could hold it cannot be looked at.
        """
        found = [name for name, listing in listings.items() if listing.has(volume)]
        if len(found) > 1:
            raise Refused(f"{volume} is on {found[0]} and on {found[1]}; name the share that is meant")
        if found:
            return self.usable[found[0]]
        for error in self.unusable.values():
            raise error
        return None


class Corridor:
    """Walks the corridor for the volumes of one task."""

    def __init__(self, shares: Shares, qemu_img: QemuImg, check_mode: bool, lock_timeout: float) -> None:
        self._shares = shares
        self._qemu_img = qemu_img
        self._check_mode = check_mode
        self._lock_timeout = lock_timeout
        self._applied: list[str] = []

    def change(self, where: Mapping[str, Share], planner: Planner, grouped: bool = False) -> Outcome:
        """Bring volumes into the state that a planner wants.

        :param where: the share of each volume, in the order of the task.
        :param planner: returns a plan for each volume it is given, in their order; it must be pure.
        :param grouped: the volumes change together or not at all, and are locked and planned as one.
        """
        names = tuple(where)
        listings = self._list(where)
        volumes = {name: read_volume(listings[where[name].name], name) for name in names}
        try:
            plans = {plan.before.name: plan for plan in planner(tuple(volumes.values()))}
            for plan in plans.values():
                self._check_untouched(plan)
        except VdiskError:
            if self._check_mode or not self._may_be_busy(where, listings):
                raise
            # another task may be in the middle of it, or have left it unfinished: only under the lock is the answer final
            plans = {}
        if self._check_mode:
            return _outcome(names, plans, volumes)
        todo = [name for name in names if name not in plans or plans[name].steps or volumes[name].unfinished]
        after = {name: volumes[name] for name in names if name not in todo}
        before = dict(volumes)
        for chunk in [todo] if grouped else [todo[i : i + CHUNK] for i in range(0, len(todo), CHUNK)]:
            done = self._change_locked({name: where[name] for name in chunk}, planner, grouped)
            for plan_before, now in done:
                before[now.name], after[now.name] = plan_before, now
        return Outcome(
            tuple(before[name] for name in names),
            tuple(after[name] for name in names),
            tuple(self._applied),
            bool(self._applied),
        )

    def read(self, where: Mapping[str, Share]) -> dict[str, Volume]:
        """Return the states of volumes as they are now, without a lock."""
        listings = self._list(where)
        return {name: read_volume(listings[share.name], name) for name, share in where.items()}

    @contextlib.contextmanager
    def locked(self, name: str, share: Share) -> Iterator[Volume]:
        """Hold one volume's lock, finish what was left unfinished, and give its state."""
        where = {name: share}
        with volume_lock(share.mount_point, name, self._lock_timeout):
            self._recover(where)
            yield self.read(where)[name]

    @property
    def recovered(self) -> tuple[str, ...]:
        """The actions done so far, those of finished journals included."""
        return tuple(self._applied)

    def _list(self, where: Mapping[str, Share]) -> dict[str, Listing]:
        return {share.name: list_share(share) for share in {share.name: share for share in where.values()}.values()}

    def _may_be_busy(self, where: Mapping[str, Share], listings: Mapping[str, Listing]) -> bool:
        return any(
            os.path.basename(path) in listings[share.name].own
            for name, share in where.items()
            for path in (_names.lock(name), _names.journal(name))
        )

    def _change_locked(self, where: Mapping[str, Share], planner: Planner, grouped: bool) -> list[tuple[Volume, Volume]]:
        with contextlib.ExitStack() as held:
            for name in sorted(where):
                held.enter_context(volume_lock(where[name].mount_point, name, self._lock_timeout))
            self._recover(where)
            volumes = self.read(where)
            plans = list(planner(tuple(volumes.values())))
            for plan in plans:
                self._check_untouched(plan)
            try:
                self._apply(plans, grouped)
            except VdiskError as error:
                error.details.update(changed=bool(self._applied), actions=list(self._applied))
                raise
            now = self.read({plan.before.name: where[plan.before.name] for plan in plans if plan.steps})
        return [(plan.before, now.get(plan.before.name, plan.before)) for plan in plans]

    def _check_untouched(self, plan: Plan) -> None:
        """Refuse a plan that writes, merges or removes a file somebody reads: an export from a snapshot, say."""
        for file in plan.touched:
            if file != plan.before.active_file and _image_lock.is_open_in_qemu(f"{plan.before.mount_point}/{file}"):
                raise Refused(
                    f"{file} of {plan.before.label} is being read: an export, a backup or a machine, here or on another host, holds its "
                    "image lock; let it end, then run the task again"
                )

    def _place(self, volume: str, share: Share) -> Place:
        return Place(share.mount_point, share.name, volume, uuid.uuid4().hex[:12], self._qemu_img)

    def _recover(self, where: Mapping[str, Share]) -> None:
        """Finish unfinished plans, forward only, and clear away what killed runs left of temporary files."""
        listings = self._list(where)
        for name, share in where.items():
            listing = listings[share.name]
            for leftover in listing.leftovers.get(name, ()):
                _files.remove(f"{share.mount_point}/{leftover}")
            journal = Journal(share.mount_point, name)
            unfinished = journal.read() if os.path.basename(_names.journal(name)) in listing.own else None
            if unfinished is None:
                continue
            steps = [from_json(step) for step in unfinished.steps]
            journal.begin(unfinished.steps)
            place = self._place(name, share)
            for step in steps:
                journal.check_ours()
                step.apply(place)
                if not step.quiet:
                    self._applied.append(f"Finish what an earlier task began: {step.describe()}")
            journal.end()

    def _apply(self, plans: Sequence[Plan], grouped: bool) -> None:
        with contextlib.ExitStack() as held:
            journals: dict[str, Journal] = {}
            for plan in plans:
                held.enter_context(_image_lock.changing(*(f"{plan.before.mount_point}/{file}" for file in plan.held)))
            for plan in plans:
                if plan.journaled and plan.steps:
                    journals[plan.before.name] = Journal(plan.before.mount_point, plan.before.name)
                    journals[plan.before.name].begin([to_json(step) for step in plan.steps])
            rows = [[(plan, step) for step in plan.steps] for plan in plans]
            # the volumes of a group go through each kind of step side by side, so that their instants lie close together
            order = itertools.chain.from_iterable(itertools.zip_longest(*rows) if grouped else rows)
            places: dict[str, Place] = {}
            for plan, step in (pair for pair in order if pair is not None):
                name = plan.before.name
                if name not in places:
                    places[name] = self._place(name, Share(plan.before.share, plan.before.mount_point))
                if name in journals:
                    journals[name].check_ours()
                step.apply(places[name])
                if not step.quiet:
                    self._applied.append(step.describe())
            for journal in journals.values():
                journal.end()


def _outcome(names: Sequence[str], plans: Mapping[str, Plan], volumes: Mapping[str, Volume]) -> Outcome:
    """Return what check mode says of plans."""
    actions = []
    for name in names:
        if volumes[name].unfinished:
            actions.append(f"Finish what an earlier task began with {volumes[name].label}.")
        actions += plans[name].actions
    return Outcome(
        tuple(plans[name].before for name in names),
        tuple(plans[name].after for name in names),
        tuple(actions),
        bool(actions),
    )


def locate(shares: Shares, names: Sequence[str], listings: Mapping[str, Listing], missing: Callable[[str], Share]) -> dict[str, Share]:
    """Return the share of each volume; C(missing) says where one that is nowhere would be."""
    return {name: shares.share_of(name, listings) or missing(name) for name in names}


def only_share(shares: Shares) -> Callable[[str], Share]:
    """Return what says where a volume that is nowhere is looked for: on the first usable share."""

    def first(name: str) -> Share:
        if not shares.usable:
            raise Unavailable(f"{name} cannot be looked for: no share is named")
        return next(iter(shares.usable.values()))

    return first
