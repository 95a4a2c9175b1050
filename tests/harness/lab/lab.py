# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab: hosts as name spaces of one machine, each with systemd, sshd, and disks that outlive its power.

::

    with Lab.up("try1", servers=3, hypervisors=2) as lab:
        lab.host("hv1").run(["uname", "-n"])
        lab.host("gs2").cut()

The same from a shell is C(tools/lab.sh).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import re
import subprocess
import time
from typing import Iterator

from ansible_collections.vdisk.gluster.tests.harness import runs
from ansible_collections.vdisk.gluster.tests.harness.lab import plan as plans
from ansible_collections.vdisk.gluster.tests.harness.lab.bricks import KINDS, make_disk
from ansible_collections.vdisk.gluster.tests.harness.lab.cgroups import mount_tree, remove_cgroup
from ansible_collections.vdisk.gluster.tests.harness.lab.furnishing import furnish
from ansible_collections.vdisk.gluster.tests.harness.lab.host import Host
from ansible_collections.vdisk.gluster.tests.harness.lab.inhabitants import inhabitants, kill, wait_until_empty
from ansible_collections.vdisk.gluster.tests.harness.lab.network import Network, free_network, remove_link
from ansible_collections.vdisk.gluster.tests.harness.lab.plan import LabError, Plan
from ansible_collections.vdisk.gluster.tests.harness.lab.programs import call, tried

_ONE_AT_A_TIME = plans.STATES / "vdisk-lab.lock"


class Lab:
    """A lab that is up; made by C(up) or found by C(at)."""

    def __init__(self, planned: Plan) -> None:
        self.name = planned.name
        self.directory = plans.directory_of(planned.name)
        network = Network(self.directory, planned)
        self.hosts = {host.name: Host(self.directory / host.name, host, network) for host in planned.hosts}

    @classmethod
    def up(cls, name: str, servers: int = 3, hypervisors: int = 2, brick: str = "tmpfs", brick_size: str = "512M") -> Lab:
        """Make a lab; what a failed attempt has made is taken away again.

        :raises LabError: it is there already, or cannot be made.
        """
        directory = plans.directory_of(name)
        if brick not in KINDS:
            raise LabError(f"bricks lie on {', '.join(KINDS)}, not on {brick}")
        with _alone():
            if directory.exists():
                raise LabError(f"the lab {name} is there already, in {directory}; take it down first")
            planned = plans.plan(name, free_network(name), servers, hypervisors)
            run = runs.joined()
            if run:
                run.note_lab(name)
            directory.mkdir(mode=0o755)
            with _undone(directory):
                # an overlay's upper directory must not lie on the file system below it; shared, so that down unmounts all copies
                call("mount", "-t", "tmpfs", "-o", "mode=755", f"vdisk-lab-{name}", str(directory))
                call("mount", "--make-shared", str(directory))
                if run:
                    (directory / "run").write_text(run.name)
                Network(directory, planned).lay()
        with _undone(directory):
            _write_files(directory, planned)
            mount_tree(directory / "cgroup")
            for host in planned.hosts:
                place = directory / host.name
                (place / "shared").mkdir(parents=True)
                furnish(place / "upper", planned, host, directory)
                if host.has_bricks:
                    make_disk(place, brick, brick_size)
            lab = cls(planned)
            for booting in lab.hosts.values():
                booting.begin_boot()
            for booting in lab.hosts.values():
                booting.wait_until_up()
        return lab

    @classmethod
    def at(cls, name: str) -> Lab:
        """Return a lab that is up.

        :raises LabError: there is none of this name.
        """
        directory = plans.directory_of(name)
        try:
            return cls(plans.read(name, (directory / "hosts.json").read_text()))
        except FileNotFoundError:
            raise LabError(f"there is no lab {name}") from None

    def host(self, name: str) -> Host:
        """Return a host.

        :raises LabError: there is none of this name.
        """
        if name not in self.hosts:
            raise LabError(f"the lab {self.name} has no host {name}; it has {', '.join(self.hosts)}")
        return self.hosts[name]

    def group(self, name: str) -> list[Host]:
        """Return the hosts of a group, in order."""
        return [host for host in self.hosts.values() if host.group == name]

    @property
    def inventory(self) -> pathlib.Path:
        """The inventory for Ansible."""
        return self.directory / "inventory.yml"

    def down(self) -> None:
        """Take it away with all that it holds."""
        down(self.name)

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.down()


def down(name: str, of: str | None = None) -> bool:
    """Take a lab away, whole or what an interrupted run has left of it; tell whether there was anything.

    :param of: only a lab of this run of tests.
    :raises LabError: something of it stays.
    """
    directory = plans.directory_of(name)
    with _alone():
        if not directory.exists() or of is not None and _run_of(directory) not in (of, None):
            return False
        _take_away(directory)
    return True


def _run_of(directory: pathlib.Path) -> str | None:
    try:
        return (directory / "run").read_text()
    except FileNotFoundError:
        return None


def _take_away(directory: pathlib.Path) -> None:
    _end_connections(directory)
    _detach_loops(directory.name.rpartition("-")[2])
    spaces = [directory / "hub.net", *directory.glob("*/net")]
    for space in spaces:
        for pid in inhabitants([space]):
            kill(pid, space)
    wait_until_empty(spaces)
    remove_link(plans.link_of(directory))
    remove_cgroup(directory / "cgroup" / directory.name)
    _unmount(directory)
    directory.rmdir()


def _write_files(directory: pathlib.Path, planned: Plan) -> None:
    for file in ("id", "host_key"):
        call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", directory.name, "-f", str(directory / file))
    (directory / "known_hosts").write_text(plans.known_hosts(planned, (directory / "host_key.pub").read_text()))
    (directory / "inventory.yml").write_text(plans.inventory(planned))
    (directory / "connections").mkdir(mode=0o700)
    (directory / "hosts.json").write_text(plans.written(planned))


def _end_connections(directory: pathlib.Path) -> None:
    """End the connections that Ansible has left open."""
    for socket in directory.glob("connections/*"):
        tried("ssh", "-O", "exit", "-o", f"ControlPath={socket}", "any")


def _detach_loops(name: str) -> None:
    """Let go of loop devices of files called C(<lab>.disk...) on its hosts; those in use go with the last who uses them."""
    for file in pathlib.Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):
            if re.search(rf"/{name}\.disk", file.read_text()):
                tried("losetup", "--detach", f"/dev/{file.parents[1].name}")


def _unmount(directory: pathlib.Path, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while os.path.ismount(directory):
        # the mounts of a host that has just been killed go a little later than its processes
        done = subprocess.run(["umount", "--recursive", str(directory)], capture_output=True, text=True, check=False)
        if done.returncode and time.monotonic() > end:
            raise LabError(f"{directory} cannot be unmounted: {done.stderr.strip()}")
        if done.returncode:
            time.sleep(0.05)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let no other process choose a network or take a lab down meanwhile."""
    with open(_ONE_AT_A_TIME, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _undone(directory: pathlib.Path) -> Iterator[None]:
    """Take the lab down when what is done here fails or is interrupted."""
    try:
        yield
    except BaseException:
        _take_away(directory)
        raise
