# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GlusterFS volumes of a test run, on bricks of its own."""

from __future__ import annotations

import pathlib
import shutil
import socket
import uuid
from xml.etree import ElementTree

from ansible_collections.vdisk.gluster.tests.harness import runs
from ansible_collections.vdisk.gluster.tests.harness.programs import command

VOLUME_OPTIONS = {
    # several concurrent qemu-img processes can wedge a mount with fewer event threads
    "client.event-threads": "8",
    # caches that would show one mount what another replaced
    "performance.quick-read": "off",
    "performance.read-ahead": "off",
    "performance.io-cache": "off",
    "performance.stat-prefetch": "off",
    "client.strict-locks": "on",
    # a full or dead brick is to be told soon
    "network.ping-timeout": "10",
    "storage.reserve": "0",
    # it writes a file to the brick, so that free space would change by itself half a minute after the start
    "storage.health-check-interval": "0",
}


def gluster(*argv: str) -> str:
    return command("gluster", "--mode=script", *argv).stdout


class Servers:
    """GlusterFS volumes of this test run, on bricks of its own."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.prefix = runs.current().prefix + uuid.uuid4().hex[:4]
        self._volumes: list[str] = []
        self._roots: list[str] = []
        self._disks: list[pathlib.Path] = []

    def volume(self, brick: pathlib.Path | None = None, copies: int = 1, **options: str) -> str:
        """Make and start a volume and return its name; C(brick) is an existing directory below which its bricks are made."""
        name = f"{self.prefix}-{len(self._volumes)}"
        path = (brick or self.directory) / name
        kind = ["replica", str(copies)] if copies > 1 else []
        bricks = [f"{socket.gethostname()}:{path}{'-copy' * number}" for number in range(copies)]
        gluster("volume", "create", name, *kind, *bricks, "force")
        self._volumes.append(name)
        pairs = {**VOLUME_OPTIONS, **{key.replace("__", "."): value for key, value in options.items()}}
        gluster("volume", "set", name, *(word for pair in pairs.items() for word in pair))
        gluster("volume", "start", name)
        return name

    def root(self, name: str) -> pathlib.Path:
        """Return where the root of a volume is mounted for the tests themselves, as on another host."""
        root = self.directory / f"root-{name}"
        if name not in self._roots:
            root.mkdir()
            # nothing is remembered here, so that what a test does through another mount is seen at once
            command("mount", "-t", "glusterfs", "-o", "attribute-timeout=0,entry-timeout=0", f"localhost:/{name}", str(root))
            self._roots.append(name)
        return root

    def small_volume(self, mebibytes: int) -> str:
        """Make a volume that holds so many MiB: its brick lies in a file system in memory."""
        disk = self.directory / f"disk-{len(self._disks)}"
        disk.mkdir()
        command("mount", "-t", "tmpfs", "-o", f"size={mebibytes}M,mode=755", self.prefix, str(disk))
        self._disks.append(disk)
        return self.volume(disk)

    def brick_pids(self, name: str) -> list[int]:
        """Return the processes of a volume's bricks."""
        status = ElementTree.fromstring(gluster("volume", "status", name, "--xml"))
        return [int(str(node.findtext("pid"))) for node in status.iter("node") if f"/{name}" in str(node.findtext("path"))]

    def close(self) -> None:
        for name in self._roots:
            command("umount", "-l", str(self.directory / f"root-{name}"), check=False)
        for name in self._volumes:
            command("gluster", "--mode=script", "volume", "stop", name, "force", check=False)
            command("gluster", "--mode=script", "volume", "delete", name, check=False)
        for disk in self._disks:
            command("umount", "-l", str(disk), check=False)
        shutil.rmtree(self.directory, ignore_errors=True)


def mounts_below(directory: pathlib.Path) -> list[str]:
    with open("/proc/self/mounts", encoding="utf-8") as stream:
        points = [line.split(" ")[1] for line in stream]
    return [point for point in points if point.startswith(f"{directory}/")]
