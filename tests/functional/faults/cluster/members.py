# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hypervisors of a lab that have the same share of a cluster of three servers, as the other tests with faults know hosts."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import time
import uuid
from typing import Any

from ansible_collections.vdisk.gluster.tests.harness import hosts
from ansible_collections.vdisk.gluster.tests.harness.killer import Killer
from ansible_collections.vdisk.gluster.tests.harness.lab.cluster import PING_TIMEOUT, Cluster, wait_until
from ansible_collections.vdisk.gluster.tests.harness.lab.host import Host
from ansible_collections.vdisk.gluster.tests.harness.lab.lab import Lab
from ansible_collections.vdisk.gluster.tests.harness.waiting import Patience

VOLUME = "rep"
_BASE = pathlib.Path("/var/lib/vdisk/mnt")
_BUSY = ("is in use", "is being changed by another task", "wait until it ends, then run the task again")
"""What tasks say as long as servers hold locks of a host that is gone."""
_PATIENCE = 60


def inside_of(share: str) -> pathlib.Path:
    """Return where hosts have a share mounted."""
    return _BASE / hashlib.md5(share.encode()).hexdigest()


class Member(hosts.Host):
    """A hypervisor with the share; its C(root) is the mount as it is seen from outside, C(inside) as its own tasks see it."""

    def __init__(self, machine: Host, cluster: Cluster, share: str) -> None:
        self.machine = machine
        self.waits = 0
        self._cluster = cluster
        self._also: list[str] = []
        super().__init__(share, _BASE, self._new_worker())

    def mount(self) -> None:
        """Mount the share, and those that were mounted beside it."""
        self.inside = inside_of(self.share)
        self.root = self.seen(self.inside)
        for share in (self.share, *self._also):
            self._mount(share)
        self.wait_until_well()

    def wait_until_well(self) -> None:
        """Wait until the share answers and this host sees every brick; others may read for a while on a brick that it misses."""
        wait_until(self._answers, f"the share on {self.machine.name}", _PATIENCE)
        for server in self._cluster.servers:
            self._cluster.wait_for_clients(server, [self.machine])

    def wait_until_calm(self) -> None:
        """Wait until the share goes on answering after the network was cut.

        A client gives up a connection as late as a ping's time after the network is back, and makes it anew.
        """
        since = time.monotonic()

        def calm() -> bool:
            nonlocal since
            if not self._answers():
                since = time.monotonic()
            return time.monotonic() - since > PING_TIMEOUT + 1

        wait_until(calm, f"the share on {self.machine.name}", _PATIENCE)
        self.wait_until_well()

    def mount_also(self, share: str) -> None:
        """Mount another share."""
        self._also.append(share)
        self._mount(share)

    def root_of(self, share: str) -> pathlib.Path:
        """Return where a share is mounted, as it is seen from outside."""
        return self.seen(inside_of(share))

    def seen(self, inside: pathlib.Path) -> pathlib.Path:
        """Return a path of this host as it is seen from outside, as long as the host has power."""
        return pathlib.Path(f"/proc/{self.machine.pid}/root{inside}")

    def begin_stopped(self, module: str, options: dict[str, Any], killer: Killer) -> bool:
        """Start a task and wait until it stops at its call; False where it ended before."""
        self.begin(module, options, killer)
        pid = self._worker.pid
        wait_until(lambda: bool(killer.stopped) or not self._lives(pid), "the task to come to its call", _PATIENCE)
        if killer.stopped:
            wait_until(lambda: self._state(killer.stopped) == "T", "the task to stop", 10)
        return bool(killer.stopped)

    def go_on(self, killer: Killer) -> None:
        """Let the task go on that was stopped."""
        self.machine.run(["kill", "-CONT", str(killer.stopped)])

    def end(self) -> hosts.Ended:
        """Wait for the end of the task."""
        return self._worker.end()

    def run_patiently(self, module: str, options: dict[str, Any], *more: str) -> hosts.Ended:
        """Run a task, again as long as it says that somebody else is at it, or C(more) of this."""
        patience = Patience(_PATIENCE)
        while True:
            ended = self.run(module, options)
            if ended.status == 0 or patience.is_over() or not any(words in ended.values["msg"] for words in (*_BUSY, *more)):
                return ended
            self.waits += 1
            time.sleep(0.5)

    def lose_power(self) -> None:
        """Cut its power."""
        self.machine.crash()
        self._worker.close()

    def come_back(self) -> None:
        """Switch it on again and mount the share."""
        self.machine.boot()
        self._worker = self._new_worker()
        self.mount()

    def remount(self) -> None:
        """Mount the share again after its FUSE client was killed."""
        self.machine.run(["umount", "--lazy", str(self.inside)])
        self.mount()

    def close(self) -> None:
        """Unmount."""
        for share in (self.share, *self._also):
            self.machine.run(["umount", "--lazy", str(inside_of(share))], check=False)
        self._worker.close()

    def _mount(self, share: str) -> None:
        self._cluster.mount(share.partition(":/")[2], self.machine, str(inside_of(share)))

    def _answers(self) -> bool:
        return not self.machine.run(["ls", str(self.inside)], check=False, timeout=10).returncode

    def _new_worker(self) -> hosts.Worker:
        return hosts.Worker(entering=self.machine.command(["LD_PRELOAD=/lab/killer.so"]))

    def _lives(self, pid: int) -> bool:
        return self._state(pid) not in ("", "Z")

    def _state(self, pid: int) -> str:
        """Return the state of a process of this host, by the number it has there."""
        try:
            # the proc of that host, which has its own numbers
            return self.seen(pathlib.Path(f"/proc/{pid}/stat")).read_text().rpartition(") ")[2][:1]
        except OSError:
            return ""


class Members:
    """Both hypervisors with a directory of the volume as their share, and the servers."""

    def __init__(self, lab: Lab, cluster: Cluster, library: pathlib.Path, volume: str = VOLUME) -> None:
        self.lab, self.cluster, self.volume = lab, cluster, volume
        machines = [lab.host("hv1"), lab.host("hv2")]
        name = "c" + uuid.uuid4().hex[:8]
        self._make_directory(name)
        for machine in machines:
            shutil.copy(library, machine.shared / "killer.so")
        self.share = cluster.share(f"{volume}/{name}")
        self.here, self.there = (Member(machine, cluster, self.share) for machine in machines)

    def second_share(self) -> str:
        """Make another directory, mount it on both as well, and return the name of that share."""
        name = "c" + uuid.uuid4().hex[:8]
        self._make_directory(name)
        share = self.cluster.share(f"{self.volume}/{name}")
        for member in (self.here, self.there):
            member.mount_also(share)
        return share

    def killer(self, at: int = 0, after: bool = False, *also: pathlib.Path) -> Killer:
        """Return what stops the next task on the first host at its N-th call; C(also) are directories beside the share."""
        shared = self.here.machine.shared
        return Killer(shared / "control", [self.here.inside, *also], at, after, stop=True, told="/lab/control")

    def same_on_all_bricks(self) -> int:
        """See that every file of the share is the same on the brick of each server, and return the bytes that were compared.

        :raises AssertionError: one is not.
        """
        directory = self.share.rpartition("/")[2]
        self.cluster.wait_until_healed(self.volume)
        tops = [server.directory / "bricks" / self.volume / directory for server in self.cluster.servers]
        listed = [sorted(str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()) for top in tops]
        assert listed[0] == listed[1] == listed[2], listed
        compared = 0
        for name in listed[0]:
            contents = [(top / name).read_bytes() for top in tops]
            assert contents[0] == contents[1] == contents[2], f"{name} differs between the bricks"
            compared += len(contents[0])
        return compared

    def _make_directory(self, name: str) -> None:
        """Make a directory of the volume, as a share of its own."""
        machine, whole = self.lab.host("hv2"), f"/mnt/{self.volume}"
        if machine.run(["mountpoint", "--quiet", whole], check=False).returncode:
            self.cluster.mount(self.volume, machine, whole)
        machine.run(["mkdir", os.path.join(whole, name)])

    def close(self) -> None:
        """Unmount everywhere."""
        for member in (self.here, self.there):
            if member.machine.is_on():
                member.close()


def bricks_of(members):
    """Return, by server and path, what each file on the bricks holds, None for the links that a distributed volume makes."""
    directory = members.share.rpartition("/")[2]
    found = {}
    for server in members.cluster.servers:
        for path in server.directory.glob(f"bricks/{members.volume}*/{directory}/**/*"):
            if path.is_file():
                link = path.stat().st_mode & 0o7777 == 0o1000
                found[server.name, str(path)] = None if link else hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def lies_on(found, name):
    """Return the servers that have a file itself."""
    return {server for (server, path), content in found.items() if pathlib.Path(path).name == name and content is not None}
