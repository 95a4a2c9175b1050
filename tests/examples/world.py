# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the examples of the documentation talk of: the servers gl1 to gl3, volumes, a cloud. It is there in this run's name spaces only.

So the examples run exactly as they are written, whatever they name.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import socket
import time

from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import qcow2
from ansible_collections.vdisk.gluster.tests.harness.glance import Glance
from ansible_collections.vdisk.gluster.tests.harness.gluster import VOLUME_OPTIONS, gluster, mounts_below
from ansible_collections.vdisk.gluster.tests.harness.programs import command

SERVERS = ("gl1", "gl2", "gl3")
BRICKS = pathlib.Path("/var/lib/vdisk/bricks")
CLOUDS = pathlib.Path("/etc/openstack/clouds.yaml")


class World:
    """The name spaces, furnished."""

    def __init__(self) -> None:
        """Furnish them.

        :raises AssertionError: this process is not in name spaces of its own.
        """
        assert os.environ.get("EXAMPLES_HAVE_ENTERED") and os.getppid() == 1, "run make examples, which makes name spaces for this"
        socket.sethostname(SERVERS[0])
        hosts = "".join(f"127.0.1.{number} {name}\n" for number, name in enumerate((*SERVERS, "backup1"), 1))
        pathlib.Path("/etc/hosts").write_text("127.0.0.1 localhost\n" + hosts, encoding="utf-8")
        pathlib.Path("/etc/fstab").write_text("", encoding="utf-8")
        if "\nkvm:" not in pathlib.Path("/etc/group").read_text(encoding="utf-8"):
            command("groupadd", "--system", "kvm")
        for directory in ("/run/gluster", "/run/lock", str(BRICKS), "/bricks/1", "/var/lib/images"):
            os.makedirs(directory)
        for directory in (str(BRICKS), "/bricks/1"):
            # as large as the disks of the examples; nothing is written to most of it
            command("mount", "-t", "tmpfs", "-o", "mode=755,size=200G", "examples", directory)
        self._roots: dict[str, pathlib.Path] = {}
        self._glance: Glance | None = None
        command("glusterd", "-p", "/run/glusterd.pid")
        for _try in range(120):
            if command("gluster", "--mode=script", "--timeout=5", "pool", "list", check=False).returncode == 0:
                return
            time.sleep(0.25)
        raise AssertionError("glusterd does not answer: " + pathlib.Path("/var/log/glusterfs/glusterd.log").read_text()[-2000:])

    def volume(self, name: str) -> pathlib.Path:
        """Let there be a GlusterFS volume of that name on gl1, and return where its root is seen beside all mount points."""
        if name not in self._roots:
            gluster("volume", "create", name, f"{SERVERS[0]}:{BRICKS}/{name}", "force")
            gluster("volume", "set", name, *(word for pair in VOLUME_OPTIONS.items() for word in pair))
            gluster("volume", "start", name)
            root = pathlib.Path("/run", f"root-of-{name}")
            root.mkdir()
            command("mount", "-t", "glusterfs", "-o", "attribute-timeout=0,entry-timeout=0", f"{SERVERS[0]}:/{name}", str(root))
            self._roots[name] = root
        return self._roots[name]

    def without(self, name: str) -> None:
        """Let there be no GlusterFS volume of that name."""
        root = self._roots.pop(name, None)
        if root is not None:
            command("umount", "-l", str(root))
            root.rmdir()
            gluster("volume", "stop", name, "force")
            gluster("volume", "delete", name)
            shutil.rmtree(BRICKS / name)

    def glance(self) -> Glance:
        """Let there be an image service, as the cloud that the examples name."""
        if self._glance is None:
            directory = pathlib.Path("/run/glance")
            directory.mkdir()
            self._glance = Glance(directory)
            self._glance.start()
            CLOUDS.parent.mkdir(exist_ok=True)
            cloud = next(iter(json.loads(self._glance.clouds.read_text(encoding="utf-8"))["clouds"].values()))
            CLOUDS.write_text(json.dumps({"clouds": {"production": cloud}}), encoding="utf-8")
        return self._glance

    def backup_host(self) -> None:
        """Let there be an sshd on backup1, which root of this host may enter as backup, and an empty place for repositories."""
        store = pathlib.Path("/srv/borg")
        shutil.rmtree(store, ignore_errors=True)
        store.mkdir(parents=True)
        shutil.chown(store, "backup", "backup")
        keys = pathlib.Path("/run/ssh-keys")
        if keys.exists():
            return
        keys.mkdir()
        # what its unit makes at boot
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        for name in ("host", "user"):
            command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / name))
        command("usermod", "--shell", "/bin/sh", "--home", str(store), "backup")
        (keys / "config").write_text(
            f"ListenAddress backup1\nHostKey {keys}/host\nPidFile none\nAuthorizedKeysFile {keys}/user.pub\nStrictModes no\nUsePAM no\n"
        )
        place = pathlib.Path("/etc/ssh/ssh_config.d/examples.conf")
        place.write_text(f"Host backup1\nIdentityFile {keys}/user\nUserKnownHostsFile {keys}/known\nStrictHostKeyChecking accept-new\n")
        # it goes to the background as soon as it listens
        command("/usr/sbin/sshd", "-f", str(keys / "config"))

    def cloud_image(self) -> bytes:
        """Return the image that examples call debian-12: an empty qcow2 of 2 GiB, so that its checksum can stand in an example."""
        layout = qcow2.new_image(2 << 30)
        content = bytearray(layout.length)
        for offset, piece in layout.pieces:
            content[offset : offset + len(piece)] = piece
        return bytes(content)

    def clear(self) -> None:
        """Take away what a page has made."""
        for place in (pathlib.Path("/var/lib/vdisk/mnt"), pathlib.Path("/var/lib/cinder/mnt")):
            for point in mounts_below(place):
                command("umount", "-l", point)
            shutil.rmtree(place, ignore_errors=True)
        for root in self._roots.values():
            for entry in root.iterdir():
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        pathlib.Path("/etc/fstab").write_text("", encoding="utf-8")
        shutil.rmtree("/var/backups", ignore_errors=True)
        os.mkdir("/var/backups")
        shutil.rmtree("/srv/backup", ignore_errors=True)
        if self._glance is not None:
            self._glance.clear()

    def close(self) -> None:
        """End what would outlive this process by some moments."""
        if self._glance is not None:
            self._glance.stop()
