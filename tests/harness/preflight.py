# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine lacks for the tests that are asked for, in one sentence each. Nothing is skipped for lack of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Sequence

_UNIT = ("git", "qemu-img", "qemu-io")
_ALWAYS = ("glusterd", "gluster", "mount.glusterfs", "qemu-img")
_LAB = (
    *("ip", "nsenter", "unshare", "pivot_root", "ssh-keygen", "sshd", "mkfs.xfs", "mkfs.ext4", "dbus-daemon", "libvirtd"),
    "/lib/systemd/systemd",
)
_GUESTS = ("libvirtd", "qemu-system-x86_64", "unshare", "gcc")
PARTS = {
    "share": (),
    "roles": (),
    "faults": ("lab",),
    "live": ("lab", "guests"),
    "molecule": ("lab", "guests"),
    "examples": ("guests",),
}
"""What the tests of a folder need beside GlusterFS: C(lab), hosts as name spaces of this machine; C(guests), virtual machines."""


class Lacking(Exception):
    """This machine cannot run the tests that were asked for."""


def check(parts: Sequence[str] = ()) -> None:
    """Look for all that the tests of these folders need.

    :raises Lacking: something is missing; its message has one line for each thing.
    """
    needs = {need for part in parts for need in PARTS[part]}
    lacks = _lacking(needs)
    if lacks:
        raise Lacking("\n".join(f"tests on a real GlusterFS cannot run here, this machine lacks {lack}" for lack in lacks))


def check_for_unit_tests() -> None:
    """Look for the programs that unit tests start.

    :raises Lacking: one is missing.
    """
    lacks = [program for program in _UNIT if shutil.which(program) is None]
    if lacks:
        raise Lacking(f"the unit tests need {', '.join(lacks)}, which this machine lacks: install git and qemu-utils (qemu-img on Red Hat)")


def _lacking(needs: set[str]) -> list[str]:
    lacks = []
    if os.geteuid():
        lacks.append("root: GlusterFS is mounted, and bricks are made, by root only")
    programs = [*_ALWAYS, *(_LAB if "lab" in needs else ()), *(_GUESTS if "guests" in needs else ())]
    for program in dict.fromkeys(programs):
        if shutil.which(program) is None:
            lacks.append(f"the program {program}: install the packages of requirements/apt-{_list_of(program)}.txt")
    try:
        # the device can exist and be forbidden, as in most containers
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError:
        lacks.append("a /dev/fuse that opens: load the module fuse; in a container pass --device /dev/fuse --cap-add SYS_ADMIN")
    # mounting it here, outside of a cgroup name space, would reset the options of the mount that exists
    if not os.geteuid() and shutil.which("unshare") and not _works("unshare", "--cgroup", "mount", "-t", "cgroup2", "c", "/mnt"):
        lacks.append("cgroups of version 2, by which what a killed run leaves is found: the kernel needs them, beside version 1 or alone")
    if "lab" in needs and not os.geteuid() and shutil.which("unshare"):
        lacks += _lacking_for_labs()
    return lacks


def _list_of(program: str) -> str:
    """Return which list of packages has a program."""
    if program in ("libvirtd", "qemu-system-x86_64"):
        return "guests"
    return "lab" if program in ("dbus-daemon", "/lib/systemd/systemd") else "gluster"


def _lacking_for_labs() -> list[str]:
    lacks = []
    if not _works("true"):
        lacks.append("leave to make name spaces: in a container pass --privileged")
    if not _works("sh", "-ec", "ip link add name v0 type veth peer name v1; ip link add name b0 type bridge"):
        lacks.append("virtual cables or bridges: load the modules veth and bridge")
    overlay = """mount -t tmpfs t /mnt; mkdir /mnt/u /mnt/w /mnt/r
        mount -t overlay o -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/r"""
    if not _works("sh", "-ec", overlay):
        lacks.append("overlays over /: load the module overlay; a root file system that is two overlays already cannot have a third")
    for directory in ("/etc", "/usr", "/var/lib"):
        if os.stat(directory).st_dev != os.stat("/").st_dev:
            lacks.append(f"{directory} on the file system of /: hosts of a lab see that one only")
    return lacks


def _works(*argv: str) -> bool:
    """Return whether a command succeeds in name spaces that nobody else sees."""
    apart = ["unshare", "--mount", "--net", "--propagation", "private", *argv]
    return subprocess.run(apart, capture_output=True, check=False).returncode == 0
