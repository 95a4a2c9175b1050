# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot dropped, with its data above or below: the engine against a bare merge in each direction."""

from __future__ import annotations

import contextlib
import functools
import pathlib

from engine import commands, timed_program
from glusterfs import Site, command, write_argv
from table import show
from timing import Row, take_turns

_CASES = ((8, 128), (128, 8), (64, 64))
"""MiB in the upper and in the lower of the two files that become one."""

_CONTENDERS = ("ours", "commit", "rebase")


def measure(site: Site, repetitions: int) -> None:
    """Measure and print."""
    rows = []
    for upper, lower in _CASES:
        times: dict[str, list[float]] = {name: [] for name in _CONTENDERS}
        chosen: set[str] = set()
        for repetition in range(repetitions):
            _make_ours(site, upper, lower)
            for name in ("commit", "rebase"):
                _make_bare(_directory(site, name), upper, lower)

            take_turns(
                {
                    "ours": functools.partial(_drop, site, chosen),
                    "commit": lambda: timed_program(_commit(_directory(site, "commit"))),
                    "rebase": lambda: timed_program(_rebase(_directory(site, "rebase"))),
                },
                repetition,
                times,
            )
            site.do("gluster_volume_file", name=["v"], state="absent", delete_snapshots=True)
        name = f"{upper} MiB above {lower} MiB, merged {' or '.join(sorted(chosen))}"
        for bare in ("commit", "rebase"):
            rows.append(Row(name, times["ours"], times[bare], f"qemu-img {bare}{' -d' if bare == 'commit' else ''}, rm", "the faster: 1"))
    show(
        "A snapshot dropped: the engine of snapshot against a bare merge in each direction",
        rows,
        notes=["down: the upper file's data go into the lower one (commit); up: the lower one's into the upper one (rebase)."],
    )


def _drop(site: Site, chosen: set[str]) -> float:
    """Drop the upper snapshot and return the seconds, noting which way the merge went."""
    done = site.do("gluster_snapshot", volume=["v"], name=["s2"], state="absent")
    chosen.add("down" if " down into " in done.result["actions"][0] else "up")
    return done.engine_seconds


def _make_ours(site: Site, upper: int, lower: int) -> None:
    site.do("gluster_volume_file", name=["v"], size="4G")
    for name, start, mebibytes in (("s1", 0, lower), ("s2", 256, upper)):
        site.do("gluster_snapshot", volume=["v"], name=[name])
        command(*write_argv(site.mount_point / f"v.{name}", "qcow2", start, mebibytes))


def _directory(site: Site, name: str) -> pathlib.Path:
    return site.bare / name


def _make_bare(directory: pathlib.Path, upper: int, lower: int) -> None:
    directory.mkdir(exist_ok=True)
    for path in directory.iterdir():
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
    command("qemu-img", "create", "-q", "-f", "raw", str(directory / "v"), "4G")
    below, below_format = "v", "raw"
    for name, start, mebibytes in (("s1", 0, lower), ("s2", 256, upper)):
        overlay = directory / f"v.{name}"
        command("qemu-img", "create", "-q", "-f", "qcow2", "-F", below_format, "-b", below, str(overlay))
        command(*write_argv(overlay, "qcow2", start, mebibytes))
        below, below_format = overlay.name, "qcow2"


def _commit(directory: pathlib.Path) -> list[str]:
    merge = ("qemu-img", "commit", "-q", "-d", "-f", "qcow2", str(directory / "v.s2"))
    return commands(merge, ("rm", str(directory / "v.s2")))


def _rebase(directory: pathlib.Path) -> list[str]:
    merge = ("qemu-img", "rebase", "-q", "-f", "qcow2", "-F", "raw", "-b", "v", str(directory / "v.s2"))
    return commands(merge, ("rm", str(directory / "v.s1")))
