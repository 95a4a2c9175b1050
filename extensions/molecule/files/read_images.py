# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare what images read as with what was written to them; both as SHA-256 of every byte.

usage: read_images.py JSON
JSON is a list of images: what, path, format, and layout, a list of [byte, MiB] from the start to the end.
Prints a list of what, expected and found.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile

MIB = 1 << 20


def expected(layout: list) -> str:
    """Return the checksum of so many MiB of each byte."""
    digest = hashlib.sha256()
    for byte, mebibytes in layout:
        for _mebibyte in range(mebibytes):
            digest.update(bytes([byte]) * MIB)
    return digest.hexdigest()


def found(path: str, image_format: str) -> str:
    """Return the checksum of all that an image reads as."""
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory() as directory:
        raw = os.path.join(directory, "raw")
        subprocess.run(["qemu-img", "convert", "-f", image_format, "-O", "raw", path, raw], check=True)
        with open(raw, "rb") as stream:
            for block in iter(lambda: stream.read(MIB), b""):
                digest.update(block)
    return digest.hexdigest()


def main() -> None:
    """Print what was compared."""
    images = json.loads(sys.argv[1])
    rows = [
        {"what": image["what"], "expected": expected(image["layout"]), "found": found(image["path"], image["format"])} for image in images
    ]
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
