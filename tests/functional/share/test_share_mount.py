# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gluster_share_mount: shares are mounted at hashed mount points, as asked, and nothing is done twice."""

from __future__ import annotations

import hashlib
import os
import stat
import time

import pytest

MODULE = "gluster_share_mount"


def test_a_share_is_mounted_at_the_mount_point_that_cinder_used(unmounted):
    made = unmounted.check_run_again(MODULE)
    assert made.actions == [f"Mount {unmounted.share} at {unmounted.mount_point()}, because it is not mounted."]
    assert str(unmounted.mount_point()) == f"{unmounted.base}/{hashlib.md5(unmounted.share.encode()).hexdigest()}"
    (line,) = unmounted.mounted_from()
    assert line.startswith(f"{unmounted.share} {unmounted.mount_point()} fuse.glusterfs rw,")
    (found,) = made.shares
    assert found["share"] == unmounted.share and found["mount_point"] == str(unmounted.mount_point())
    assert found["mounted"] is True and found["writable"] is True and found["options"] is None
    assert found["total_bytes"] >= found["available_bytes"] > 0
    assert made.diff["before"][unmounted.share]["mounted"] is False and made.diff["after"][unmounted.share]["mounted"] is True
    assert unmounted.names() == [] and os.listdir(unmounted.mount_point()) == []


def test_check_mode_of_a_mount_makes_not_even_the_mount_point(unmounted):
    result = unmounted.ok(MODULE, check=True)
    assert result.changed and result.msg == f"{unmounted.share} would be mounted."
    assert result.diff["after"][unmounted.share]["mounted"] is True
    assert not unmounted.base.exists()


def test_files_of_the_share_are_there_after_it_was_mounted_unmounted_and_mounted(unmounted):
    (unmounted.behind() / "v1").write_bytes(b"content")
    unmounted.mount()
    assert unmounted.path("v1").read_bytes() == b"content"
    unmounted.check_run_again(MODULE, state="unmounted")
    assert os.listdir(unmounted.mount_point()) == []
    unmounted.mount()
    assert unmounted.path("v1").read_bytes() == b"content"


def test_several_shares_are_mounted_in_one_task_in_their_order(unmounted):
    other, third = unmounted.new_share(), unmounted.new_share()
    unmounted.mount(other)
    shares = [unmounted.share, other, third]
    made = unmounted.check_run_again(MODULE, shares=shares)
    assert [entry["share"] for entry in made.shares] == shares
    assert [sentence.split(" at ")[0] for sentence in made.actions] == [f"Mount {unmounted.share}", f"Mount {third}"]
    assert all(len(unmounted.mounted_from(share)) == 1 for share in shares)
    unmounted.check_run_again(MODULE, shares=shares, state="absent")
    assert os.listdir(unmounted.base) == []


def test_a_share_named_twice_is_mounted_once(unmounted):
    made = unmounted.ok(MODULE, shares=[unmounted.share, unmounted.share])
    assert len(made.shares) == len(made.actions) == len(unmounted.mounted_from()) == 1


def test_a_shares_file_of_cinder_is_taken_as_it_is(unmounted):
    with_options = unmounted.new_share()
    file = unmounted.tmp / "glusterfs_shares"
    file.write_text(
        "# shares of the cloud\n"
        "\n"
        f"{unmounted.share}\n"
        f"   # {unmounted.share}/not-this\n"
        f"{with_options} -o log-level=WARNING\n"
        "gl1/without-a-colon\n"
    )
    made = unmounted.check_run_again(MODULE, shares_file=str(file), options="log-level=ERROR")
    assert [entry["share"] for entry in made.shares] == [unmounted.share, with_options]
    assert [entry["options"] for entry in made.shares] == ["log-level=ERROR", "log-level=WARNING,log-level=ERROR"]
    (warning,) = made.warnings
    assert "line 6" in warning and "'gl1/without-a-colon' is not a share" in warning and str(file) in warning


def test_the_base_may_be_reached_through_a_symbolic_link(unmounted):
    real = unmounted.tmp / "disk" / "mnt"
    real.mkdir(parents=True)
    unmounted.base.symlink_to(real)
    unmounted.check_run_again(MODULE, boot=True, fstab=str(unmounted.fstab))
    unmounted.volume()
    assert (unmounted.behind() / "v1").exists()
    with unmounted.path("v1").open("rb"):
        assert "stop it first" in unmounted.refused(MODULE, state="unmounted")
    unmounted.check_run_again(MODULE, state="absent", fstab=str(unmounted.fstab))
    assert os.listdir(real) == []


def test_mount_options_reach_the_client(unmounted):
    made = unmounted.check_run_again(MODULE, options="log-level=WARNING,attribute-timeout=1")
    assert made.shares[0]["options"] == "log-level=WARNING,attribute-timeout=1"
    assert "with log-level=WARNING,attribute-timeout=1" in made.actions[0]
    argv = unmounted.client().argv
    # what is not given otherwise is forgotten at once: another host may have changed it unseen
    assert {"--log-level=WARNING", "--attribute-timeout=1", "--entry-timeout=0"} <= set(argv) and "--attribute-timeout=0" not in argv


def test_the_root_directory_gets_owner_group_and_mode(place):
    made = place.check_run_again(MODULE, owner="1234", group="daemon", mode="0770")
    assert "owner 1234, group 1 and mode 0770" in made.actions[0]
    status = os.stat(place.behind())
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1234, 1, 0o770)
    place.check_run_again(MODULE, mode="2755")
    status = os.stat(place.behind())
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1234, 1, 0o2755)


def test_owner_and_mode_are_set_in_the_task_that_mounts(unmounted):
    made = unmounted.ok(MODULE, owner="1234", mode="0770")
    assert len(made.actions) == 2
    assert stat.S_IMODE(os.stat(unmounted.behind()).st_mode) == 0o770
    assert not unmounted.ok(MODULE, owner="1234", mode="0770").changed


def test_proving_that_a_share_is_writable_leaves_no_file(place):
    assert place.ok(MODULE).shares[0]["writable"] is True
    assert os.listdir(place.mount_point()) == []


def test_a_share_mounted_read_only_cannot_be_proven_writable_and_is_fine_without_it(unmounted):
    for check in (True, False):
        said = unmounted.refused(MODULE, check=check, options="ro")
        assert "read-only (option ro)" in said and "set writable to false" in said
    assert unmounted.mounted_from() == []
    made = unmounted.check_run_again(MODULE, options="ro", writable=False)
    assert made.shares[0]["writable"] is False
    # where the option came by another way, the proof itself fails, and that it is mounted all the same is told
    result = unmounted.run(MODULE)
    assert result.failed and "the file system is read-only" in result.msg and str(unmounted.mount_point()) in result.msg
    assert result.shares[0]["mounted"] is True


def test_few_event_threads_are_warned_about_with_the_command_that_gives_more(unmounted, servers):
    few = servers.volume(**{"client.event-threads": "2"})
    unmounted.share = unmounted.new_share(few)
    made = unmounted.ok(MODULE)
    (warning,) = made.warnings
    assert made.shares[0]["event_threads"] == 2
    assert warning.startswith(
        f"{unmounted.share} is served by 2 event threads on this host; several concurrent qemu-img processes can wedge"
    )
    assert f"(gluster volume set {few} client.event-threads 8)" in warning
    unmounted.command("gluster", "--mode=script", "volume", "set", few, "client.event-threads", "8")
    for _try in range(100):
        made = unmounted.ok(MODULE)
        if not made.warnings:
            break
        time.sleep(0.1)
    assert made.shares[0]["event_threads"] == 8 and made.warnings == []


def test_whether_zeroing_a_range_zeroes_it_is_found_out_when_a_share_is_mounted(unmounted):
    made = unmounted.ok(MODULE)
    assert unmounted.ok(MODULE, writable=False).shares[0]["supports_zero_range"] is None
    # what another program finds
    probe = unmounted.path("probe")
    probe.write_bytes(b"x" * 8192)
    done = unmounted.command("fallocate", "--zero-range", "--offset", "0", "--length", "4096", str(probe), check=False)
    with probe.open("rb") as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        zeroed = stream.read(4096) == bytes(4096)
    assert made.shares[0]["supports_zero_range"] == (zeroed if done.returncode == 0 else None)


def test_one_working_share_is_enough_where_any_is_required(unmounted):
    broken = "localhost:/vdt-no-such-volume"
    shares = [broken, unmounted.share]
    made = unmounted.ok(MODULE, shares=shares, required="any", retries=1)
    assert made.changed and made.msg == f"{unmounted.share} is mounted; {broken} failed."
    assert [entry["mounted"] for entry in made.shares] == [False, True]
    assert made.shares[0]["error"].startswith(f"{broken} could not be mounted at ") and "error" not in made.shares[1]
    (warning,) = made.warnings
    assert warning == f"{broken}: {made.shares[0]['error']}"
    assert not unmounted.ok(MODULE, shares=shares, required="any", retries=1).changed


def test_every_share_must_work_where_all_are_required(unmounted):
    broken = "localhost:/vdt-no-such-volume"
    result = unmounted.run(MODULE, shares=[broken, unmounted.share], retries=1)
    assert result.failed and result.msg.startswith(f"{broken} could not be mounted")
    # what was done all the same is told
    assert result.changed and [entry["mounted"] for entry in result.shares] == [False, True]
    assert len(result.actions) == 1


def test_no_working_share_is_a_failure_also_where_any_is_enough(unmounted):
    broken = ["localhost:/vdt-no-such-volume", "gluster.invalid:/vms"]
    result = unmounted.run(MODULE, shares=broken, required="any", retries=1)
    assert result.failed and all(share in result.msg for share in broken)
    assert result.rc and result.cmd[3:5] == [broken[0], str(unmounted.mount_point(broken[0]))]


@pytest.fixture
def flaky_mount(unmounted, monkeypatch):
    """Return a file that gets a line for each attempt to mount; the first attempt fails."""
    tries, programs = unmounted.tmp / "tries", unmounted.tmp / "bin"
    programs.mkdir()
    (programs / "mount").write_text(
        f'#!/bin/sh\necho try >> {tries}\n[ "$(wc -l < {tries})" -gt 1 ] || {{ echo "not yet" >&2; exit 1; }}\nexec /usr/bin/mount "$@"\n'
    )
    (programs / "mount").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return tries


@pytest.mark.parametrize("retries", [0, 1])
def test_without_retries_one_attempt_is_made(unmounted, flaky_mount, retries):
    result = unmounted.run(MODULE, retries=retries)
    assert result.failed and "(not yet)" in result.msg and result.stderr == "not yet\n"
    assert flaky_mount.read_text() == "try\n" and unmounted.mounted_from() == []


def test_with_retries_a_share_is_mounted_that_did_not_answer_at_first(unmounted, flaky_mount):
    assert unmounted.ok(MODULE, retries=2).changed
    assert flaky_mount.read_text() == "try\ntry\n" and len(unmounted.mounted_from()) == 1
