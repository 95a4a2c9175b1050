# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gluster_snapshot does: find the volumes of the group, then change them in a session."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput
from ansible_collections.vdisk.gluster.plugins.module_utils._common.result import Result
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import shares_of
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import Task
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.checks import refuse_zeroing
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import plan_absent, plan_present, plan_reverted
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.session import Session
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.hypervisor import Denied
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.locator import Shares
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume, snapshot_object, volume_object
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import SnapshotNote, utc_now


def work(task: Task) -> Result:
    """Bring the snapshots of a task into the wanted state."""
    params = task.params
    volumes = layout.check_volumes(params["volume"])
    snapshots = [layout.check_snapshot(name) for name in params["name"]]
    present = params["state"] == "present"
    if not snapshots:
        raise BadInput("name: the list of snapshot names is empty; name at least one")
    if params["state"] != "absent" and len(snapshots) > 1:
        raise BadInput("name: several snapshots can only be deleted together; for another state name one")
    hypervisor = task.hypervisor()
    shares = Shares(shares_of(params, task.warn))
    listings = shares.list()
    where = shares.locate(volumes, listings)
    note = SnapshotNote(utc_now(), params["label"], params["description"])

    def planner(found: Sequence[Volume]) -> list[Plan]:
        if present:
            for volume in found if params["require_live_delete"] else ():
                for disk in volume.running_disks:
                    refuse_zeroing(volume, disk)
            return list(plan_present(found, snapshots[0], note, params["quiesce"]))
        if params["state"] == "reverted":
            return [plan_reverted(volume, snapshots[0], params["discard_newer"]) for volume in found]
        return [plan_absent(volume, snapshots, only_up) for volume in found]

    session = Session(
        QemuImg(task.runner),
        task.check_mode,
        params["lock_timeout"],
        deep=params["state"] == "reverted",
        hypervisor=hypervisor,
        respects_other_hosts=task.respects_other_hosts,
        warn=task.warn,
    )
    only_up = False
    try:
        outcome = session.change(where, planner, grouped=True, listings=listings)
    except Denied as error:
        # nothing was merged: QEMU is not let write the file below, but it may merge the other way
        task.warn(error.message)
        only_up = True
        outcome = session.change(where, planner, grouped=True)
    _warn(task, outcome.before, snapshots)
    named = [snapshot_object(volume, snapshot) for volume in outcome.after for snapshot in volume.snapshots if snapshot.name in snapshots]
    after = [volume_object(volume) for volume in outcome.after]
    return Result(
        _sentence(volumes, snapshots, params["state"], outcome.changed, task.check_mode),
        outcome.changed,
        outcome.actions,
        {"snapshots": named, "volumes": after},
        [volume_object(volume) for volume in outcome.before],
        after,
    )


def _warn(task: Task, before: Sequence[Volume], snapshots: Sequence[str]) -> None:
    """Warn of what was asked for and may not be what was meant."""
    for volume in before:
        if task.params["state"] == "absent" and not volume.exists:
            task.warn(f"{volume.label} does not exist, so it has no snapshots; check its name")
        if task.params["state"] == "present" and layout.breaks_cinder(volume.name, snapshots[0]):
            task.warn(
                f"{volume.name} is called as Cinder calls its volumes, which could not manage it after a second snapshot: give its "
                f"snapshots UUIDs for names, not {snapshots[0]}, if Cinder is to manage it again"
            )


_NAMED = 5
"""Volumes that a sentence names; more are counted."""


def _sentence(volumes: Sequence[str], snapshots: Sequence[str], state: str, changed: bool, check_mode: bool) -> str:
    which = ", ".join(volumes) if len(volumes) <= _NAMED else f"{len(volumes)} volumes"
    names = ", ".join(snapshots)
    one_volume, one_snapshot = len(volumes) == 1, len(snapshots) == 1
    if state == "reverted":
        if not changed:
            return f"{which} {'is' if one_volume else 'are'} as at snapshot {names} already."
        return f"{which} {'would be' if check_mode else 'was' if one_volume else 'were'} reverted to snapshot {names}."
    what = f"snapshot{'' if one_snapshot else 's'} {names} of {which}"
    if not changed:
        return f"{what} {'is' if one_snapshot else 'are'} {'there' if state == 'present' else 'absent'} already."
    done = "taken" if state == "present" else "deleted"
    return f"{what} {'would be' if check_mode else 'was' if one_snapshot else 'were'} {done}."
