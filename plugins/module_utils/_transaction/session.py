# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every change of volumes goes through: read, plan, lock, recover, read, plan, apply, read.

What needs no change is found out without a lock and without writing. What is refused is refused before anything was
touched. Check mode ends after the first plan.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import Callable, Iterator, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common import parallel
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import DeadMount, Incomplete, LostLock, Refused, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan, actions_of
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.checks import refuse_losing
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import image_lock
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.locking import VolumeLocks
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.recovery import Located, cleanup_action
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.transaction import Transaction
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.hypervisor import Hypervisor, NoHypervisor
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.reader import Listing, list_shares, read_volumes, with_domains

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


class Session:
    """What one task does with volumes, from the first look at them to the last."""

    def __init__(
        self,
        qemu_img: QemuImg,
        check_mode: bool,
        lock_timeout: float,
        deep: bool = False,
        hypervisor: Hypervisor | None = None,
        respects_other_hosts: bool = True,
        warn: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        """Take what every walk needs; C(deep) where a planner asks whether overlays hold data.

        :param respects_other_hosts: whether domains of other hosts that are shut off keep a volume from being changed.
        """
        self._hypervisor = hypervisor or NoHypervisor()
        self._check_mode = check_mode
        self._deep = deep
        self._respects_other_hosts = respects_other_hosts
        self._warn = warn
        self._qemu_img = qemu_img
        self._transaction = Transaction(qemu_img, self._hypervisor, respects_other_hosts)
        self._locks = VolumeLocks(qemu_img, lock_timeout, self._transaction.locks)

    def change(
        self, where: Mapping[str, Share], planner: Planner, grouped: bool = False, listings: Mapping[str, Listing] | None = None
    ) -> Outcome:
        """Bring volumes into the state that a planner wants.

        :param where: the share of each volume, in the order of the task.
        :param planner: returns a plan for each volume it is given, in their order; it must be pure.
        :param grouped: the volumes change together or not at all, and are locked and planned as one.
        :param listings: of the shares, made just now; made here without them.
        """
        names = tuple(where)
        listings = listings or list_shares(where.values())
        volumes = self.read(where, listings)
        try:
            plans = self._plan(volumes, planner)
        except VdiskError:
            if self._check_mode or not self._may_be_busy(tuple(where.items()), listings):
                raise
            volumes, plans = self._plan_undisturbed(where, planner)
        if self._check_mode:
            _warn_stale_definitions(self._warn, tuple(plans.values()))
            return _outcome(names, plans, volumes, grouped, self.recovered)
        todo = [name for name in names if plans[name].steps or _needs_cleanup(volumes[name]) or _merge_back_abandoned(volumes[name])]
        after = {name: volumes[name] for name in names if name not in todo}
        before = dict(volumes)
        chunks = [todo] if grouped else [todo[i : i + CHUNK] for i in range(0, len(todo), CHUNK)]
        failed: dict[str, VdiskError] = {}
        again: set[str] = set()
        while chunks:
            chunk = chunks.pop(0)
            try:
                done = self._change_locked({name: where[name] for name in chunk}, planner, grouped)
            except (DeadMount, Incomplete, LostLock):
                # nothing is known of the share, or of what others did meanwhile: such a task stops
                raise
            except VdiskError as error:
                if grouped or len(todo) == 1:
                    raise
                if len(chunk) > 1:
                    # one by one, so that the others of the list do not wait for the one that fails
                    chunks[:0] = [[name] for name in chunk]
                    again.update(chunk)
                    continue
                failed[chunk[0]] = error
                continue
            for plan_before, now in done:
                # what was changed before another one of its chunk failed is found changed already
                if now is not plan_before or now.name not in again:
                    before[now.name] = plan_before
                after[now.name] = now
        if failed:
            raise _some_failed(failed, names, self._transaction.actions)
        return Outcome(
            tuple(before[name] for name in names),
            tuple(after[name] for name in names),
            tuple(self._transaction.actions),
            bool(self._transaction.actions),
        )

    def read(self, where: Mapping[str, Share], listings: Mapping[str, Listing] | None = None) -> dict[str, Volume]:
        """Return the states of volumes as they are now, without a lock, from listings made just now or here."""
        return dict(zip(where, self.look(tuple(where.items()), listings)))

    @contextlib.contextmanager
    def locked(self, name: str, share: Share, check: Callable[[Volume], object]) -> Iterator[Volume]:
        """Hold one volume's lock, finish what was left unfinished, and give its state.

        :param check: raises what speaks against the task; called before the lock too, so that a refused task writes nothing.
        """
        with self.locked_together([(name, share)], lambda volumes: check(volumes[0])) as volumes:
            yield volumes[0]

    @contextlib.contextmanager
    def locked_together(self, where: Sequence[Located], check: Callable[[Sequence[Volume]], object]) -> Iterator[tuple[Volume, ...]]:
        """Hold the locks of volumes, which may be of one name on several shares; else as C(locked)."""
        listings = list_shares(share for _name, share in where)
        try:
            check(self.look(where, listings))
        except VdiskError:
            if not self._may_be_busy(where, listings):
                raise
        held, locked, listings = self._locks.take(where)
        with held:
            volumes = self.look(where, self._transaction.recover(locked, listings))
            volumes = self._merge_back_all_abandoned(where, volumes)
            check(volumes)
            yield volumes

    def apply(self, plans: Sequence[Plan]) -> None:
        """Apply plans of volumes that are locked together, as one unit."""
        try:
            for plan in plans:
                self._check(plan)
            self._transaction.apply(plans)
            _warn_stale_definitions(self._warn, plans)
        except VdiskError as error:
            error.details.update(changed=bool(self._transaction.actions), actions=list(self._transaction.actions))
            raise

    def look(self, where: Sequence[Located], listings: Mapping[str, Listing] | None = None, uncached: bool = True) -> tuple[Volume, ...]:
        """Return the states of volumes, which may be of one name on several shares, as they are now.

        :param uncached: go by the share alone, not by what this host remembers of the files.
        """
        listings = listings or list_shares(share for _name, share in where)
        self._hypervisor.refresh()
        volumes = read_volumes([(listings[share.name], name) for name, share in where], True, self._deep, uncached)
        return tuple(with_domains(volume, self._hypervisor, self._respects_other_hosts) for volume in volumes)

    @property
    def recovered(self) -> tuple[str, ...]:
        """The actions done so far, those of finished journals included; in check mode those that are told of frozen volumes."""
        return tuple(self._transaction.actions)

    def _may_be_busy(self, where: Sequence[Located], listings: Mapping[str, Listing]) -> bool:
        return any(
            os.path.basename(path) in listings[share.name].own
            for name, share in where
            for path in (layout.lock(name), layout.journal(name))
        )

    def _plan(self, volumes: Mapping[str, Volume], planner: Planner) -> dict[str, Plan]:
        rid = (
            cleared.after if cleared is not None else volume for volume in volumes.values() for cleared in [_merge_back_abandoned(volume)]
        )
        plans = {plan.before.name: plan for plan in planner(tuple(rid))}
        parallel.each(self._check, plans.values())
        return plans

    def _plan_undisturbed(self, where: Mapping[str, Share], planner: Planner) -> tuple[dict[str, Volume], dict[str, Plan]]:
        """Read and plan while no other task is in the middle of it, and after what one left unfinished is finished.

        What is refused now is refused before any volume of a list is changed. A lock file that is missing is not made for
        that: without one no task has ever changed the volume.
        """
        held, locked, listings = self._locks.take(tuple(where.items()), create=False)
        with held:
            try:
                volumes = self.read(where, self._transaction.recover(locked, listings))
                return volumes, self._plan(volumes, planner)
            except VdiskError as error:
                error.details.update(changed=bool(self._transaction.actions), actions=list(self._transaction.actions))
                raise

    def _change_locked(self, where: Mapping[str, Share], planner: Planner, grouped: bool) -> list[tuple[Volume, Volume]]:
        held, locked, listings = self._locks.take(tuple(where.items()))
        with held:
            try:
                found = self.look(tuple(where.items()), self._transaction.recover(locked, listings))
                volumes = self._merge_back_all_abandoned(tuple(where.items()), found)
                plans = list(planner(volumes))
                parallel.each(self._check, plans)
                if grouped:
                    self._transaction.apply(plans)
                else:
                    self._transaction.apply_each(plans)
                _warn_stale_definitions(self._warn, plans)
            except VdiskError as error:
                error.details.update(changed=bool(self._transaction.actions), actions=list(self._transaction.actions))
                raise
            changed = [(plan.before.name, where[plan.before.name]) for plan in plans if plan.steps]
            # what has changed since they were read under the lock, this host has written: dropping that from memory costs 0.1 s a GiB
            now = {volume.name: volume for volume in self.look(changed, uncached=False)}
        return [(plan.before, now.get(plan.before.name, plan.before)) for plan in plans]

    def _check(self, plan: Plan) -> None:
        """See, in check mode too, that all that a plan needs is there, that it loses nothing, and that nobody reads what it changes."""
        if any(step.needs_qemu_img(bool(plan.before.running_disks)) for step in plan.steps):
            self._qemu_img.require()
        refuse_losing(plan.before, plan.steps)
        _refuse_readers_of(plan)

    def _merge_back_all_abandoned(self, where: Sequence[Located], volumes: tuple[Volume, ...]) -> tuple[Volume, ...]:
        """Merge the temporary snapshots of killed tasks back, and return the volumes then."""
        cleared = [plan for plan in map(_merge_back_abandoned, volumes) if plan is not None]
        for plan in cleared:
            self._transaction.apply([plan])
        return self.look(where) if cleared else volumes

    @contextlib.contextmanager
    def frozen(self, name: str, share: Share, planner: Callable[[Volume], Plan]) -> Iterator[Volume]:
        """Freeze a volume at one instant by a temporary snapshot, give it was then, and merge the snapshot back at the end.

        Its files are kept from being written or merged; the volume itself goes on, and other tasks may change it. In check mode
        all this is only told.

        :param planner: returns the plan that takes the snapshot.
        """
        # only who copies comes here
        from ansible_collections.vdisk.gluster.plugins.module_utils._plans.temporary import plan_merged_back
        from ansible_collections.vdisk.gluster.plugins.module_utils._steps.frozen_read import hold_readable

        if self._check_mode:
            plan = planner(self.read({name: share})[name])
            self._transaction.actions += actions_of([plan])
            yield plan.before
            self._transaction.actions += actions_of([plan_merged_back(plan, plan.after)])
            return
        with contextlib.ExitStack() as images:
            with self.locked(name, share, planner) as volume:
                plan = planner(volume)
                self._transaction.apply([plan])
                try:
                    images.enter_context(hold_readable(f"{share.mount_point}/{entry.file}" for entry in volume.chain.files))
                except VdiskError:
                    self._merge_back(name, share, plan)
                    raise
            try:
                yield volume
            finally:
                images.close()
                held, locked, listings = self._locks.take([(name, share)])
                with held:
                    self._transaction.recover(locked, listings)
                    self._merge_back(name, share, plan)

    def _merge_back(self, name: str, share: Share, taken: Plan) -> None:
        """Delete the snapshot that a plan has taken."""
        from ansible_collections.vdisk.gluster.plugins.module_utils._plans.temporary import plan_merged_back

        for volume in self.look([(name, share)]):
            self._transaction.apply([plan_merged_back(taken, volume)])


def _some_failed(failed: Mapping[str, VdiskError], names: Sequence[str], actions: Sequence[str]) -> VdiskError:
    """Return the error of a list some of whose volumes failed, each named with its reason; the rest is done."""
    first = next(iter(failed.values()))
    details = dict(first.details) if len(failed) == 1 else {}
    details.update(
        changed=bool(actions),
        actions=list(actions),
        failures=[{"name": name, "msg": error.message} for name, error in failed.items()],
    )
    messages = "; ".join(error.message for error in failed.values())
    return VdiskError(f"{len(failed)} of {len(names)} volumes failed, the others succeeded: {messages}", **details)


def _warn_stale_definitions(warn: Callable[[str], None], plans: Sequence[Plan]) -> None:
    """Warn of what another host may still define of a domain that has come to this one: it is not brought up to changes."""
    for plan in plans:
        for entry in plan.before.stale_definitions if plan.journaled and plan.steps else ():
            warn(
                f"{plan.before.label} is on record as {entry.label} too, which runs on this host now. If {entry.host} still defines "
                "it, it must not be started there: it would write to outdated files. Undefine it there, then remove its entry with "
                f"gluster_volume_attachment (domain {entry.domain}, host {entry.host}, state absent)"
            )


def _refuse_readers_of(plan: Plan) -> None:
    """Refuse a plan that writes, merges or removes a file somebody reads: an export from a snapshot, say."""
    for file in plan.modified_live:
        if image_lock.is_being_read(f"{plan.before.mount_point}/{file}"):
            raise Refused(
                f"{file} of {plan.before.label} is being read by an export or a copy; wait until it ends, then run the task again"
            )
    for file in plan.modified_files:
        if file != plan.before.active_file and image_lock.stays_open_in_qemu(f"{plan.before.mount_point}/{file}"):
            raise Refused(
                f"{file} of {plan.before.label} is being read: an export, a backup or a VM, here or on another host, holds its "
                "image lock; wait until it ends, then run the task again"
            )


def _merge_back_abandoned(volume: Volume) -> Plan | None:
    """Return the plan that merges a volume's temporary snapshots back that killed tasks left, or None where there are none.

    Where that is not possible now, it is left to a later task: a snapshot more is no harm.
    """
    if not volume.abandoned:
        return None
    from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import plan_absent

    try:
        return plan_absent(volume, volume.abandoned)
    except VdiskError:
        return None


def _needs_cleanup(volume: Volume) -> bool:
    """Tell whether there is something to finish or to clear away; a task that is still at work has such files too."""
    return volume.unfinished or bool(volume.leftovers)


def _outcome(
    names: Sequence[str], plans: Mapping[str, Plan], volumes: Mapping[str, Volume], grouped: bool, before: Sequence[str]
) -> Outcome:
    """Return what check mode says of plans, after what it said C(before) of this walk."""
    actions = list(before)
    for unit in [names] if grouped else [[name] for name in names]:
        actions += [f"Finish the interrupted operation on {volumes[name].label}." for name in unit if volumes[name].unfinished]
        locked = [name for name in unit if plans[name].steps or _needs_cleanup(volumes[name])]
        actions += [cleanup_action(leftover) for name in locked for leftover in volumes[name].leftovers]
        for cleared in (_merge_back_abandoned(volumes[name]) for name in unit):
            actions += actions_of([cleared]) if cleared is not None else []
        actions += actions_of([plans[name] for name in unit])
    return Outcome(
        tuple(volumes[name] for name in names),
        tuple(plans[name].after for name in names),
        tuple(actions),
        bool(actions),
    )
