# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes made as copies of volumes, snapshots and images: the same bytes, complete, and the source as it was."""

from __future__ import annotations

import hashlib
import os

import pytest
from ansible_collections.vdisk.gluster.tests.harness.processes import gate_qemu_img, start, wait_until
from ansible_collections.vdisk.gluster.tests.harness.programs import command

KIB = 1 << 10
MIB = 1 << 20
MODULE = "gluster_volume_file"
FORMATS = {
    "raw": (),
    "qcow2": (),
    "vmdk": (),
    "vmdk stream": ("-o", "subformat=streamOptimized"),
    "vdi": (),
    "vhdx": (),
    "vpc": ("-o", "force_size=on"),
}


@pytest.fixture(params=["raw", "qcow2"])
def source(request, place):
    """A share with the volume v1 of either format and its snapshots s1 and s2."""
    place.volume(size="2M", format=request.param)
    for number, name in enumerate(("s1", "s2"), 1):
        place.write(number, number * 128 * KIB, 512 * KIB)
        place.snapshot(name)
    place.write(3, MIB, 128 * KIB)
    place.format = request.param
    return place


@pytest.fixture
def image(place):
    """Return a callable that makes an image of a kind, and what it reads as."""

    def make(kind, name="image"):
        raw = place.tmp / "source.raw"
        raw.write_bytes(bytes(64 * KIB) + os.urandom(700 * KIB) + bytes(3 * MIB + 512 - 764 * KIB))
        path = place.tmp / name
        command("qemu-img", "convert", "-f", "raw", "-O", kind.split()[0], *FORMATS[kind], str(raw), str(path))
        return {"source_image": str(path), "source_format": kind.split()[0]}, raw.read_bytes()

    return make


def sound(place, name):
    """See that a volume is one file without backing file that qemu-img finds nothing wrong with, and return its object."""
    found = place.info(name)
    assert found["problems"] == [] and len(found["chain"]) == 1 and found["snapshots"] == []
    assert found["chain"][0]["backing_file"] is None
    if found["format"] == "qcow2":
        command("qemu-img", "check", "-q", "-f", "qcow2", found["path"])
    return found


@pytest.mark.parametrize("snapshot", [None, "s1", "s2"])
def test_a_clone_reads_as_its_source_and_the_source_is_as_it_was(source, snapshot):
    place, before = source, {**source.points(), "files": source.digest()}
    wish = {"source_volume": "v1", **({"source_snapshot": snapshot} if snapshot else {})}
    made = place.check_run_again(MODULE, name=["v2"], **wish, owner="107", group="108", mode="0640").volume
    found = sound(place, "v2")
    assert found["format"] == place.format and found["virtual_size"] == 2 * MIB
    assert (made["owner"], made["group"], made["mode"]) == (107, 108, "0640")
    assert made["origin"] == {"share": place.share, "volume": "v1", "snapshot": snapshot}
    assert place.read("v2") == before[snapshot or "now"]
    after = place.digest()
    assert {name: after[name] for name in before["files"]} == before["files"], "the source was changed"
    # it is a volume of its own
    place.write(9, 0, 64 * KIB, volume="v2")
    place.snapshot("s1", volume="v2")
    place.drop("s1", volume="v2")
    place.drop("s1", "s2")
    assert place.read() == before["now"] and place.read("v2")[64 * KIB :] == before[snapshot or "now"][64 * KIB :]


@pytest.mark.sample(2)
@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_a_clone_may_be_larger_and_of_another_format(source, image_format):
    content = source.read()
    source.check_run_again(MODULE, name=["v2"], source_volume="v1", size="3M", format=image_format)
    found = sound(source, "v2")
    assert (found["format"], found["virtual_size"]) == (image_format, 3 * MIB)
    assert source.read("v2") == content + bytes(MIB)
    assert "never smaller" in source.refused_untouched(MODULE, name=["v3"], source_volume="v1", size="1M")


def test_several_clones_of_one_volume_in_one_task(source):
    content = source.read(snapshot="s1")
    source.check_run_again(MODULE, name=["v2", "v3"], source_volume="v1", source_snapshot="s1")
    assert source.read("v2") == source.read("v3") == content


def test_a_clone_on_another_share(source):
    elsewhere, content = source.new_share(), source.read()
    source.mount(source.share, elsewhere)
    made = source.check_run_again(MODULE, share=elsewhere, name=["v1"], source_volume="v1", source_share=source.share)
    assert made.volume["share"] == elsewhere
    assert source.read_image(source.mount_point(elsewhere) / "v1", source.format) == content
    # a list of shares is searched for the source too
    made = source.check_run_again(MODULE, shares=[elsewhere, source.share], name=["v9"], source_volume="v1", source_share=source.share)
    assert source.read_image(source.mount_point(made.volume["share"]) / "v9", source.format) == content


def test_a_copy_of_a_sparse_volume_is_sparse(place):
    place.volume(size="1G")
    place.write(7, 512 * MIB, 64 * KIB)
    for name, image_format in (("v2", "raw"), ("v3", "qcow2")):
        made = place.ok(MODULE, name=[name], source_volume="v1", format=image_format).volume
        assert made["virtual_size"] == 1 << 30 and made["allocated_size"] < 4 * MIB
        command("qemu-img", "compare", "-q", "-f", "raw", "-F", image_format, str(place.path("v1")), str(place.path(name)))


@pytest.mark.parametrize("allocation", ["falloc", "full"])
def test_a_copy_takes_all_its_space_at_once_if_asked(place, allocation):
    place.volume(size="8M")
    place.write(7, MIB, 64 * KIB)
    made = place.check_run_again(MODULE, name=["v2"], source_volume="v1", allocation=allocation).volume
    assert made["allocated_size"] >= 8 * MIB and place.read("v2") == place.read()


def test_a_source_is_only_for_making_a_volume(place):
    place.volume(size="1M")
    place.volume("v2", size="1M")
    content = place.read("v2")
    place.write(5, 0, 64 * KIB)
    for wish in ({"source_volume": "v1"}, {"source_volume": "gone"}, {"source_image": "/gone", "source_format": "raw"}):
        assert not place.ok(MODULE, name=["v2"], **wish).changed
    assert place.read("v2") == content
    assert place.ok(MODULE, name=["v2"], source_volume="v1", size="2M").changed, "a larger size grows it"


@pytest.mark.sample(5)
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_an_image_of_each_format_becomes_a_volume(place, image, kind, image_format):
    options, content = image(kind)
    before = (place.tmp / "image").read_bytes()
    digest = hashlib.sha256(before).hexdigest().upper()
    options = {**options, "name": ["v1"], "format": image_format, "source_checksum": f"sha256:{digest}"}
    made = place.check_run_again(MODULE, **options).volume
    assert sound(place, "v1")["format"] == image_format
    assert made["virtual_size"] == len(content) and place.read() == content
    assert made["origin"]["image"] == options["source_image"] and made["origin"]["checksum"] == f"sha256:{digest.lower()}"
    assert (place.tmp / "image").read_bytes() == before
    assert place.ok(MODULE, **{**options, "name": ["v2"], "size": "4M"}).volume["virtual_size"] == 4 * MIB
    assert place.read("v2") == content.ljust(4 * MIB, b"\0")


def test_an_image_is_raw_where_nothing_else_is_said_and_bytes_where_it_is_raw(place, image):
    options, content = image("qcow2")
    assert place.ok(MODULE, name=["v1"], **options).volume["format"] == "raw"
    told = place.refused_untouched(MODULE, name=["v2"], **{**options, "source_format": "raw"})
    assert "is not accepted as raw, because its content is a sound qcow2 image" in told and "give source_format: qcow2" in told
    place.check_run_again(MODULE, name=["v2"], **{**options, "source_format": "raw", "confirm_format": True})
    assert place.read() == content
    assert place.read("v2") == (place.tmp / "image").read_bytes(), "what a raw image holds is nobody's business"


def test_a_wrong_checksum_leaves_no_volume(place, image):
    options, _content = image("raw")
    told = place.refused(MODULE, check=True, name=["v1"], **options, source_checksum="sha256:" + "0" * 64)
    assert "source_checksum" in told and "not sha256:000" in told
    assert place.refused(MODULE, name=["v1"], **options, source_checksum="sha256:" + "0" * 64) == told
    assert place.names() == [] and not place.info()["exists"]
    for malformed in ("sha256:12", "md5:" + "0" * 32, "0" * 64):
        assert "is not a checksum" in place.refused_untouched(MODULE, name=["v1"], **options, source_checksum=malformed)
    digest = hashlib.sha512((place.tmp / "image").read_bytes()).hexdigest()
    assert place.ok(MODULE, name=["v1"], **options, source_checksum=f"sha512:{digest}").changed


def test_a_volume_in_use_is_cloned_only_from_a_snapshot(source):
    content = source.read(snapshot="s2")
    with source.in_qemu("v1.s2", "qcow2") as machine:
        assert "is in use" in source.refused_untouched(MODULE, name=["v2"], source_volume="v1")
        source.check_run_again(MODULE, name=["v2"], source_volume="v1", source_snapshot="s2")
        assert machine.poll() is None
    assert source.read("v2") == content


@pytest.mark.sample(1)
def test_while_a_snapshot_is_copied_others_come_and_go_but_not_it(source, monkeypatch):
    place, points = source, source.points()
    gate = gate_qemu_img(place.tmp, monkeypatch, "convert")
    running = start(place, MODULE, name=["v2"], source_volume="v1", source_snapshot="s2")
    try:
        wait_until(gate.with_name("gate.reached").exists, "the copy to begin")
        assert "v2" not in place.names(), "a half-made copy never has the name"
        drop = {"volume": ["v1"], "name": ["s2"], "state": "absent"}
        assert "is being read" in place.refused_untouched("gluster_snapshot", **drop)
        assert "is being changed by another task" in place.refused(MODULE, name=["v2"], size="1M", lock_timeout=0)
        place.snapshot("s3")
        place.write(8, 0, 256 * KIB)
        place.drop("s3")
        gate.touch()
        assert running.result()["changed"]
    finally:
        running.kill()
    assert place.read("v2") == points["s2"]
    place.drop("s2")
    assert place.points()["s1"] == points["s1"]


def test_while_a_volume_is_copied_no_machine_can_start_on_it(source, monkeypatch):
    place, content = source, source.read()
    gate = gate_qemu_img(place.tmp, monkeypatch, "convert")
    running = start(place, MODULE, name=["v2"], source_volume="v1")
    try:
        wait_until(gate.with_name("gate.reached").exists, "the copy to begin")
        tried = command("qemu-io", "-f", "qcow2", "-c", "write -P 9 0 512", str(place.path("v1.s2")), check=False)
        assert "lock" in tried.stdout + tried.stderr
        gate.touch()
        assert running.result()["changed"]
    finally:
        running.kill()
    assert place.read("v2") == place.read() == content


def test_a_killed_copy_leaves_nothing_and_the_next_run_makes_it(source, monkeypatch):
    place, content = source, source.read()
    with monkeypatch.context() as gated:
        gate = gate_qemu_img(place.tmp, gated, "convert")
        running = start(place, MODULE, name=["v2"], source_volume="v1")
        wait_until(gate.with_name("gate.reached").exists, "the copy to begin")
        running.kill()
    assert "v2" not in place.names() and not place.info("v2")["exists"]
    made = place.ok(MODULE, name=["v2"], source_volume="v1")
    assert "left it" in made.actions[0] and place.read("v2") == content
    assert not [name for name in place.names() if name.startswith(".")]


@pytest.mark.parametrize("change", ["written", "written and its time set back", "replaced", "removed"])
def test_an_image_that_changes_while_it_is_copied_is_not_taken(place, image, monkeypatch, change):
    options, _content = image("raw")
    path = place.tmp / "image"
    gate = gate_qemu_img(place.tmp, monkeypatch, "convert")
    running = start(place, MODULE, name=["v1"], **options)
    try:
        wait_until(gate.with_name("gate.reached").exists, "the copy to begin")
        status = path.stat()
        if change.startswith("written"):
            with path.open("r+b") as stream:
                stream.write(b"x")
            if "back" in change:
                os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        elif change == "replaced":
            (place.tmp / "other").write_bytes(path.read_bytes())
            os.rename(place.tmp / "other", path)
        else:
            path.unlink()
        gate.touch()
        result = running.result()
    finally:
        running.kill()
    assert result["failed"] and "was changed while it was read" in result["msg"]
    assert place.names() == [] and not place.info()["exists"]
