# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A libvirtd of the tests' own, in name spaces of its own, that programs outside of them can talk to."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys

import libvirt
from ansible_collections.vdisk.gluster.tests.harness.guests.nest import PLACES
from ansible_collections.vdisk.gluster.tests.harness.processes import wait_until

_NEST = pathlib.Path(__file__).with_name("nest.py")
_QEMU_CONFIGURATION = """
# a QEMU with mounts of its own would not see shares that are mounted later
namespaces = []
# not there in every container, and a manager of the host would take our process numbers for its own
cgroup_controllers = []
security_driver = "none"
# no virtlogd, which would cut a console's file into pieces
stdio_handler = "file"
"""
_DAEMON_CONFIGURATION = """
auth_unix_rw = "none"
unix_sock_rw_perms = "0700"
log_outputs = "2:file:/var/log/libvirt/libvirtd.log"
"""


class Hypervisor:
    """A private libvirtd and the domains that it runs; all of them end with it, and it with this process."""

    def __init__(self, directory: pathlib.Path) -> None:
        """Choose a directory below which it keeps all its files; QEMU's user has to be able to enter it."""
        self.directory = directory
        self._nest: subprocess.Popen | None = None
        self._connection: libvirt.virConnect | None = None

    @property
    def uri(self) -> str:
        """Where it answers, also outside of its name spaces."""
        return f"qemu+unix:///system?socket={self.directory}/run/libvirt-sock"

    def start(self) -> None:
        """Make the name spaces and start libvirtd in them."""
        libvirt.registerErrorHandler(lambda _context, _error: None, None)
        for name in PLACES:
            (self.directory / name).mkdir(parents=True)
        (self.directory / "etc/qemu.conf").write_text(_QEMU_CONFIGURATION)
        (self.directory / "etc/libvirtd.conf").write_text(_DAEMON_CONFIGURATION)
        # slave: what is mounted outside later is seen inside, and nothing the other way round
        unshare = ["unshare", "--mount", "--propagation", "slave", "--pid", "--fork", "--kill-child"]
        argv = [*unshare, sys.executable, str(_NEST), str(self.directory)]
        self._nest = subprocess.Popen(argv, stdin=subprocess.PIPE, cwd="/")
        self.restart_daemon()

    def restart_daemon(self) -> None:
        """Start libvirtd, the first time or after it was killed, and wait until it answers."""
        self._nest.stdin.write(json.dumps(["libvirtd", "--pid-file", "/run/libvirt/libvirtd.pid"]).encode() + b"\n")
        self._nest.stdin.flush()
        wait_until(self._answers, f"libvirtd to answer at {self.uri}; see {self.directory}/log", 60)

    def kill_daemon(self) -> None:
        """Kill libvirtd, and nothing else, as a crash would."""
        self._connection = None
        pid = self.daemon_pid
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "libvirtd to be gone")

    def stop(self) -> None:
        """End it and every domain."""
        self._connection = None
        if self._nest is not None:
            self._nest.stdin.close()
            self._nest.wait()

    @property
    def connection(self) -> libvirt.virConnect:
        """A connection for the tests' own questions."""
        if self._connection is None or not self._connection.isAlive():
            self._connection = libvirt.open(self.uri)
        return self._connection

    @property
    def daemon_pid(self) -> int:
        """The process of libvirtd, as it is called outside."""
        return self._outside(int((self.directory / "run/libvirtd.pid").read_text()))

    def qemu_pid(self, domain: str) -> int:
        """Return the process of a running domain's QEMU, as it is called outside."""
        return self._outside(int((self.directory / f"run/qemu/{domain}.pid").read_text()))

    def processes(self) -> list[int]:
        """Return all processes that live in the name space, as they are called outside."""
        return [pid for pid, _inside in self._inhabitants()]

    def sees(self, path: pathlib.Path) -> bool:
        """Tell whether a path is there as libvirtd and QEMU see it."""
        return os.path.lexists(f"/proc/{self.daemon_pid}/root{path}")

    def _answers(self) -> bool:
        assert self._nest.poll() is None, f"the name spaces have ended with {self._nest.returncode}"
        try:
            return self.connection.getLibVersion() > 0
        except libvirt.libvirtError:
            return False

    def _outside(self, inside: int) -> int:
        return next(pid for pid, inner in self._inhabitants() if inner == inside)

    def _inhabitants(self) -> list[tuple[int, int]]:
        # the nest is the only child of unshare
        children = pathlib.Path(f"/proc/{self._nest.pid}/task/{self._nest.pid}/children").read_text().split()
        space = os.readlink(f"/proc/{children[0]}/ns/pid")
        found = []
        for directory in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(directory / "ns/pid") == space:
                    numbers = (directory / "status").read_text().partition("NSpid:")[2].partition("\n")[0].split()
                    found.append((int(directory.name), int(numbers[-1])))
            except OSError:
                continue  # it has just ended
        return found
