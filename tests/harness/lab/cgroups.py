# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The branches of the cgroup tree that hosts live in; of a tree of version 2, also where the machine itself goes by version 1."""

from __future__ import annotations

import os
import pathlib
import time

from ansible_collections.vdisk.gluster.tests.harness.lab.plan import LabError
from ansible_collections.vdisk.gluster.tests.harness.lab.programs import call

_OWN = pathlib.Path("/run/vdisk-tests/cgroup")
"""Where the tree is mounted on a machine that has not done so itself."""


def tree() -> pathlib.Path:
    """Return where the tree can be seen and changed."""
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _device, point, kind, options = line.split()[:4]
        if kind == "cgroup2" and options.startswith("rw"):
            # a mount of our own would reset the options with which the machine has mounted it
            return pathlib.Path(point)
    _OWN.mkdir(parents=True, exist_ok=True)
    call("mount", "-t", "cgroup2", "cgroup2", str(_OWN))
    return _OWN


def mount_tree(place: pathlib.Path) -> None:
    """Let the tree be seen at a place."""
    place.mkdir()
    call("mount", "--bind", str(tree()), str(place))


def remove_cgroup(top: pathlib.Path, seconds: float = 10) -> None:
    """Take a branch away; a process that has just been killed may still hold it.

    :raises LabError: it stays.
    """
    end = time.monotonic() + seconds
    while top.exists():
        try:
            for directory, _names, _files in os.walk(top, topdown=False):
                os.rmdir(directory)
        except OSError as error:
            if time.monotonic() > end:
                raise LabError(f"the cgroup {top} cannot be removed: {error}") from error
            time.sleep(0.02)
