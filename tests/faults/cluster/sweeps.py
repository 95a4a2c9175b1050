# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations during which something between hosts breaks, run to their end by whoever is left, and compared with undisturbed ones."""

from __future__ import annotations

import dataclasses
import zlib
from typing import Any

from ansible_collections.vdisk.gluster.plugins.module_utils import _image_lock
from ansible_collections.vdisk.gluster.tests.faults.cluster.members import Member, Members
from ansible_collections.vdisk.gluster.tests.faults.hosts import Ended, Host
from ansible_collections.vdisk.gluster.tests.faults.killer import Killer
from ansible_collections.vdisk.gluster.tests.faults.states import files_of, points, state
from ansible_collections.vdisk.gluster.tests.faults.sweep import Moment, Points, Sweep, moments
from ansible_collections.vdisk.gluster.tests.lab.cluster import wait_until


class ClusterSweep(Sweep):
    """A sweep that stops a task at a call and does harm to a host or to the network then."""

    _hosts: Members
    compared = 0

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
        wait_until(lambda: not any(_image_lock.is_open_in_qemu(str(image), False) for image in images), "the image locks", 30)
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


class CutOff(ClusterSweep):
    """The host is cut off, another one takes over and does more, and then the first one comes back and goes on with its task."""

    _stopped: Killer | None = None
    stale_ends: list[str]

    def _strike(self, moment: Moment, name: str) -> bool:
        self.stale_ends = getattr(self, "stale_ends", [])
        self._stopped = self._begin_stopped(moment, name)
        self._hosts.here.machine.cut()
        return self._stopped is not None

    @property
    def _near(self) -> Member:
        return self._hosts.there if self._hosts.here.machine.is_cut() else self._hosts.here

    def try_moment(self, moment: Moment) -> None:
        """Cut the host off at a moment; both hosts are well at the end."""
        self._stopped = None
        try:
            # nothing can be run on a host that does not see the share
            super().try_moment(dataclasses.replace(moment, survivor_is_there=True))
        finally:
            here = self._hosts.here
            if here.machine.is_cut():
                here.machine.join()
                if self._stopped is not None:
                    here.go_on(self._stopped)
                    here.end()
            wait_until(here.answers, "the share on the host that was cut off", 60)

    def _aftermath(self, survivor: Host, name: str) -> None:
        here, there = self._hosts.here, self._hosts.there
        if self._stopped is None:
            return
        self._do_more(there, name)
        before = self._all(there, name)
        here.machine.join()
        wait_until(here.answers, "the share on the host that was cut off", 60)
        stopped, self._stopped = self._stopped, None
        here.go_on(stopped)
        ended = here.end()
        self.stale_ends.append(f"{ended.status} {ended.values.get('msg', '')}")
        assert ended.status == 1 or not ended.values["changed"], f"the task that was cut off says that it has succeeded: {ended.values}"
        after = self._all(there, name)
        assert after[0] == before[0], f"the host that was cut off wrote to files: {_changes(before[0], after[0])}"
        assert after[1] == before[1], "the host that was cut off changed what is read"
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
            for snapshot in (*operation.gone, "later"):
                there.ok("gluster_snapshot", volume=[volume], name=[snapshot])
            if operation.kind == "take":
                there.ok("gluster_snapshot", volume=[volume], name=["s9"], state="absent")
                there.ok("gluster_snapshot", volume=[volume], name=["s9"], label="another one")

    def _all(self, host: Member, name: str) -> tuple[dict[str, Any], list[Points | None]]:
        names = self._operation.names(name)
        assert not any(host.look(volume)["problems"] for volume in names)
        return state(host.root, name), [points(host.root, volume, self._operation.base_format) for volume in names]


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {file: (before.get(file), after.get(file)) for file in {*before, *after} if before.get(file) != after.get(file)}


def few_moments(calls: list[str], number: int, everything: bool, seed: str) -> list[Moment]:
    """Return moments of an operation: so many, other ones for each seed, or all of a wide sample."""
    chosen = moments(calls, 6, False)
    if everything:
        return chosen
    first = zlib.crc32(seed.encode()) % len(chosen)
    return [chosen[(first + index * len(chosen) // number) % len(chosen)] for index in range(number)]
