# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shares as an earlier release left them: how they are stored as text, how they are laid out again, and the domain that ran on them.

This file also runs on the tree of an earlier release, so parts of the collection are named in both of their forms.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import os
import subprocess
import zlib
from pathlib import Path
from typing import Any, Callable, Mapping

COLLECTION = "ansible_collections.vdisk.gluster"
BASE = "@BASE@"
"""Stands in the journals for the directory above the shares."""
_PIECE = 64 << 10


def part(name: str, former: str) -> Any:
    """Return a module of C(module_utils) of the release at hand, by its name of today or by the one it had before there were packages."""
    try:
        return importlib.import_module(f"{COLLECTION}.plugins.module_utils.{name}")
    except ModuleNotFoundError:
        return importlib.import_module(f"{COLLECTION}.plugins.module_utils.{former}")


hypervisor = part("_volume.hypervisor", "_hypervisor")
domain_parts = part("_volume.domain", "_disk")
attachment = part("_volume.attachment", "_attachment")
layout = part("_volume.layout", "_names")
info_file = part("_volume.info_file", "_info_file")
record_file = part("_volume.record_file", "_record")
share_parts = part("_glusterfs.share", "_share")
reader = part("_volume.reader", "_reading")
mount_point = getattr(share_parts, "mount_point_of", None) or layout.mount_point


class PlayedDomain(hypervisor.NoHypervisor):  # type: ignore[misc]
    """A hypervisor with one domain, whose files are real images and whose block jobs are qemu-img; it can be stored and restored."""

    name, uuid = "web", "5e5e5ed0-4bd3-44bf-8f7c-50c8c9ee049b"

    def __init__(self, disks: Mapping[str, Mapping[str, Any]]) -> None:
        """Take the disks by target: the C(volume), the C(live) and C(stored) paths, the active file first, and the C(format)."""
        super().__init__(asked=True)
        self.disks = {target: dict(entry) for target, entry in disks.items()}

    @property
    def host(self) -> Any:
        """A host of the same name wherever the tests run."""
        return attachment.Host("hv1", "95049dbf-eb85-4123-a9f7-9be7daba8db4")

    def disks_of(self, volume: str, mount_point: str) -> tuple[Any, ...]:
        """Return the disks that have a file of a volume."""
        found = []
        for target, entry in sorted(self.disks.items()):
            parts = [self._definition(entry, which, mount_point) for which in ("live", "stored")]
            if entry["volume"] == volume and any(parts):
                found.append(domain_parts.Disk(self.name, self.uuid, target, bool(entry["live"]), *parts, agent=bool(entry["live"])))
        return tuple(found)

    @staticmethod
    def _definition(entry: Mapping[str, Any], which: str, root: str | None = None) -> Any:
        paths = tuple(entry[which] or ())
        if not paths or root is not None and os.path.dirname(paths[0]) != root:
            return None
        return domain_parts.Definition(paths, entry["format"] if which == "live" else entry["stored_format"], len(paths) > 1, True)

    def live(self, uuid: str) -> dict[str, Any] | None:
        """Return the disks that the domain has now, or None where it does not run."""
        found = {target: self._definition(entry, "live") for target, entry in self.disks.items() if entry["live"]}
        return found if uuid == self.uuid and found else None

    def freeze(self, uuid: str) -> int:
        """Freeze its guest."""
        self.frozen.add(uuid)
        return 1

    def thaw(self, uuid: str) -> int:
        """Thaw its guest."""
        was = uuid in self.frozen
        self.frozen.discard(uuid)
        return int(was)

    def snapshot(self, _uuid: str, overlays: Mapping[str, str]) -> None:
        """Let disks write to new overlays."""
        for target, path in overlays.items():
            self.disks[target].update(live=[path, *self.disks[target]["live"]], format="qcow2")

    def redefine(self, disk: Any, path: str, image_format: str) -> None:
        """Let a stored definition name another file."""
        self.disks[disk.target].update(stored=[path], stored_format=image_format)

    def commit(self, disk: Any, top: str, base: str) -> None:
        """Merge a file below the active one down, as QEMU does: the header above it follows."""
        live = self.disks[disk.target]["live"]
        run("qemu-img", "commit", "-q", "-d", "-f", "qcow2", "-b", os.path.basename(base), top)
        above = live[live.index(top) - 1]
        below = "raw" if base == live[-1] and self.disks[disk.target]["base_format"] == "raw" else "qcow2"
        run("qemu-img", "rebase", "-q", "-u", "-f", "qcow2", "-F", below, "-b", os.path.basename(base), above)
        self.disks[disk.target]["live"] = live[: live.index(top)] + live[live.index(base) :]

    def commit_active(self, disk: Any, base: str, before_pivot: Callable[[], None]) -> None:
        """Merge the active file down and go over to the one below."""
        entry = self.disks[disk.target]
        run("qemu-img", "commit", "-q", "-d", "-f", "qcow2", "-b", os.path.basename(base), entry["live"][0])
        before_pivot()
        entry["live"] = entry["live"][entry["live"].index(base) :]
        entry["format"] = "qcow2" if len(entry["live"]) > 1 else entry["base_format"]

    def pull(self, disk: Any, onto: str) -> None:
        """Merge what is above a file up into the active one."""
        live = self.disks[disk.target]["live"]
        below = "raw" if onto == live[-1] and self.disks[disk.target]["base_format"] == "raw" else "qcow2"
        run("qemu-img", "rebase", "-q", "-f", "qcow2", "-F", below, "-b", os.path.basename(onto), live[0])
        self.disks[disk.target]["live"] = [live[0], *live[live.index(onto) :]]

    def write_out(self, _disk: Any) -> None:
        """Nothing is in memory."""

    def mirror(self, disk: Any, copy: str, _format: str, _shallow: bool, before_pivot: Callable[[], None]) -> None:
        """Copy the active file to its new share and go on there."""
        entry = self.disks[disk.target]
        Path(copy).write_bytes(Path(entry["live"][0]).read_bytes())
        before_pivot()
        entry["live"] = [f"{os.path.dirname(copy)}/{os.path.basename(path)}" for path in entry["live"]]

    def state(self, base: str) -> dict[str, Any]:
        """Return what is stored of the domain."""
        return json.loads(json.dumps(self.disks).replace(base, BASE))


def restored_domain(state: Mapping[str, Any] | None, base: str) -> Any:
    """Return the domain as it was stored, or a host without one."""
    return hypervisor.NoHypervisor() if state is None else PlayedDomain(json.loads(json.dumps(state).replace(BASE, base)))


def run(*argv: str) -> None:
    """Run a program that must succeed."""
    subprocess.run(argv, check=True, capture_output=True, timeout=60)


def share_of(base: str, name: str) -> Any:
    """Return a share below a mount point base."""
    return share_parts.Share(name, mount_point(base, name))


def pack(base: Path, blobs: dict[str, str]) -> list[dict[str, Any]]:
    """Return every file below a directory as JSON: what is not zero as the names of pieces, which are added to C(blobs)."""
    found = []
    for path in sorted(base.rglob("*")):
        if path.is_file():
            status, content = path.stat(), path.read_bytes()
            if path.suffix in (".json", ".journal") or b'"leader"' in content[:200]:
                content = content.replace(str(base).encode(), BASE.encode())
            pieces = [[offset, _piece(content[offset : offset + _PIECE], blobs)] for offset in range(0, len(content), _PIECE)]
            found.append(
                {
                    "path": str(path.relative_to(base)),
                    "mode": f"{status.st_mode & 0o7777:04o}",
                    "size": len(content),
                    "inode": status.st_ino,
                    "modified_ns": status.st_mtime_ns,
                    "data": [piece for piece in pieces if piece[1]],
                }
            )
    return found


def _piece(content: bytes, blobs: dict[str, str]) -> str | None:
    content = content.rstrip(b"\0")
    if not content:
        return None
    name = hashlib.sha256(content).hexdigest()[:16]
    blobs[name] = base64.b64encode(zlib.compress(content, 9)).decode()
    return name


def unpack(files: list[dict[str, Any]], blobs: Mapping[str, str], base: Path) -> None:
    """Lay files out again; a journal that knows files by their inodes gets those that they have here."""
    by_inode: dict[int, Path] = {}
    for entry in files:
        path = base / entry["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.parent.name == ".vdisk":
            path.parent.chmod(0o700)
        if entry["inode"] in by_inode:
            os.link(by_inode[entry["inode"]], path)
            continue
        by_inode[entry["inode"]] = path
        with path.open("wb") as stream:
            for offset, piece in entry["data"]:
                stream.seek(offset)
                stream.write(zlib.decompress(base64.b64decode(blobs[piece])))
            stream.truncate(entry["size"])
        path.chmod(int(entry["mode"], 8))
        os.utime(path, ns=(entry["modified_ns"], entry["modified_ns"]))
    for journal in base.rglob("*.journal"):
        entries = json.loads(journal.read_text(encoding="utf-8").replace(BASE, str(base)))
        for step in entries.get("steps", ()):
            if "inodes" in step:
                step["inodes"] = [by_inode[inode].stat().st_ino if inode in by_inode else inode for inode in step["inodes"]]
        journal.write_text(json.dumps(entries, indent=1, sort_keys=True), encoding="utf-8")


def described(share: Any, name: str) -> dict[str, Any] | None:
    """Return all that is promised of a volume, its points in time by their checksums; None where there is none."""
    volume = reader.read_volume(reader.list_share(share), name)
    if not volume.exists:
        return None
    by_file = {entry.file: entry for entry in volume.chain.files}
    points = {snapshot.name: by_file[snapshot.point_in_time_file] for snapshot in volume.snapshots}
    return {
        "files": [[entry.file, entry.format, entry.virtual_size] for entry in volume.chain.files],
        "info": json.loads(info_file.dump(volume.info)) if volume.info else None,
        "record": record_file.to_json(volume.record) if volume.record else None,
        "problems": list(volume.problems),
        "points": {
            point: checksum(Path(share.mount_point) / entry.file, str(entry.format))
            for point, entry in {**points, "now": volume.chain.files[0]}.items()
        },
    }


def checksum(path: Path, image_format: str) -> str:
    """Return the checksum of every byte that an image reads as."""
    target = path.parent.parent / "read"
    run("qemu-img", "convert", "-q", "-f", image_format, "-O", "raw", str(path), str(target))
    try:
        return hashlib.sha256(target.read_bytes()).hexdigest()
    finally:
        target.unlink()


def names_below(base: Path) -> list[str]:
    """Return the names of all files but locks."""
    return sorted(str(path.relative_to(base)) for path in base.rglob("*") if path.is_file() and path.suffix != ".lock")
