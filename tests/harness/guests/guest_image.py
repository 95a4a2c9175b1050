# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test guest: Debian's cloud kernel and a root file system in memory with busybox, the guest agent and the record writer."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import shutil
import subprocess

from ansible_collections.vdisk.gluster.tests.harness.guests.cpio import Archive
from ansible_collections.vdisk.gluster.tests.harness.installed import guest_packages

_HERE = pathlib.Path(__file__).resolve().parent
_DRIVERS = (
    # in the order of what needs what: insmod follows no dependencies
    "virtio_ring",
    "virtio",
    "virtio_pci_legacy_dev",
    "virtio_pci_modern_dev",
    "virtio_pci",
    "virtio_blk",
    "virtio_console",
)
_DIRECTORIES = "bin sbin dev proc sys run tmp mnt modules usr/sbin var/log etc".split()


@dataclasses.dataclass(frozen=True)
class GuestImage:
    """What a machine boots."""

    kernel: pathlib.Path
    initrd: pathlib.Path


def build(directory: pathlib.Path) -> GuestImage:
    """Make kernel and root file system in a directory that QEMU's user can enter, of Debian's packages."""
    packages = guest_packages()
    (modules,) = (packages / "lib/modules").iterdir()
    archive = Archive()
    for path in _DIRECTORIES:
        archive.directory(path)
    archive.character_device("dev/console", 5, 1)
    archive.copy("init", _HERE / "guest/init.sh")
    archive.copy("bin/busybox", packages / "bin/busybox")
    archive.link("bin/sh", "busybox")
    archive.file("etc/passwd", b"root:x:0:0:root:/:/bin/sh\n", 0o644)
    for driver in _DRIVERS:
        (path,) = modules.glob(f"kernel/drivers/**/{driver}.ko")
        archive.copy(f"modules/{driver}.ko", path)
    archive.file("modules/order", "".join(f"{driver}.ko\n" for driver in _DRIVERS).encode(), 0o644)
    archive.copy("bin/writer", _compiled(directory))
    programs = {"usr/sbin/qemu-ga": packages / "usr/sbin/qemu-ga", "sbin/mke2fs": pathlib.Path("/sbin/mke2fs")}
    for name, path in programs.items():
        archive.copy(name, path)
    archive.copy("etc/mke2fs.conf", pathlib.Path("/etc/mke2fs.conf"))
    for library in sorted(set().union(*(_libraries(path) for path in programs.values()))):
        archive.copy(library.lstrip("/"), pathlib.Path(library))
    image = GuestImage(directory / "vmlinuz", directory / "initrd")
    image.initrd.write_bytes(archive.finished())
    (kernel,) = (packages / "boot").glob("vmlinuz-*")
    shutil.copy(kernel, image.kernel)
    for path in (image.kernel, image.initrd):
        path.chmod(0o644)
    return image


def _compiled(directory: pathlib.Path) -> pathlib.Path:
    writer = directory / "writer"
    argv = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", str(writer), str(_HERE / "guest/writer.c")]
    subprocess.run(argv, check=True)
    return writer


def _libraries(program: pathlib.Path) -> set[str]:
    told = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    assert "not found" not in told, f"{program} lacks libraries on this machine: {told}"
    return set(re.findall(r"(/\S+) \(0x", told))
