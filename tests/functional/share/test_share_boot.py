# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gluster_share_mount with boot: the entry in fstab, and mount options that differ from it."""

from __future__ import annotations

import os
import stat

import pytest

MODULE = "gluster_share_mount"
OTHERS = "# of this test\nproc /proc proc defaults 0 0\n"


@pytest.fixture
def boot(unmounted):
    """The options of a task that keeps an entry in a fstab of the test's own."""
    return {"boot": True, "fstab": str(unmounted.fstab)}


def test_an_entry_is_added_and_every_other_line_stays(unmounted, boot):
    unmounted.fstab.chmod(0o640)
    made = unmounted.check_run_again(MODULE, **boot)
    assert [sentence.split(" ")[0] for sentence in made.actions] == ["Mount", "Write"]
    entry = f"{unmounted.share} {unmounted.mount_point()} glusterfs defaults,_netdev,attribute-timeout=0,entry-timeout=0 0 0\n"
    assert unmounted.fstab.read_text() == OTHERS + entry
    assert stat.S_IMODE(unmounted.fstab.stat().st_mode) == 0o640
    assert [path.name for path in unmounted.tmp.iterdir() if "fstab" in path.name] == ["fstab"]


def test_check_mode_leaves_fstab_alone(unmounted, boot):
    assert unmounted.ok(MODULE, check=True, **boot).changed
    assert unmounted.fstab.read_text() == OTHERS


def test_the_entry_mounts_the_share_as_the_machine_does_at_boot(unmounted, boot):
    unmounted.ok(MODULE, options="log-level=WARNING", **boot)
    unmounted.command("umount", str(unmounted.mount_point()))
    unmounted.command("mount", "-T", str(unmounted.fstab), str(unmounted.mount_point()))
    assert "--log-level=WARNING" in unmounted.client().argv
    assert not unmounted.ok(MODULE, options="log-level=WARNING", **boot).changed


def test_a_share_that_is_mounted_already_only_gets_its_entry(place, boot):
    made = place.check_run_again(MODULE, **boot)
    assert len(made.actions) == 1 and f"to {place.fstab}, because it is to be mounted at boot" in made.actions[0]


def test_a_fstab_that_is_not_there_is_made_readable_for_all(unmounted, boot):
    unmounted.fstab.unlink()
    unmounted.ok(MODULE, **boot)
    assert stat.S_IMODE(unmounted.fstab.stat().st_mode) == 0o644


def test_a_fstab_that_is_a_link_stays_one(unmounted, boot):
    real = unmounted.tmp / "real-fstab"
    unmounted.fstab.rename(real)
    unmounted.fstab.symlink_to(real)
    unmounted.ok(MODULE, **boot)
    assert unmounted.fstab.is_symlink() and unmounted.share in real.read_text()


def test_other_options_than_those_of_the_entry_are_put_in_force_when_nothing_uses_the_share(unmounted, boot):
    unmounted.ok(MODULE, options="log-level=WARNING", **boot)
    client = unmounted.client().pid
    made = unmounted.check_run_again(MODULE, options="log-level=ERROR", **boot)
    assert [sentence.split(" ")[0] for sentence in made.actions] == ["Unmount", "Mount", "Write"]
    assert "because it was mounted with other options" in made.actions[0]
    assert unmounted.client().pid != client and "--log-level=ERROR" in unmounted.client().argv
    assert unmounted.fstab.read_text().count(unmounted.share) == 1
    assert " glusterfs defaults,_netdev,attribute-timeout=0,entry-timeout=0,log-level=ERROR 0 0\n" in unmounted.fstab.read_text()


def test_other_options_are_refused_while_a_file_is_open(unmounted, boot):
    unmounted.ok(MODULE, options="log-level=WARNING", **boot)
    path = unmounted.path("open")
    with path.open("w"):
        told = unmounted.refused_untouched(MODULE, options="log-level=ERROR", **boot)
    fresh = "attribute-timeout=0,entry-timeout=0"
    assert f"at {unmounted.mount_point()} was mounted with the options defaults,_netdev,{fresh},log-level=WARNING" in told
    assert f"(pid {os.getpid()}) has {path} open; stop it first" in told


def test_without_boot_an_entry_and_the_options_in_force_stay_as_they_are(unmounted, boot):
    unmounted.ok(MODULE, options="log-level=WARNING", **boot)
    before = unmounted.everything(), unmounted.client()
    assert not unmounted.ok(MODULE, options="log-level=ERROR", fstab=boot["fstab"]).changed
    assert (unmounted.everything(), unmounted.client()) == before


def test_unmounted_keeps_the_entry_and_the_mount_point(unmounted, boot):
    unmounted.ok(MODULE, **boot)
    made = unmounted.check_run_again(MODULE, state="unmounted", fstab=boot["fstab"])
    assert len(made.actions) == 1 and "because it is to be unmounted" in made.actions[0]
    assert made.shares[0]["mounted"] is False and made.diff["before"][unmounted.share]["mounted"] is True
    assert unmounted.mounted_from() == [] and unmounted.mount_point().is_dir()
    assert unmounted.share in unmounted.fstab.read_text()


def test_absent_leaves_neither_mount_nor_mount_point_nor_entry(unmounted, boot):
    unmounted.ok(MODULE, **boot)
    unmounted.path("v1").write_bytes(b"content")
    made = unmounted.check_run_again(MODULE, state="absent", fstab=boot["fstab"])
    assert [sentence.split(" ")[0] for sentence in made.actions] == ["Unmount", "Remove", "Remove"]
    assert unmounted.mounted_from() == [] and not unmounted.mount_point().exists()
    assert unmounted.fstab.read_text() == OTHERS
    # the share itself keeps what it holds
    assert (unmounted.behind() / "v1").read_bytes() == b"content"


def test_absent_removes_an_entry_also_where_the_share_is_not_mounted(unmounted, boot):
    unmounted.ok(MODULE, **boot)
    unmounted.command("umount", str(unmounted.mount_point()))
    unmounted.mount_point().rmdir()
    unmounted.check_run_again(MODULE, state="absent", fstab=boot["fstab"])
    assert unmounted.fstab.read_text() == OTHERS


@pytest.mark.parametrize("state", ["unmounted", "absent"])
def test_what_was_never_mounted_is_unmounted_and_absent_already(unmounted, state):
    result = unmounted.ok(MODULE, state=state, fstab=str(unmounted.fstab))
    assert not result.changed and result.actions == [] and not unmounted.base.exists()
