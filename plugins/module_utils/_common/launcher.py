# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that holds no files and starts programs for a task that holds many.

A program gets copies of all descriptors of the process that starts it, and closes them before it runs. Each copy of a file on
GlusterFS that is closed is a call to its brick (flush). Measured with 64 volumes in one list, whose snapshots are deleted: 2,110 calls of
flush instead of 7,970, and 6 to 10 % less time, with a brick nearby and with one that answers 2 ms later.
"""

from __future__ import annotations

import array
import json
import os
import selectors
import signal
import socket
import subprocess
from typing import Sequence, cast

from ansible_collections.vdisk.gluster.plugins.module_utils._common.child_process import ChildProcess, close_all_but, die_with, is_readable

_LIMIT = 1 << 16
"""Bytes of a message: the words of a command."""
_DESCRIPTORS = 3


class Launcher:
    """The process, from the side of the task; it ends with the block, and is killed with the task."""

    def __init__(self) -> None:
        self._pid = 0
        self._requests, self._theirs = _pair()

    def __enter__(self) -> Launcher:
        parent = os.getpid()
        self._pid = os.fork()
        if not self._pid:
            try:
                os.setsid()
                close_all_but(self._theirs.fileno())
                die_with(parent)
                serve(self._theirs)
            finally:
                os._exit(0)
        self._theirs.close()
        return self

    def __exit__(self, *_failure: object) -> None:
        self._requests.close()
        os.waitpid(self._pid, 0)

    def start(self, argv: Sequence[str], out: int, err: int) -> LaunchedProcess:
        """Start a program that reads nothing and writes to two descriptors; as many threads as like may ask.

        :raises OSError: it could not be started.
        """
        replies, theirs = _pair()
        with theirs:
            handed_on = array.array("i", [out, err, theirs.fileno()])
            self._requests.sendmsg([json.dumps(list(argv)).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handed_on)])
        message = json.loads(replies.recv(_LIMIT) or b'[0, "the process that starts programs has ended"]')
        if isinstance(message, list):
            replies.close()
            raise OSError(*message)
        return LaunchedProcess(message, replies)


class LaunchedProcess:
    """A program that runs, with as much of subprocess.Popen as a Runner needs."""

    def __init__(self, pid: int, replies: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._replies = replies

    def ended(self, within: float) -> bool:
        """Wait for the end of the program for some seconds and tell whether it came."""
        if self.returncode is None and is_readable(self._replies.fileno(), within):
            message = _received(self._replies)
            # who started it is gone, so the kernel has killed it
            self.returncode = int(message) if message else -signal.SIGKILL
            self._replies.close()
        return self.returncode is not None

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the end of the program.

        :raises subprocess.TimeoutExpired: it does not come.
        """
        while not self.ended(60 if timeout is None else timeout):
            if timeout is not None:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return self.returncode

    def kill_all(self) -> None:
        """Kill the program and what it started in its own session, unless it has ended."""
        if self.returncode is None:
            try:
                self._replies.send(b"kill")
            except OSError:
                pass  # who started it is gone, and the program with it


def serve(requests: socket.socket) -> None:
    """Start programs as they are asked for, and tell of each how it ended, until the task is gone."""
    running: dict[socket.socket, ChildProcess] = {}
    waking, woken = socket.socketpair()
    for end in (waking, woken):
        end.setblocking(False)
    before = signal.signal(signal.SIGCHLD, lambda *_words: None), signal.set_wakeup_fd(woken.fileno())
    try:
        while True:
            ready = _ready([requests, waking, *running])
            if waking in ready:
                waking.recv(_LIMIT)
            if requests in ready and not _take(requests, running):
                return
            for replies, program in list(running.items()):
                if replies in ready:
                    program.kill_all()
                    if not _received(replies):
                        # nobody waits for it any more
                        del running[replies]
                        replies.close()
                        continue
                if program.poll() is not None:
                    _send_status(replies, running)
    finally:
        signal.set_wakeup_fd(before[1])
        signal.signal(signal.SIGCHLD, before[0])
        waking.close()
        woken.close()


def _ready(sockets: Sequence[socket.socket]) -> list[socket.socket]:
    """Wait for messages, and return the sockets that have one or whose other side is gone."""
    with selectors.PollSelector() as selector:
        for one in sockets:
            selector.register(one, selectors.EVENT_READ)
        return [cast("socket.socket", key.fileobj) for key, _events in selector.select()]


def _take(requests: socket.socket, running: dict[socket.socket, ChildProcess]) -> bool:
    """Take a request; return whether there may be more."""
    descriptors = array.array("i")
    message, ancillary, _flags, _address = requests.recvmsg(_LIMIT, socket.CMSG_SPACE(_DESCRIPTORS * descriptors.itemsize))
    if not message:
        return False
    for _level, _kind, handed_on in ancillary:
        descriptors.frombytes(handed_on)
    out, err, replying = descriptors
    replies = socket.socket(fileno=replying)
    try:
        program = ChildProcess.plain(json.loads(message), out, err)
    except (OSError, subprocess.SubprocessError) as error:
        replies.send(json.dumps([getattr(error, "errno", 0) or 0, getattr(error, "strerror", None) or str(error)]).encode())
        replies.close()
    else:
        running[replies] = program
        replies.send(json.dumps(program.pid).encode())
    finally:
        os.close(out)
        os.close(err)
    return True


def _send_status(replies: socket.socket, running: dict[socket.socket, ChildProcess]) -> None:
    program = running.pop(replies)
    try:
        replies.send(b"%d" % program.returncode)
    except OSError:
        pass  # nobody waits for it any more
    replies.close()


def _received(replies: socket.socket) -> bytes:
    """Return a message, or nothing where the other side is gone."""
    try:
        return replies.recv(_LIMIT)
    except ConnectionResetError:
        return b""  # gone without having read all that it was told


def _pair() -> tuple[socket.socket, socket.socket]:
    # messages, whole or not at all, with the end of either side told
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
