# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads that are refused, cut off or killed leave no half-made image and say what to do; images of others are never touched."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common import dependencies
from ansible_collections.vdisk.gluster.plugins.module_utils._glance import client, image
from ansible_collections.vdisk.gluster.tests.harness.glance import CLOUD, SIZE_CAP
from ansible_collections.vdisk.gluster.tests.harness.playing import play
from ansible_collections.vdisk.gluster.tests.harness.processes import start, wait_until

KIB, MIB = 1 << 10, 1 << 20
EXPORT = "gluster_image_export"


@pytest.fixture
def cloud(place, glance, tmp_path):
    """A share with the volume v1 and its snapshot s1, and an image service."""
    place.volume(size="16M")
    place.write(1, 0, 12 * MIB)
    place.snapshot("s1")
    place.write(3, MIB, 128 * KIB)
    place.glance = glance
    (tmp_path / "spool").mkdir()
    place.wish = {"volume": "v1", "snapshot": "s1", "image_name": "web", "cloud": CLOUD, "scratch_dir": str(tmp_path / "spool")}
    return place


def spool(place):
    return os.listdir(place.tmp / "spool")


def slowly():
    """Let an upload of a child process take a second a MiB."""
    read = client._Body.read

    def slow_read(body, count=-1):
        time.sleep(0.5)
        return read(body, count)

    client._Body.read = slow_read


def test_an_image_that_is_too_large_for_the_service_is_refused_and_gone(cloud):
    cloud.volume("big", size=f"{SIZE_CAP + MIB}")
    wish = {**cloud.wish, "volume": "big", "snapshot": None}
    assert cloud.ok(EXPORT, check=True, **wish).changed
    said = cloud.refused(EXPORT, **wish)
    assert said.startswith(f"the image service of {CLOUD} did not upload the data of image web") and "413" in said and "quota" in said
    assert cloud.glance.images() == [] and cloud.glance.stored() == [] and spool(cloud) == []


def test_what_policy_forbids_is_said(cloud):
    said = cloud.refused(EXPORT, **cloud.wish, visibility="public")
    assert "did not create image web" in said and "403" in said and "permission" in said
    assert cloud.glance.images() == [] and spool(cloud) == []


def test_data_that_are_not_what_the_image_says_are_refused_and_gone(cloud, monkeypatch):
    monkeypatch.setitem(image.DISK_FORMATS, "raw", "qcow2")
    assert "disk_format qcow2 does not match" in cloud.refused(EXPORT, **cloud.wish)
    assert cloud.glance.images() == [] and cloud.glance.stored() == [] and spool(cloud) == []


def test_an_image_without_its_data_is_noticed(cloud, monkeypatch):
    """A service, or a client, can answer as if all were well, and leave the image as it was."""
    sent = {"sha256": hashlib.sha256(cloud.read(snapshot="s1")).hexdigest(), "sha512": ""}
    monkeypatch.setattr(client.ImageService, "upload", lambda *_arguments: sent)
    assert "it is queued after the upload" in cloud.refused(EXPORT, **cloud.wish)
    assert cloud.glance.images() == []


def test_other_data_than_were_sent_are_noticed(cloud, monkeypatch):
    image_of = client.image_of
    monkeypatch.setattr(client, "image_of", lambda entries: image_of({**entries, "os_hash_value": "0" * 128}))
    assert "has other data in image web than were sent" in cloud.refused(EXPORT, **cloud.wish)
    assert cloud.glance.images() == []


@pytest.mark.sample(1)
@pytest.mark.parametrize("moment", ["queued", "saving", "active"])
def test_a_kill_in_the_middle_leaves_nothing_half_made_after_the_next_run(cloud, moment):
    place = cloud
    complete = place.ok(EXPORT, **{**place.wish, "image_name": "other"}).values["export"]["image_id"]

    def prepare():
        slowly()
        if moment == "queued":
            client.ImageService.upload = lambda *_arguments: time.sleep(60)
        if moment == "active":
            client._Body.read = fast
            client.ImageService.settled = lambda *_arguments: time.sleep(60)

    fast = client._Body.read
    running = start(place, EXPORT, prepare=prepare, **place.wish)

    def half_made():
        return [image for image in place.glance.images() if image["name"] == "web" and image["status"] == moment]

    try:
        wait_until(half_made, f"an image that is {moment}", 30)
    finally:
        running.kill()
    [left] = [image for image in place.glance.images() if image["name"] == "web"]
    assert spool(place) != []
    made = place.check_run_again(EXPORT, **place.wish)
    assert made.actions[0] == f"Delete image web ({left['id']}), because its upload was never finished."
    [image] = [image for image in place.glance.images() if image["name"] == "web"]
    assert image["id"] != left["id"] and place.glance.data(image["id"]) == place.read(snapshot="s1")
    assert place.glance.stored() == sorted([image["id"], complete]) and spool(place) == []


def test_a_service_that_dies_in_the_middle_is_said_and_the_next_run_completes(cloud):
    place = cloud
    running = start(place, EXPORT, prepare=slowly, **place.wish)
    try:
        wait_until(lambda: any(image["status"] == "saving" for image in place.glance.images()), "the upload to begin", 30)
        place.glance.stop()
        result = running.result()
    finally:
        running.kill()
        place.glance.start()
    assert result["failed"] and f"the image service of {CLOUD} cannot be reached to upload the data of image web" in result["msg"]
    place.check_run_again(EXPORT, **place.wish)
    [image] = place.glance.images()
    assert place.glance.data(image["id"]) == place.read(snapshot="s1")


def test_the_same_export_at_the_same_time_waits_and_finds_it_done(cloud):
    place = cloud
    first = start(place, EXPORT, prepare=slowly, **place.wish)
    try:
        wait_until(lambda: any(image["status"] == "saving" for image in place.glance.images()), "the upload to begin", 30)
        assert "another task is exporting to image web" in place.refused(EXPORT, **{**place.wish, "format": "qcow2"})
        second = start(place, EXPORT, **place.wish)
        assert first.result()["changed"] and not second.result()["changed"]
    finally:
        first.kill()
    assert len(place.glance.images()) == 1


def test_images_of_others_are_never_touched(cloud):
    glance, wish = cloud.glance, {**cloud.wish, "force": True}
    foreign = glance.make("web", b"x" * KIB)
    said = cloud.refused_untouched(EXPORT, **wish)
    assert f"image {foreign['id']} is named web and not an export of v1" in said
    second = glance.make("web")
    said = cloud.refused_untouched(EXPORT, **wish)
    assert foreign["id"] in said and second["id"] in said and "rename or delete" in said
    assert {image["id"] for image in glance.images()} == {foreign["id"], second["id"]}
    glance.clear()
    # another volume's export
    cloud.volume("v2")
    cloud.ok(EXPORT, **{**cloud.wish, "volume": "v2", "snapshot": None})
    assert "not an export of v1" in cloud.refused_untouched(EXPORT, **wish)
    glance.clear()
    # one that has our properties and other data, as an image that was made from ours has
    made = cloud.ok(EXPORT, **cloud.wish).values["export"]["image_id"]
    properties = {name: value for name, value in glance.image(made).items() if name.startswith("vdisk_gluster_")}
    glance.clear()
    glance.make("web", b"y" * KIB, **properties)
    assert cloud.ok(EXPORT, **cloud.wish).changed
    [image] = glance.images()
    assert glance.data(image["id"]) == cloud.read(snapshot="s1")


def test_what_another_host_is_uploading_is_left_alone_unless_forced(cloud):
    made = cloud.ok(EXPORT, **cloud.wish).values["export"]["image_id"]
    properties = {name: value for name, value in cloud.glance.image(made).items() if name.startswith("vdisk_gluster_")}
    cloud.glance.clear()
    half = cloud.glance.make("web", **{**properties, "vdisk_gluster_host": "elsewhere"})
    said = cloud.refused_untouched(EXPORT, **cloud.wish)
    assert "host elsewhere is uploading image web" in said and half["id"] in said
    cloud.ok(EXPORT, **cloud.wish, force=True)
    [image] = cloud.glance.images()
    assert image["id"] != half["id"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cloud": "nowhere"}, "cloud: cloud nowhere cannot be used: Cloud nowhere was not found"),
        ({"cloud": "down"}, "the image service of down cannot be reached"),
        ({"cloud": "password"}, "the image service of password cannot be reached"),
        ({"cloud": None}, "no cloud is named and the environment names none"),
        ({"image_name": ""}, "is not a name for an image"),
        ({"image_name": "a\nb"}, "is not a name for an image"),
        ({"image_properties": {"size": 3}}, "image_properties: size cannot be set"),
        ({"image_properties": {"vdisk_gluster_volume": "x"}}, "cannot be set"),
        ({"image_properties": {"a": ["b"]}}, "the value of a is not a string"),
        ({"scratch_dir": "/nowhere"}, None),
    ],
    ids=str,
)
def test_bad_input_and_clouds_that_cannot_be_used_are_a_sentence(cloud, options, said):
    wish = {**cloud.wish, **options}
    result = cloud.run(EXPORT, **wish)
    assert result.failed and (said or "scratch_dir: /nowhere") in result.msg
    text = json.dumps(result.values)
    assert "Traceback" not in text and "correct-horse" not in text and "battery-staple" not in text
    assert cloud.glance.images() == []


def test_options_that_belong_together(cloud):
    del cloud.wish["image_name"]
    assert "dest, image_name" in cloud.refused(EXPORT, **{**cloud.wish, "cloud": None})
    assert "image_name" in cloud.refused(EXPORT, **cloud.wish, dest=str(cloud.tmp / "copy"))


def test_a_directory_that_is_not_the_tasks_own_is_refused(cloud):
    first = cloud.tmp / "spool" / "x"
    running = start(cloud, EXPORT, prepare=slowly, **cloud.wish)
    try:
        wait_until(lambda: spool(cloud), "the temporary directory")
        first = cloud.tmp / "spool" / spool(cloud)[0]
    finally:
        running.kill()
    assert first.stat().st_mode & 0o777 == 0o700
    first.chmod(0o777)
    assert "does not belong to this task" in cloud.refused(EXPORT, **cloud.wish)


def test_without_the_sdk_the_package_is_named(cloud, monkeypatch):
    monkeypatch.setitem(sys.modules, "openstack", None)
    monkeypatch.setattr(dependencies, "_PYTHONS", ())
    said = cloud.refused_untouched(EXPORT, **cloud.wish)
    assert "needs the Python package openstack" in said and "python3-openstacksdk" in said


def test_an_upload_shows_how_far_it_is(cloud):
    wish = {**cloud.wish, "share": cloud.share, "mount_point_base": str(cloud.base), "libvirt_uri": "none", "progress_interval": 1}
    first = start(cloud, EXPORT, prepare=slowly, **cloud.wish)
    try:
        wait_until(lambda: any(image["status"] == "saving" for image in cloud.glance.images()), "the upload to begin", 30)
        playing = play(cloud.tmp, [{"name": "Watch", f"vdisk.gluster.{EXPORT}": wish}], "-v")
        text = playing.wait()
        assert first.result()["changed"]
    finally:
        first.kill()
    assert "changed=0" in text and playing.process.returncode == 0
    assert any(" MiB of 16 MiB" in line.text and "export v1 as image web" in line.text for line in playing.progress()), text
