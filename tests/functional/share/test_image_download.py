# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of a real OpenStack Image service are found by name or id, and come down whole, sparse and checked, or not at all."""

from __future__ import annotations

import os

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged, Refused, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import Progress
from ansible_collections.vdisk.gluster.plugins.module_utils._glance import client
from ansible_collections.vdisk.gluster.tests.harness.glance import CLOUD

MIB = 1 << 20


@pytest.fixture
def service(glance):
    return client.connect(CLOUD, 30)


def test_an_image_comes_down_as_it_is_and_sparse(glance, service, tmp_path):
    data = b"\x01" * MIB + bytes(8 * MIB) + b"\x02" * 1000 + bytes(2 * MIB)
    made = glance.make("web", data)
    told = []
    for name in ("web", made["id"]):
        image = service.find(name)
        assert (image.id, image.format, image.size, image.hash) == (made["id"], "raw", len(data), f"sha512:{made['os_hash_value']}")
        path = tmp_path / f"copy of {name}"
        step = Progress(told.append, iter(range(10**6)).__next__).step("read", image.size)
        service.download(image, str(path), step)
        assert path.read_bytes() == data
        assert path.stat().st_blocks * 512 < 4 * MIB and path.stat().st_mode & 0o777 == 0o600
    assert told[-1].done == told[-1].total == len(data)


def test_what_cannot_be_meant_is_refused(glance, service):
    with pytest.raises(Refused, match="has no image web"):
        service.find("web")
    with pytest.raises(Refused, match="404"):
        service.find("00000000-0000-0000-0000-000000000000")
    queued = glance.make("web")
    with pytest.raises(Refused, match="is queued and has no data"):
        service.find("web")
    second = glance.make("web", b"x" * 512)
    with pytest.raises(Refused, match="2 images named web; give the id of one of them") as caught:
        service.find("web")
    assert queued["id"] in str(caught.value) and second["id"] in str(caught.value)
    assert service.find(second["id"]).size == 512
    assert service.images("we") == [], "a name is the whole name"


def test_data_that_are_not_those_of_the_image_are_not_kept(glance, service, tmp_path):
    made = glance.make("web", b"x" * MIB)
    with open(glance.directory / "images" / made["id"], "r+b") as stream:
        stream.write(b"y")
    with pytest.raises(Damaged, match="do not match its hash"):
        service.download(service.find("web"), str(tmp_path / "copy"), Progress().step("read"))
    assert os.listdir(tmp_path) == []


def test_a_service_that_dies_leaves_no_file(glance, service, tmp_path):
    glance.make("web", b"x" * 32 * MIB)
    image = service.find("web")
    step = Progress().step("read")
    update = step.update

    def die(done):
        update(done)
        if done >= 4 * MIB:
            glance.stop()

    step.update = die
    try:
        with pytest.raises(Unavailable, match=f"the image service of {CLOUD} cannot be reached to read the data of image web"):
            service.download(image, str(tmp_path / "copy"), step)
        assert os.listdir(tmp_path) == []
    finally:
        glance.start()


def test_every_page_of_a_list_is_read(glance, service):
    made = {glance.make("web")["id"] for _number in range(27)}
    assert {image.id for image in service.images("web")} == made
