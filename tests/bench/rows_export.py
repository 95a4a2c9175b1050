# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An export to a local file: the engine with and without its checks against a bare copy."""

from __future__ import annotations

from engine import SHA256, commands, timed_program
from glusterfs import Site, command, write_argv
from table import show
from timing import Row, take_turns

_DATA = 256
_CHECKS = (("all checks", True, "sha256"), ("no checksum", True, "none"), ("no verify", False, "sha256"), ("neither", False, "none"))


def measure(site: Site, repetitions: int) -> None:
    """Measure and print."""
    site.do("gluster_volume_file", name=["source"], size="1G")
    source = str(site.mount_point / "source")
    command(*write_argv(source, "raw", 0, _DATA))
    rows = []
    for image_format in ("raw", "qcow2"):
        rows += _format_rows(site, repetitions, source, image_format)
    for path in site.local.glob("export-*"):
        path.unlink()
    show(
        f"An export of {_DATA} MiB of data in a raw volume of 1 GiB: the engine of image_export against a bare copy",
        rows,
        notes=["Ours is durable (fsync) before it gets its name; the bare copy is not."],
    )


def _format_rows(site: Site, repetitions: int, source: str, image_format: str) -> list[Row]:
    bare = f"{site.local}/export-bare.{image_format}"
    convert = ("qemu-img", "convert", "-q", "-f", "raw", "-O", image_format, source, bare)
    compare = ("qemu-img", "compare", "-q", "-f", "raw", "-F", image_format, source, bare)
    contenders = {"copy": lambda: _from_nothing(bare, convert), "all": lambda: _from_nothing(bare, convert, compare, (*SHA256, bare))}
    for name, verify, algorithm in _CHECKS:
        contenders[name] = lambda verify=verify, algorithm=algorithm: _export(site, image_format, verify, algorithm)
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for repetition in range(repetitions):
        take_turns(contenders, repetition, times)
    rows = [Row(f"{image_format}, {name}", times[name], times["copy"], "qemu-img convert") for name, _verify, _algorithm in _CHECKS]
    rows[-1].goal = "about 1"
    every = f"qemu-img convert, qemu-img compare, {SHA256[0]}"
    return [Row(f"{image_format}, all checks", times["all checks"], times["all"], every, "about 1"), *rows]


def _from_nothing(dest: str, *argvs: tuple[str, ...]) -> float:
    command("rm", "-f", dest)
    return timed_program(commands(*argvs))


def _export(site: Site, image_format: str, verify: bool, algorithm: str) -> float:
    dest = f"{site.local}/export-ours.{image_format}"
    command("rm", "-f", dest, f"{dest}.manifest.json")
    checks = {"verify": verify, "checksum_algorithm": algorithm}
    return site.do("gluster_image_export", volume="source", dest=dest, format=image_format, **checks).engine_seconds
