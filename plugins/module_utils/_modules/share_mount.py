# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gluster_share_mount does: read the state of each share, plan, apply, read again."""

from __future__ import annotations

import contextlib
import os
import uuid
from dataclasses import dataclass
from typing import Any, Callable, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, CommandFailed, Refused, Unavailable, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._common.ownership import group_id, mode_bits, user_id
from ansible_collections.vdisk.gluster.plugins.module_utils._common.result import Result
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files, fstab, fuse_client, mounts
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import (
    Share,
    is_mounted_from,
    join_options,
    shares_of,
    with_fresh,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share_state import (
    UNKNOWN,
    ShareState,
    at_boot,
    owned,
    read_fstab,
    read_state,
    share_object,
    state_object,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import Task
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout


@dataclass(frozen=True)
class Action:
    """Something to do, as a sentence with its reason, and how it is done."""

    sentence: str
    do: Callable[[], None]


@dataclass(frozen=True)
class MountRequest:
    """What a task wants of each share."""

    state: str
    boot: bool
    writable: bool
    retries: int
    uid: int | None
    gid: int | None
    mode: int | None
    fstab: str


def work(task: Task) -> Result:
    """Bring the shares of a task into the wanted state."""
    params = task.params
    shares = shares_of(params, task.warn)
    request = MountRequest(
        params["state"],
        params["boot"],
        params["writable"],
        params["retries"],
        user_id(params["owner"]),
        group_id(params["group"]),
        mode_bits(params["mode"]),
        params["fstab"],
    )
    if params["options"] and any(char.isspace() for char in params["options"]):
        raise BadInput(f"options: {params['options']!r} contains white space; separate mount options by commas only")
    actions: list[str] = []
    before, after, failures = [], [], []
    for share in shares:
        try:
            found, made = _one(share, request, task, actions)
        except VdiskError as error:
            found = made = dict(share_object(share, mounted=_is_mounted(share)), error=error.message)
            failures.append((share, error))
        before.append({**UNKNOWN, **found})
        after.append({**UNKNOWN, **made})
    _report_failures(failures, len(shares), params["required"], task, after, actions)
    failed = [share.name for share, _error in failures]
    names = [share.name for share in shares if share.name not in failed]
    outcome = {"mounted": "mounted", "unmounted": "unmounted", "absent": "unmounted and without a mount point"}[request.state]
    be = "would be" if task.check_mode and actions else "is" if len(names) == 1 else "are"
    msg = f"{', '.join(names)} {be} {outcome}{'; ' + ', '.join(failed) + ' failed' if failed else ''}."
    return Result(msg, bool(actions), actions, {"shares": after}, before, after)


def _is_mounted(share: Share) -> bool:
    found = mounts.mount_at(mounts.read_mount_table(), share.mount_point)
    return found is not None and is_mounted_from(found, share.name)


def _report_failures(
    failures: Sequence[tuple[Share, VdiskError]], count: int, required: str, task: Task, after: list[dict[str, Any]], actions: list[str]
) -> None:
    """Fail, or warn where one working share is enough.

    :raises VdiskError: the first failure, with the others told in its message.
    """
    if failures and (required == "all" or len(failures) == count):
        first = failures[0][1]
        others = "".join(f"; {share.name}: {error.message}" for share, error in failures[1:])
        first.message += others
        first.details.update(shares=after, changed=bool(actions) and not task.check_mode, actions=actions)
        raise first
    for share, error in failures:
        task.warn(f"{share.name}: {error.message}")


def _one(share: Share, request: MountRequest, task: Task, actions: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Bring one share into the wanted state and return its objects before and after."""
    if request.state == "mounted" and request.writable and "ro" in (share.options or "").split(","):
        raise BadInput(f"{share.name} is to be mounted read-only (option ro), so its writability cannot be verified; set writable to false")
    state = read_state(share, request.fstab)
    before = state_object(share, state, proven=None)
    plan = _plan_mounted(share, state, request, task) if request.state == "mounted" else _plan_away(share, state, request, task)
    for action in plan:
        if not task.check_mode:
            action.do()
        actions.append(action.sentence)
    if request.state == "mounted" and not task.check_mode:
        _check_answers(share)
        actions += _own_root(share, read_state(share, request.fstab), request, check_mode=False)
        made = state_object(share, read_state(share, request.fstab), proven=True if request.writable else None)
        if request.writable:
            made["supports_zero_range"] = fuse_client.prove_writable(share.mount_point)
        _warn_of_few_threads(share, made["event_threads"], task)
        return before, made
    if request.state == "mounted":
        actions += _own_root(share, state, request, check_mode=True)
        known = before if state.mounted and not state.trouble else share_object(share, True, request.writable or None)
        entry = _entry(share) if request.boot else state.entry
        return before, {**known, **owned(_target(state.root, request)), **at_boot(entry)}
    return before, {**share_object(share, mounted=False), **at_boot(state.entry if request.state == "unmounted" else None)}


def _write_fstab(path: str, text: str) -> None:
    path = os.path.realpath(path)
    temporary = os.path.join(os.path.dirname(path), layout.temporary(os.path.basename(path), uuid.uuid4().hex))
    with files.explained(path, "write"):
        like = files.status_of(path)
        files.replace(path, temporary, text.encode("utf-8", "surrogateescape"), like)
        if like is None:
            os.chmod(path, 0o644)


def _warn_of_few_threads(share: Share, threads: int | None, task: Task) -> None:
    if threads is not None and threads < fuse_client.ENOUGH_EVENT_THREADS:
        volume = share.name.partition(":/")[2].partition("/")[0]
        task.warn(
            f"{share.name} is served by {threads} event threads on this host; several concurrent qemu-img processes can wedge a mount "
            "with fewer than "
            f"{fuse_client.ENOUGH_EVENT_THREADS} (gluster volume set {volume} client.event-threads {fuse_client.ENOUGH_EVENT_THREADS})"
        )


def _entry(share: Share) -> fstab.FstabEntry:
    return fstab.FstabEntry(share.name, share.mount_point, str(join_options("defaults,_netdev", with_fresh(share.options))))


def _plan_mounted(share: Share, state: ShareState, request: MountRequest, task: Task) -> list[Action]:
    plan: list[Action] = []
    entry = _entry(share)
    other_options = request.boot and state.entry is not None and state.entry != entry
    if state.mounted and state.trouble:
        _refuse_users(share, f"is {state.trouble} and must be unmounted to be repaired")
        plan.append(
            Action(
                f"Unmount {share.name} from {share.mount_point}, because the mount is {state.trouble}.",
                lambda: _unmount_troubled(share, state, task),
            )
        )
    elif state.mounted and other_options:
        _refuse_users(
            share,
            f"was mounted with the options {state.entry.options if state.entry else ''}, and to change them it must be unmounted",
        )
        plan.append(
            Action(
                f"Unmount {share.name} from {share.mount_point}, because it was mounted with other options.",
                lambda: mounts.unmount(share.mount_point, task.runner),
            )
        )
    if not state.mounted or plan:
        mounts.check_helper_takes(share.name)
        mounts.find_mount_helper()
        _refuse_full_mount_point(share, state)
        shown = f" with {share.options}" if share.options else ""
        plan.append(
            Action(
                f"Mount {share.name} at {share.mount_point}{shown}, because it is not mounted{' any more' if state.mounted else ''}.",
                lambda: _mount(share, request, task),
            )
        )
    if request.boot and state.entry != entry:
        why = "its entry differs" if state.entry else "it is to be mounted at boot"
        plan.append(
            Action(
                f"Write an entry for {share.name} to {request.fstab}, because {why}.",
                lambda: _write_fstab(request.fstab, fstab.with_entry(read_fstab(request.fstab), entry)),
            )
        )
    return plan


def _refuse_full_mount_point(share: Share, state: ShareState) -> None:
    """Refuse to mount over files: they landed there while the share was not mounted and would be hidden."""
    hidden = [] if state.mounted else _names_below(share)
    if hidden:
        raise Refused(
            f"{share.mount_point} is not mounted and holds {hidden[0]!r}, which mounting {share.name} there would hide; "
            "inspect it and move it away"
        )


def _names_below(share: Share) -> list[str]:
    """Return what lies at a mount point where nothing is mounted.

    :raises Refused: it is no directory; the kernel would follow a link and mount the share elsewhere.
    """
    try:
        if os.path.islink(share.mount_point):
            raise Refused(f"{share.mount_point} is a symbolic link and cannot be the mount point of {share.name}; move it away")
        return sorted(os.listdir(share.mount_point))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Refused(f"{share.mount_point} cannot be the mount point of {share.name}: {error.strerror}; move it away") from error


def _refuse_users(share: Share, why: str) -> None:
    """Refuse what needs an unused mount.

    :raises Refused: some process uses it; the message names the first.
    """
    users = mounts.users_of(share.mount_point)
    if users:
        more = f" (and {len(users) - 1} more)" if len(users) > 1 else ""
        raise Refused(f"{share.name} at {share.mount_point} {why}, but {users[0]}{more}; stop it first")


def _mount(share: Share, request: MountRequest, task: Task) -> None:
    try:
        _make_directories(share.mount_point)
    except OSError as error:
        raise files.explain(error, share.mount_point, "create") from error
    mounts.mount(share.name, share.mount_point, with_fresh(share.options), task.runner, request.retries)


def _make_directories(path: str) -> None:
    """Make a directory and those above it that are missing, each 0755 whatever the umask: domains pass through them."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    if parent != path:
        _make_directories(parent)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o755)
        # by its descriptor, so that what is put in its place meanwhile keeps its mode
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fchmod(descriptor, 0o755)
        finally:
            os.close(descriptor)


def _unmount_troubled(share: Share, state: ShareState, task: Task) -> None:
    if str(state.trouble).startswith(mounts.WEDGED):
        # with its client the mount is dead: what hangs in it comes free, and unmounting cannot hang too
        fuse_client.kill_client(share.mount_point)
        if mounts.trouble_of(share.mount_point, share.response_timeout) != "dead":
            raise Unavailable(
                f"{share.name} at {share.mount_point} is wedged and its FUSE client could not be ended from here; end the glusterfs "
                "process that serves it (it may belong to another container), then run the task again"
            )
    try:
        mounts.unmount(share.mount_point, task.runner)
    except CommandFailed:
        # a client that hangs keeps the mount busy although no process uses it
        fuse_client.kill_client(share.mount_point)
        mounts.unmount(share.mount_point, task.runner, lazily=True)


def _check_answers(share: Share) -> None:
    trouble = mounts.trouble_of(share.mount_point, share.response_timeout)
    if trouble:
        raise Unavailable(
            f"{share.name} is mounted at {share.mount_point} but the mount is {trouble}; make sure that its servers are up and have quorum "
            "(gluster volume status)"
        )


def _target(root: tuple[int, int, int] | None, request: MountRequest) -> tuple[int, int, int] | None:
    """Return owner, group and mode that a root directory is to have; None where it cannot be looked at yet."""
    if root is None:
        return None
    uid, gid, mode = root
    return (
        uid if request.uid is None else request.uid,
        gid if request.gid is None else request.gid,
        mode if request.mode is None else request.mode,
    )


def _own_root(share: Share, state: ShareState, request: MountRequest, check_mode: bool) -> list[str]:
    """Give the share's root the wanted owner, group and mode, and return what was (would be) done."""
    target = _target(state.root, request)
    if state.root is None or target is None or target == state.root:
        return []
    uid, gid, mode = state.root
    if not check_mode:
        try:
            if target[:2] != state.root[:2]:
                os.chown(share.mount_point, *target[:2])
            os.chmod(share.mount_point, target[2])
        except OSError as error:
            raise files.explain(error, share.mount_point, "change the owner or mode of") from error
    return [
        f"Give the root directory of {share.name} the owner {target[0]}, group {target[1]} and mode {target[2]:04o}, "
        f"because it has {uid}, {gid} and {mode:04o}."
    ]


def _plan_away(share: Share, state: ShareState, request: MountRequest, task: Task) -> list[Action]:
    plan: list[Action] = []
    if state.mounted:
        _refuse_users(share, f"is to be {request.state}")
        domains = task.hypervisor().domains_on(share.mount_point)
        if domains:
            raise Refused(f"{share.name} is to be {request.state}, but domain {domains[0]} is running on it; shut it down first")
        troubled = state.trouble is not None
        leave = (lambda: _unmount_troubled(share, state, task)) if troubled else (lambda: mounts.unmount(share.mount_point, task.runner))
        plan.append(Action(f"Unmount {share.name} from {share.mount_point}, because it is to be {request.state}.", leave))
    if request.state == "absent" and state.entry is not None:
        plan.append(
            Action(
                f"Remove the entry for {share.name} from {request.fstab}, because the share is to be absent.",
                lambda: _write_fstab(request.fstab, fstab.without_entry(read_fstab(request.fstab), share.mount_point)),
            )
        )
    if request.state == "absent" and (state.mounted or files.exists(share.mount_point)):
        if not state.mounted and _names_below(share):
            raise Refused(
                f"{share.mount_point} is not mounted and not empty, so it is not removed; look at what it holds and move that away"
            )
        plan.append(
            Action(
                f"Remove the mount point {share.mount_point}, because the share is to be absent.",
                lambda: _remove_mount_point(share),
            )
        )
    return plan


def _remove_mount_point(share: Share) -> None:
    try:
        os.rmdir(share.mount_point)
    except OSError as error:
        raise Refused(f"the mount point {share.mount_point} cannot be removed: {error.strerror}; look at what it holds") from error
