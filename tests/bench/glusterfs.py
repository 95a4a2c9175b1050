# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A GlusterFS volume for one run of the benchmarks, mounted as a share, and gone without a trace afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import shutil
import socket
import subprocess
import time
import uuid
from typing import Iterator

from ansible_collections.vdisk.gluster.tests.harness import runs
from engine import Done, run_module

_OPTIONS = {
    # several concurrent qemu-img processes can wedge a mount with fewer event threads
    "client.event-threads": "8",
    # caches that would show one mount what another replaced
    "performance.quick-read": "off",
    "performance.read-ahead": "off",
    "performance.io-cache": "off",
    "performance.stat-prefetch": "off",
    "client.strict-locks": "on",
    "network.ping-timeout": "10",
    "storage.reserve": "0",
}


def command(*argv: str, check: bool = True, cwd: str | None = None) -> str:
    """Run a program and return its output; show all it said when it fails."""
    environment = dict(os.environ, LC_ALL="C.UTF-8")
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, cwd=cwd, check=False)
    if check and done.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


class Site:
    """Where the benchmarks work: a mounted share, a directory beside its volumes for the bare tools, a local directory."""

    def __init__(self, directory: pathlib.Path, gluster_volume: str) -> None:
        self.share = f"localhost:/{gluster_volume}"
        self.base = directory / "mnt"
        self.mount_point = self.mount_point_of(self.share)
        # a hidden directory of the same mount: the same client and brick, and no volume of the share
        self.bare = self.mount_point / ".bare"
        self.local = directory / "local"

    @property
    def location(self) -> dict[str, str]:
        """Options that say to a module where it works."""
        return {"share": self.share, "mount_point_base": str(self.base), "libvirt_uri": "none"}

    def mount_point_of(self, share: str) -> pathlib.Path:
        """Return where a share is mounted."""
        return self.base / hashlib.md5(share.encode()).hexdigest()

    def do(self, module: str, **options) -> Done:
        """Run a module on the share in this process."""
        return run_module(module, {**self.location, **options})


def slow_down(site: Site, milliseconds: int) -> None:
    """Let every call take the brick longer, so that round trips count, and neither disk nor processors are the limit."""
    name = site.share.rpartition("/")[2]
    options = {"debug.delay-gen": "posix", "delay-gen.delay-percentage": "100", "delay-gen.delay-duration": str(milliseconds * 1000)}
    command("gluster", "--mode=script", "volume", "set", name, *(word for pair in options.items() for word in pair))
    # the brick takes it up when it starts
    command("gluster", "--mode=script", "volume", "stop", name)
    command("gluster", "--mode=script", "volume", "start", name)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            os.listdir(site.mount_point)
            return
        time.sleep(0.2)
    raise SystemExit(f"{site.share} does not answer any more")


def write_argv(path: pathlib.Path, image_format: str, start: int, mebibytes: int) -> list[str]:
    """Return the command that writes data into an image, at a MiB of it, and makes them durable."""
    return ["qemu-io", "-f", image_format, "-c", f"write -P 171 {start}M {mebibytes}M", "-c", "flush", str(path)]


def _mounts_below(directory: pathlib.Path) -> list[str]:
    with open("/proc/self/mounts", encoding="utf-8") as stream:
        points = [line.split(" ")[1] for line in stream]
    return [point for point in points if point.startswith(f"{directory}/")]


@contextlib.contextmanager
def site() -> Iterator[Site]:
    """Make a GlusterFS volume of this run's own, mount it, and take it all away at the end."""
    run = runs.current()
    directory = run.place("bench")
    volume = run.prefix + uuid.uuid4().hex[:4]
    made = Site(directory, volume)
    try:
        made.local.mkdir()
        brick = f"{socket.gethostname()}:{directory}/brick"
        command("gluster", "--mode=script", "volume", "create", volume, brick, "force")
        command("gluster", "--mode=script", "volume", "set", volume, *(word for pair in _OPTIONS.items() for word in pair))
        command("gluster", "--mode=script", "volume", "start", volume)
        made.do("gluster_share_mount")
        made.bare.mkdir()
        yield made
    finally:
        # by name: what other runs on this machine have stays as it is
        for point in _mounts_below(directory):
            command("umount", point, check=False)
        for point in _mounts_below(directory):
            command("umount", "-l", point, check=False)
        command("gluster", "--mode=script", "volume", "stop", volume, "force", check=False)
        command("gluster", "--mode=script", "volume", "delete", volume, check=False)
        shutil.rmtree(directory, ignore_errors=True)
        # mounts and bricks log under the name of their directory
        for log in pathlib.Path("/var/log/glusterfs").rglob(f"{str(directory)[1:].replace('/', '-')}-*.log"):
            log.unlink()
