# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shares: which are meant, where they are mounted, whether they are safe to work on, and what they hold."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, DeadMount, Unavailable, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.files import GONE, explain
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.mounts import FUSE_TYPE, Mount, mount_at
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.responsiveness import RESPONSE_TIMEOUT, probe, probe_directory

DEFAULT_BASE = "/var/lib/vdisk/mnt"

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)"
_SHARE = re.compile(
    rf"\A(?P<hosts>{_HOST}(?:,{_HOST})*)"
    r":/(?P<volume>[A-Za-z0-9_-]+)(?P<directory>(?:/[^/\x00-\x1f\x7f]+)*)\Z"
)


@dataclass(frozen=True)
class Share:
    """A share as the task names it."""

    name: str
    mount_point: str
    options: str | None = None
    response_timeout: float = field(default=RESPONSE_TIMEOUT, compare=False)


@dataclass(frozen=True)
class Capacity:
    """What a share can hold, in bytes."""

    total: int
    available: int


def check_share(share: str) -> str:
    """Return a share's name as it is.

    :raises BadInput: it is not C(host:/volume) or C(host:/volume/directory), with one host or several, separated by commas.
    """
    if not is_share(share):
        raise BadInput(f"{share!r} is not a share; write host:/volume or host:/volume/directory, with no slash at the end")
    return share


def is_share(name: str) -> bool:
    """Tell whether a share can be called so."""
    match = _SHARE.match(name)
    return match is not None and not {".", ".."} & set(match.group("directory").split("/"))


def mount_point_of(base: str, share: str) -> str:
    """Return where a share is mounted: C(<base>/<md5 of the share's name>), the layout of OpenStack Cinder."""
    return os.path.join(base, _md5(share))


def _md5(text: str) -> str:
    try:
        # the digest names a directory and protects nothing; FIPS hosts allow MD5 only when told so
        return hashlib.md5(text.encode("utf-8"), usedforsecurity=False).hexdigest()  # novermin
    except TypeError:  # Python 3.8 has no usedforsecurity
        return hashlib.md5(text.encode("utf-8")).hexdigest()  # noqa: S324 - as above


def parse_shares_file(text: str) -> tuple[dict[str, str | None], tuple[str, ...]]:
    """Return share -> mount options from a shares file in Cinder's form, and a warning for each malformed line."""
    shares: dict[str, str | None] = {}
    warnings = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, *rest = line.split(None, 1)
        name, options = name.replace("\\040", " "), "".join(rest).strip()
        if options.startswith("-o"):
            options = options[2:].strip()
        try:
            shares.setdefault(check_share(name), options or None)
        except BadInput as error:
            warnings.append(f"line {number} of the shares file is skipped: {error}")
    return shares, tuple(warnings)


def join_options(*options: str | None) -> str | None:
    """Return mount options joined by commas."""
    return ",".join(option.strip(", ") for option in options if option and option.strip(", ")) or None


def with_fresh(options: str | None) -> str:
    """Return mount options with those that let this host forget names and attributes at once, unless they are given otherwise.

    A host that cannot reach one of the bricks is not told of what others change there, and the others not of what it changes. Each
    then goes by what it remembers for the second that GlusterFS's client keeps names and attributes: long enough to take a lock
    that was just given back and to read what was before it.
    """
    given = {option.partition("=")[0].strip() for option in (options or "").split(",")}
    return str(join_options(*(f"{name}=0" for name in ("attribute-timeout", "entry-timeout") if name not in given), options))


def shares_of(params: Mapping[str, Any], warn: Callable[[str], None]) -> tuple[Share, ...]:
    """Return the shares that a task's options name, in their order.

    :raises BadInput: a name is malformed, the base is not usable, or there is no share at all.
    """
    base = check_base(params["mount_point_base"])
    if params["shares_file"]:
        path = params["shares_file"]
        try:
            # editors of other systems put a byte-order mark first
            with open(path, encoding="utf-8-sig") as stream:
                named, warnings = parse_shares_file(stream.read())
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"shares_file: {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
        for warning in warnings:
            warn(f"{path}: {warning}")
        if not named:
            raise BadInput(f"shares_file: {path} contains no share; write one host:/volume per line")
    else:
        named = {check_share(name): None for name in ([params["share"]] if params["shares"] is None else params["shares"])}
        if not named:
            raise BadInput("shares: the list is empty; name at least one host:/volume")
    timeout = params.get("response_timeout", RESPONSE_TIMEOUT)
    if timeout < 1:
        raise BadInput(f"response_timeout: {timeout} is too short for any mount; give seconds, at least 1")
    return tuple(
        Share(name, mount_point_of(base, name), join_options(options, params.get("options")), timeout) for name, options in named.items()
    )


def check_base(base: str) -> str:
    """Return a usable mount point base without a slash at its end.

    :raises BadInput: it is not absolute, or has a character the mount helper cannot take.
    """
    if not base.startswith("/") or base.strip("/") == "":
        raise BadInput(f"mount_point_base: {base!r} is not an absolute path of a directory below /")
    if any(char.isspace() for char in base):
        raise BadInput(f"mount_point_base: {base!r} contains white space, which mount.glusterfs cannot take in a mount point")
    return os.path.normpath(base)


def is_mounted_from(mount: Mount, share: str) -> bool:
    """Tell whether a line of the mount table is this share's FUSE mount.

    Of C(host1,host2:/volume) the table has the first host only, whichever of them answered (measured with GlusterFS 10.3).
    """
    hosts, volume = share.split(":/", 1)
    return mount.fs_type == FUSE_TYPE and mount.source == f"{hosts.partition(',')[0]}:/{volume}"


def check_mounted(share: Share, table: Sequence[Mount]) -> None:
    """See that a share is mounted where it belongs, and answers.

    :raises Unavailable: it is not mounted, or something else is: files must not land on the disk below.
    :raises DeadMount: it is mounted and does not answer.
    """
    found = mount_at(table, share.mount_point)
    if found is None:
        raise Unavailable(f"{share.name} is not mounted at {share.mount_point}; mount it with gluster_share_mount first")
    if not is_mounted_from(found, share.name):
        raise Unavailable(
            f"{share.mount_point} is the mount point of {share.name}, but {found.source} ({found.fs_type}) is mounted there; unmount it"
        )
    failure = probe(share.mount_point, share.response_timeout, probe_directory)
    if failure is None:
        raise DeadMount(
            f"the mount of {share.name} at {share.mount_point} is wedged: it has not responded for {share.response_timeout:g} s; make sure "
            "that its servers respond (gluster volume status), then repair it with gluster_share_mount when nothing uses it"
        )
    if failure:
        raise _no_answer(share, OSError(failure, os.strerror(failure)))


def capacity(share: Share) -> Capacity:
    """Return the capacity of a mounted share from statvfs.

    :raises DeadMount: the mount does not answer.
    """
    try:
        stat = os.statvfs(share.mount_point)
    except OSError as error:
        raise _no_answer(share, error) from error
    return Capacity(stat.f_blocks * stat.f_frsize, stat.f_bavail * stat.f_frsize)


def _no_answer(share: Share, error: OSError) -> VdiskError:
    if error.errno not in GONE:
        return explain(error, share.mount_point, "look at")
    return DeadMount(
        f"the mount of {share.name} at {share.mount_point} is dead (transport endpoint is not connected); make sure that its servers "
        "have quorum "
        "(gluster volume status); gluster_share_mount repairs it when nothing uses it"
    )
