# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests of interrupted runs."""

from __future__ import annotations

import importlib
import subprocess

import pytest


def _part(name):
    # the collection can be imported only when pytest has read this file
    return importlib.import_module(f"ansible_collections.vdisk.gluster.tests.{name}")


@pytest.fixture
def start(tmp_path):
    """Return a callable that starts a run of tests and waits until it has made something."""
    started = []

    def run(argv, made):
        started.append(_part("functional.faults.leftovers.started").Started(argv, tmp_path / "log"))
        started[-1].wait_until_made(made)
        return started[-1]

    yield run
    for one in started:
        one.close()


@pytest.fixture
def untouched(servers, volume_name):
    """See afterwards that the things of a living run, this one, are as before."""
    root = servers.root(volume_name)
    bricks = servers.brick_pids(volume_name)
    with subprocess.Popen(["sleep", "600"], cwd=root) as user:
        yield
        (root / "written").write_text("afterwards")
        assert (root / "written").read_text() == "afterwards"
        assert servers.brick_pids(volume_name) == bricks
        assert user.poll() is None
        user.kill()
