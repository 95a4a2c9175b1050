# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps are applied in their order, those of a new plan and those of one that a killed task began by the same loop."""

from __future__ import annotations

import contextlib
from typing import Callable, ContextManager, Iterable, Iterator, Sequence, Tuple

from ansible_collections.vdisk.gluster.plugins.module_utils._common import parallel
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.health import check_complete
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import image_lock
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step, StepContext
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.journal import Journal

Pair = Tuple[StepContext, Step]
"""A step and the volume that it changes."""


class Forward:
    """Applies steps. C(attempted) are those that were applied or failed half way, in that order; a step that refuses has done nothing."""

    def __init__(self, held: contextlib.ExitStack, actions: list[str], check: Callable[[], object], recovering: bool = False) -> None:
        """Take what the steps of one unit share.

        :param held: gets the image locks that steps ask for until the unit is done.
        :param actions: gets the sentence of each step that was applied.
        :param check: raises C(LostLock) where another task has the locks or the plan; called before steps are applied.
        :param recovering: a killed task has begun them.
        """
        self._held = held
        self._actions = actions
        self._check = check
        self._recovering = recovering
        self.attempted: list[Pair] = []

    def apply(self, pairs: Sequence[Pair], refuse: Callable[[StepContext, Step], object] = lambda context, step: None) -> None:
        """Apply steps in their order, together those of different volumes that may be taken together.

        :param refuse: raises what speaks against a step right before it.
        """
        # what a killed task left is applied one by one: its steps look at more of the host than those of a new plan
        for batch in [[pair] for pair in pairs] if self._recovering else _batches(pairs):
            self._check()
            self._apply_batch(batch, refuse)

    def _apply_batch(self, batch: Sequence[Pair], refuse: Callable[[StepContext, Step], object]) -> None:
        """Apply steps together; where one fails, what others have done is done."""
        applied: set[int] = set()

        def apply(number: int) -> None:
            context, step = batch[number]
            refuse(context, step)
            self._attempt(context, step)
            applied.add(number)
            # at once, not when the last of them is done: a VM could start on the file meanwhile, write to it and stop
            hold_image_locks(self._held, [(context, name) for name in step.offline_files_after(context)])

        try:
            parallel.each(apply, range(len(batch)))
        finally:
            prefix = "Finish the interrupted operation: " if self._recovering else ""
            done = [step for number, (_context, step) in enumerate(batch) if number in applied and not step.internal]
            self._actions += [prefix + step.describe() for step in done]

    def _attempt(self, context: StepContext, step: Step) -> None:
        try:
            with context.logged("Recover" if self._recovering else "Apply", step):
                step.apply(context)
        except Refused:
            raise
        except BaseException:
            self.attempted.append((context, step))
            raise
        self.attempted.append((context, step))


def _batches(order: Sequence[Pair]) -> Iterator[list[Pair]]:
    """Yield steps in their order, together those that may be applied together: of different volumes, of one stage, none exclusive."""
    batch: list[Pair] = []
    for context, step in order:
        if batch and (
            step.exclusive or batch[0][1].exclusive or step.stage != batch[0][1].stage or any(context is other for other, _step in batch)
        ):
            yield batch
            batch = []
        batch.append((context, step))
    if batch:
        yield batch


def prepare(pairs: Sequence[Pair]) -> None:
    """Do what can be thrown away again, before the plan is in the journal."""
    for context, step in pairs:
        if type(step).prepare is not Step.prepare:
            with context.logged("Prepare", step):
                step.prepare(context)


def release(pairs: Sequence[Pair]) -> None:
    """Let go of what steps may still hold, a frozen guest for example, whatever became of their plan."""
    for context, step in pairs:
        step.release(context)


def discard_prepared(pairs: Sequence[Pair]) -> None:
    """Remove what was prepared for steps that are not applied."""
    for context, step in pairs:
        step.discard_prepared(context)


def check_shares_complete(shares: Iterable[Share]) -> None:
    """See that all parts of shares answer; each share once.

    :raises Incomplete: one does not.
    """
    for share in {share.name: share for share in shares}.values():
        check_complete(share.name, share.mount_point)


def end_journals(leader: Journal, others: Sequence[Journal]) -> None:
    """Remove the journals of a unit, the leader's first: without it the others mean nothing."""
    leader.end()
    parallel.each(Journal.end, others)


def hold_offline_files(pairs: Sequence[Pair]) -> contextlib.ExitStack:
    """Keep QEMU, on every host, from opening the files that these steps need at rest."""
    stack = contextlib.ExitStack()
    try:
        offline_files = parallel.each(lambda pair: pair[1].offline_files(pair[0]), pairs)
        hold_image_locks(stack, [(context, name) for (context, _step), names in zip(pairs, offline_files) for name in names])
    except BaseException:
        stack.close()
        raise
    return stack


def hold_image_locks(held: contextlib.ExitStack, files: Iterable[tuple[StepContext, str]]) -> None:
    """Keep QEMU, on every host, from opening files of volumes until a plan is applied.

    :raises Refused: one of them is open.
    """
    todo = {(id(context), name): (context, name) for context, name in files if name not in context.held}
    entered: list[ContextManager[None]] = []

    def enter(context: StepContext, name: str) -> None:
        lock = image_lock.changing(context.path(name))
        lock.__enter__()
        entered.append(lock)

    try:
        parallel.each(lambda pair: enter(*pair), todo.values())
    finally:
        for lock in entered:
            held.push(lock)
    for context, name in todo.values():
        context.held.add(name)
