# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applying plans: under a journal where they cannot be taken back, undone where they can, finished where a task died."""

from __future__ import annotations

import contextlib
import os
import uuid
from typing import Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils import _files, _image_lock, _names
from ansible_collections.vdisk.gluster.plugins.module_utils._errors import Refused, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._journal import Journal, LostLock
from ansible_collections.vdisk.gluster.plugins.module_utils._place import Place, Step
from ansible_collections.vdisk.gluster.plugins.module_utils._plan import Plan, side_by_side
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._reading import list_share
from ansible_collections.vdisk.gluster.plugins.module_utils._share import Share
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import from_json, to_json


class Applier:
    """Applies plans of volumes whose locks are held, and keeps the list of what was done."""

    def __init__(self, qemu_img: QemuImg) -> None:
        self._qemu_img = qemu_img
        self.actions: list[str] = []

    def recover(self, where: Mapping[str, Share]) -> None:
        """Finish unfinished plans, forward only, and clear away what killed tasks left of temporary files."""
        listings = {share.name: list_share(share) for share in {share.name: share for share in where.values()}.values()}
        for name, share in where.items():
            listing = listings[share.name]
            # an unfinished plan may need a file that still has its temporary name
            if os.path.basename(_names.journal(name)) in listing.own:
                self._finish(name, share)
            for leftover in listing.leftovers.get(name, ()):
                _files.remove(f"{share.mount_point}/{leftover}")

    def _finish(self, name: str, share: Share) -> None:
        journal = Journal(share.mount_point, name)
        unfinished = journal.read()
        if unfinished is None:
            return
        place = self._place(name, share)
        steps = [from_json(entries) for entries in unfinished.steps]
        with _held([(place, step) for step in steps]):
            journal.begin(unfinished.steps)
            for step in steps:
                journal.check_ours()
                step.apply(place)
                if not step.quiet:
                    self.actions.append(f"Finish what an earlier task began: {step.describe()}")
            journal.end()

    def apply(self, plans: Sequence[Plan]) -> None:
        """Apply plans side by side as one unit: a failure before the first step that cannot be taken back undoes all."""
        places = {plan.before.name: self._place(plan.before.name, Share(plan.before.share, plan.before.mount_point)) for plan in plans}
        order = [(plan.before.name, step) for plan, step in side_by_side(plans)]
        journals = {plan.before.name: Journal(plan.before.mount_point, plan.before.name) for plan in plans if plan.journaled and plan.steps}
        tried: list[tuple[Place, Step]] = []
        actions = len(self.actions)
        try:
            for name, step in order:
                step.prepare(places[name])
            with _held([(places[name], step) for name, step in order]):
                for name, journal in journals.items():
                    journal.begin([to_json(step) for owner, step in order if owner == name])
                for name, step in order:
                    if name in journals:
                        journals[name].check_ours()
                    tried.append((places[name], step))
                    step.apply(places[name])
                    if not step.quiet:
                        self.actions.append(step.describe())
                for journal in journals.values():
                    journal.end()
        except LostLock:
            raise
        except VdiskError as error:
            # a step that refuses has looked and done nothing
            if _undo(tried[:-1] if isinstance(error, Refused) else tried):
                del self.actions[actions:]
                for name, step in order:
                    step.throw_away(places[name])
                for journal in journals.values():
                    journal.end()
            raise

    def _place(self, volume: str, share: Share) -> Place:
        return Place(share.mount_point, share.name, volume, uuid.uuid4().hex[:12], self._qemu_img)


def _held(steps: Sequence[tuple[Place, Step]]) -> contextlib.ExitStack:
    """Keep QEMU, on every host, from opening the files that these steps need at rest."""
    stack = contextlib.ExitStack()
    try:
        for place, step in steps:
            stack.enter_context(_image_lock.changing(*(place.path(name) for name in step.at_rest(place))))
    except BaseException:
        stack.close()
        raise
    return stack


def _undo(done: Sequence[tuple[Place, Step]]) -> bool:
    """Take back steps, the last first, if every one of them can be; return whether they are taken back."""
    if not all(step.can_be_undone(place) for place, step in done):
        return False
    for place, step in reversed(done):
        step.undo(place)
    return True
