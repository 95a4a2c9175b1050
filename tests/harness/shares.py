# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plain directory in the place of a mounted share: planners, steps and sessions work on it as on GlusterFS."""

from __future__ import annotations

import contextlib
import itertools
import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Iterable, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Runner
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import plan_absent, plan_present
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import VolumeRequest
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import plan_absent as plan_no_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import plan_present as plan_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step, StepContext
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.registry import from_json, to_json
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.session import Outcome, Planner, Session
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.reader import list_share, read_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import SnapshotNote
from ansible_collections.vdisk.gluster.tests.harness import images

_tokens = itertools.count(0x100000)

OWNER, GROUP = (64055, 107) if os.geteuid() == 0 else (os.getuid(), os.getgid())
"""Somebody else to give files to, where that is allowed."""


class Killed(BaseException):
    """A task was killed; nothing in the collection catches this."""


def _deadly(step: Step, after: bool) -> Step:
    """Return a step that is the same in a journal, and kills its task before or after it was taken."""

    def apply(self: Step, context: StepContext) -> None:
        if after:
            step.apply(context)
        raise Killed

    kind = type(type(step).__name__, (type(step),), {"apply": apply})
    return kind(**{entry.name: getattr(step, entry.name) for entry in fields(step)})


class PlainShare:
    """Volumes in a directory that stands for a mounted share."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.share = Share("gl1:/vms", str(root))
        self.qemu_img = QemuImg(Runner(30))

    def read(self, name: str = "v") -> Volume:
        """Return the state of a volume, read anew."""
        return read_volume(list_share(self.share), name)

    def context(self, name: str = "v") -> StepContext:
        """Return where the steps for a volume are applied, as a task of its own."""
        return StepContext(self.share.mount_point, self.share.name, name, f"{next(_tokens):x}", self.qemu_img)

    def apply(self, plan: Plan, steps: Iterable[Step] | None = None) -> None:
        """Apply the steps of a plan, each as the journal gives it back where it is journaled."""
        context = self.context(plan.before.name)
        for step in plan.steps if steps is None else steps:
            (from_json(to_json(step)) if plan.journaled else step).apply(context)

    def create(self, name: str = "v", **wanted: Any) -> Volume:
        """Make a volume, owned by who runs the tests where nothing else is said."""
        wanted = {"uid": os.getuid(), "gid": os.getgid(), **wanted}
        self.apply(plan_volume(self.read(name), VolumeRequest(**wanted)))
        return self.sound(name)

    def grow(self, size: int, name: str = "v") -> Volume:
        """Grow a volume."""
        self.apply(plan_volume(self.read(name), VolumeRequest(size=size)))
        return self.sound(name)

    def take(self, snapshot: str, name: str = "v") -> Volume:
        """Take a snapshot of a volume."""
        (plan,) = plan_present([self.read(name)], snapshot, SnapshotNote())
        self.apply(plan)
        assert predicted(plan.after) == predicted(self.sound(name))
        return self.read(name)

    def drop(self, *snapshots: str, name: str = "v") -> Plan:
        """Drop snapshots of a volume and return how it was done."""
        plan = plan_absent(self.read(name), snapshots)
        self.apply(plan)
        assert predicted(plan.after) == predicted(self.sound(name))
        return plan

    def remove(self, name: str = "v") -> None:
        """Remove a volume with all its snapshots."""
        self.apply(plan_no_volume(self.read(name), True))

    def write(self, *patterns: tuple[int, int, int], name: str = "v") -> None:
        """Write patterns into a volume as a guest does: into its active file."""
        volume = self.read(name)
        images.write(Path(volume.path), str(volume.active.format), *patterns)

    def content(self, file: str | None = None, name: str = "v") -> bytes:
        """Return what a file of a volume reads as; the active file where none is named."""
        chain = self.read(name).chain
        entry = chain.files[0] if file is None else chain.get(file)
        return images.content(self.root / entry.file, str(entry.format))

    def points(self, name: str = "v") -> dict[str, bytes]:
        """Return what each point in time reads as, and under C(now) what the volume reads as."""
        volume = self.read(name)
        found = {snapshot.name: self.content(snapshot.point_in_time_file, name) for snapshot in volume.snapshots}
        return {**found, "now": self.content(None, name)}

    def sound(self, name: str = "v") -> Volume:
        """See that a volume and its images have no problem, and that nothing lies beside it; return its state."""
        volume = self.read(name)
        assert volume.problems == ()
        assert (volume.strays, volume.leftovers, volume.unfinished) == ((), (), False)
        for entry in volume.chain.files:
            if entry.format == "qcow2":
                images.check(self.root / entry.file)
        return volume

    def files(self, name: str = "v") -> set[str]:
        """Return the names of the layout's files of a volume."""
        return {path.name for path in self.root.iterdir() if layout.is_file_of(name, path.name)}

    def kill(self, planner: Planner, done: int, *names: str) -> tuple[Step, ...]:
        """Let a task on volumes be killed when it has taken so many steps of each; return the steps of the first plan."""
        steps: list[Step] = []

        def deadly(volumes: Sequence[Volume]) -> list[Plan]:
            plans = list(planner(volumes))
            steps[:] = plans[0].steps
            last = plans[-1]
            index = min(max(0, done - 1), len(last.steps) - 1)
            return [*plans[:-1], replace(last, steps=(*last.steps[:index], _deadly(last.steps[index], done > 0), *last.steps[index + 1 :]))]

        with contextlib.suppress(Killed):
            self.session().change({name: self.share for name in names or ("v",)}, deadly, grouped=len(names) > 1)
            raise AssertionError("the task was not killed")
        return tuple(steps)

    def session(self, check_mode: bool = False) -> Session:
        """Return the session of a task."""
        return Session(self.qemu_img, check_mode, 5, deep=True)

    def recover(self, name: str = "v") -> Outcome:
        """Let the next task on a volume finish what an earlier one began, and want nothing itself."""
        return self.session().change({name: self.share}, lambda volumes: [Plan(volume, volume) for volume in volumes])


def predicted(volume: Volume) -> object:
    """Return what check mode promises of a volume: everything but how much space its files take."""
    files = tuple(replace(entry, allocated_size=0) for entry in volume.chain.files)
    return files, list(volume.chain.snapshots.items()), volume.active_file, volume.record, volume.info, volume.snapshots


def kinds(steps: Sequence[Step]) -> list[str]:
    """Return the names of steps."""
    return [type(step).__name__ for step in steps]
