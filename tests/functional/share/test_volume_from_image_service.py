# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes made of images of a real OpenStack Image service: the same bytes, checked, and nothing left beside them."""

from __future__ import annotations

import os

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._glance import client
from ansible_collections.vdisk.gluster.tests.harness.glance import CLOUD
from ansible_collections.vdisk.gluster.tests.harness.processes import start, wait_until
from ansible_collections.vdisk.gluster.tests.harness.programs import command

KIB, MIB = 1 << 10, 1 << 20
MODULE = "gluster_volume_file"


@pytest.fixture
def cloud(place, glance, tmp_path):
    place.glance = glance
    (tmp_path / "spool").mkdir()
    place.wish = {"source_image_name": "debian", "cloud": CLOUD, "scratch_dir": str(tmp_path / "spool")}
    place.raw = os.urandom(300 * KIB) + bytes(2 * MIB) + os.urandom(212 * KIB)
    return place


def upload(place, image_format):
    raw, path = place.tmp / "source.raw", place.tmp / "source.image"
    raw.write_bytes(place.raw)
    command("qemu-img", "convert", "-f", "raw", "-O", image_format, str(raw), str(path))
    return place.glance.make("debian", path.read_bytes(), image_format)


def spool(place):
    return os.listdir(place.tmp / "spool")


@pytest.mark.sample(4)
@pytest.mark.parametrize("image_format", ["raw", "qcow2", "vmdk", "vdi", "vhdx"])
@pytest.mark.parametrize("wanted", [{}, {"format": "qcow2", "size": "5M"}], ids=str)
def test_a_volume_reads_as_the_image(cloud, image_format, wanted):
    made = upload(cloud, image_format)
    if image_format in ("raw", "qcow2"):
        result = cloud.check_run_again(MODULE, name=["v1"], **cloud.wish, **wanted)
    else:
        # the service does not know how large the disk in these is
        result = cloud.ok(MODULE, name=["v1"], **cloud.wish, **wanted)
        assert not cloud.ok(MODULE, name=["v1"], **cloud.wish, **wanted).changed
    assert result.actions[0].startswith(f"Copy image debian of the image service of {CLOUD} to v1 on")
    content = cloud.read()
    assert content[: len(cloud.raw)] == cloud.raw and not any(content[len(cloud.raw) :])
    assert len(content) == (5 * MIB if wanted else len(cloud.raw))
    assert spool(cloud) == []
    record = cloud.path(".vdisk/v1.json").read_text()
    assert made["id"] in record and made["os_hash_value"] in record


def test_what_was_exported_comes_back(cloud):
    cloud.volume("old", size="4M")
    cloud.write(7, MIB, 64 * KIB, volume="old")
    export = {"volume": "old", "image_name": "debian", "cloud": CLOUD, "scratch_dir": cloud.wish["scratch_dir"], "format": "qcow2"}
    cloud.ok("gluster_image_export", **export)
    cloud.ok(MODULE, name=["new"], **cloud.wish)
    assert cloud.read("new") == cloud.read("old")


def test_where_the_volume_is_the_service_is_not_asked(cloud):
    upload(cloud, "raw")
    cloud.ok(MODULE, name=["v1", "v2"], **cloud.wish)
    assert cloud.read("v1") == cloud.read("v2") == cloud.raw
    cloud.glance.stop()
    try:
        assert not cloud.ok(MODULE, name=["v1", "v2"], **cloud.wish).changed
        assert "cannot be reached" in cloud.refused(MODULE, name=["v3"], **cloud.wish)
    finally:
        cloud.glance.start()


def test_an_image_that_is_damaged_or_crafted_makes_no_volume(cloud):
    made = upload(cloud, "raw")
    with open(cloud.glance.directory / "images" / made["id"], "r+b") as stream:
        stream.write(b"y")
    assert "do not match its hash" in cloud.refused(MODULE, name=["v1"], **cloud.wish)
    cloud.glance.clear()
    # a service that takes what its own checks should not
    path = cloud.tmp / "crafted"
    command("qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", "/etc/passwd", "-F", "raw", str(path), "1M")
    crafted = cloud.glance.make("debian", bytes(MIB))
    stored = cloud.glance.directory / "images" / crafted["id"]
    size = stored.stat().st_size
    stored.write_bytes(path.read_bytes().ljust(size, b"\0"))
    assert "do not match its hash" in cloud.refused(MODULE, name=["v1"], **cloud.wish)
    assert cloud.names() == [] and spool(cloud) == []


def test_options_that_do_not_go_together(cloud):
    assert "cloud requires source_image_name" in cloud.refused_untouched(MODULE, name=["v1"], size="1M", cloud="test")
    both = {**cloud.wish, "source_image": "/x", "source_format": "raw"}
    assert "source_image and source_image_name are 2 sources" in cloud.refused_untouched(MODULE, name=["v1"], **both)
    assert "has no image debian" in cloud.refused_untouched(MODULE, name=["v1"], **cloud.wish)
    cloud.glance.make("debian", b"x" * 512, "ploop")
    assert "is ploop, which cannot become a volume" in cloud.refused_untouched(MODULE, name=["v1"], **cloud.wish)
    cloud.glance.make("debian", b"x" * 512)
    assert "2 images named debian" in cloud.refused_untouched(MODULE, name=["v1"], **cloud.wish)


def test_a_kill_in_the_middle_leaves_nothing_after_the_next_run(cloud):
    upload(cloud, "raw")

    def prepare():
        client.ImageService.settled = None
        write = client.write_all

        def die_after(*arguments):
            write(*arguments)
            os.kill(os.getpid(), 9)

        client.write_all = die_after

    running = start(cloud, MODULE, name=["v1"], prepare=prepare, libvirt_uri="none", **cloud.wish)
    wait_until(running.is_over, "the kill", 30)
    assert running.wait() == -9 and spool(cloud) != [] and cloud.names() == []
    cloud.check_run_again(MODULE, name=["v1"], **cloud.wish)
    assert cloud.read() == cloud.raw and spool(cloud) == []
