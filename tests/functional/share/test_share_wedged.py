# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mount that hangs: told by name in bounded time by every module, and mended by gluster_share_mount when nothing uses it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time

import pytest
from ansible_collections.vdisk.gluster.tests.harness.processes import start
from ansible_collections.vdisk.gluster.tests.harness.programs import command

MODULE = "gluster_share_mount"
MIB = 1 << 20


@pytest.fixture
def wedged(place):
    """A share with a volume whose FUSE client is there and answers nothing; its attribute C(stopped) is that client."""
    place.volume(size="1M")
    place.write(7, 0, MIB)
    # what the kernel remembers of the mount for a second would answer for the client
    place.stopped = place.client().pid
    os.kill(place.stopped, signal.SIGSTOP)
    time.sleep(1.1)
    yield place
    with contextlib.suppress(ProcessLookupError):
        os.kill(place.stopped, signal.SIGCONT)


@contextlib.contextmanager
def within(seconds):
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def test_a_wedged_mount_is_mended(wedged):
    with within(30):
        predicted = wedged.ok(MODULE, check=True, response_timeout=2)
        assert wedged.client().pid == wedged.stopped, "check mode has touched the client"
        made = wedged.ok(MODULE, response_timeout=2)
    assert predicted.actions == made.actions and predicted.changed and made.changed
    assert "because the mount is wedged: it has not responded for 2 s" in made.actions[0]
    assert "because it is not mounted any more" in made.actions[1]
    assert made.shares[0]["writable"] is True and len(wedged.mounted_from()) == 1
    assert wedged.client().pid != wedged.stopped
    assert wedged.read() == b"\7" * MIB
    assert not wedged.ok(MODULE).changed


@pytest.mark.sample(1)
@pytest.mark.parametrize("state", ["unmounted", "absent"])
def test_a_wedged_mount_is_unmounted(wedged, state):
    with within(20):
        made = wedged.ok(MODULE, state=state, response_timeout=1, fstab=str(wedged.fstab))
    assert made.changed and wedged.mounted_from() == [] and wedged.mount_point().exists() == (state == "unmounted")
    assert wedged.behind().joinpath("v1").exists()


def test_a_wedged_mount_in_use_is_left_as_it_is_and_lives_on(place):
    place.volume(size="1M")
    stopped = place.client().pid
    with subprocess.Popen(["sleep", "600"], cwd=place.mount_point()) as user:
        os.kill(stopped, signal.SIGSTOP)
        time.sleep(1.1)
        try:
            for state in ("mounted", "unmounted", "absent"):
                for check in (True, False):
                    with within(10):
                        told = place.refused(MODULE, check=check, state=state, response_timeout=1, fstab=str(place.fstab))
                    assert f"sleep (pid {user.pid}) has {place.mount_point()} open" in told and place.share in told
        finally:
            os.kill(stopped, signal.SIGCONT)
            user.kill()
    assert place.client().pid == stopped and not place.ok(MODULE).changed
    assert place.info()["exists"]


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("gluster_volume_file", {"name": ["v1"], "size": "2M"}),
        ("gluster_volume_file", {"name": ["v1"], "state": "absent"}),
        ("gluster_snapshot", {"volume": ["v1"], "name": ["s1"]}),
        ("gluster_image_export", {"volume": "v1", "dest": "/tmp/vdisk-never-made"}),
    ],
)
def test_every_change_on_a_wedged_mount_is_refused_by_name(wedged, module, options):
    for check in (True, False):
        with within(10):
            told = wedged.refused(module, check=check, response_timeout=1, **options)
        assert f"the mount of {wedged.share} at {wedged.mount_point()} is wedged: it has not responded for 1 s" in told
        assert "repair it with gluster_share_mount" in told


def test_the_information_modules_tell_of_a_wedged_mount_and_do_not_fail(wedged):
    with within(10):
        (share,) = wedged.ok("gluster_share_info", response_timeout=1).shares
    assert share["mounted"] is False and "is wedged" in share["error"]
    with within(10):
        told = wedged.ok("gluster_volume_file_info", name=["v1"], response_timeout=1)
    assert "is wedged" in told.shares[0]["error"] and told.volumes[0]["exists"] is False


def test_a_task_ends_also_where_what_asked_the_mount_cannot_be_killed(unmounted, servers, small_volumes):
    """A brick that hangs keeps the request in the client: the process that asked is in the kernel and does not even die."""
    share = unmounted.new_share(small_volumes[0])
    unmounted.share = share
    unmounted.mount()
    (brick,) = servers.brick_pids(small_volumes[0])
    os.kill(brick, signal.SIGSTOP)
    try:
        time.sleep(1.1)
        with within(8):
            task = start(unmounted, "gluster_share_info", response_timeout=1)
            assert "is wedged" in task.result()["shares"][0]["error"]
    finally:
        os.kill(brick, signal.SIGCONT)
    assert unmounted.ok("gluster_share_info").shares[0]["mounted"] is True
    assert not unmounted.ok(MODULE).changed


def test_a_mount_that_is_only_slow_is_waited_for(place):
    stopped = place.client().pid
    os.kill(stopped, signal.SIGSTOP)
    time.sleep(1.1)
    with subprocess.Popen(["sh", "-c", f"sleep 2; kill -CONT {stopped}"]):
        with within(10):
            assert not place.ok(MODULE, response_timeout=20).changed
    assert place.client().pid == stopped


def test_no_time_at_all_is_refused(place):
    assert "response_timeout: 0 is too short" in place.refused("gluster_share_info", response_timeout=0)
    assert command("stat", "-f", str(place.mount_point())).returncode == 0


def test_a_merge_that_stands_still_is_stopped_and_finished_by_the_next_task(place, monkeypatch):
    place.volume(size="1M")
    place.snapshot("s1")
    place.write(7, 0, MIB)
    now = place.read()
    programs = place.tmp / "still"
    programs.mkdir()
    (programs / "qemu-img").write_text(f'#!/bin/sh\n[ "$1" = commit ] && exec sleep 600\nexec {shutil.which("qemu-img")} "$@"\n')
    (programs / "qemu-img").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    with within(15):
        result = place.run("gluster_snapshot", volume=["v1"], name=["s1"], state="absent", stall_timeout=1)
    assert result.failed and "qemu-img made no progress for 1 s and was stopped" in result.msg and result.cmd[1] == "commit"
    assert place.read() == now and "unfinished" in " ".join(place.info()["problems"])
    monkeypatch.undo()
    assert "Finish the interrupted operation" in place.drop("s1").actions[0]
    assert place.points() == {"now": now}
