# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stopping a module right before or after one of its calls that let libvirt change something, so that a test can do harm just then."""

from __future__ import annotations

import os
import pathlib
import signal
from typing import Any, Callable

from ansible_collections.vdisk.gluster.plugins.module_utils._libvirt.connection import LibvirtHypervisor
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.hypervisor import Denied

_CALLS = {
    "virDomain": (
        "snapshotCreateXML",
        "blockCommit",
        "blockRebase",
        "blockJobAbort",
        "blockResize",
        "fsFreeze",
        "fsThaw",
        "suspend",
        "resume",
    ),
    "virConnect": ("defineXML",),
}
_COPIES = ("convert", "fill")
_BANDWIDTH = {"blockCommit": 3, "blockRebase": 2}
"""Which argument of a call is the greatest speed of its job."""


class Meddler:
    """What a run is told, and what it noted.

    :param at: the number of the call at which it stops itself, from 1; 0 for none.
    :param after: stop after the call instead of before it.
    :param speed: bytes in a second that the block job may move which that call begins; 0 for any number.
    :param deny: let libvirt seem to deny each merge down, as AppArmor does.
    :param programs: let the copying of an image by qemu-img count as a call too.
    """

    def __init__(
        self, path: pathlib.Path, at: int = 0, after: bool = False, speed: int = 0, deny: bool = False, programs: bool = False
    ) -> None:
        self._path = path
        self._path.unlink(missing_ok=True)
        arguments = {"path": str(path), "at": at, "after": after, "speed": speed, "deny": deny, "programs": programs}
        self.prepare = {"module": __name__, "function": "meddle", "arguments": arguments}

    @property
    def calls(self) -> list[str]:
        """The names of the calls so far."""
        return self._path.read_text().split() if self._path.exists() else []


def meddle(path: str, at: int, after: bool, speed: int, deny: bool, programs: bool) -> None:
    """Change what libvirt's binding does in this process."""
    import libvirt
    from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import qemu_img

    own, count = os.getpid(), 0

    def changed(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            nonlocal count
            if os.getpid() != own:
                # a process that was left to mend things after the end of this one
                return real(*arguments, **more)
            count += 1
            with open(path, "a", encoding="utf-8") as log:
                log.write(f"{name}\n")
            number = count
            if number == at and not after:
                os.kill(own, signal.SIGSTOP)
            if speed and number == at and name in _BANDWIDTH:
                index = 1 + _BANDWIDTH[name]
                # the flag BANDWIDTH_BYTES has another value for each of the two
                kind = "COMMIT" if name == "blockCommit" else "REBASE"
                flag = getattr(libvirt, f"VIR_DOMAIN_BLOCK_{kind}_BANDWIDTH_BYTES")
                arguments = (*arguments[:index], speed, arguments[index + 1] | flag)
            result = real(*arguments, **more)
            if number == at and after:
                os.kill(own, signal.SIGSTOP)
                # a libvirtd that has died meanwhile died before its answer was read: the question is the cheapest one there is
                if name not in _COPIES:
                    (arguments[0].connect() if hasattr(arguments[0], "connect") else arguments[0]).getLibVersion()
            return result

        return call

    for kind, names in _CALLS.items():
        binding = getattr(libvirt, kind)
        for name in names:
            setattr(binding, name, changed(name, getattr(binding, name)))
    if programs:
        for name in _COPIES:
            setattr(qemu_img.QemuImg, name, changed(name, getattr(qemu_img.QemuImg, name)))
    if deny:

        def denied(*_arguments: Any) -> None:
            raise Denied("libvirt cannot merge it down: Permission denied")

        LibvirtHypervisor.commit = denied
        LibvirtHypervisor.commit_active = denied
