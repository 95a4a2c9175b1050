# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes that are laid down again and again under new names, and all that counts of what became of them."""

from __future__ import annotations

import dataclasses
import errno
import functools
import json
import os
import pathlib
import random
import re
import stat
import subprocess
import time
from typing import Any, Callable, TypeVar

from ansible_collections.vdisk.gluster.tests.functional.faults.images import CLUSTER, Qcow2, read_chain, read_fresh

TEMPLATE = "tmpl"
"""What the names of the volumes of a template begin with; copies begin with other four characters."""
T = TypeVar("T")
_STALE_TRIES = 20
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z")


class Template:
    """The files of volumes, kept in memory with their holes."""

    def __init__(self, root: pathlib.Path) -> None:
        self._files: dict[str, tuple[os.stat_result, bytes]] = {}
        for path in sorted([*root.glob("*"), *root.glob(".*"), *root.glob(".vdisk/*")]):
            if path.is_file() and path.suffix != ".lock":
                self._files[str(path.relative_to(root))] = (path.stat(), path.read_bytes())

    def lay_down(self, root: pathlib.Path, name: str) -> None:
        """Make a copy; headers and texts are the same but for the name, which is as long."""

        def renamed(content: bytes) -> bytes:
            return content.replace(TEMPLATE.encode(), name.encode())

        for file, (status, content) in self._files.items():
            path = root / renamed(file.encode()).decode()
            path.parent.mkdir(mode=0o700, exist_ok=True)
            head = CLUSTER if content.startswith(b"QFI\xfb") else len(content) if file.endswith((".info", ".json")) else 0
            copied = renamed(content[:head]) + content[head:]
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            for start in range(0, len(copied), CLUSTER):
                piece = copied[start : start + CLUSTER]
                if piece.strip(b"\0"):
                    os.pwrite(descriptor, piece, start)
            os.ftruncate(descriptor, len(copied))
            os.fchown(descriptor, status.st_uid, status.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
            os.close(descriptor)


@dataclasses.dataclass(frozen=True)
class Layout:
    """What the info file and the record of a volume name."""

    active: str
    snapshots: dict[str, str]
    base: str
    base_format: str

    @property
    def active_format(self) -> str:
        return self.base_format if self.active == self.base else "qcow2"


def _again_when_stale(read: Callable[..., T]) -> Callable[..., T]:
    """Let a function be called again while this mount still remembers what another one has just replaced or removed."""

    @functools.wraps(read)
    def patient(*args: Any, **named: Any) -> T:
        for _attempt in range(_STALE_TRIES):
            try:
                return read(*args, **named)
            except OSError as error:
                if error.errno != errno.ESTALE:
                    raise
                time.sleep(0.1)
        return read(*args, **named)

    return patient


@_again_when_stale
def layout(root: pathlib.Path, volume: str, base_format: str = "raw") -> Layout:
    """Read info file and record without the collection; C(base_format) is for a volume without a record."""
    # another mount's changes of the last second are seen after a listing, and what it removed by the listing alone
    names = os.listdir(root)
    own = os.listdir(root / ".vdisk") if ".vdisk" in names else []
    info, record = {"active": volume}, {"base_file": volume, "base_format": base_format}
    if f"{volume}.info" in names:
        info = json.loads(read_fresh(root / f"{volume}.info"))
    if f"{volume}.json" in own:
        record = json.loads(read_fresh(root / f".vdisk/{volume}.json"))
    return Layout(info.pop("active"), info, record["base_file"], record["base_format"])


@_again_when_stale
def points(root: pathlib.Path, volume: str, base_format: str = "raw") -> dict[str, bytes] | None:
    """Return what each point in time and, as C(now), the volume itself read as, without the collection; None where there is none."""
    found = layout(root, volume, base_format)
    if found.active not in os.listdir(root):
        return None

    def read(file: str) -> bytes:
        return read_chain(root, file, found.base, found.base_format)

    return {**{name: read(str(Qcow2(root / file).backing)) for name, file in found.snapshots.items()}, "now": read(found.active)}


def files_of(root: pathlib.Path, name: str) -> list[str]:
    """Return the paths of all files that belong to volumes of a name or could be left of them, but for the locks."""
    found = []
    for directory in ("", ".vdisk/"):
        if (root / directory).exists():
            found += [directory + file for file in os.listdir(root / directory) if file.lstrip(".").startswith(name)]
    return sorted(file for file in found if not file.endswith(".lock"))


@_again_when_stale
def state(root: pathlib.Path, name: str) -> dict[str, Any]:
    """Return the listing, the info files, the records and the headers of volumes, with their name and the times taken out."""
    found: dict[str, Any] = {}
    for file in files_of(root, name):
        status, text = os.stat(root / file), ""
        if file.endswith((".info", ".json")):
            text = read_fresh(root / file).decode()
        elif read_fresh(root / file).startswith(b"QFI\xfb"):
            image = Qcow2(root / file)
            text = f"{image.size} over {image.backing}"
        else:
            text = str(status.st_size)
        found[file] = (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, text)
    return json.loads(_TIME.sub("TIME", json.dumps(found).replace(name, "NAME")))


_SECTOR = 512


def written(content: bytes, number: int) -> bytes:
    """Return what a disk reads as after a machine has written to it."""
    result = bytearray(content)
    for start in _places(len(content)):
        result[start : start + _SECTOR] = bytes([number]) * _SECTOR
    return bytes(result)


def _places(size: int) -> tuple[int, ...]:
    # in a cluster of its own each: the first, one in the middle, the last
    return 1024, size // 2, size - _SECTOR


def write_as_machine(root: pathlib.Path, volume: str, size: int, number: int, base_format: str = "raw") -> bool:
    """Write to a volume as a machine does that is started now, and tell whether it could be."""
    found = layout(root, volume, base_format)
    words = [word for start in _places(size) for word in ("-c", f"write -q -P {number} {start} {_SECTOR}")]
    done = subprocess.run(["qemu-io", "-f", found.active_format, *words, root / found.active], capture_output=True, check=False)
    return done.returncode == 0 and not done.stderr


@_again_when_stale
def _forget(root: pathlib.Path, volume: str) -> None:
    """Let a machine that is started here not go by what this mount remembers of what another one wrote."""
    for file in os.listdir(root):
        if file.split(".")[0] == volume and (root / file).is_file():
            read_fresh(root / file)


def machine_write(root: pathlib.Path, volume: str, disk: bytes, chance: random.Random, active: str | None = None) -> bytes:
    """Write a few patterns at random to a volume as a machine does, and return what its disk reads as then."""
    found = layout(root, volume)
    _forget(root, volume)
    result, words = bytearray(disk), []
    for _pattern in range(chance.randint(1, 3)):
        start = chance.randrange(len(disk) // _SECTOR) * _SECTOR
        length = min(chance.choice([1, 8, 128, 512]) * _SECTOR, len(disk) - start)
        byte = chance.randrange(256)
        words += ["-c", f"write -q -P {byte} {start} {length}"]
        result[start : start + length] = bytes([byte]) * length
    file = active or found.active
    image_format = "qcow2" if file != found.base else found.base_format
    done = subprocess.run(["qemu-io", "-f", image_format, *words, root / file], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, f"no machine can write to {file}: {done.stdout} {done.stderr}"
    return bytes(result)
