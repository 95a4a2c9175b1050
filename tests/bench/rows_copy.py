# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of a large volume with snapshots: export, clone and import against bare qemu-img, its best options, and the floor.

The floor is what no copy can do without: every allocated byte read once by a plain reader and written once, durably.
"""

from __future__ import annotations

import functools
import os
import pathlib
import statistics
import sys
import tempfile

from ansible_collections.vdisk.gluster.tests.harness import runs
from engine import commands, timed_program
from glusterfs import Site, command, write_argv
from table import show
from timing import Row, figure, take_turns

_FLOOR = """
import os, sys
source, target, size, data = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
reading, writing = os.open(source, os.O_RDONLY), os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
os.ftruncate(writing, size)
for start in range(0, data, 4 << 20):
    os.pwrite(writing, os.pread(reading, 4 << 20, start), start)
os.fsync(writing)
"""
_LAYERS = 4
"""Files of the chain, each with its share of the data."""

_BEST = {
    "plain": (),
    "-W": ("-W",),
    "-m 16": ("-m", "16"),
    "-W -m 16": ("-W", "-m", "16"),
}
"""Options of qemu-img convert among which the best is looked for, by its median."""

_SYNC = ("sync",)


def measure(site: Site, repetitions: int, mebibytes: int) -> None:
    """Measure and print; C(mebibytes) of data in a volume four times as large."""
    # in memory, where there is room: what a disk does with a GiB now and a GiB then differs by more than what is compared here
    memory = pathlib.Path("/dev/shm")
    space = os.statvfs(memory) if memory.is_dir() else None
    if space is None or space.f_bavail * space.f_frsize < 4 * mebibytes << 20:
        _measure(site, repetitions, mebibytes)
        return
    with tempfile.TemporaryDirectory(prefix=runs.current().prefix, dir=memory) as directory:
        disk, site.local = site.local, pathlib.Path(directory)
        try:
            _measure(site, repetitions, mebibytes)
        finally:
            site.local = disk


def _measure(site: Site, repetitions: int, mebibytes: int) -> None:
    chain = _prepare(site, mebibytes)
    rows: list[Row] = []
    notes: list[str] = []
    for image_format in ("raw", "qcow2"):
        dest = site.local / f"ours.{image_format}"
        ours = functools.partial(_export, site, dest, image_format)
        _compare(
            f"export to {image_format}",
            site,
            ours,
            _bare(site.local / "bare", chain, "qcow2", image_format),
            rows,
            notes,
            repetitions,
            mebibytes,
        )
    for image_format in ("raw", "qcow2"):
        ours = functools.partial(_make, site, {"source_volume": "v", "format": image_format})
        _compare(
            f"clone to {image_format}",
            site,
            ours,
            _bare(site.bare / "bare", chain, "qcow2", image_format),
            rows,
            notes,
            repetitions,
            mebibytes,
        )
    image = site.local / "image.qcow2"
    command("qemu-img", "convert", "-q", "-f", "qcow2", "-O", "qcow2", str(chain), str(image))
    ours = functools.partial(_make, site, {"source_image": str(image), "source_format": "qcow2"})
    _compare("import of a qcow2 image", site, ours, _bare(site.bare / "bare", image, "qcow2", "raw"), rows, notes, repetitions, mebibytes)
    show(
        f"Copies of {mebibytes} MiB of data in a volume of {4 * mebibytes} MiB with {_LAYERS - 1} snapshots; exports without their checks",
        rows,
        unit="s",
        notes=[
            f"Exports go to {site.local}, clones to the share.",
            "Every contender makes its copy durable. best: the fastest of " + ", ".join(_BEST) + ".",
            *notes,
        ],
    )


def _prepare(site: Site, mebibytes: int) -> pathlib.Path:
    """Make the volume with its snapshots; return its active file."""
    site.do("gluster_volume_file", name=["v"], size=f"{4 * mebibytes}M")
    part = mebibytes // _LAYERS
    for layer in range(_LAYERS):
        if layer:
            site.do("gluster_snapshot", volume=["v"], name=[f"s{layer}"])
        path = site.mount_point / (f"v.s{layer}" if layer else "v")
        command(*write_argv(path, "qcow2" if layer else "raw", layer * part, part))
    # what a plain reader reads for the floor: as many bytes, in one file of the same mount
    flat = site.bare / "flat"
    command("qemu-img", "create", "-q", "-f", "raw", str(flat), f"{4 * mebibytes}M")
    command(*write_argv(flat, "raw", 0, mebibytes))
    return site.mount_point / f"v.s{_LAYERS - 1}"


def _cold(*directories: pathlib.Path) -> None:
    """Let everybody read from the bricks: ours never goes by what the client remembers, and the others are not to gain by it.

    What the one before has written is written out first, or who comes next waits for it.
    """
    os.sync()
    for directory in directories:
        for path in directory.iterdir():
            if path.is_file():
                with path.open("rb") as stream:
                    os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _bare(target: pathlib.Path, source: pathlib.Path, source_format: str, image_format: str):
    def contender(options: tuple[str, ...]) -> float:
        command("rm", "-f", str(target))
        convert = ("qemu-img", "convert", "-q", *options, "-f", source_format, "-O", image_format, str(source), str(target))
        return timed_program(commands(convert, (*_SYNC, str(target))))

    contender.target = target
    contender.source = source
    return contender


def _compare(name, site: Site, ours, bare, rows: list[Row], notes: list[str], repetitions: int, mebibytes: int) -> None:
    flat = site.local / "flat" if bare.source.is_relative_to(site.local) else site.bare / "flat"
    if not flat.exists():
        command("cp", "--sparse=always", str(site.bare / "flat"), str(flat))

    def cold(contender):
        def timed() -> float:
            _cold(site.mount_point, site.bare)
            return contender()

        return timed

    contenders = {"ours": ours, "floor": functools.partial(_floor, flat, bare.target, mebibytes)}
    contenders.update({options: functools.partial(bare, words) for options, words in _BEST.items()})
    contenders = {key: cold(contender) for key, contender in contenders.items()}
    times: dict[str, list[float]] = {key: [] for key in contenders}
    # the first round is not counted: what nobody has read yet is slow to read for the first of them only
    take_turns(contenders, 0, {key: [] for key in contenders})
    for repetition in range(repetitions):
        take_turns(contenders, repetition, times)
    best = min(_BEST, key=lambda options: sorted(times[options])[len(times[options]) // 2])
    rows.append(Row(name, times["ours"], times["plain"], "qemu-img convert", "at most 1.05"))
    rows.append(Row(name, times["ours"], times[best], f"best: {best}", "at most 1.05"))
    rows.append(Row(name, times["ours"], times["floor"], "floor", "at most 1.3"))
    medians = ", ".join(f"{options} {figure(statistics.median(times[options]))}" for options in _BEST)
    notes.append(f"{name}, by options of qemu-img: {medians} s")
    bare.target.unlink(missing_ok=True)


def _floor(source: pathlib.Path, target: pathlib.Path, mebibytes: int) -> float:
    command("rm", "-f", str(target))
    return timed_program([sys.executable, "-c", _FLOOR, str(source), str(target), str(4 * mebibytes << 20), str(mebibytes << 20)])


def _export(site: Site, dest: pathlib.Path, image_format: str) -> float:
    command("rm", "-f", str(dest), f"{dest}.manifest.json")
    options = {"verify": False, "checksum_algorithm": "none"}
    return site.do("gluster_image_export", volume="v", dest=str(dest), format=image_format, **options).engine_seconds


def _make(site: Site, options: dict[str, str]) -> float:
    site.do("gluster_volume_file", name=["copy"], state="absent")
    return site.do("gluster_volume_file", name=["copy"], **options).engine_seconds
