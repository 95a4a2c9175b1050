# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applying plans: under a journal where they cannot be taken back, undone where they can."""

from __future__ import annotations

import contextlib
import os
import uuid
from typing import Iterable, Iterator, Mapping, Sequence, Tuple

from ansible_collections.vdisk.gluster.plugins.module_utils._common import parallel
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Incomplete, LostLock, Refused, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.health import check_complete
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan, interleaved
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step, StepContext
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.registry import to_json
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.recovery import (
    Located,
    context_of,
    hold_image_locks,
    hold_offline_files,
    recover,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.hypervisor import Hypervisor
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.journal import Journal
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.lock import HeldLock, locks_of
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.reader import Listing, list_shares

Key = Tuple[str, str]
"""A volume and its share, by their names."""


class Transaction:
    """Applies plans of volumes whose locks are held, and keeps the list of what was done."""

    def __init__(self, qemu_img: QemuImg, hypervisor: Hypervisor, respects_other_hosts: bool = True) -> None:
        self._qemu_img = qemu_img
        self._hypervisor = hypervisor
        self._heeds_elsewhere = respects_other_hosts
        self.actions: list[str] = []
        self.locks: list[HeldLock] = []
        """The locks that are held now."""

    def recover(self, where: Sequence[Located], listings: Mapping[str, Listing]) -> Mapping[str, Listing]:
        """Finish what killed tasks left of these volumes, and return listings that still hold."""
        done = recover(where, listings, self._qemu_img, self._hypervisor, self._heeds_elsewhere, self.locks)
        self.actions += done
        # a journal that only has to go away is no action
        stale = done or any(os.path.basename(layout.journal(name)) in listings[share.name].own for name, share in where)
        return list_shares(share for _name, share in where) if stale else listings

    def apply_each(self, plans: Sequence[Plan]) -> None:
        """Apply plans each as a unit of its own, several at a time where no step of theirs has to be alone.

        Where one fails, others have been applied or not, and the error of the first of those that failed is raised.
        """
        done: list[list[str]] = [[] for _plan in plans]
        try:
            if any(step.exclusive for plan in plans for step in plan.steps):
                for plan, actions in zip(plans, done):
                    self._apply([plan], actions)
            else:
                parallel.each(lambda pair: self._apply([pair[0]], pair[1]), zip(plans, done))
        finally:
            for actions in done:
                self.actions += actions

    def apply(self, plans: Sequence[Plan]) -> None:
        """Apply plans side by side as one unit: a failure before the first step that cannot be taken back undoes all."""
        self._apply(plans, self.actions)

    def _apply(self, plans: Sequence[Plan], actions: list[str]) -> None:
        shares = {_key(plan): Share(plan.before.share, plan.before.mount_point) for plan in plans}
        order = [(_key(plan), step) for plan, step in interleaved(plans)]
        journals = {
            _key(plan): Journal(plan.before.mount_point, plan.before.name, check=lambda: self._check_locks(shares))
            for plan in plans
            if plan.journaled and plan.steps
        }
        leader = min(journals, default=None)
        journal = journals[leader] if leader is not None else None
        contexts = {key: context_of(key[0], share, self._qemu_img, self._hypervisor, journal, self.locks) for key, share in shares.items()}
        # what was taken or failed half way, to be taken back; what was begun at all, and may hold something yet
        tried: list[tuple[StepContext, Step]] = []
        begun: list[tuple[StepContext, Step]] = []
        said = len(actions)
        try:
            for key, step in order:
                _prepare(contexts[key], step)
            with hold_offline_files([(contexts[key], step) for key, step in order]) as held:
                self._check_ours(shares, journal)
                # what was not there when the plan was made is not there
                _check_complete(shares)
                if leader is not None:
                    _begin(leader, journals, shares, order)
                for batch in _batches([(contexts[key], step) for key, step in order]):
                    self._check_ours(shares, journal)
                    begun += batch
                    _take_at_once(batch, held, tried, actions)
                self._check_ours(shares, journal)
                if leader is not None:
                    # and what steps found removed already is removed
                    _check_complete(shares)
                _end(leader, journals)
        except (Incomplete, LostLock):
            raise
        except VdiskError as error:
            try:
                self._check_ours(shares, journal)
                if _undo(tried):
                    for key, step in order:
                        step.discard_prepared(contexts[key])
                    _end(leader, journals)
                    del actions[said:]
            except LostLock:
                raise
            except VdiskError:
                # the share has gone away, say; what is not taken back stands in the journal, and why it failed is what counts
                raise error from None
            raise
        finally:
            _release(begun)

    def _check_locks(self, keys: Iterable[Key]) -> None:
        parallel.each(HeldLock.check, locks_of({volume for volume, _share in keys}, self.locks))

    def _check_ours(self, keys: Iterable[Key], journal: Journal | None) -> None:
        """See that neither a lock of these volumes nor the plan has gone to another task meanwhile.

        :raises LostLock: one of them has.
        """
        self._check_locks(keys)
        if journal is not None:
            journal.check_ours()


def _batches(order: Sequence[tuple[StepContext, Step]]) -> Iterator[list[tuple[StepContext, Step]]]:
    """Yield steps in their order, together those that may be taken at a time: of different volumes, of one stage, none of them alone."""
    batch: list[tuple[StepContext, Step]] = []
    for context, step in order:
        if batch and (
            step.exclusive or batch[0][1].exclusive or step.stage != batch[0][1].stage or any(context is other for other, _step in batch)
        ):
            yield batch
            batch = []
        batch.append((context, step))
    if batch:
        yield batch


def _take_at_once(
    batch: Sequence[tuple[StepContext, Step]], held: contextlib.ExitStack, tried: list[tuple[StepContext, Step]], actions: list[str]
) -> None:
    """Take steps together, and tell in their order what was done; where one fails, what others have done is done."""
    taken: set[int] = set()

    def take(number: int) -> None:
        context, step = batch[number]
        _take(context, step, tried)
        taken.add(number)
        # at once, not when the last of them is done: a machine could start on the file meanwhile, write to it and stop
        hold_image_locks(held, [(context, name) for name in step.offline_files_after(context)])

    try:
        parallel.each(take, range(len(batch)))
    finally:
        actions += [step.describe() for number, (_place, step) in enumerate(batch) if number in taken and not step.internal]


def _prepare(context: StepContext, step: Step) -> None:
    if type(step).prepare is not Step.prepare:
        with context.logged("Prepare", step):
            step.prepare(context)


def _take(context: StepContext, step: Step, tried: list[tuple[StepContext, Step]]) -> None:
    """Take a step, and note that it was tried, unless it refuses: then it has looked and done nothing."""
    try:
        with context.logged("Apply", step):
            step.apply(context)
    except Refused:
        raise
    except BaseException:
        tried.append((context, step))
        raise
    tried.append((context, step))


def _check_complete(shares: Mapping[Key, Share]) -> None:
    """See that all parts of all shares answer.

    :raises Incomplete: one does not.
    """
    for share in {share.name: share for share in shares.values()}.values():
        check_complete(share.name, share.mount_point)


def _release(tried: Sequence[tuple[StepContext, Step]]) -> None:
    """Let go of what steps may still hold, a frozen guest say, whatever became of the plan."""
    for context, step in tried:
        step.release(context)


def _key(plan: Plan) -> Key:
    return plan.before.name, plan.before.share


def _begin(leader: Key, journals: Mapping[Key, Journal], shares: Mapping[Key, Share], order: Sequence[tuple[Key, Step]]) -> None:
    """Write the journals of a unit; the moment the leader's is there, all of the plan is decided on."""
    group = uuid.uuid4().hex if len(journals) > 1 else None
    if group is not None:
        parallel.each(lambda key: journals[key].follow(leader[1], leader[0], group), [key for key in journals if key != leader])
    journals[leader].begin([{"volume": key[0], "share": shares[key].name, **to_json(step)} for key, step in order], group)


def _end(leader: Key | None, journals: Mapping[Key, Journal]) -> None:
    """Remove the journals of a unit, the leader's first: without it the others mean nothing."""
    if leader is not None:
        journals[leader].end()
        parallel.each(lambda key: journals[key].end(), [key for key in journals if key != leader])


def _undo(done: Sequence[tuple[StepContext, Step]]) -> bool:
    """Take back steps, the last first, if every one of them can be; return whether they are taken back."""
    if not all(step.can_be_undone(context) for context, step in done):
        return False
    for context, step in reversed(done):
        with context.logged("Undo", step):
            step.undo(context)
    return True
