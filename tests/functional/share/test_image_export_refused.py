# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports that are refused or fail: what was there before stays whole, and nothing half-made is left."""

from __future__ import annotations

import os
import stat
import time

import pytest
from ansible_collections.vdisk.gluster.tests.harness.processes import gate_qemu_img, start, wait_until
from ansible_collections.vdisk.gluster.tests.harness.programs import command

KIB = 1 << 10
MIB = 1 << 20


@pytest.fixture
def source(place, tmp_path):
    """A share with the volume v1 and its snapshots s1 and s2, and a directory for exports."""
    place.volume(size="2M")
    for number, name in enumerate(("s1", "s2"), 1):
        place.write(number, number * 128 * KIB, MIB)
        place.snapshot(name)
    place.write(3, MIB, 128 * KIB)
    place.out = tmp_path / "out"
    place.out.mkdir()
    return place


def seen(directory):
    """Return everything about the files of a directory that a change would show in."""
    found = {}
    for path in directory.iterdir():
        status = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else None
        found[path.name] = (status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, status.st_ino, content)
    return found


def refused(place, **options):
    """See that an export is refused in check mode and in a run, and leaves share and destination as they were."""
    before = seen(place.out)
    sentence = place.refused_untouched("gluster_image_export", **{"volume": "v1", "dest": str(place.out / "copy"), **options})
    assert seen(place.out) == before
    return sentence


def test_a_file_of_somebody_else_is_replaced_only_by_force(source):
    dest = source.out / "copy"
    dest.write_bytes(b"precious")
    assert "was not exported by this collection" in refused(source)
    assert "set force" in refused(source, snapshot="s1")
    for manifest in (b"", b"{}", b"[1]", b'{"schema": 1}', b"\xff"):
        (source.out / "copy.manifest.json").write_bytes(manifest)
        assert "was not exported by this collection" in refused(source)
    assert source.ok("gluster_image_export", volume="v1", dest=str(dest), force=True).changed
    assert dest.read_bytes() == source.read()
    assert not source.ok("gluster_image_export", volume="v1", dest=str(dest)).changed


@pytest.mark.parametrize("change", [b"\xaa", b""], ids=["other bytes", "truncated"])
def test_an_export_that_was_changed_since_is_replaced_only_by_force(source, change):
    dest = source.out / "copy"
    source.ok("gluster_image_export", volume="v1", snapshot="s1", dest=str(dest))
    if change:
        with open(dest, "r+b") as stream:
            stream.write(change)
    else:
        os.truncate(dest, MIB)
    for options in ({"snapshot": "s1"}, {"snapshot": "s2"}, {}):
        assert "was changed after it was exported" in refused(source, **options)
    source.ok("gluster_image_export", volume="v1", snapshot="s1", dest=str(dest), force=True)
    assert dest.read_bytes() == source.read(snapshot="s1")


def test_an_export_that_was_only_touched_is_known_by_its_checksum(source):
    dest = source.out / "copy"
    source.ok("gluster_image_export", volume="v1", snapshot="s1", dest=str(dest))
    os.utime(dest)
    assert not source.ok("gluster_image_export", volume="v1", snapshot="s1", dest=str(dest)).changed
    source.ok("gluster_image_export", volume="v1", snapshot="s2", dest=str(dest), checksum_algorithm="none")
    os.utime(dest)
    assert "was changed after it was exported" in refused(source, snapshot="s2")


def test_an_export_of_another_volume_or_share_is_replaced_only_by_force(source):
    source.volume("v2", size="1M")
    dest = str(source.out / "copy")
    source.ok("gluster_image_export", volume="v2", dest=dest)
    assert f"is an export of v2 on {source.share}" in refused(source)
    elsewhere = source.new_share()
    source.mount(elsewhere)
    source.ok("gluster_volume_file", share=elsewhere, name=["v2"], size="1M")
    assert f"is an export of v2 on {source.share}" in refused(source, share=elsewhere, volume="v2")
    source.ok("gluster_image_export", volume="v1", dest=dest, force=True)
    assert source.read_image(source.out / "copy", "raw") == source.read()


def test_a_place_that_cannot_hold_the_file_is_refused(source, tmp_path):
    assert "does not exist; create it first" in refused(source, dest=str(source.out / "missing" / "copy"))
    assert "does not exist; create it first" in refused(source, dest=f"{source.out / 'missing'}/")
    assert "is not an absolute path" in refused(source, dest="copy")
    for dest in (source.path("copy"), source.mount_point(), source.base / "copy", source.path(".vdisk") / "copy"):
        assert "where the shares are mounted" in refused(source, dest=str(dest))
    (source.out / "way").symlink_to(source.mount_point())
    assert "where the shares are mounted" in refused(source, dest=str(source.out / "way" / "copy"))
    (source.out / "link").symlink_to(source.out / "target")
    assert "is not a regular file" in refused(source, dest=str(source.out / "link"))
    (source.out / "target").write_bytes(b"precious")
    assert "is not a regular file" in refused(source, dest=str(source.out / "link"), force=True)
    os.mkfifo(source.out / "pipe")
    assert "is not a regular file" in refused(source, dest=str(source.out / "pipe"), force=True)
    (source.out / "taken" / "v1.raw").mkdir(parents=True)
    assert "is not a regular file" in refused(source, dest=str(source.out / "taken"), force=True)


def test_what_is_not_there_is_not_exported(source):
    assert "v9" in refused(source, volume="v9") and "does not exist" in refused(source, volume="v9")
    assert "has no snapshot s9, so it cannot be exported (it has: s1, s2)" in refused(source, snapshot="s9")
    for name in ("", "../s1", "active"):
        assert "snapshot" in refused(source, snapshot=name)
    source.path(".vdisk/v1.json").unlink()
    for options in ({}, {"snapshot": "s1"}):
        assert "adopt it first with gluster_volume_file" in refused(source, **options)


def test_a_volume_in_use_is_exported_only_from_a_snapshot(source):
    with source.in_qemu("v1.s2", "qcow2") as machine:
        assert "is in use" in refused(source)
        machine.stdin.write("write -P 9 0 2M\n")
        machine.stdin.flush()
        while "wrote 2097152/2097152" not in machine.stdout.readline():
            assert machine.poll() is None
        made = source.check_run_again("gluster_image_export", volume="v1", snapshot="s2", dest=str(source.out / "copy"))
        assert machine.poll() is None
    assert made.changed and (source.out / "copy").read_bytes() == source.read(snapshot="s2")


def test_while_a_snapshot_is_exported_others_come_and_go_but_not_it(source, tmp_path, monkeypatch):
    place, points = source, source.points()
    gate = gate_qemu_img(tmp_path, monkeypatch, "convert")
    running = start(place, "gluster_image_export", volume="v1", snapshot="s2", dest=str(place.out / "copy"))
    try:
        wait_until(gate.with_name("gate.reached").exists, "the copy to begin")
        drop = {"volume": ["v1"], "name": ["s2"], "state": "absent"}
        assert "is being read" in place.refused_untouched("gluster_snapshot", **drop)
        assert "is being read" in place.refused_untouched("gluster_snapshot", **{**drop, "name": ["s1"]})
        place.snapshot("s3")
        place.snapshot("s4")
        place.drop("s3")
        assert "exporting to" in place.refused("gluster_image_export", volume="v1", snapshot="s1", dest=str(place.out / "copy"))
        assert not running.is_over()
        gate.touch()
        assert running.result()["changed"]
    finally:
        running.kill()
    assert (place.out / "copy").read_bytes() == points["s2"]
    place.drop("s2")
    assert place.points() == {"s1": points["s1"], "s4": points["now"], "now": points["now"]}


@pytest.fixture
def small(source, tmp_path):
    """A file system of 1 MiB, with an export of a small volume on it."""
    directory = tmp_path / "small"
    directory.mkdir()
    command("mount", "-t", "tmpfs", "-o", "size=1M", "vdisk-test", str(directory))
    source.out = directory
    source.volume("v2", size="64K")
    source.write(5, 0, 64 * KIB, volume="v2")
    source.ok("gluster_image_export", volume="v2", dest=str(directory / "copy"))
    yield source
    command("umount", str(directory))


def test_a_destination_with_too_little_space_is_refused_before_anything_is_copied(small):
    before, began = seen(small.out), time.monotonic()
    sentence = small.refused("gluster_image_export", volume="v1", dest=str(small.out / "copy"), force=True)
    assert "available" in sentence and "needs up to" in sentence and "free space" in sentence
    assert seen(small.out) == before and time.monotonic() - began < 5
    assert small.names() == ["v1", "v1.info", "v1.s1", "v1.s2", "v2"]


@pytest.mark.sample(2)
@pytest.mark.parametrize("image_format", ["raw", "qcow2", "vmdk", "vdi", "vhdx", "vpc"])
def test_a_destination_that_fills_up_meanwhile_keeps_what_it_had(small, image_format, monkeypatch):
    before = seen(small.out)
    # as if another program took the space after it was looked at
    real = os.statvfs
    monkeypatch.setattr(os, "statvfs", lambda path: real(small.tmp if str(path) == str(small.out) else path))
    sentence = small.refused("gluster_image_export", volume="v1", dest=str(small.out / "copy"), format=image_format, force=True)
    # as qemu-img says it, or this collection
    assert "no space left" in sentence or "no space is left" in sentence or "full" in sentence
    assert "the share is full" not in sentence and "add bricks" not in sentence, "it is not the share that is full"
    assert seen(small.out) == before


def test_a_copy_that_does_not_read_as_its_source_never_gets_its_name(source, tmp_path, monkeypatch):
    programs = tmp_path / "lying"
    programs.mkdir()
    script = '#!/bin/sh\n/usr/bin/env PATH="$REAL" qemu-img "$@" || exit\n[ "$1" != convert ] || for last; do :; done\n'
    script += '[ "$1" != convert ] || printf x | dd of="$last" bs=1 seek=70000 conv=notrunc status=none\n'
    (programs / "qemu-img").write_text(script)
    (programs / "qemu-img").chmod(0o755)
    monkeypatch.setenv("REAL", os.environ["PATH"])
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    before = seen(source.out)
    sentence = source.refused("gluster_image_export", volume="v1", dest=str(source.out / "copy"))
    assert "differs from its source" in sentence
    assert seen(source.out) == before
