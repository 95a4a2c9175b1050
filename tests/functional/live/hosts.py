# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules run on a host whose machines run, to their end or until they are killed."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
from typing import Any

from ansible_collections.vdisk.gluster.tests.functional.live.meddling import Meddler
from ansible_collections.vdisk.gluster.tests.harness import hosts
from ansible_collections.vdisk.gluster.tests.harness.guests.hypervisor import Hypervisor
from ansible_collections.vdisk.gluster.tests.harness.killer import Killer
from ansible_collections.vdisk.gluster.tests.harness.processes import wait_until

_ASK_NO_HYPERVISOR = {"gluster_share_info"}


class Run:
    """A module that runs."""

    def __init__(self, worker: hosts.Worker) -> None:
        self.pid = worker.pid
        self._worker = worker
        self._ended: hosts.Ended | None = None

    def wait(self) -> hosts.Ended:
        """Wait for its end."""
        if self._ended is None:
            self._ended = self._worker.end()
        return self._ended

    def is_stopped(self) -> bool:
        """Tell whether it stands still, see C(Meddler)."""
        try:
            return pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].startswith("T")
        except OSError:
            return False

    def wait_until_stopped(self) -> None:
        """Wait until it stands still.

        :raises AssertionError: it ended instead.
        """
        try:
            wait_until(lambda: self.is_over() or self.is_stopped(), "the module to come to the call", 90)
        except AssertionError:
            self.kill()  # or its worker would be of no use to the next test
            raise
        assert self.is_stopped(), f"it has ended before that call: {self.wait()}"

    def go_on(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def fail_without(self, hypervisor: Hypervisor) -> hosts.Ended:
        """Let it go on after libvirtd was killed, and start that again when it has ended: what it leaves to thaw a guest waits for that."""
        hypervisor.kill_daemon()
        self.go_on()
        wait_until(self.is_over, "the module to end without libvirtd", 60)
        hypervisor.restart_daemon()
        return self.wait()

    def kill_group(self) -> hosts.Ended:
        """Kill it with all processes of its group, as Ansible and a terminal do."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        return self.wait()

    def kill_with_children(self) -> hosts.Ended:
        """Kill it and, before it, all that it has started: also what would mend something after its end."""
        for child in pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
        return self.kill()

    def is_over(self) -> bool:
        """Tell whether it has ended."""
        return not os.path.exists(f"/proc/{self.pid}")

    def kill(self) -> hosts.Ended:
        """Kill it, and wait until the programs that it had started are gone too."""
        if self._ended is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        return self.wait()


class Host(hosts.Host):
    """A mount of a share, as one host has it, and that host's hypervisor."""

    def __init__(self, share: str, base: pathlib.Path, worker: hosts.Worker, libvirt_uri: str, control: pathlib.Path) -> None:
        super().__init__(share, base, worker)
        self._libvirt_uri = libvirt_uri
        self._control = control
        self._runs: list[Run] = []

    def begin(
        self,
        module: str,
        options: dict[str, Any],
        killer: Killer | None = None,
        worker: hosts.Worker | None = None,
        prepare: dict[str, Any] | None = None,
    ) -> None:
        """Start a module on this host."""
        more = {} if module in _ASK_NO_HYPERVISOR else {"libvirt_uri": self._libvirt_uri}
        super().begin(module, {**more, **options}, killer, worker, prepare)

    def start(self, module: str, **options: Any) -> Run:
        """Start a module and do not wait; no other one runs on this host until its end was waited for."""
        self.begin(module, options)
        return self.running()

    def start_with(self, meddler: Meddler, module: str, options: dict[str, Any]) -> Run:
        """Start a module whose calls of libvirt are meddled with."""
        self.begin(module, options, prepare=meddler.prepare)
        return self.running()

    def kill_after_the_copy(self, module: str, **options: Any) -> None:
        """Kill a module that copies a running volume when qemu-img has copied, and nothing was given its name yet."""
        # the first call puts the overlay on that the copy needs
        meddler = self.meddler(at=2, after=True, programs=True)
        run = self.start_with(meddler, module, options)
        run.wait_until_stopped()
        assert meddler.calls[1:] in (["convert"], ["fill"]), meddler.calls
        assert run.kill().status == -signal.SIGKILL

    def running(self) -> Run:
        """Return the module that runs."""
        self._runs.append(Run(self._worker))
        return self._runs[-1]

    def close(self) -> None:
        """Unmount; a module that a failed test has left standing is killed, or the next test would wait for it."""
        for run in self._runs:
            run.kill()
        super().close()

    def meddler(self, at: int = 0, after: bool = False, **more: Any) -> Meddler:
        """Return what stops the next run at its N-th call that lets libvirt change something; without C(at) they are only noted."""
        return Meddler(self._control.with_suffix(".meddled"), at, after, **more)

    def refused(self, module: str, **options: Any) -> str:
        """Run a module that must fail having changed nothing, and return its sentence."""
        ended = self.run(module, options)
        assert ended.status == 1 and not ended.values.get("changed") and not ended.values.get("actions"), ended.values
        return ended.values["msg"]

    def killer(self, at: int = 0, after: bool = False) -> Killer:
        """Return what kills the next run at its N-th call that changes a file of the share; without C(at) it counts these calls."""
        return Killer(self._control, [self.root], at, after)

    def path(self, name: str) -> pathlib.Path:
        """Return the path of a file of the share."""
        return self.root / name
