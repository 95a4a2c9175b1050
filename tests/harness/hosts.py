# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A share of a run's own as two hosts see it, and modules run on each of them."""

from __future__ import annotations

import ctypes
import dataclasses
import hashlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import uuid
from typing import Any, Sequence

import ansible_collections.vdisk.gluster as collection
from ansible_collections.vdisk.gluster.tests.harness.gluster import Servers
from ansible_collections.vdisk.gluster.tests.harness.killer import Killer
from ansible_collections.vdisk.gluster.tests.harness.programs import command

_WORKER = pathlib.Path(__file__).with_name("worker.py")
_CLONE_NEWUTS = 0x04000000
_COLLECTIONS = str(pathlib.Path(next(iter(collection.__path__))).parents[2])


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a run of a module ended: C(status) is negative for a signal, C(values) empty where it was killed."""

    status: int
    values: dict[str, Any]


class Worker:
    """A process that runs modules, one at a time, with the killer preloaded."""

    def __init__(self, library: pathlib.Path | None = None, name: str | None = None, entering: Sequence[str] = ()) -> None:
        """Start it; C(name) is what its host is called, if not as this machine, C(entering) the words that run it elsewhere."""
        self.pid = 0
        self._process = subprocess.Popen(
            [*entering, sys.executable, str(_WORKER), _COLLECTIONS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "LC_ALL": "C.UTF-8", **({"LD_PRELOAD": str(library)} if library else {})},
            preexec_fn=(lambda: _be_called(name)) if name is not None else None,
        )

    def begin(self, module: str, options: dict[str, Any], killer: Killer | None = None, prepare: dict[str, Any] | None = None) -> None:
        """Start a run; C(pid) is its process from now on.

        :param prepare: the C(module), C(function) and C(arguments) of what is called in that process before the module.
        """
        request = {"module": module, "options": options, "control": killer.told if killer else None, "prepare": prepare}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        self.pid = json.loads(self._process.stdout.readline())["pid"]

    def end(self) -> Ended:
        """Wait for the run to end."""
        answer = json.loads(self._process.stdout.readline())
        status, output = answer["status"], answer["output"]
        if status < 0:
            return Ended(status, {})
        assert status in (0, 1) and output.lstrip().startswith("{"), f"the module ends with {status}: {output.strip()[-400:]}"
        return Ended(status, json.loads(output))

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _be_called(name: str) -> None:
    """Give this process, which is to become a program, a host name of its own."""
    if ctypes.CDLL(None).unshare(_CLONE_NEWUTS):
        raise OSError("no name space for a host name can be made")
    socket.sethostname(name)


class Host:
    """A mount of the share, as one host has it; modules on it run in a worker."""

    def __init__(self, share: str, base: pathlib.Path, worker: Worker) -> None:
        self.share = share
        self.base = base
        self.root = base / hashlib.md5(share.encode()).hexdigest()
        self._worker = worker
        self.mount()

    def mount(self) -> None:
        self.root.mkdir(parents=True)
        command("mount", "-t", "glusterfs", self.share, str(self.root))

    def begin(
        self,
        module: str,
        options: dict[str, Any],
        killer: Killer | None = None,
        worker: Worker | None = None,
        prepare: dict[str, Any] | None = None,
    ) -> None:
        """Start a module on this host, in its own worker or another."""
        more = {"share": self.share, "mount_point_base": str(self.base), "libvirt_uri": "none"}
        (worker or self._worker).begin(module, {**more, **options}, killer, prepare)

    def run(self, module: str, options: dict[str, Any], killer: Killer | None = None) -> Ended:
        """Run a module on this host, to its end or until it is killed."""
        self.begin(module, options, killer)
        return self._worker.end()

    def ok(self, module: str, **options: Any) -> dict[str, Any]:
        """Run a module that must succeed and return its values."""
        ended = self.run(module, options)
        assert ended.status == 0, ended.values
        return ended.values

    def look(self, name: str) -> dict[str, Any]:
        """Return the object of a volume."""
        return self.ok("gluster_volume_file_info", name=[name])["volumes"][0]

    def close(self) -> None:
        command("umount", "-l", str(self.root), check=False)


class Hosts:
    """Two hosts with the same share, a directory of a GlusterFS volume that is this run's own."""

    def __init__(self, servers: Servers, volume: str, directory: pathlib.Path, library: pathlib.Path) -> None:
        name = "f" + uuid.uuid4().hex[:8]
        self.behind = servers.root(volume) / name
        self.behind.mkdir()
        self.tmp = directory
        self.library = library
        self._worker = Worker(library)
        share = f"localhost:/{volume}/{name}"
        self.here, self.there = (Host(share, directory / base, self._worker) for base in ("here", "there"))

    def killer(self, at: int = 0, after: bool = False, *also: pathlib.Path) -> Killer:
        """Return what kills the next run on the first host at its N-th call; C(also) are directories beside the share."""
        return Killer(self.tmp / "control", [self.here.root, *also], at, after)

    def close(self) -> None:
        self._worker.close()
        self.here.close()
        self.there.close()
