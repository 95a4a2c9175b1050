# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An S3 server for the tests, on a free port of the loopback address. What it stores is gone with it."""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import subprocess
import urllib.request

from ansible_collections.vdisk.gluster.tests.harness.installed import venv
from ansible_collections.vdisk.gluster.tests.harness.playing import until

# it has packages of its own, whatever those are with which the tests run
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


class Server:
    """The server, which logs into a directory."""

    def __init__(self, directory: pathlib.Path) -> None:
        self._program = venv("s3") / "bin" / "moto_server"
        self._log = directory / "s3.log"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        argv = [str(self._program), "-H", "127.0.0.1", "-p", str(self._port)]
        with open(self._log, "w", encoding="utf-8") as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log, env=_ENVIRONMENT)
        until(self._answers, "the S3 server")

    def _answers(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(self.address, timeout=5):
            return True
        return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
