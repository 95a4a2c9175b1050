# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's Python binding, which Debian has for its own Python only, in the Python that runs the tests."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import sys

from ansible_collections.vdisk.gluster.tests.harness.checkout import CACHE
from ansible_collections.vdisk.gluster.tests.harness.preflight import Lacking

_DEBIAN = pathlib.Path("/usr/lib/python3/dist-packages")


def make_importable() -> None:
    """Let this Python, and those that it starts with its environment, import libvirt, and nothing else of Debian's packages.

    :raises Lacking: there is no binding for this version of Python.
    """
    if importlib.util.find_spec("libvirt"):
        return
    # no name of a module: the cache is a folder in which Python looks for the collection
    links = CACHE / "libvirt-binding"
    links.mkdir(parents=True, exist_ok=True)
    for path in _DEBIAN.glob("libvirt*"):
        link = links / path.name
        if path.suffix in (".py", ".so") and not link.exists():
            try:
                link.symlink_to(path)
            except FileExistsError:
                pass  # another process was faster
    sys.path.append(str(links))
    others = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{others}:{links}" if others else str(links)
    try:
        importlib.import_module("libvirt")
    except ImportError as error:
        raise Lacking(
            f"the tests with virtual machines cannot run in this Python, it lacks libvirt's binding ({error}): "
            "install those of requirements/apt-guests.txt, and make .venv again with PYTHON=/usr/bin/python3 if it is of another Python"
        ) from None
