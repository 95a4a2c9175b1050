# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations during which something between hosts breaks, run to their end by whoever is left, and compared with undisturbed ones."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import time
from typing import Any

from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import image_lock
from ansible_collections.vdisk.gluster.tests.functional.faults.cluster.members import VOLUME, Member, Members
from ansible_collections.vdisk.gluster.tests.functional.faults.operations import Operation
from ansible_collections.vdisk.gluster.tests.functional.faults.states import files_of, points, state
from ansible_collections.vdisk.gluster.tests.functional.faults.sweep import Moment, Points, Sweep
from ansible_collections.vdisk.gluster.tests.harness.hosts import Ended, Host
from ansible_collections.vdisk.gluster.tests.harness.killer import Killer
from ansible_collections.vdisk.gluster.tests.harness.lab.cluster import wait_until


class ClusterSweep(Sweep):
    """A sweep that stops a task at a call and does harm to a host or to the network then."""

    _hosts: Members
    compared = 0
    """Bytes that were compared."""
    first = 1
    """The first call at which harm is done."""

    @property
    def removes(self) -> bool:
        """Tell whether nothing is left to be compared after the operation."""
        return self._operation.kind == "remove"

    def _begin_stopped(self, moment: Moment, name: str) -> Killer | None:
        """Start the operation on the first host, and return what has stopped it, or None where it ended before."""
        killer = self._hosts.killer(moment.at, moment.after)
        if self._hosts.here.begin_stopped(self._operation.module, self._operation.of(name), killer):
            return killer
        ended = self._hosts.here.end()
        assert ended.status == 0, ended.values
        return None

    def _run_again(self, host: Host, module: str, options: dict[str, Any]) -> Ended:
        assert isinstance(host, Member)
        return host.run_patiently(module, options)

    def _let_machines_write(self, name: str, left: list[Points | None], moment: Moment) -> list[Points | None]:
        # servers hold the locks of a host that is gone for some seconds
        root = self._near.root
        images = [root / file for file in files_of(root, name) if not file.endswith((".info", ".json", ".journal"))]
        wait_until(lambda: not any(image_lock.is_open_in_qemu(str(image), False) for image in images), "the image locks", 30)
        return super()._let_machines_write(name, left, moment)

    def _compare(self, volumes: dict[str, tuple[Points | None, Points | None]], others: str | None) -> None:
        super()._compare(volumes, others)
        self.compared += sum(len(content) for have, _want in volumes.values() for content in (have or {}).values())


class PowerLost(ClusterSweep):
    """The host loses its power, and comes back before or after somebody else has taken over."""

    def _strike(self, moment: Moment, name: str) -> bool:
        reached = self._begin_stopped(moment, name) is not None
        self._hosts.here.lose_power()
        if not moment.survivor_is_there:
            self._hosts.here.come_back()
        return reached

    @property
    def _near(self) -> Member:
        return self._hosts.here if self._hosts.here.machine.is_on() else self._hosts.there

    def try_moment(self, moment: Moment) -> None:
        """Cut the power at a moment; both hosts are there at the end."""
        try:
            super().try_moment(moment)
        finally:
            if not self._hosts.here.machine.is_on():
                self._hosts.here.come_back()


class TakenOver(ClusterSweep):
    """A task loses its lock, another host takes over and does more, and then the first one goes on."""

    _awake = False
    """Let the task go on at once, as far as it comes; without it, it stands still until the other host is done."""

    def __init__(self, hosts: Members, operation: Operation) -> None:
        self._stopped: Killer | None = None
        self.stale_ends: list[str] = []
        super().__init__(hosts, operation)
        # who has opened the file of a lock and not taken it begins afterwards, as any other task
        self.first = 1 + max(
            number for number, call in enumerate(self.calls, 1) if call.startswith("open .vdisk/") and call.endswith(".lock")
        )

    def _lose_locks(self) -> None:
        """Let the servers give up the locks of the first host."""
        raise NotImplementedError

    def _find_back(self) -> None:
        """Let the first host see the share again."""

    def _strike(self, moment: Moment, name: str) -> bool:
        self._stopped = self._begin_stopped(moment, name)
        ends = [number for number, call in enumerate(self.calls, 1) if call.startswith("unlink .vdisk/") and "journal" in call]
        # all that was left to do was to take the journal away, or there was none
        self._had_done_all = moment.at >= min(ends, default=len(self.calls)) - 1
        self._lose_locks()
        if self._awake and self._stopped is not None:
            self._hosts.here.go_on(self._stopped)
        return self._stopped is not None

    @property
    def _near(self) -> Member:
        return self._hosts.here if self._stopped is None else self._hosts.there

    def try_moment(self, moment: Moment) -> None:
        """Let the lock be lost at a moment; both hosts are well at the end."""
        self._stopped = None
        here = self._hosts.here
        try:
            # a host on which a task stands still runs no other
            super().try_moment(dataclasses.replace(moment, survivor_is_there=True))
        finally:
            self._find_back()
            if self._stopped is not None:
                if not self._awake:
                    here.go_on(self._stopped)
                here.end()
                self._stopped = None
            here.wait_until_well()

    def _aftermath(self, survivor: Host, name: str) -> None:
        here, there = self._hosts.here, self._hosts.there
        if self._stopped is None:
            return
        self._do_more(there, name)
        before = self._all(there, name)
        self._find_back()
        here.wait_until_well()
        stopped, self._stopped = self._stopped, None
        if not self._awake:
            here.go_on(stopped)
        ended = here.end()
        self.stale_ends.append(f"{ended.status} {ended.values.get('msg', '')}")
        refused = ended.status == 1 or not ended.values["changed"]
        assert refused or self._had_done_all, f"it has lost its lock and says that it has succeeded: {ended.values}"
        after = self._all(there, name)
        assert after[0] == before[0], f"the task that has lost its lock wrote to files: {_changes(before[0], after[0])}"
        assert after[1] == before[1], "the task that has lost its lock changed what is read"
        self.compared += sum(len(content) for found in after[1] for content in (found or {}).values())

    def _do_more(self, there: Member, name: str) -> None:
        """Let the other host go on with the volumes, also with names that the task that was cut off knows."""
        operation = self._operation
        for volume in operation.names(name):
            if operation.kind == "remove":
                there.ok("gluster_volume_file", name=[volume], size="2M", format="qcow2")
            elif operation.kind == "make":
                there.ok("gluster_volume_file", name=[volume], state="absent")
                there.ok("gluster_volume_file", name=[volume], size="2M", format="raw" if operation.base_format == "qcow2" else "qcow2")
            more: list[dict[str, Any]] = [{"name": [snapshot]} for snapshot in (*operation.gone, "later")]
            if operation.kind == "take":
                more += [{"name": ["s9"], "state": "absent"}, {"name": ["s9"], "label": "another one"}]
            for options in more:
                # an image lock that the task before has just let go can be seen for a moment yet
                ended = there.run_patiently("gluster_snapshot", {"volume": [volume], **options})
                assert ended.status == 0, ended.values

    def _all(self, host: Member, name: str) -> tuple[dict[str, Any], list[Points | None]]:
        names = self._operation.names(name)
        assert not any(host.look(volume)["problems"] for volume in names)
        return state(host.root, name), [points(host.root, volume, self._operation.base_format) for volume in names]


class CutOff(TakenOver):
    """The first host is cut off from the network and comes back."""

    def _lose_locks(self) -> None:
        self._hosts.here.machine.cut()

    def _find_back(self) -> None:
        self._hosts.here.machine.join()


class CutOffAwake(CutOff):
    """The task is not stopped: it hangs in a call, is told that the share does not answer, and tries what it tries then."""

    _awake = True


class BricksRestarted(TakenOver):
    """The bricks are restarted in turn, so that locks are lost although no client was ever away."""

    def _lose_locks(self) -> None:
        cluster = self._hosts.cluster
        for server in cluster.servers:
            cluster.restart_brick(VOLUME, server, [self._hosts.here.machine, self._hosts.there.machine])


class ServerLost(ClusterSweep):
    """One of three servers loses its power or its network; the task goes on, and all copies are the same after the server is back."""

    def _strike(self, moment: Moment, name: str) -> bool:
        hosts, cluster = self._hosts, self._hosts.cluster
        stopped = self._begin_stopped(moment, name)
        server = cluster.servers[moment.number % len(cluster.servers)]
        if moment.machine:
            server.crash()
        else:
            server.cut()
        if stopped is not None:
            hosts.here.go_on(stopped)
            ended = hosts.here.end()
            assert ended.status == 0, f"the task does not go on without {server.name}: {ended.values}"
        if moment.machine:
            server.boot()
        else:
            server.join()
        cluster.wait_for_clients(server, [hosts.here.machine, hosts.there.machine])
        self.compared += hosts.same_on_all_bricks()
        return stopped is not None

    def _aftermath(self, survivor: Host, name: str) -> None:
        self.compared += self._hosts.same_on_all_bricks()


class FailingSweep(ClusterSweep):
    """Something breaks under a task, which says so; when it is mended the next run ends the task."""

    def __init__(self, hosts: Members, operation: Operation) -> None:
        self.sentences: list[str] = []
        super().__init__(hosts, operation)

    def _break(self) -> None:
        """Do harm."""
        raise NotImplementedError

    def _mend(self) -> None:
        """Make it good."""
        raise NotImplementedError

    def _check_sentence(self, sentence: str) -> None:
        """See that a task says what is wrong and what to do."""
        raise NotImplementedError

    def _strike(self, moment: Moment, name: str) -> bool:
        here = self._hosts.here
        stopped = self._begin_stopped(moment, name)
        self._break()
        try:
            if stopped is None:
                return False
            here.go_on(stopped)
            ended = here.end()
            if ended.status:
                self.sentences.append(ended.values["msg"])
                self._check_sentence(ended.values["msg"])
        finally:
            self._mend()
        return ended.status == 1


class QuorumLost(FailingSweep):
    """Two of three servers are cut off."""

    def _break(self) -> None:
        for server in self._hosts.cluster.servers[1:]:
            server.cut()

    def _mend(self) -> None:
        cluster, clients = self._hosts.cluster, [self._hosts.here.machine, self._hosts.there.machine]
        for server in cluster.servers[1:]:
            server.join()
        for server in cluster.servers[1:]:
            cluster.wait_for_clients(server, clients)
        cluster.wait_until_healed(VOLUME)
        for host in (self._hosts.here, self._hosts.there):
            host.wait_until_calm()

    def _run_again(self, host: Host, module: str, options: dict[str, Any]) -> Ended:
        assert isinstance(host, Member)
        # a client that was cut off makes its connections anew, and a task is told so meanwhile
        return host.run_patiently(module, options, "transport endpoint is not connected", "Transport endpoint is not connected")

    def _check_sentence(self, sentence: str) -> None:
        assert "the mount does not respond" in sentence and "quorum" in sentence, sentence


class ClientKilled(FailingSweep):
    """The FUSE client of the first host is killed."""

    def _break(self) -> None:
        assert self._hosts.here.machine.kill("glusterfs") == 1

    def _mend(self) -> None:
        self._hosts.here.remount()

    def _check_sentence(self, sentence: str) -> None:
        assert "the mount does not respond" in sentence, sentence


class BricksFull(FailingSweep):
    """The disks of all bricks run full."""

    def _break(self) -> None:
        # what is mounted in the hosts lies here
        fillers = [server.directory / "bricks/filler" for server in self._hosts.cluster.servers]
        # what was removed just now is free only when the bricks have let go of it
        calm, end = 0, time.monotonic() + 60
        while calm < 3:
            assert time.monotonic() < end, "the bricks go on getting free space"
            found = [_fill(filler) for filler in fillers]
            calm = 0 if any(found) else calm + 1
            time.sleep(0.2)

    def _mend(self) -> None:
        for server in self._hosts.cluster.servers:
            server.run(["rm", "/bricks/filler"])
        self._hosts.cluster.wait_until_healed(VOLUME)

    def _check_sentence(self, sentence: str) -> None:
        # the latter where a task that makes something asks for space only now
        assert "no space is left" in sentence or "no share has space for" in sentence, sentence


def _fill(path: pathlib.Path) -> bool:
    """Take all the space of a disk, and tell whether there was any."""
    with open(path, "ab") as filler:
        space = os.statvfs(filler.fileno())
        room = space.f_bavail * space.f_frsize
        if room:
            os.posix_fallocate(filler.fileno(), os.fstat(filler.fileno()).st_size, room)
        return bool(room)


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {file: (before.get(file), after.get(file)) for file in {*before, *after} if before.get(file) != after.get(file)}
