# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Process 1 of the name spaces in which a libvirtd of the tests' own lives; a program, started by hypervisor.py.

Each line of its input is the command line of a program to start, as JSON. When the input ends it ends, and the kernel kills
all that lives in the name space. It reaps every process: libvirtd waits for each QEMU that it probes to be gone, and process 1 of
a container may take its time.
"""

from __future__ import annotations

import json
import os
import pathlib
import select
import signal
import subprocess
import sys

PLACES = {"etc": "/etc/libvirt", "run": "/run/libvirt", "lib": "/var/lib/libvirt", "cache": "/var/cache/libvirt", "log": "/var/log/libvirt"}
"""Directories of the run's own and where libvirt, which has these paths compiled in, finds them."""
USERS = {"passwd": "libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin\n", "group": "libvirt-qemu:x:64055:\n"}
"""QEMU's user, with the numbers that Debian gives it: the package that makes it would bring a whole init system along."""


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _furnish(directory: pathlib.Path) -> None:
    _mount("-t", "proc", "proc", "/proc")
    for name, place in PLACES.items():
        os.makedirs(place, exist_ok=True)
        _mount("--bind", str(directory / name), place)
    for name, line in USERS.items():
        known = pathlib.Path("/etc", name).read_text(encoding="utf-8")
        if "\nlibvirt-qemu:" not in known:
            (directory / name).write_text(known + line, encoding="utf-8")
            _mount("--bind", str(directory / name), f"/etc/{name}")
    if os.path.exists("/dev/kvm"):
        # one that probing as root finds and QEMU's user cannot open makes libvirt probe again at each start of a domain
        closed = directory / "no-kvm"
        closed.touch(mode=0)
        _mount("--bind", str(closed), "/dev/kvm")


def main() -> None:
    directory = pathlib.Path(sys.argv[1])
    _furnish(directory)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_ignored: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    log = os.open(directory / "log/nest.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    commands = sys.stdin.buffer.raw
    pending = b""
    while True:
        ready, _writable, _failed = select.select([commands, woken], [], [])
        if commands in ready:
            read = commands.read(65536)
            if not read:
                return
            *lines, pending = (pending + read).split(b"\n")
            for line in lines:
                # not kept: whatever it is, it is reaped below
                subprocess.Popen(json.loads(line), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        if woken in ready:
            os.read(woken, 65536)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                pass


if __name__ == "__main__":
    main()
