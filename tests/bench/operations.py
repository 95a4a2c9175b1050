# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is compared operation by operation: a task of a module, and the bare command that does the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator

from engine import SHA256
from glusterfs import Site, command, write_argv

DATA = 256
"""MiB of data in the volume that is exported."""

LISTED = 10
"""Volumes on the share that is summed up."""

_SAME = "about 1"


@dataclass(frozen=True)
class Operation:
    """One operation of each side; C(before) are commands that run first and are not timed."""

    name: str
    module: str
    options: dict[str, Any]
    bare: tuple[tuple[str, ...], ...]
    engine_goal: str = ""
    task_goal: str = _SAME
    before: tuple[tuple[str, ...], ...] = ()

    @property
    def bare_name(self) -> str:
        """What the bare side runs, in short."""
        words = [" ".join(argv[:2]) if argv[0] in ("qemu-img", "openssl") else argv[0] for argv in self.bare]
        counts = {word: words.count(word) for word in words}
        return ", ".join(f"{count} x {word}" if count > 1 else word for word, count in counts.items())


def prepare(site: Site) -> None:
    """Make what every repetition of the operations reads."""
    (site.mount_point / "listed").mkdir()
    listed = f"{site.share}/listed"
    site.do("gluster_share_mount", share=listed)
    site.do("gluster_volume_file", share=listed, name=[f"v{number}" for number in range(LISTED)], size="10G", format="qcow2")
    for name in ("data", "frozen"):
        site.do("gluster_volume_file", name=[name], size="1G")
        command(*write_argv(site.mount_point / name, "raw", 0, DATA))
    site.do("gluster_snapshot", volume=["frozen"], name=["s1"])
    site.do("gluster_image_export", volume="frozen", snapshot="s1", dest=f"{site.local}/frozen")


def operations(site: Site, run: str) -> Iterator[Operation]:
    """Yield the operations of one repetition in their order; each works on what those before it left.

    :param run: names the files of this repetition.
    """
    yield from _shares(site)
    for image_format in ("raw", "qcow2"):
        yield from _volumes(site, f"{image_format}{run}", image_format)
    yield from _snapshots(site, f"snap{run}")
    yield from _exports(site)


def _shares(site: Site) -> Iterator[Operation]:
    yield Operation("share_mount, unchanged", "gluster_share_mount", {}, (("stat", "-f", str(site.mount_point)),))
    listed = f"{site.share}/listed"
    mount_point = site.mount_point_of(listed)
    volumes = (_info(f"{mount_point}/v{number}", "qcow2") for number in range(LISTED))
    bare = (("df", "-B1", str(mount_point)), *volumes)
    yield Operation(f"share_info, {LISTED} volumes", "gluster_share_info", {"share": listed}, bare, "below 1", "below 1")


def _volumes(site: Site, name: str, image_format: str) -> Iterator[Operation]:
    path = str(site.bare / name)
    module, wanted = "gluster_volume_file", {"name": [name], "format": image_format}
    create = ("qemu-img", "create", "-q", "-f", image_format, path, "10G")
    resize = ("qemu-img", "resize", "-q", "-f", image_format, path, "11G")
    info = _info(path, image_format)
    yield Operation(f"create {image_format}", module, {**wanted, "size": "10G"}, (create,), "below 1")
    yield Operation(f"create {image_format}, unchanged", module, {**wanted, "size": "10G"}, (info,), "below 1")
    yield Operation(f"info of a {image_format} volume", "gluster_volume_file_info", {"name": [name]}, (info,), "below 1")
    yield Operation(f"grow {image_format}", module, {**wanted, "size": "11G"}, (resize,))
    yield Operation(f"remove {image_format}", module, {"name": [name], "state": "absent"}, (("rm", path),))


def _snapshots(site: Site, name: str) -> Iterator[Operation]:
    base, overlay = site.bare / name, site.bare / f"{name}.s1"
    site.do("gluster_volume_file", name=[name], size="1G")
    command("truncate", "-s", "1G", str(base))
    module, taken = "gluster_snapshot", {"volume": [name], "name": ["s1"]}
    create = ("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", name, str(overlay))
    chain = ("qemu-img", "info", "-U", "--backing-chain", "--output=json", "-f", "qcow2", str(overlay))
    commit = ("qemu-img", "commit", "-q", "-d", "-f", "qcow2", str(overlay))
    data = tuple(tuple(write_argv(path, "qcow2", 0, 1)) for path in (site.mount_point / overlay.name, overlay))
    yield Operation("take a snapshot", module, taken, (create,), "below 1")
    yield Operation("take a snapshot, unchanged", module, taken, (chain,), "below 1")
    yield Operation("drop a snapshot of 1 MiB", module, {**taken, "state": "absent"}, (commit, ("rm", str(overlay))), before=data)


def _exports(site: Site) -> Iterator[Operation]:
    module, source = "gluster_image_export", str(site.mount_point / "data")
    for image_format in ("raw", "qcow2"):
        dest, bare = f"{site.local}/ours.{image_format}", f"{site.local}/bare.{image_format}"
        options = {"volume": "data", "dest": dest, "format": image_format}
        convert = ("qemu-img", "convert", "-q", "-f", "raw", "-O", image_format, source, bare)
        compare = ("qemu-img", "compare", "-q", "-f", "raw", "-F", image_format, source, bare)
        anew = (("rm", "-f", dest, f"{dest}.manifest.json", bare),)
        every = (convert, compare, (*SHA256, bare))
        yield Operation(f"export {DATA} MiB, {image_format}", module, options, every, _SAME, before=anew)
        yield Operation(f"export {image_format}, unchanged", module, options, (compare,), _SAME)
    frozen = f"{site.local}/frozen"
    compare = ("qemu-img", "compare", "-q", "-f", "raw", "-F", "raw", str(site.mount_point / "frozen"), frozen)
    options = {"volume": "frozen", "snapshot": "s1", "dest": frozen}
    yield Operation("export of a snapshot, unchanged", module, options, (compare,), "below 1", "below 1")


def _info(path: str, image_format: str) -> tuple[str, ...]:
    return ("qemu-img", "info", "-U", "--output=json", "-f", image_format, path)
