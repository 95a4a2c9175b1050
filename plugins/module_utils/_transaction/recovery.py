# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finishing what killed tasks left: plans forward to their end, temporary files away."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, field, replace
from typing import Any, Iterable, Mapping, Sequence, Tuple

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Abandoned, Damaged, Refused, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.mounts import read_mount_table
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share, check_mounted, is_share, mount_point_of
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import image_lock
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import field_types
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step, StepContext
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.domain import RedefineDomains
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.registry import from_json
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.forward import (
    Forward,
    check_shares_complete,
    discard_prepared,
    end_journals,
    hold_offline_files,
    release,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout, record_file
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.backing_chain import misleading
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.hypervisor import Hypervisor, running_disks
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.journal import Journal, JournalContent
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.lock import HeldLock, locks_of
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.reader import Listing, look_at

Located = Tuple[str, Share]
"""A volume and the share it is on; a volume that is being moved is on two."""


@dataclass(frozen=True)
class UnfinishedPlan:
    """An unfinished plan: the volume whose journal holds it, all volumes it changes, and its steps with their volumes.

    Without steps it is a plan of a group that was never decided on, or is done: only its journals are still there.
    """

    leader: tuple[str, Share]
    members: tuple[tuple[str, Share], ...]
    group: str | None
    entries: tuple[dict[str, Any], ...]
    steps: tuple[tuple[str, Share, Step], ...]
    marks: Mapping[str, Any] = field(default_factory=dict)


def pending(volume: str, share: Share) -> UnfinishedPlan | None:
    """Return the unfinished plan that a volume is part of."""
    own = Journal(share.mount_point, volume).read()
    if own is None:
        return None
    leader = (volume, share)
    if own.leader_volume is not None and own.leader_share is not None:
        leader = (own.leader_volume, _sibling(share, own.leader_share))
        _journals_of(leader[1])
        plan = Journal(leader[1].mount_point, leader[0]).read()
        if plan is None or plan.group != own.group:
            return UnfinishedPlan((volume, share), ((volume, share),), None, (), ())
        own = plan
    steps = _steps_of(own, leader)
    members = {(owner, where.name): (owner, where) for owner, where, _step in steps}
    return UnfinishedPlan(leader, tuple(members.values()), own.group, own.steps, tuple(steps), own.marks)


def _steps_of(plan: JournalContent, leader: Located) -> list[tuple[str, Share, Step]]:
    """Return the steps of a plan with their volumes, every field of which holds what a task could have written.

    :raises Damaged: one does not; whoever wrote it, no step of that plan is applied.
    """
    path = f"{leader[1].mount_point}/{layout.journal(leader[0])}"
    try:
        found = []
        for entries in plan.steps:
            bare = dict(entries)
            owner, name = bare.pop("volume", leader[0]), bare.pop("share", leader[1].name)
            if not (isinstance(owner, str) and layout.is_volume_name(owner) and isinstance(name, str) and is_share(name)):
                raise Damaged(f"it has a step for {owner!r} on {name!r}, which is no volume of a share")
            found.append((owner, name, from_json(bare)))
        members = tuple(dict.fromkeys((owner, name) for owner, name, _step in found))
        for owner, _name, step in found:
            field_types.check(step, field_types.Scope(owner, members))
        shares = {name: _sibling(leader[1], name) for _owner, name in members}
        for owner, name, step in found:
            # what only follows the files in definitions of domains may come without a journal of its own
            if (owner, name) != (leader[0], leader[1].name) and not isinstance(step, RedefineDomains):
                _check_belongs(owner, shares[name], plan.group, leader)
    except Damaged as error:
        raise Damaged(
            f"the journal {path} cannot be carried on: {error}. The release that began the operation may be a newer one: then run the task "
            "with that. Else somebody has written to the journal: find out who can write to the share, and restore the journal or move "
            "it away"
        ) from error
    return [(owner, shares[name], step) for owner, name, step in found]


def _check_belongs(volume: str, share: Share, group: str | None, leader: Located) -> None:
    """See that a volume's own journal says that the plan is in the leader's: whoever can write to one share cannot do so for another.

    :raises Damaged: it does not.
    """
    _journals_of(share)
    own = Journal(share.mount_point, volume).read()
    if own is None or group is None or (own.leader_volume, own.leader_share, own.group) != (leader[0], leader[1].name, group):
        raise Damaged(f"it has a step for {volume} on {share.name}, which has no journal that belongs to it")


def _sibling(share: Share, name: str) -> Share:
    """Return another share below the same mount point base.

    :raises Unavailable: it is not mounted there.
    """
    if name == share.name:
        return share
    other = Share(name, mount_point_of(os.path.dirname(share.mount_point), name))
    check_mounted(other, read_mount_table())
    return other


def with_linked_volumes(where: Sequence[Located], listings: Mapping[str, Listing]) -> tuple[Located, ...]:
    """Return these volumes and all that unfinished plans of theirs belong to: they are locked and finished together.

    :raises VdiskError: one of those is on a share that is not mounted.
    """
    found = {(name, share.name): share for name, share in where}
    unseen = list(found)
    own = {name: listing.own for name, listing in listings.items()}
    while unseen:
        name, share_name = unseen.pop()
        at = found[name, share_name]
        if at.name not in own:
            own[at.name] = _journals_of(at)
        plan = pending(name, at) if os.path.basename(layout.journal(name)) in own[at.name] else None
        for volume, share in (plan.leader, *plan.members) if plan else ():
            if (volume, share.name) not in found:
                found[volume, share.name] = share
                unseen.append((volume, share.name))
    return tuple((name, share) for (name, _share), share in found.items())


def _journals_of(share: Share) -> frozenset[str]:
    """Return the names beside the journals of a share; only after this listing are journals opened as other hosts left them."""
    return files.list_names(f"{share.mount_point}/{layout.OWN_DIRECTORY}")


def recover(
    where: Sequence[Located],
    listings: Mapping[str, Listing],
    qemu_img: QemuImg,
    hypervisor: Hypervisor,
    respects_other_hosts: bool = True,
    locks: Sequence[HeldLock] = (),
) -> list[str]:
    """Finish the unfinished plans of locked volumes, forward only, clear their temporary files away, and tell what was done.

    :param respects_other_hosts: whether what only another host can do, to definitions of its domains, is left to that host.
    :param locks: the locks that are held; who has lost one of them stops.
    """
    actions: list[str] = []
    # a plan may need a file that still has its temporary name, so those are cleared away after all plans
    for volume, share in where:
        if os.path.basename(layout.journal(volume)) in listings[share.name].own:
            plan = pending(volume, share)
            if plan is not None:
                if respects_other_hosts:
                    _refuse_definitions_elsewhere(plan, hypervisor)
                actions += _finish_plan(plan, qemu_img, hypervisor, locks)
    for volume, share in where:
        for leftover in listings[share.name].leftovers.get(volume, ()):
            if files.remove(f"{share.mount_point}/{leftover}"):
                actions.append(cleanup_action(leftover))
    return actions


def cleanup_action(leftover: str) -> str:
    """Return the sentence on a temporary file of a killed task."""
    return f"Remove {leftover}, because a task that was killed left it."


def _check_images(plan: UnfinishedPlan) -> None:
    """See that no image of the volumes of a plan leads QEMU to a file that is not one of its volume.

    A plan was made for chains that were looked at; what lies on the share now may be others.

    :raises Refused: one does.
    """
    for volume, share in plan.members:
        root = share.mount_point
        facts = {name: look_at(root, name) for name in sorted(files.list_names(root)) if layout.is_file_of(volume, name)}
        raw = {record.base_file for record in _records(plan, volume, share) if record.base_format == "raw"}
        for found in facts.values():
            wrong = misleading(volume, found, raw, root) if found is not None else None
            if wrong is not None:
                raise Refused(
                    f"an operation on {volume} on {share.name} is unfinished and is not carried on: {wrong}; find out who wrote to the "
                    "share, and restore that file"
                )


def _records(plan: UnfinishedPlan, volume: str, share: Share) -> list[record_file.Record]:
    """Return the records that a volume of a plan has or gets."""
    content = files.read_text_file(f"{share.mount_point}/{layout.record(volume)}", record_file.LIMIT)
    found = [] if content is None else [record_file.parse(content)]
    written = (getattr(step, "record", None) for owner, where, step in plan.steps if (owner, where) == (volume, share))
    return found + [record_file.from_json(entries) for entries in written if entries is not None]


def _require_qemu_img(
    plan: UnfinishedPlan, contexts: Iterable[StepContext], pairs: Sequence[tuple[StepContext, Step]], qemu_img: QemuImg
) -> None:
    """See that there is qemu-img where a step that is still to be taken needs it.

    :raises Unavailable: there is none; nothing was done.
    """
    running = {id(context): context.running_disk() is not None for context in contexts}
    try:
        if any(step.needs_qemu_img(running[id(context)]) for context, step in pairs):
            qemu_img.require()
    except Unavailable as error:
        volume, share = plan.leader
        raise Unavailable(f"an operation on {volume} on {share.name} is unfinished and needs a program: {error.message}") from error


def _finish_plan(plan: UnfinishedPlan, qemu_img: QemuImg, hypervisor: Hypervisor, locks: Sequence[HeldLock]) -> list[str]:
    actions: list[str] = []

    members = {volume for volume, _share in plan.members} | {plan.leader[0]}

    def check_locks() -> None:
        for lock in locks_of(members, locks):
            lock.check()

    journal = Journal(plan.leader[1].mount_point, plan.leader[0], check=check_locks)
    if plan.steps:
        contexts = {
            (volume, share.name): replace(context_of(volume, share, qemu_img, hypervisor, journal, locks), recovering=True)
            for volume, share in plan.members
        }
        pairs = [(contexts[volume, share.name], step) for volume, share, step in plan.steps]
        _check_images(plan)
        _require_qemu_img(plan, contexts.values(), pairs, qemu_img)
        for context in contexts.values():
            # the task that was killed wrote on another host, maybe: no program may go by what this one remembers
            for name in files.list_names(context.root):
                if layout.is_file_of(context.volume, name):
                    files.drop_cached_file(context.path(name))
        with hold_offline_files(pairs) as held:
            check_locks()
            journal.begin(plan.entries, plan.group, plan.marks)
            forward = Forward(held, actions, journal.check_ours, recovering=True)
            try:
                forward.apply(pairs, _refuse_unless_done)
            except Abandoned as error:
                # nothing was done yet that others could see, and what was prepared is of no use any more
                discard_prepared(pairs)
                actions.append(f"Abandon the interrupted operation on {plan.leader[0]}, because {error.message}.")
            finally:
                release(pairs)
    check_locks()
    # what a step found removed already may lie where nobody answers
    check_shares_complete(share for _volume, share in (plan.leader, *plan.members))
    leader = (plan.leader[0], plan.leader[1].name)
    others = [(volume, share) for volume, share in plan.members if (volume, share.name) != leader]
    end_journals(journal, [Journal(share.mount_point, volume) for volume, share in others])
    return actions


def _refuse_definitions_elsewhere(plan: UnfinishedPlan, hypervisor: Hypervisor) -> None:
    """Leave it to a host to finish what changes the definitions of its domains: done elsewhere, they would name old files for good.

    :raises Refused: the plan has such a step for another host, and no domain of this one has the volume open.
    """
    for volume, share, step in plan.steps:
        if not isinstance(step, RedefineDomains) or step.host is None:
            continue
        host = hypervisor.host
        if host.asked and host.name == step.host:
            continue
        hypervisor.refresh()
        if not running_disks(hypervisor.disks_of(volume, share.mount_point)):
            which = ", ".join(step.domains)
            where = "with libvirt_uri, so that it is asked" if host.name == step.host else f"on {step.host}"
            raise Refused(
                f"an operation on {volume} on {share.name} is unfinished, and domain {which} on {step.host} must be updated with it, or "
                f"it would start on an outdated file: run the task {where}. If that host or domain is gone for good, run gluster_snapshot "
                "or gluster_volume_file with attached_elsewhere: ignore"
            )


def _refuse_unless_done(context: StepContext, step: Step) -> None:
    """Refuse to carry on under a reader, where the step is not done already.

    A reader of a raw file denies nobody to write, so that nothing else would stop a merge into it.

    :raises Refused: a file that is merged, moved or removed is open somewhere, and not in a domain that this host can do it with.
    """
    context.check_ours()
    if step.is_done(context) or context.running_disk() is not None:
        return
    for name in step.modified_files():
        if name not in context.held and image_lock.stays_open_in_qemu(context.path(name)):
            raise Refused(
                f"an operation on {context.volume} on {context.share} is unfinished and cannot be finished now: {name} is open in a VM "
                "or another program, here or on another host; wait until it ends, then run the task again"
            )


def context_of(
    volume: str, share: Share, qemu_img: QemuImg, hypervisor: Hypervisor, journal: Journal | None, locks: Sequence[HeldLock]
) -> StepContext:
    """Return where the steps of a volume are applied, with a token of this task's for temporary names.

    Of the locks its own are looked at by each step: whoever takes over a plan of several volumes has to have all of their locks, and
    signs its journal, which is looked at as well.
    """
    own = locks_of((volume,), locks)
    return StepContext(share.mount_point, share.name, volume, uuid.uuid4().hex[:12], qemu_img, hypervisor, journal, locks=own)
