# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applying plans: under a journal where they cannot be taken back, undone where they can."""

from __future__ import annotations

import os
import uuid
from typing import Iterable, Mapping, Sequence, Tuple

from ansible_collections.vdisk.gluster.plugins.module_utils._common import parallel
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Incomplete, LostLock, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan, interleaved
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.registry import to_json
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.forward import (
    Forward,
    Pair,
    check_shares_complete,
    discard_prepared,
    end_journals,
    hold_offline_files,
    prepare,
    release,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.recovery import Located, context_of, recover
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
        self._respects_other_hosts = respects_other_hosts
        self.actions: list[str] = []
        self.locks: list[HeldLock] = []
        """The locks that are held now."""

    def recover(self, where: Sequence[Located], listings: Mapping[str, Listing]) -> Mapping[str, Listing]:
        """Finish what killed tasks left of these volumes, and return listings that still hold."""
        done = recover(where, listings, self._qemu_img, self._hypervisor, self._respects_other_hosts, self.locks)
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
        pairs = [(contexts[key], step) for key, step in order]
        count = len(actions)
        forward: Forward | None = None
        try:
            prepare(pairs)
            with hold_offline_files(pairs) as held:
                self._check_ours(shares, journal)
                # what was not there when the plan was made is not there
                check_shares_complete(shares.values())
                if leader is not None:
                    _begin(leader, journals, shares, order)
                forward = Forward(held, actions, lambda: self._check_ours(shares, journal))
                forward.apply(pairs)
                self._check_ours(shares, journal)
                if leader is not None:
                    # and what steps found removed already is removed
                    check_shares_complete(shares.values())
                    _end(leader, journals)
        except (Incomplete, LostLock):
            raise
        except VdiskError as error:
            try:
                self._check_ours(shares, journal)
                if _undo(forward.attempted if forward is not None else ()):
                    discard_prepared(pairs)
                    if leader is not None:
                        _end(leader, journals)
                    del actions[count:]
            except LostLock:
                raise
            except VdiskError:
                # the share has gone away, for example; what is not undone stands in the journal, and why it failed is what counts
                raise error from None
            raise
        finally:
            release(pairs)

    def _check_locks(self, keys: Iterable[Key]) -> None:
        parallel.each(HeldLock.check, locks_of({volume for volume, _share in keys}, self.locks))

    def _check_ours(self, keys: Iterable[Key], journal: Journal | None) -> None:
        """See that neither a lock of these volumes nor the plan has gone to another task meanwhile.

        :raises LostLock: one of them has.
        """
        self._check_locks(keys)
        if journal is not None:
            journal.check_ours()


def _key(plan: Plan) -> Key:
    return plan.before.name, plan.before.share


def _begin(leader: Key, journals: Mapping[Key, Journal], shares: Mapping[Key, Share], order: Sequence[tuple[Key, Step]]) -> None:
    """Write the journals of a unit; the moment the leader's is there, all of the plan is decided on."""
    group = uuid.uuid4().hex if len(journals) > 1 else None
    if group is not None:
        parallel.each(lambda key: journals[key].follow(leader[1], leader[0], group), [key for key in journals if key != leader])
    journals[leader].begin([{"volume": key[0], "share": shares[key].name, **to_json(step)} for key, step in order], group)


def _end(leader: Key, journals: Mapping[Key, Journal]) -> None:
    end_journals(journals[leader], [journals[key] for key in journals if key != leader])


def _undo(done: Sequence[Pair]) -> bool:
    """Take back steps, the last first, if every one of them can be; return whether they are taken back."""
    if not all(step.can_be_undone(context) for context, step in done):
        return False
    for context, step in reversed(done):
        with context.logged("Undo", step):
            step.undo(context)
    return True
