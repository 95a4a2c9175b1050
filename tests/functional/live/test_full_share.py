# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A share that is full in the middle of a live operation: a clear sentence, nothing lost, and the task is finished when there is space."""

from __future__ import annotations

import contextlib
import os
import pathlib

import libvirt
import pytest
from ansible_collections.vdisk.gluster.tests.functional.live.lab import Lab
from ansible_collections.vdisk.gluster.tests.functional.live.scene import Scene


@pytest.fixture
def small_lab(equipment, servers, counts):
    """A share that is soon full."""
    made = Lab(equipment, servers.small_volume(96), counts)
    yield made
    made.close()


def _fill(scene: Scene) -> pathlib.Path:
    """Leave no space on the share."""
    filler = scene.lab.behind.parent / "filler"
    with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as stream:
        for size in (1 << 20, 64 << 10, 4096):
            with contextlib.suppress(OSError):
                while True:
                    stream.write(os.urandom(size))
                    os.fsync(stream.fileno())
    return filler


def _let_go_on(scene: Scene) -> None:
    """Let a guest go on that QEMU has paused, as it does when there is no space for what it writes."""
    if scene.machine.domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
        scene.machine.resume()


@pytest.mark.sample(2)
@pytest.mark.parametrize("what", ["drop the oldest", "drop the newest", "take", "export"])
def test_no_space(small_lab, counts, what):
    # few records below many: merging them has to make the lower file larger
    scene = Scene(small_lab, snapshots=1, records=30)
    scene.machine.wait_acks(600)
    scene.refill(2)
    scene.machine.wait_acks(600)
    task = scene.task(what)
    scene.begin(task)
    filler = _fill(scene)
    try:
        ended = scene.here.run(task.module, task.options)
        assert ended.status == 1, ended
        message = ended.values["msg"]
        assert "space" in message.lower() or "without success" in message or "paused" in message, message
    finally:
        filler.unlink()
    _let_go_on(scene)
    scene.machine.wait_acks(50)
    scene.end(task)
    scene.finish()
