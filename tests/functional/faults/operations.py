# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is killed: each operation, the volumes it begins with, and what it is to change."""

from __future__ import annotations

import atexit
import dataclasses
import json
import os
import pathlib
import tempfile
from typing import Any, Callable

from ansible_collections.vdisk.gluster.tests.functional.faults.states import TEMPLATE
from ansible_collections.vdisk.gluster.tests.harness.hosts import Hosts
from ansible_collections.vdisk.gluster.tests.harness.programs import command

KIB = 1 << 10
DOWNWARDS = (512, 384, 192, 96, 64)
"""KiB written into each file of a chain, base first, so that merging down is cheaper everywhere."""
UPWARDS = (32, 64, 64, 1024, 3584)
"""The same for merging up wherever that can be."""

A, B, C = (TEMPLATE + letter for letter in "abc")


def write(hosts: Hosts, volume: str, *patterns: tuple[int, int, int]) -> None:
    """Write C(byte, offset, length) to a volume as a machine does: through its active file."""
    found = hosts.here.look(volume)
    words = [word for byte, offset, length in patterns for word in ("-c", f"write -q -P {byte} {offset} {length}")]
    command("qemu-io", "-f", found["format"], *words, str(hosts.here.root / found["active_file"]))


def snapshot(hosts: Hosts, volume: str, name: str) -> None:
    hosts.here.ok("gluster_snapshot", volume=[volume], name=[name], label=f"{name} of it")


def nothing(hosts: Hosts) -> None:
    """Leave the share empty."""


def blank(hosts: Hosts, base_format: str = "raw", volume: str = A) -> None:
    hosts.here.ok("gluster_volume_file", name=[volume], size="1M", format=base_format, owner="107", mode="0640")
    write(hosts, volume, (7, 0, 640 * KIB))


def blank_qcow2(hosts: Hosts) -> None:
    blank(hosts, "qcow2")


def chain(hosts: Hosts, lengths: tuple[int, ...] = DOWNWARDS, volume: str = A, base_format: str = "raw", size: str = "1M") -> None:
    """Make a volume with four snapshots and other data in each file."""
    hosts.here.ok("gluster_volume_file", name=[volume], size=size, format=base_format)
    for number, length in enumerate(lengths):
        if number:
            snapshot(hosts, volume, f"s{number}")
        write(hosts, volume, (number + 1, number * 48 * KIB, length * KIB))


def chain_upwards(hosts: Hosts) -> None:
    chain(hosts, UPWARDS, base_format="qcow2", size="4M")


def group(hosts: Hosts) -> None:
    """Make three volumes, one of them with snapshots."""
    chain(hosts)
    blank(hosts, "qcow2", B)
    blank(hosts, "raw", C)


def source_raw(hosts: Hosts) -> None:
    """Make the volume that is cloned; the one that is made of it is not there."""
    chain(hosts, volume=B)


def source_qcow2(hosts: Hosts) -> None:
    chain(hosts, volume=B, base_format="qcow2")


IMAGE = pathlib.Path(tempfile.gettempdir()) / f"vdisk-faults-{os.getpid()}.vmdk"
"""An image that is imported; beside the shares, for both hosts open it by the same name."""


def image(hosts: Hosts) -> None:
    """Make the image."""
    raw = hosts.tmp / "image.raw"
    raw.write_bytes(bytes(64 * KIB) + bytes(range(1, 256)) * 2048 + bytes(64 * KIB))
    command("qemu-img", "convert", "-f", "raw", "-O", "vmdk", str(raw), str(IMAGE))
    atexit.register(IMAGE.unlink, missing_ok=True)


def foreign(hosts: Hosts) -> None:
    """Lay down a volume with one snapshot as Cinder's driver did."""
    root = hosts.here.root
    (root / A).write_bytes(b"\7" * (1 << 20))
    command("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", A, str(root / f"{A}.5e0b"), "1M")
    (root / f"{A}.info").write_text(json.dumps({"active": f"{A}.5e0b", "5e0b": f"{A}.5e0b"}, indent=1, sort_keys=True))


def damaged(hosts: Hosts) -> None:
    """Let a header name its backing file by a path, lay an empty overlay beside and leave temporary files."""
    chain(hosts)
    root = hosts.here.root
    command("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", str(root / f"{A}.s2"), str(root / f"{A}.s3"))
    command("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", f"{A}.s4", str(root / f"{A}.stray"), "1M")
    (root / f".{A}.s9.vdisk-0badcafe").write_bytes(b"QFI")
    (root / f".vdisk/.{A}.json.vdisk-0badcafe").write_bytes(b"{")


@dataclasses.dataclass(frozen=True)
class Operation:
    """One operation.

    :param kind: C(make), C(take), C(drop), C(revert), C(keep) or C(remove): what it does to points in time.
    :param gone: snapshots that it deletes.
    :param volumes: how many volumes it changes.
    :param says: what an undisturbed run must say in its actions, so that it is the operation that is meant.
    """

    prepare: Callable[[Hosts], None]
    module: str
    options: dict[str, Any]
    kind: str
    gone: tuple[str, ...] = ()
    volumes: int = 1
    says: str = ""
    base_format: str = "raw"

    def of(self, name: str, options: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the options for the copies of a name."""
        return json.loads(json.dumps(self.options if options is None else options).replace(TEMPLATE, name))

    def names(self, name: str) -> list[str]:
        """Return the volumes of the copies of a name."""
        return [name + letter for letter in "abc"[: self.volumes]]


def _volume(prepare: Callable[[Hosts], None], kind: str, says: str, **options: Any) -> Operation:
    return Operation(prepare, "gluster_volume_file", {"name": [A], **options}, kind, says=says, base_format=options.get("format", "raw"))


def _take(prepare: Callable[[Hosts], None], volumes: int = 1) -> Operation:
    options = {"volume": [A, B, C][:volumes], "name": ["s9"], "label": "of a test"}
    return Operation(prepare, "gluster_snapshot", options, "take", volumes=volumes, says="Create overlay")


def _drop(prepare: Callable[[Hosts], None], says: str, *gone: str, volumes: int = 1) -> Operation:
    options = {"volume": [A, B, C][:volumes], "name": list(gone), "state": "absent"}
    return Operation(prepare, "gluster_snapshot", options, "drop", gone, volumes, says)


def _revert(snapshot: str, *gone: str) -> Operation:
    options = {"volume": [A], "name": [snapshot], "state": "reverted", "discard_newer": bool(gone)}
    return Operation(chain, "gluster_snapshot", options, "revert", gone, says="is reverted to snapshot")


OPERATIONS = {
    "create raw sparse": _volume(nothing, "make", "raw, sparse", size="1M", owner="107", mode="0600"),
    "create raw falloc": _volume(nothing, "make", "raw, falloc", size="1M", allocation="falloc"),
    "create raw full": _volume(nothing, "make", "raw, full", size="9M", allocation="full"),
    "create qcow2": _volume(nothing, "make", "qcow2", size="1M", format="qcow2"),
    "clone raw": _volume(source_raw, "make", f"Copy {B}", source_volume=B, owner="107"),
    "clone as qcow2 and larger": _volume(source_raw, "make", f"Copy {B}", source_volume=B, format="qcow2", size="3M"),
    "clone reserved": _volume(source_qcow2, "make", f"Copy {B}", source_volume=B, format="raw", allocation="falloc"),
    "clone from a snapshot": _volume(source_qcow2, "make", f"Copy snapshot s2 of {B}", source_volume=B, source_snapshot="s2"),
    "import an image": _volume(image, "make", "Copy the image", source_image=str(IMAGE), source_format="vmdk"),
    "import an image as qcow2": _volume(image, "make", "Copy the image", source_image=str(IMAGE), source_format="vmdk", format="qcow2"),
    "grow raw": _volume(blank, "keep", "Grow", size="3M"),
    "grow qcow2": _volume(blank_qcow2, "keep", "Grow", size="3M", format="qcow2"),
    "grow with snapshots": _volume(chain, "keep", "Grow", size="3M"),
    "give to another owner": _volume(chain, "keep", "Give", owner="108", group="108", mode="0600"),
    "adopt": _volume(foreign, "keep", "Adopt", format="raw"),
    "repair": _volume(damaged, "keep", "Set the backing file", repair=True),
    "delete with snapshots": _volume(chain, "remove", "Remove the volume", state="absent", delete_snapshots=True),
    "take the first snapshot": _take(blank),
    "take another snapshot": _take(chain),
    "take a snapshot of three": _take(group, 3),
    "drop the oldest": _drop(chain, "down into tmpla ", "s1"),
    "drop the middle downwards": _drop(chain, "down into tmpla.s1", "s2"),
    "drop the middle upwards": _drop(chain_upwards, "up into tmpla.s3", "s3"),
    "drop the newest downwards": _drop(chain, "down into tmpla.s3", "s4"),
    "drop the newest upwards": _drop(chain_upwards, "up into tmpla.s4", "s3", "s4"),
    "drop two runs": _drop(chain_upwards, "up into tmpla.s4", "s1", "s3", "s4"),
    "drop all": _drop(chain, "down into tmpla ", "s1", "s2", "s3", "s4"),
    "drop from a group": _drop(group, "down into tmpla.s1", "s2", volumes=3),
    "revert to the newest": _revert("s4"),
    "revert to an older": _revert("s2", "s3", "s4"),
}
