# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An sshd of a test's own on this machine, on a port and with keys of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import socket
import subprocess
from typing import Iterator

from ansible_collections.vdisk.gluster.tests.harness.playing import until


@dataclasses.dataclass
class Server:
    """An sshd that answers: its port, the key that opens it, and the options that a client needs."""

    port: int
    key: pathlib.Path
    options: str


@contextlib.contextmanager
def serving(keys: pathlib.Path, path: str = "/usr/sbin:/usr/bin:/sbin:/bin") -> Iterator[Server]:
    """Run an sshd with its files in a directory that is made; C(path) is the PATH of its sessions."""
    keys.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / name)], check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # what its unit makes at boot
    (keys / "config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {keys}/host\nPidFile none\nAuthorizedKeysFile {keys}/user.pub\n"
        "StrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        f"UsePAM no\nSubsystem sftp internal-sftp\nSetEnv PATH={path}\n"
    )
    with open(keys / "log", "w", encoding="utf-8") as log:
        daemon = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", str(keys / "config")], stderr=log)

    def answers() -> bool:
        assert daemon.poll() is None, (keys / "log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    try:
        until(answers, "sshd")
        yield Server(port, keys / "user", f"-o UserKnownHostsFile={keys}/known -o StrictHostKeyChecking=accept-new -F none")
    finally:
        daemon.terminate()
        daemon.wait(10)
