# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of a lab: programs run on it, its cable and its power."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import time

from ansible_collections.vdisk.gluster.tests.harness.checkout import ROOT
from ansible_collections.vdisk.gluster.tests.harness.lab.cgroups import remove_cgroup
from ansible_collections.vdisk.gluster.tests.harness.lab.inhabitants import inhabitants, kill, lives_in, wait_until_empty
from ansible_collections.vdisk.gluster.tests.harness.lab.network import Network
from ansible_collections.vdisk.gluster.tests.harness.lab.plan import LabError, PlannedHost
from ansible_collections.vdisk.gluster.tests.harness.waiting import Patience

_PROCESS_ONE = pathlib.Path(__file__).with_name("boot.py")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TIMED_OUT = 124
_BOOT_SECONDS = 60


class Host:
    """A host of a lab; C(directory) holds its disks and outlives its power."""

    def __init__(self, directory: pathlib.Path, planned: PlannedHost, network: Network) -> None:
        self.name = planned.name
        self.group = planned.group
        self.address = planned.address
        self.directory = directory
        self.shared = directory / "shared"
        """A directory that the host has as /lab."""
        self._planned = planned
        self._cgroup = directory.parent / "cgroup" / directory.parent.name / planned.name
        self._network = network
        self._power: subprocess.Popen | None = None

    @property
    def pid(self) -> int:
        """The host's process 1, as it is called outside.

        :raises LabError: the host is off.
        """
        try:
            pid = int((self.directory / "pid").read_text())
        except (OSError, ValueError):
            pid = 0
        if not pid or not lives_in(pid, self._network.space(self.name)):
            raise LabError(f"the host {self.name} is off")
        return pid

    def is_on(self) -> bool:
        """Tell whether it has power."""
        try:
            return self.pid > 0
        except LabError:
            return False

    def entering(self) -> list[str]:
        """Return the words that, put before those of a command, run it on this host, as root and with the environment of the caller."""
        return ["nsenter", "--target", str(self.pid), *"--mount --uts --ipc --net --pid --cgroup --root --wd".split(), "--"]

    def command(self, argv: list[str]) -> list[str]:
        """Return a command line that runs a program on this host in a clean environment."""
        term = os.environ.get("TERM", "dumb")
        return [*self.entering(), "env", "-i", f"PATH={_PATH}", "HOME=/root", "LC_ALL=C.UTF-8", f"TERM={term}", *argv]

    def run(self, argv: list[str], check: bool = True, timeout: float = 120, told: str | None = None) -> subprocess.CompletedProcess:
        """Run a program on this host to its end; C(told) is its input, C(timeout) is in seconds.

        :raises LabError: it failed, or took too long, and C(check) is set.
        """
        # ended from within: whoever kills nsenter leaves the program behind
        limited = ["timeout", "--kill-after=1", str(timeout), *argv]
        done = subprocess.run(self.command(limited), input=told, capture_output=True, text=True, check=False)
        if check and done.returncode:
            how = f"took more than {timeout} s" if done.returncode == _TIMED_OUT else f"ended with {done.returncode}"
            raise LabError(f"{' '.join(argv)} on {self.name} {how}: {(done.stdout + done.stderr).strip()}")
        return done

    def start(self, argv: list[str], **more: object) -> subprocess.Popen:
        """Start a program on this host; C(more) goes to C(subprocess.Popen)."""
        return subprocess.Popen(self.command(argv), **more)  # type: ignore[call-overload]

    def processes(self, name: str) -> list[int]:
        """Return the processes of this host that have a name, as they are called outside."""
        found = []
        for pid in inhabitants([self._network.space(self.name)]):
            try:
                if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == name[:15]:
                    found.append(pid)
            except OSError:
                continue  # it has just ended
        return found

    def kill(self, *names: str) -> int:
        """Kill all processes that have one of these names, and return how many there were."""
        space = self._network.space(self.name)
        found = [pid for name in names for pid in self.processes(name)]
        for pid in found:
            kill(pid, space)
        end = time.monotonic() + 10
        while any(lives_in(pid, space) for pid in found):
            if time.monotonic() > end:
                raise LabError(f"{found} on {self.name} do not end")
            time.sleep(0.01)
        return len(found)

    def cut(self) -> None:
        """Pull the cable."""
        self._network.cut(self.name)

    def join(self) -> None:
        """Put the cable back."""
        self._network.join(self.name)

    def is_cut(self) -> bool:
        """Tell whether the cable is pulled."""
        return self.is_on() and self._network.is_cut(self.name)

    def crash(self) -> None:
        """Cut the power: nobody on the network hears of it, and the disks stay.

        :raises LabError: the host is off, or does not end.
        """
        pid, space = self.pid, self._network.space(self.name)
        self.cut()
        kill(pid, space)
        for other in inhabitants([space]):
            kill(other, space)
        wait_until_empty([space])
        self._network.unplug(self.name)
        remove_cgroup(self._cgroup)

    def boot(self) -> None:
        """Switch it on, with its cable in, and wait until it is up.

        :raises LabError: the host is on already, or does not come up.
        """
        self.begin_boot()
        self.wait_until_up()

    def begin_boot(self) -> None:
        """Switch it on."""
        if self.is_on():
            raise LabError(f"the host {self.name} is on already")
        for left in ("pid", "shared/ready"):
            (self.directory / left).unlink(missing_ok=True)
        for place in (self.directory / "root", self.directory / "work", self._cgroup):
            place.mkdir(parents=True, exist_ok=True)
        self._network.plug(self._planned)
        spaces = "--mount --uts --ipc --pid --fork".split()
        init = [sys.executable, "-I", str(_PROCESS_ONE), str(self.directory), str(self._cgroup), self.name, str(ROOT)]
        entered = ["nsenter", f"--net={self._network.space(self.name)}", "unshare", *spaces, *init]
        with open(self.directory / "boot.log", "a") as log:
            apart = {"env": {"PATH": _PATH, "LC_ALL": "C.UTF-8"}, "cwd": "/", "start_new_session": True}
            # it ends when the host does, which may be after this process
            self._power = subprocess.Popen(entered, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **apart)

    def wait_until_up(self) -> None:
        """Wait until it can be reached by ssh.

        :raises LabError: it does not come up; the message holds what it said.
        """
        patience = Patience(_BOOT_SECONDS)
        while not (self.shared / "ready").exists():
            if patience.is_over() or self._power is not None and self._power.poll() is not None:
                log = (self.directory / "boot.log").read_text(errors="replace")
                raise LabError(f"the host {self.name} does not come up; it said: {log[-3000:]}")
            time.sleep(0.02)
