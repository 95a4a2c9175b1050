# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gluster_volume_file: what is refused, in check mode too, with a sentence, and with the whole share as it was."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess

import pytest

MODULE = "gluster_volume_file"
MIB = 1 << 20


@pytest.mark.parametrize("name", ["", "-v1", "_v1", "v 1", "v1.info", "../v1", "a/b", "v1\n", "vé", "v" * 129, "."])
def test_what_is_no_name_of_a_volume_is_refused(place, name):
    for state in ("present", "absent"):
        told = place.refused_untouched(MODULE, name=["v1", name], state=state, size="4M")
        assert told == f"{name!r} is not a volume name; use 1 to 128 letters, digits, '_' and '-', beginning with a letter or digit"


def test_the_longest_name_of_a_volume_is_taken(place):
    place.check_run_again(MODULE, name=["v" * 128], size="1M")


@pytest.mark.parametrize(
    "size", ["", "large", "0", "0.0001K", "-1G", "10 GG", "10Gi", "1,5G", "1e9", "0x10", "9E", "8192P", "99999999999999999999", "10G 5M"]
)
def test_what_is_no_size_is_refused(place, size):
    told = place.refused_untouched(MODULE, name=["v1"], size=size)
    assert told.startswith(f"size: {size!r} is ") and ("not a size; write bytes or" in told or "out of range" in told)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"name": []}, "the list of volume names is empty; name at least one"),
        ({"name": ["v1", "v2", "v1"]}, "volume v1 is named twice"),
        ({"name": ["v1"], "size": None}, "v1 on {share} does not exist, and creating it requires a size"),
        ({"format": "qcow2", "allocation": "falloc"}, "falloc is for raw volumes; a qcow2 volume is allocated as it is written"),
        ({"format": "qcow2", "allocation": "full"}, "full is for raw volumes"),
        ({"format": "vmdk"}, "value of format must be one of: raw, qcow2, got: vmdk"),
        ({"owner": "nobody-knows"}, "owner: this host knows no user 'nobody-knows'"),
        ({"mode": "rw"}, "mode: 'rw' is not an octal mode"),
        ({"stall_timeout": -1}, "stall_timeout: -1 is negative"),
        ({"lock_timeout": -1}, "lock_timeout: -1 is negative"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused(place, options, words):
    told = place.refused_untouched(MODULE, **{"name": ["v1"], "size": "4M", **options})
    assert words.format(share=place.share) in told


def test_one_bad_volume_of_a_list_keeps_all_from_being_changed(place):
    place.volume("v2", size="8M")
    told = place.refused_untouched(MODULE, name=["v1", "v2", "v3"], size="4M")
    assert told.startswith(f"v2 on {place.share} is 8 MiB (8388608 bytes) large and shrinking is not supported")
    assert place.names() == ["v2"]


@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_a_volume_is_never_made_smaller(place, image_format):
    place.volume(size="8M", format=image_format)
    place.snapshot("s1")
    told = place.refused_untouched(MODULE, name=["v1"], size="8191k")
    assert f"v1 on {place.share} is 8 MiB (8388608 bytes) large and shrinking is not supported; give a size of at least that" in told


def test_a_volume_is_never_converted(place):
    place.volume("v1")
    place.volume("v2", format="qcow2")
    told = place.refused_untouched(MODULE, name=["v1"], format="qcow2")
    assert told == f"v1 on {place.share} is raw and is not converted to qcow2; create a new volume in that format"
    told = place.refused_untouched(MODULE, name=["v2"], format="raw")
    assert told == f"v2 on {place.share} is qcow2 and is not converted to raw; create a new volume in that format"


@pytest.mark.parametrize("made, asked", [("sparse", "full"), ("falloc", "sparse"), ("full", "falloc")])
def test_the_allocation_of_a_volume_is_never_changed(place, made, asked):
    place.volume(allocation=made)
    told = place.refused_untouched(MODULE, name=["v1"], allocation=asked)
    assert f"v1 on {place.share} was created with allocation {made}, which is not changed to {asked} afterwards" in told
    assert not place.ok(MODULE, name=["v1"], allocation=made).changed


@contextlib.contextmanager
def machine(path, image_format: str):
    """Have an image open for reading and writing, as a running machine has."""
    argv = ["qemu-io", "-f", image_format, str(path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdin.write("read 0 512\n")
        process.stdin.flush()
        assert "read 512/512" in process.stdout.readline()
        yield
        process.stdin.close()


@pytest.mark.sample(1)
@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_a_volume_in_use_is_neither_grown_nor_removed(place, image_format):
    place.volume(format=image_format)
    other = place.other_host()
    with machine(other.path("v1"), image_format):
        assert place.info()["in_use"] is True
        told = place.refused_untouched(MODULE, name=["v1"], size="8M")
        assert f"v1 on {place.share} is in use" in told and "so it cannot be grown now; shut it down first" in told
        told = place.refused_untouched(MODULE, name=["v1"], state="absent")
        assert "has v1 open, so it cannot be removed now" in told
        # what does not touch the data goes on
        assert not place.ok(MODULE, name=["v1"], size="4M").changed
        assert place.ok(MODULE, name=["v1"], mode="0600").changed
    assert place.ok(MODULE, name=["v1"], size="8M").changed
    assert place.ok(MODULE, name=["v1"], state="absent").changed


def test_a_volume_whose_snapshot_is_being_read_is_not_removed(place):
    place.volume(format="qcow2")
    place.snapshot("s1")
    with machine(place.path("v1"), "qcow2"):
        told = place.refused_untouched(MODULE, name=["v1"], state="absent", delete_snapshots=True)
        assert f"v1 of v1 on {place.share} is being read" in told and "wait until it ends, then run the task again" in told
    assert place.ok(MODULE, name=["v1"], state="absent", delete_snapshots=True).changed


@pytest.mark.parametrize("kind", ["directory", "link", "link to a volume", "fifo"])
def test_what_is_no_file_in_a_volumes_place_is_refused(place, kind):
    path = place.path("v1")
    place.volume("v2")
    outside = place.tmp / "outside"
    outside.write_bytes(b"content of the host")
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(outside if kind == "link" else "v2")
    for options in ({"size": "4M"}, {"format": "raw"}, {"state": "absent"}):
        told = place.refused_untouched(MODULE, name=["v1"], **options)
        assert f"v1 on {place.share} is not changed, because v1 is a " in told and "not a regular file" in told
    assert outside.read_bytes() == b"content of the host"


def test_one_bad_volume_of_many_keeps_all_from_being_changed_also_after_earlier_tasks(place):
    # more than are locked at once, and the last one is refused
    names = [f"v{number:03}" for number in range(100)]
    place.ok(MODULE, name=names[:99], size="1M")
    place.volume("v099", size="4M")
    told = place.refused_untouched(MODULE, name=names, size="2M")
    assert told.startswith(f"v099 on {place.share} is 4 MiB")


@pytest.mark.parametrize("kind", ["file", "link"])
def test_something_else_in_the_place_of_our_own_directory_is_refused(place, kind):
    outside = place.tmp / "outside"
    outside.mkdir()
    if kind == "file":
        place.path(".vdisk").write_bytes(b"content")
    else:
        place.path(".vdisk").symlink_to(outside)
    before = place.everything()
    told = place.refused(MODULE, name=["v1"], size="4M")
    assert f"{place.path('.vdisk')}" in told
    assert place.everything() == before and list(outside.iterdir()) == []
    assert not place.info()["exists"]


@pytest.mark.parametrize("place_of", [".vdisk/v1.json", ".vdisk/v1.lock"])
def test_a_link_in_the_place_of_our_own_files_is_not_followed(place, place_of):
    outside = place.tmp / "outside"
    outside.mkdir()
    place.path(".vdisk").mkdir(mode=0o700)
    place.path(place_of).symlink_to(outside / "file")
    result = place.run(MODULE, name=["v1"], size="4M")
    assert result.failed and "Traceback" not in str(result.values) and place_of in result.msg
    assert list(outside.iterdir()) == [] and place.names() == []


@pytest.mark.parametrize("name", ["v1.s1", "v1.tmp", "v1.info.bak"])
def test_what_an_earlier_volume_left_is_not_taken_over(place, name):
    place.path(name).write_bytes(b"content")
    told = place.refused_untouched(MODULE, name=["v1"], size="4M")
    assert f"{name} is on {place.share}, left over from an earlier v1; move it away or remove it" in told


def test_missing_qemu_img_is_told_with_the_package_to_install(place, only_these_programs):
    place.volume(format="qcow2")
    place.ok(MODULE, name=["v1"], size="4M")
    only_these_programs()
    before = place.everything()
    told = place.refused(MODULE, name=["v1"], size="8M")
    assert "qemu-img was not found on this host; install it (package qemu-utils on Debian, qemu-img on Red Hat)" in told
    assert place.everything() == before
    # what needs it is refused in check mode too, and before anything is begun
    place.snapshot("s1", volume="v1")
    before = place.everything()
    for module, options in (
        ("gluster_snapshot", {"volume": ["v1"], "name": ["s1"], "state": "absent"}),
        (MODULE, {"name": ["v1"], "size": "8M"}),
        (MODULE, {"name": ["copy"], "source_volume": "v1"}),
        ("gluster_image_export", {"volume": "v1", "snapshot": "s1", "dest": str(place.tmp / "out"), "format": "raw"}),
    ):
        assert "qemu-img was not found on this host" in place.refused_untouched(module, **options)
        assert place.everything() == before
    # nothing else needs it
    place.check_run_again(MODULE, name=["v2"], size="4M", format="qcow2")
    place.check_run_again(MODULE, name=["v2"], state="absent")


def test_a_volume_that_another_task_is_changing_is_waited_for_and_then_refused(place):
    place.volume()
    other = place.other_host()
    with other.path(".vdisk/v1.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = place.everything()
        told = place.refused(MODULE, name=["v1"], size="8M", lock_timeout=0)
        assert "v1 is being changed by another task" in told and "wait until it ends, then run this task again" in told
        assert place.everything() == before
        # other volumes do not wait
        assert place.ok(MODULE, name=["v2"], size="4M", lock_timeout=0).changed
    assert place.ok(MODULE, name=["v1"], size="8M").changed


def test_a_volume_of_a_list_that_cannot_be_had_does_not_keep_the_others(place):
    for name in ("v1", "v2", "v3"):
        place.volume(name)
    other = place.other_host()
    with other.path(".vdisk/v2.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        options = {"name": ["v1", "v2", "v3", "v4"], "size": "8M", "lock_timeout": 0}
        failed = place.run(MODULE, **options)
        assert failed.failed and failed.msg.startswith("1 of 4 volumes failed, the others succeeded: v2 is being changed by another task")
        assert [(entry["name"], entry["msg"] in failed.msg) for entry in failed.failures] == [("v2", True)]
        assert failed.changed and len(failed.actions) == 3 and not any("v2" in action for action in failed.actions)
        assert {name: place.info(name)["virtual_size"] // MIB for name in options["name"]} == {"v1": 8, "v2": 4, "v3": 8, "v4": 8}
        # nothing is left to do but the one that failed
        again = place.run(MODULE, **options)
        assert again.failed and not again.changed and again.actions == []
    ended = place.ok(MODULE, **options)
    assert ended.changed and len(ended.actions) == 1 and place.info("v2")["virtual_size"] == 8 * MIB
