# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A frozen chain as one raw file, without copying it: exported over FUSE by qemu-storage-daemon, seen by nobody else.

The mount is in a mount namespace of the daemon's own, so nothing is left of it when the daemon ends, whatever ends it; the daemon
ends with the task. Whoever opens a view holds the image locks of its files (C(_copying.held)); the daemon takes its own beside them.
"""

# AnsibleModule.run_command starts nothing that goes on beside the task
# pylint: disable=ansible-bad-function

from __future__ import annotations

import concurrent.futures
import contextlib
import ctypes
import json
import os
import shlex
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterator

from ansible_collections.vdisk.gluster.plugins.module_utils._common.checksum import checksum
from ansible_collections.vdisk.gluster.plugins.module_utils._common.child_process import die_with
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import CommandFailed, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import find_program
from ansible_collections.vdisk.gluster.plugins.module_utils._common.space import available_in, check_space
from ansible_collections.vdisk.gluster.plugins.module_utils._common.sparse import extents
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.frozen_read import space_needed
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import Source

_CLONE_NEWNS = 0x20000
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000
_READY_WITHIN = 60
"""Seconds for the daemon to open a chain on a share that answers."""

PROGRAM = "qemu-storage-daemon"


@dataclass(frozen=True)
class RawView:
    """A raw file, and how a program gets to where it is seen: C(enter) is called in its process.

    C(close) ends the view, so that a read which got stuck in it returns with an error.
    """

    name: str
    path: str
    enter: Callable[[], None]
    close: Callable[[], None]

    def checksum(self, patience: float, on_progress: Callable[[int], None], length: int | None = None) -> tuple[int, int, str]:
        """Return size, bytes of data and checksum of the file, the last as C(_checksum.checksum) does.

        :param patience: seconds that reading may stand still.
        :raises Unavailable: it stood still for longer.
        """
        seen = [0, time.monotonic()]

        def note(done: int) -> None:
            seen[:] = [done, time.monotonic()]
            on_progress(done)

        def read() -> tuple[int, int, str]:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                size = os.fstat(descriptor).st_size
                data = sum(end - start for start, end, is_data in extents(descriptor, size) if is_data)
            finally:
                os.close(descriptor)
            return size, data, checksum(self.path, "sha256", note, length)

        with concurrent.futures.ThreadPoolExecutor(1) as beside:
            reading = beside.submit(read)
            while True:
                try:
                    return reading.result(timeout=1)
                except concurrent.futures.TimeoutError:
                    if time.monotonic() - seen[1] <= patience:
                        continue
                    self.close()
                    raise Unavailable(
                        f"reading made no progress for {patience:g} s and was stopped; check that the share responds "
                        "(gluster volume status) and run the task again"
                    ) from None
                except OSError as error:
                    raise Unavailable(f"the disk cannot be read: {error.strerror}; check that the share responds") from error


def can_view() -> bool:
    """Tell whether this host can show a chain as a raw file: it has the daemon, built with FUSE, and the kernel has FUSE."""
    try:
        argv = [find_program(PROGRAM, ""), "--help"]
        # no shell, and the program is not named by the task
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_READY_WITHIN)  # noqa: S603
    except (Unavailable, OSError, subprocess.TimeoutExpired):
        return False
    return b"[type=]fuse" in done.stdout and os.path.exists("/dev/fuse")


@contextlib.contextmanager
def raw_of(source: Source, directory: str, name: str, through: str, qemu_img: QemuImg, warn: Callable[[str], None]) -> Iterator[RawView]:
    """Give what a frozen chain reads as as a raw file in a private directory: a view, or a copy where there can be none.

    :param through: C(fuse), C(copy), or C(auto) for whichever this host can do, C(fuse) first.
    :raises Unavailable: there is no room for a copy.
    """
    if through == "fuse" or through == "auto" and can_view():
        with view_of(source, directory, name, qemu_img.log) as view:
            yield view
        return
    if through == "auto":
        warn(f"{PROGRAM} cannot show images over FUSE here, so {source.label} is copied to {directory} to be read")
    parent = os.path.dirname(directory)
    available = available_in(parent)
    needed = space_needed(qemu_img, source.path, source.format, source.virtual_size, available)
    check_space(f"scratch_dir: {parent}", available, needed, f"the copy of {source.label}")
    path = os.path.join(directory, name)
    qemu_img.convert(source.path, source.format, path, "raw", label=source.label)
    yield RawView(name, path, lambda: os.chdir(directory), lambda: None)


@contextlib.contextmanager
def view_of(source: Source, directory: str, name: str, log: Callable[[str], None] = lambda line: None) -> Iterator[RawView]:
    """Show what a frozen chain reads as as the raw file C(name) in a private directory; it is empty for everybody else.

    :raises CommandFailed: the daemon does not open the chain.
    """
    program = find_program(PROGRAM, "install it (package qemu-system-common on Debian), or read through a copy")
    place = os.path.join(directory, name)
    with files.explained(place, "make"):
        os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        mine = os.stat(place).st_dev
    export = {"type": "fuse", "id": "view", "node-name": "disk", "mountpoint": place, "writable": False, "allow-other": "off"}
    argv = [program, "--blockdev", json.dumps(_nodes(source)), "--export", json.dumps(export)]
    parent = os.getpid()

    def leave() -> None:
        die_with(parent)
        _leave()

    with tempfile.TemporaryFile() as err:
        try:
            process = subprocess.Popen(  # noqa: S603 - no shell, and the program is not named by the task
                argv,
                stdin=subprocess.DEVNULL,
                stdout=err,
                stderr=err,
                preexec_fn=leave,  # noqa: PLW1509 - a mount namespace can be entered in no other way; system calls only
                start_new_session=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise CommandFailed(
                f"{PROGRAM} could not be started in a mount namespace of its own ({error}); set read_method to copy",
                argv,
                None,
                str(error),
            ) from error
        try:
            # the same place, as the daemon sees it (proc(5))
            inside = f"/proc/{process.pid}/root{directory}"
            until = time.monotonic() + _READY_WITHIN
            while process.poll() is None and time.monotonic() < until:
                with contextlib.suppress(OSError):
                    if os.stat(os.path.join(inside, name)).st_dev != mine:
                        break
                time.sleep(0.02)
            else:
                err.seek(0)
                output = err.read().decode("utf-8", "replace")
                raise CommandFailed(f"{source.label} could not be presented as a raw file: {output.strip()}", argv, process.poll(), output)
            log(f"Command started: {shlex.join(argv)}")
            spaces = os.open(f"/proc/{process.pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
            try:
                yield RawView(name, os.path.join(inside, name), lambda: _go(spaces, directory), process.kill)
            finally:
                os.close(spaces)
            if process.poll() is not None:
                raise Unavailable(f"{PROGRAM} ended while {source.label} was read; run the task again")
        finally:
            process.kill()
            process.wait()


def _nodes(source: Source) -> dict[str, Any]:
    """Return the chain as QEMU's block nodes: every file and format by name, nothing by what a header says."""
    below: dict[str, Any] | None = None
    for entry in reversed(source.files):
        file = {"driver": "file", "filename": f"{source.volume.mount_point}/{entry.file}", "read-only": True, "auto-read-only": False}
        node: dict[str, Any] = {"driver": entry.format, "file": file, "read-only": True, "auto-read-only": False}
        if entry.format == "qcow2":
            node["backing"] = below
        below = node
    return {"node-name": "disk", **(below or {})}


def _leave() -> None:
    """Give this process a mount namespace of its own, from which no mount comes back (mount_namespaces(7))."""
    _checked(ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS), "leave the mount namespace")
    _checked(ctypes.CDLL(None, use_errno=True).mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None), "keep mounts private")


def _go(spaces: int, directory: str) -> None:
    _checked(ctypes.CDLL(None, use_errno=True).setns(spaces, _CLONE_NEWNS), "enter the mount namespace of the view")
    os.chdir(directory)


def _checked(result: int, doing: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot {doing}: {os.strerror(number)}")
