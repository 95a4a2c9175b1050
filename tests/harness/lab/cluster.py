# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A GlusterFS cluster in a lab, made quickly by gluster's own commands, for tests of something else than making clusters."""

from __future__ import annotations

import time
from typing import Callable, Mapping, Sequence

from ansible_collections.vdisk.gluster.tests.harness.lab.host import Host
from ansible_collections.vdisk.gluster.tests.harness.lab.lab import Lab
from ansible_collections.vdisk.gluster.tests.harness.lab.plan import SERVERS, LabError
from ansible_collections.vdisk.gluster.tests.harness.waiting import Patience

PING_TIMEOUT = 5
"""Seconds after which a client gives up a server that does not answer."""
VOLUME_OPTIONS = {
    "client.event-threads": "8",
    # caches that would show one mount what another replaced
    "performance.quick-read": "off",
    "performance.read-ahead": "off",
    "performance.io-cache": "off",
    "performance.stat-prefetch": "off",
    # who was cut off and has lost its locks writes no more, and the others learn soon that it was cut off
    "client.strict-locks": "on",
    "network.ping-timeout": str(PING_TIMEOUT),
    "server.tcp-user-timeout": "5",
    "server.keepalive-time": "1",
    "server.keepalive-interval": "1",
    "server.keepalive-count": "4",
    "cluster.quorum-type": "auto",
    # not every ten minutes
    "cluster.heal-timeout": "5",
    # a brick that runs full is to take what it has room for
    "storage.reserve": "0",
}
_FIRST_BRICK_PORT = 49152


class Cluster:
    """The servers of a lab as one cluster."""

    def __init__(self, lab: Lab) -> None:
        self.servers = lab.group(SERVERS)

    def start(self) -> None:
        """Start glusterd on each server and make them peers."""
        for server in self.servers:
            # also after a power cut; all at once, and then each is waited for
            server.run(["systemctl", "enable", "--now", "--no-block", "glusterd"])
        for server in self.servers:
            server.run(["systemctl", "start", "glusterd"])
        for server in self.servers[1:]:
            self.gluster("peer", "probe", server.name)
        self.wait_until_connected()

    def gluster(self, *words: str) -> str:
        """Run gluster's command line on the first server."""
        return self.servers[0].run(["gluster", "--mode=script", *words]).stdout

    def wait_until_connected(self, seconds: float = 60) -> None:
        """Wait until each server sees all of them; that one of them does is not enough.

        :raises LabError: they do not.
        """
        for server in self.servers:
            wait_until(lambda: self._sees_all(server), f"{server.name} to see all servers", seconds)  # noqa: B023 # called at once

    def volume(self, name: str, **options: str) -> None:
        """Make and start a volume with a copy on each server; options, as C(network__ping_timeout), are set before anybody mounts it."""
        self._make(name, ("replica", str(len(self.servers))) if len(self.servers) > 1 else (), options)

    def _make(self, name: str, copies: Sequence[str], options: Mapping[str, str]) -> None:
        self.gluster("volume", "create", name, *copies, *(f"{server.name}:/bricks/{name}" for server in self.servers), "force")
        given = {key.replace("__", ".").replace("_", "-"): value for key, value in options.items()}
        # what is set on a mounted volume holds for later connections only
        self.gluster("volume", "set", name, *(word for pair in {**VOLUME_OPTIONS, **given}.items() for word in pair))
        self.gluster("volume", "start", name)

    def spread_volume(self, name: str, *copies: str, **options: str) -> None:
        """Make and start a volume with a brick on each server and other copies than all: none, or as C(replica 3 arbiter 1) says."""
        self._make(name, copies, options)

    def restart_brick(self, name: str, server: Host, clients: list[Host]) -> None:
        """Kill the brick of a volume on a server, start it again, and wait until clients have found it."""
        server.kill("glusterfsd")
        self.gluster("volume", "start", name, "force")
        self.wait_for_clients(server, clients)

    def wait_for_clients(self, server: Host, clients: list[Host], seconds: float = 60) -> None:
        """Wait until clients are connected to the brick of a server.

        :raises LabError: they are not.
        """

        def connections(host: Host) -> set[tuple[str, str]]:
            """Return both ends of each, the host's own first."""
            lines = host.run(["ss", "-Htn", "state", "established"]).stdout.splitlines()
            return {(words[2], words[3]) for words in map(str.split, lines)}

        def connected() -> bool:
            # both ends know of it: a server that was cut off holds one that its client has given up for established
            bricks = {ends for ends in connections(server) if int(ends[0].rpartition(":")[2]) >= _FIRST_BRICK_PORT}
            return all(bricks & {(far, near) for near, far in connections(client)} for client in clients)

        wait_until(connected, f"the clients of the brick on {server.name}", seconds)

    def share(self, name: str) -> str:
        """Return the name of a volume's share as modules know it."""
        return f"{self.servers[0].name}:/{name}"

    def mount(self, name: str, host: Host, place: str) -> None:
        """Mount a volume on a host."""
        others = ":".join(server.name for server in self.servers[1:])
        fresh = "attribute-timeout=0,entry-timeout=0"
        words = ["-o", f"{fresh},backup-volfile-servers={others}" if others else fresh]
        host.run(["mkdir", "-p", place])
        host.run(["mount", "-t", "glusterfs", *words, self.share(name), place])

    def wait_until_healed(self, name: str, seconds: float = 60) -> None:
        """Wait until all copies of all files of a volume are the same again.

        :raises LabError: they are not.
        """
        try:
            wait_until(lambda: self._is_healed(name), f"{name} to be healed", seconds)
        except LabError as error:
            raise LabError(f"{error}: {self._heal_info(name)}") from error

    def _sees_all(self, server: Host) -> bool:
        listed = server.run(["gluster", "--mode=script", "pool", "list"], check=False).stdout
        return listed.count("Connected") == len(self.servers)

    def _is_healed(self, name: str) -> bool:
        told = self._heal_info(name)
        counts = [line.rpartition(":")[2].strip() for line in told.splitlines() if line.startswith("Number of entries:")]
        return counts == ["0"] * len(self.servers)

    def _heal_info(self, name: str) -> str:
        return self.servers[0].run(["gluster", "--mode=script", "volume", "heal", name, "info"], check=False).stdout


def wait_until(true: Callable[[], bool], what: str, seconds: float) -> None:
    """Wait until something is true, longer only on a machine that is slow now.

    :raises LabError: it does not come true.
    """
    patience = Patience(seconds)
    while not true():
        if patience.is_over():
            raise LabError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.1)
