# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gluster_share_mount: what is refused, in check mode too, with a sentence and without a trace; and dead mounts."""

from __future__ import annotations

import contextlib
import mmap
import os
import subprocess

import pytest

MODULE = "gluster_share_mount"


@pytest.mark.parametrize(
    "share",
    [
        "",
        "gl1",
        "gl1:vms",
        "gl1:/",
        "gl1:/vms/",
        "gl1:/vms//a",
        "gl1:/vms/../etc",
        "gl1:/v ms",
        "-o:/vms",
        "gl1 :/vms",
        "gl1:/vms\n",
        "/vms",
    ],
)
def test_what_is_not_a_share_is_refused(unmounted, share):
    told = unmounted.refused_untouched(MODULE, share=share)
    assert f"{share!r} is not a share; write host:/volume" in told
    assert not unmounted.base.exists()


@pytest.mark.parametrize(
    "options, words",
    [
        ({"shares": []}, ["shares", "empty"]),
        ({"shares_file": "/nowhere/shares"}, ["/nowhere/shares cannot be read", "No such file"]),
        ({"mount_point_base": "mnt"}, ["'mnt' is not an absolute path"]),
        ({"mount_point_base": "/"}, ["'/' is not an absolute path of a directory below /"]),
        ({"mount_point_base": "/srv/my disks"}, ["'/srv/my disks' contains white space", "mount.glusterfs cannot take"]),
        ({"options": "ro, acl"}, ["options: 'ro, acl' contains white space", "commas only"]),
        ({"owner": "nobody-knows"}, ["owner: this host knows no user 'nobody-knows'"]),
        ({"group": "nobody-knows"}, ["group: this host knows no group 'nobody-knows'"]),
        ({"mode": "rwx"}, ["mode: 'rwx' is not an octal mode", "'0660'"]),
        ({"mode": "0999"}, ["mode: '0999' is not an octal mode"]),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused(unmounted, options, words):
    told = unmounted.refused_untouched(MODULE, **options)
    assert all(word in told for word in words), told
    assert not unmounted.base.exists()


def test_a_mount_point_that_cannot_be_made_is_told(unmounted, tmp_path):
    (tmp_path / "file").write_text("mine")
    told = unmounted.refused_untouched(MODULE, mount_point_base=str(tmp_path / "file"))
    assert f"{tmp_path}/file/" in told and "cannot be the mount point of" in told and "Not a directory; move it away" in told
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("text", ["", "# none\n\n", "gl1:vms\n"])
def test_a_shares_file_that_names_no_share_is_refused(unmounted, text):
    file = unmounted.tmp / "shares"
    file.write_text(text)
    assert f"{file} contains no share; write one host:/volume per line" in unmounted.refused_untouched(MODULE, shares_file=str(file))


@pytest.mark.parametrize("name", ["old disks", "a:b"])
def test_a_directory_that_the_mount_helper_cuts_short_is_refused(unmounted, name):
    (unmounted.behind() / name).mkdir()
    # what the helper would mount in its place
    (unmounted.behind() / name[:3]).mkdir(exist_ok=True)
    share = f"{unmounted.share}/{name}"
    told = unmounted.refused_untouched(MODULE, share=share)
    assert share in told and "mount.glusterfs" in told
    assert not unmounted.base.exists()


@pytest.mark.parametrize("share", ["localhost:/vdt-no-such-volume", "gluster.invalid:/vms", "127.0.0.77:/vms"])
def test_a_share_that_cannot_be_had_fails_and_leaves_nothing_mounted(unmounted, share):
    result = unmounted.run(MODULE, share=share, retries=1)
    point = str(unmounted.mount_point(share))
    assert result.failed and not result.changed and result.actions == []
    assert result.msg.startswith(f"{share} could not be mounted at {point} (")
    assert "make sure that the volume is started and its server is reachable" in result.msg
    assert result.cmd[1:5] == ["-t", "glusterfs", share, point] and result.rc == 1
    assert unmounted.mounted_from(share) == []


def test_a_mount_point_with_a_file_in_it_is_refused(unmounted):
    unmounted.mount_point().mkdir(parents=True)
    unmounted.path("v1").write_bytes(b"landed on the root disk")
    told = unmounted.refused_untouched(MODULE)
    assert f"{unmounted.mount_point()} is not mounted and holds 'v1'" in told and "move it away" in told
    told = unmounted.refused_untouched(MODULE, state="absent")
    assert f"{unmounted.mount_point()} is not mounted and not empty" in told
    assert not unmounted.ok(MODULE, state="unmounted").changed


@pytest.mark.parametrize("state", ["mounted", "absent"])
@pytest.mark.parametrize("kind", ["file", "link", "dangling link"])
def test_something_else_than_a_directory_in_the_mount_points_place_is_refused(unmounted, kind, state):
    unmounted.base.mkdir()
    target = unmounted.tmp / "target"
    if kind == "file":
        unmounted.mount_point().write_bytes(b"content")
    else:
        unmounted.mount_point().symlink_to(target)
    if kind == "link":
        target.mkdir()
    told = unmounted.refused_untouched(MODULE, state=state, fstab=str(unmounted.fstab))
    assert str(unmounted.mount_point()) in told and "move it away" in told


@pytest.mark.parametrize("state", ["mounted", "unmounted", "absent"])
def test_what_else_is_mounted_there_is_refused_and_stays(unmounted, state):
    unmounted.mount_point().mkdir(parents=True)
    unmounted.command("mount", "-t", "tmpfs", "vdt-other", str(unmounted.mount_point()))
    told = unmounted.refused_untouched(MODULE, state=state, fstab=str(unmounted.fstab))
    assert f"vdt-other (tmpfs) is mounted at {unmounted.mount_point()}, the mount point of {unmounted.share}; unmount it" in told


def test_another_share_mounted_there_is_refused(unmounted):
    other = unmounted.new_share()
    unmounted.mount_point().mkdir(parents=True)
    unmounted.command("mount", "-t", "glusterfs", other, str(unmounted.mount_point()))
    assert f"{other} (fuse.glusterfs) is mounted at {unmounted.mount_point()}" in unmounted.refused_untouched(MODULE)


@contextlib.contextmanager
def working_directory(place):
    with subprocess.Popen(["sleep", "600"], cwd=place.mount_point()) as process:
        yield f"sleep (pid {process.pid}) has {place.mount_point()} open"
        process.kill()


@contextlib.contextmanager
def open_file(place):
    with place.path("file").open("wb"):
        yield f"(pid {os.getpid()}) has {place.path('file')} open"


@contextlib.contextmanager
def mapped_file(place):
    place.path("file").write_bytes(b"content")
    with place.path("file").open("rb") as stream:
        mapping = mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ)
    yield f"(pid {os.getpid()}) has {place.path('file')} open"
    mapping.close()


USES = [open_file, working_directory, mapped_file]


@pytest.mark.parametrize("state", ["unmounted", "absent"])
@pytest.mark.parametrize("use", USES)
def test_a_share_in_use_is_not_unmounted(place, use, state):
    with use(place) as user:
        told = place.refused_untouched(MODULE, state=state, fstab=str(place.fstab))
        assert f"{place.share} at {place.mount_point()} is to be {state}, but " in told
        assert user in told and "stop it first" in told
    assert place.ok(MODULE, state=state, fstab=str(place.fstab)).changed


def test_a_dead_mount_is_mended(place):
    place.path("v1").write_bytes(b"content")
    place.kill_client()
    predicted = place.ok(MODULE, check=True)
    made = place.ok(MODULE)
    assert predicted.actions == made.actions and predicted.changed and made.changed
    assert "because the mount is dead" in made.actions[0] and "because it is not mounted any more" in made.actions[1]
    assert made.diff["before"][place.share]["mounted"] is True and made.diff["before"][place.share]["writable"] is None
    assert place.path("v1").read_bytes() == b"content" and len(place.mounted_from()) == 1
    assert not place.ok(MODULE).changed


@pytest.mark.parametrize("use", USES)
def test_a_dead_mount_in_use_is_not_mended_before_it_is_left(place, use):
    with contextlib.suppress(OSError), use(place) as user:
        place.kill_client()
        for state in ("mounted", "unmounted", "absent"):
            for check in (True, False):
                told = place.refused(MODULE, check=check, state=state, fstab=str(place.fstab))
                assert user in told and place.share in told
        assert len(place.mounted_from()) == 1
    assert place.ok(MODULE).changed and place.ok(MODULE).shares[0]["writable"]


@pytest.mark.parametrize("state", ["unmounted", "absent"])
def test_a_dead_mount_is_unmounted(place, state):
    place.kill_client()
    assert place.ok(MODULE, check=True, state=state, fstab=str(place.fstab)).changed
    assert place.ok(MODULE, state=state, fstab=str(place.fstab)).changed
    assert place.mounted_from() == [] and place.mount_point().exists() == (state == "unmounted")


def test_a_missing_client_is_told_with_the_package_to_install(unmounted, only_these_programs):
    only_these_programs("mount", "umount")
    told = unmounted.refused_untouched(MODULE)
    assert "mount.glusterfs was not found on this host; install the GlusterFS client (package glusterfs-client on Debian" in told
    assert not unmounted.base.exists()
