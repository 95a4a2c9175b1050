# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mount table, mounting and unmounting, and who has a file open below a mount point."""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass
from typing import Iterator, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import CommandFailed, Refused, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Runner, find_program
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files, responsiveness

FUSE_TYPE = "fuse.glusterfs"
WEDGED = "wedged"
MOUNT_LIMIT = 90
"""Seconds that one attempt to mount may take; a server that does not answer at all makes the helper wait for minutes."""

_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """One line of the mount table."""

    source: str
    mount_point: str
    fs_type: str
    options: str


def unescape(field: str) -> str:
    """Return a field of the mount table or of fstab without its octal escapes (fstab(5), getmntent(3))."""
    return _ESCAPE.sub(lambda match: chr(int(match.group(1), 8)), field)


def escape(field: str) -> str:
    """Return a text as a field of fstab, with octal escapes."""
    return "".join(f"\\{ord(char):03o}" if char in " \t\n\\#" else char for char in field)


def parse_mount_table(text: str) -> tuple[Mount, ...]:
    """Return the mounts in a text of the form of C(/proc/mounts)."""
    lines = (line.split(" ") for line in text.splitlines())
    return tuple(Mount(unescape(f[0]), unescape(f[1]), f[2], f[3]) for f in lines if f[3:])


def read_mount_table() -> tuple[Mount, ...]:
    """Return the mounts this process sees."""
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as stream:
        return parse_mount_table(stream.read())


def mount_at(table: Sequence[Mount], mount_point: str) -> Mount | None:
    """Return what is mounted at a path, the topmost where there are several; a dead mount is still there."""
    name = _kernel_name(mount_point)
    return next((mount for mount in reversed(table) if mount.mount_point == name), None)


def _kernel_name(mount_point: str) -> str:
    """Return a mount point as the kernel writes it: without symbolic links above it; a dead mount itself is not touched."""
    directory, name = os.path.split(mount_point)
    return os.path.join(os.path.realpath(directory), name)


def trouble_of(mount_point: str, timeout: float) -> str | None:
    """Return in which way a mount does not answer, as a clause, or None where it does.

    C(dead): its FUSE client is gone or cut off. C(wedged): the client is there and says nothing for C(timeout) seconds.
    """
    failure = responsiveness.probe(mount_point, timeout, responsiveness.probe_directory)
    if failure is None:
        return f"{WEDGED}: it has not responded for {timeout:g} s"
    if failure in files.GONE:
        return "dead"
    if failure:
        raise Unavailable(f"{mount_point} cannot be inspected: {os.strerror(failure)}")
    return None


@dataclass(frozen=True)
class User:
    """A process that has something open below a mount point."""

    pid: int
    command: str
    path: str

    def __str__(self) -> str:
        return f"{self.command} (pid {self.pid}) has {self.path} open"


def users_of(mount_point: str) -> tuple[User, ...]:
    """Return the processes that have a file, their working directory, their root or a mapping below a mount point.

    The links under /proc are only read, never followed, so that a dead mount cannot block this.
    """
    found = []
    mount_point = _kernel_name(mount_point)
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        path = next((path for path in _open_paths(pid) if path == mount_point or path.startswith(mount_point + "/")), None)
        if path is not None:
            found.append(User(pid, _command(pid), path))
    return tuple(found)


def _open_paths(pid: int) -> Iterator[str]:
    links = [f"/proc/{pid}/cwd", f"/proc/{pid}/root"]
    try:
        links += [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        pass  # the process ended, or is another user's: then this task is not root and cannot unmount either
    for link in links:
        try:
            yield os.readlink(link)
        except OSError:
            continue
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as stream:
            for line in stream:
                yield from line.rstrip("\n").split(None, 5)[5:]
    except OSError:
        return


def _command(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as stream:
            return stream.read().strip()
    except OSError:
        return "a process"


def find_mount_helper() -> str:
    """Return the path of mount.glusterfs.

    :raises Unavailable: the GlusterFS client is not installed.
    """
    return find_program(
        "mount.glusterfs",
        "install the GlusterFS client (package glusterfs-client on Debian, glusterfs-fuse on Red Hat)",
    )


def check_helper_takes(share: str) -> None:
    """See that mount.glusterfs takes the name of a share whole.

    It is a shell script that cuts a directory off at white space and at the last colon, and then mounts what that names.

    :raises Refused: it would cut the name short.
    """
    directory = share.partition(":/")[2]
    if any(char.isspace() or char in ":\\" for char in directory):
        raise Refused(
            f"{share} cannot be mounted: mount.glusterfs cuts the name of a directory off at white space, a colon or a backslash; "
            "rename the directory"
        )


def mount(share: str, mount_point: str, options: str | None, runner: Runner, attempts: int = 1) -> None:
    """Mount a share, in several attempts if need be.

    :raises CommandFailed: the last attempt failed.
    """
    find_mount_helper()
    argv = [
        find_program("mount", "install mount"),
        "-t",
        "glusterfs",
        share,
        mount_point,
        *(["-o", options] if options else []),
    ]
    for attempt in range(1, max(1, attempts) + 1):
        done = runner.run(argv, stall_timeout=MOUNT_LIMIT)
        if done.returncode == 0 and mount_at(read_mount_table(), mount_point) is not None:
            return
        if mount_at(read_mount_table(), mount_point) is not None:
            # the client mounts before it has the volume, and takes a moment to go where it does not get it
            with contextlib.suppress(CommandFailed):
                unmount(mount_point, runner, lazily=True)
        if attempt < max(1, attempts):
            time.sleep(attempt)
    output = (done.stderr.strip() or done.stdout.strip()).splitlines()
    raise CommandFailed(
        f"{share} could not be mounted at {mount_point} ({output[0] if output else 'the mount helper gave no reason'}); make sure that the "
        "volume is started and its server is reachable, and read the log under /var/log/glusterfs",
        argv,
        done.returncode,
        done.stderr,
    )


def unmount(mount_point: str, runner: Runner, lazily: bool = False) -> None:
    """Unmount what is mounted at a path; C(lazily) only for a dead mount that nothing uses.

    :raises CommandFailed: it is busy or cannot be unmounted.
    """
    argv = [find_program("umount", "install mount"), *(["-l"] if lazily else []), mount_point]
    done = runner.run(argv, stall_timeout=MOUNT_LIMIT)
    if done.returncode:
        raise CommandFailed(
            f"{mount_point} could not be unmounted: {done.stderr.strip() or 'umount gave no reason'}",
            argv,
            done.returncode,
            done.stderr,
        )
