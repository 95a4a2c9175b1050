# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Process 1 of a lab's host: makes what surrounds it and becomes systemd. A program, started by host.py in fresh name spaces.

usage: boot.py DIRECTORY CGROUP HOSTNAME CHECKOUT
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import socket
import subprocess
import sys

_CLONE_NEWCGROUP = 0x02000000
_MEMORY = ("run", "tmp", "dev/shm")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "fuse", "loop-control", "net/tun")
"""Not kvm: where it is there and does not open, libvirt looks for it anew at each start of a domain, which takes seconds."""
_LINKS = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
_ENVIRONMENT = {"container": "vdisk-lab", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def _mount(*arguments: str | pathlib.Path) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def _enter_cgroup(branch: pathlib.Path) -> None:
    """Go into the host's own branch of the tree, which is all that it sees of it then."""
    # 0 is the one that writes
    (branch / "cgroup.procs").write_text("0")
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWCGROUP):
        raise OSError(ctypes.get_errno(), "unshare of the cgroup name space")


def _devices(root: pathlib.Path) -> None:
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", root / "dev")
    for name in ("net", "pts", "shm"):
        (root / "dev" / name).mkdir()
    loops = [path.name for path in pathlib.Path("/dev").glob("loop[0-9]*")]
    for name in (*_DEVICES, *loops):
        try:
            status = os.stat(f"/dev/{name}")
        except FileNotFoundError:
            continue
        os.mknod(root / "dev" / name, status.st_mode, status.st_rdev)
        os.chmod(root / "dev" / name, status.st_mode & 0o7777)
    for name, target in _LINKS.items():
        (root / "dev" / name).symlink_to(target)
    _mount("-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620,gid=5", "devpts", root / "dev/pts")


def _kernel(root: pathlib.Path) -> None:
    _mount("-t", "proc", "proc", root / "proc")
    # what the kernel has but once stays as it is: only settings of the network are the host's own
    places = [root / "proc" / name for name in ("sys", "sys/net", "sysrq-trigger") if (root / "proc" / name).exists()]
    for place in places:
        _mount("--bind", place, place)
    for place in places:
        if place.name != "net":
            _mount("-o", "remount,bind,ro", place)
    _mount("-t", "sysfs", "sysfs", root / "sys")
    _mount("-t", "cgroup2", "cgroup2", root / "sys/fs/cgroup")


def _furnish(directory: pathlib.Path, checkout: pathlib.Path) -> pathlib.Path:
    """Mount all that the host sees, and return its root."""
    root = directory / "root"
    layers = f"lowerdir=/,upperdir={directory}/upper,workdir={directory}/work"
    _mount("-t", "overlay", "-o", layers, "overlay", root)
    _kernel(root)
    _devices(root)
    for place in _MEMORY:
        _mount("-t", "tmpfs", "-o", "mode=755" if place == "run" else "mode=1777", "tmpfs", root / place)
    binds = {"lab": directory / "shared", "bricks": directory / "bricks"}
    for place, source in binds.items():
        if source.exists():
            (root / place).mkdir(exist_ok=True)
            _mount("--bind", source, root / place)
    here = root / checkout.relative_to("/")
    here.mkdir(parents=True, exist_ok=True)
    _mount("--bind", checkout, here)
    _mount("-o", "remount,bind,ro", here)
    return root


def main() -> None:
    directory, cgroup, checkout = (pathlib.Path(sys.argv[number]) for number in (1, 2, 4))
    # /proc is still the one outside, and so is this number
    (directory / "pid").write_text(os.readlink("/proc/self"))
    _enter_cgroup(cgroup)
    _mount("--make-rprivate", "/")
    socket.sethostname(sys.argv[3])
    root = _furnish(directory, checkout)
    os.chdir(root)
    pathlib.Path("run/outside").mkdir()
    subprocess.run(["pivot_root", ".", "run/outside"], check=True)
    os.chroot(".")
    subprocess.run(["umount", "--lazy", "/run/outside"], check=True)
    os.rmdir("/run/outside")
    # as on a machine: what is mounted later is seen by services with mounts of their own, and by QEMU
    _mount("--make-rshared", "/")
    os.execve("/lib/systemd/systemd", ["/lib/systemd/systemd", "--log-target=console", "--show-status=no"], _ENVIRONMENT)


if __name__ == "__main__":
    main()
