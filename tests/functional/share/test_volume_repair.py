# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mending: what is certain is mended and nothing a disk or a point in time reads as changes; the rest is refused by name."""

from __future__ import annotations

import os

import pytest
from ansible_collections.vdisk.gluster.tests.harness.programs import command

MIB = 1 << 20


@pytest.fixture
def cinder(place):
    """A volume as Cinder left it, with headers that name their backing files by absolute path or without format; its bytes."""
    base = place.path("v1")
    command("qemu-img", "create", "-q", "-f", "raw", str(base), "4M")
    command("qemu-io", "-f", "raw", "-c", "write -P 1 0 1M", str(base))
    elsewhere = f"/var/lib/cinder/mnt/{place.mount_point().name}/v1"
    first, second = place.path("v1.a"), place.path("v1.b")
    command("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(base), str(first), "4M")
    command("qemu-io", "-f", "qcow2", "-c", "write -P 2 1M 1M", str(first))
    command("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(first), str(second), "4M")
    command("qemu-io", "-f", "qcow2", "-c", "write -P 3 2M 1M", str(second))
    command("qemu-img", "rebase", "-u", "-f", "qcow2", "-b", elsewhere, "-F", "raw", str(first))
    command("qemu-img", "rebase", "-u", "-f", "qcow2", "-b", f"{elsewhere}.a", "-F", "qcow2", str(second))
    place.path("v1.info").write_text('{\n "a": "v1.a",\n "active": "v1.b",\n "b": "v1.b"\n}')
    return bytes([1]) * MIB + bytes([2]) * MIB + bytes([3]) * MIB + bytes(MIB)


def test_absolute_names_are_told_and_nothing_is_changed_until_they_are_mended(place, cinder):
    found = place.info()
    assert len(found["problems"]) == 2 and all("absolute path" in problem for problem in found["problems"])
    assert [entry["file"] for entry in found["chain"]] == ["v1.b", "v1.a", "v1"]
    before = place.digest()
    assert "absolute path" in place.refused("gluster_snapshot", volume=["v1"], name=["c"])
    assert place.digest() == before


def test_adoption_alone_changes_no_file_of_the_layout_and_growth_waits_for_the_mending(place, cinder):
    before = place.digest()
    place.check_run_again("gluster_volume_file", name=["v1"], format="raw")
    after = place.digest()
    assert {name: after[name] for name in before} == before
    assert "absolute path" in place.refused("gluster_volume_file", name=["v1"], size="8M")


def test_one_task_mends_and_adopts(place, cinder):
    made = place.check_run_again("gluster_volume_file", name=["v1"], format="raw", repair=True)
    assert made.volume["problems"] == [] and len(made.actions) == 3
    assert place.read() == cinder
    assert place.read(snapshot="a") == cinder[:MIB] + bytes(3 * MIB)
    place.drop("a")
    assert place.read() == cinder


def test_an_overlay_without_data_that_nothing_names_goes_and_one_with_data_is_refused(place):
    place.volume(size="4M")
    place.snapshot("s1")
    stray = place.path("v1.x")
    command("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", "v1.s1", str(stray), "4M")
    command("qemu-io", "-f", "qcow2", "-c", "write -P 3 2M 64k", str(stray))
    before = place.digest()
    said = place.refused("gluster_volume_file", name=["v1"], repair=True)
    assert "v1.x" in said and "may hold data" in said
    assert place.digest() == before
    stray.unlink()
    command("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", "v1.s1", str(stray), "4M")
    place.check_run_again("gluster_volume_file", name=["v1"], repair=True)
    assert place.names() == ["v1", "v1.info", "v1.s1"]


def test_a_first_overlay_that_no_info_file_came_to_name_goes(place):
    place.volume(size="4M")
    command("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", "v1", str(place.path("v1.x")), "4M")
    assert "there is no v1.info" in place.info()["problems"][0]
    place.check_run_again("gluster_volume_file", name=["v1"], repair=True)
    assert place.names() == ["v1"] and place.info()["problems"] == []


def test_temporary_files_of_killed_tasks_go(place):
    place.volume(size="4M")
    place.path(".v1.vdisk-0123abcd").write_bytes(b"half")
    place.path(".v1.s9.vdisk-0123abcd").write_bytes(b"half")
    assert place.ok("gluster_volume_file", name=["v1"], repair=True).changed
    assert place.names() == ["v1"]
    assert not place.ok("gluster_volume_file", name=["v1"], repair=True).changed


@pytest.mark.parametrize("damage", ["record", "info", "missing"])
def test_what_could_only_be_guessed_at_is_refused(place, damage):
    place.volume(size="4M")
    place.snapshot("s1")
    if damage == "record":
        place.path(".vdisk/v1.json").write_text("{")
    elif damage == "info":
        place.path("v1.info").write_text("")
    else:
        os.unlink(place.path("v1"))
    before = place.digest()
    for options in ({}, {"format": "raw"}):
        assert place.refused("gluster_volume_file", name=["v1"], repair=True, **options)
    assert place.digest() == before
