# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images on a plain directory, made, written and read by the real qemu-img and qemu-io."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Iterator

from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import qcow2

KiB, MiB, GiB, TiB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
SECTOR = 512


def run(*argv: str | Path, limit: float = 60) -> str:
    """Run a program that must succeed and return what it printed."""
    try:
        done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False, timeout=limit)
    except FileNotFoundError:
        raise AssertionError(f"this test needs {argv[0]}, which this machine lacks: install qemu-utils (qemu-img on Red Hat)") from None
    assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def qemu_img(*arguments: str | Path) -> str:
    """Run qemu-img."""
    return run("qemu-img", *arguments)


def info(path: Path, file_format: str = "qcow2") -> dict[str, Any]:
    """Return what qemu-img says of an image."""
    return json.loads(qemu_img("info", "--output=json", "-f", file_format, path))


def check(path: Path) -> None:
    """See that qemu-img finds nothing wrong with a qcow2 image: no corruption and no leak."""
    qemu_img("check", "-q", "-f", "qcow2", path)


def write(path: Path, file_format: str, *patterns: tuple[int, int, int]) -> None:
    """Write patterns, each a byte, an offset and a length, into an image."""
    if file_format == "raw":
        with path.open("r+b") as stream:
            for byte, offset, length in patterns:
                stream.seek(offset)
                stream.write(bytes([byte]) * length)
        return
    commands = [word for byte, offset, length in patterns for word in ("-c", f"write -q -P {byte} {offset} {length}")]
    run("qemu-io", "-f", file_format, *commands, path)


def reads(path: Path, file_format: str, *patterns: tuple[int, int, int]) -> None:
    """See that an image reads as these patterns, each a byte, an offset and a length."""
    for byte, offset, length in patterns:
        said = run("qemu-io", "-f", file_format, "-c", f"read -q -P {byte} {offset} {length}", path)
        assert "Pattern verification failed" not in said, f"{path} at {offset} is not {byte}"


def same(one: Path, one_format: str, other: Path, other_format: str) -> None:
    """See that two images have the same size and read the same."""
    assert info(one, one_format)["virtual-size"] == info(other, other_format)["virtual-size"]
    qemu_img("compare", "-q", "-f", one_format, "-F", other_format, one, other)


def content(path: Path, file_format: str) -> bytes:
    """Return every byte that an image reads as."""
    if file_format == "raw":
        data = path.read_bytes()
        # as QEMU does: a disk ends with a sector
        return data.ljust(-(-len(data) // SECTOR) * SECTOR, b"\0")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".read-") as directory:
        raw = Path(directory) / "raw"
        qemu_img("convert", "-q", "-f", file_format, "-O", "raw", path, raw)
        return raw.read_bytes()


def put(path: Path, layout: qcow2.Layout) -> None:
    """Write a new image as the steps do."""
    with path.open("wb") as stream:
        for offset, piece in layout.pieces:
            stream.seek(offset)
            stream.write(piece)
        stream.truncate(layout.length)


def header_bytes(path: Path) -> bytes:
    """Return as much of the start of an image as its header needs."""
    with path.open("rb") as stream:
        start = stream.read(qcow2.HEADER_READ)
        stream.seek(0)
        return stream.read(qcow2.bytes_needed(start))


def parsed(path: Path) -> qcow2.Header:
    """Return what the header of an image says."""
    return qcow2.parse(header_bytes(path))


@contextlib.contextmanager
def held_by_qemu(path: Path, file_format: str, write: bool) -> Iterator[None]:
    """Keep an image open in qemu-io, which locks it as a running machine does, for writing or for reading only."""
    command = ["qemu-io", *([] if write else ["-r"]), "-f", file_format, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdin and process.stdout
    try:
        process.stdin.write("length\n")
        process.stdin.flush()
        said = process.stdout.readline()
        assert "can't open" not in said, said
        yield
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def every_file(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the relative path and the bytes of every file below a directory."""
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(directory)), path.read_bytes()
