# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of the images of one name: only exports of the same volume are ever replaced."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._glance.image import Image, image_of
from ansible_collections.vdisk.gluster.plugins.module_utils._glance.image_marker import HASH, Marker, decide, dump, is_complete, parse

WANTED = Marker("gl1:/vms", "v1", "s1", "2026-01-01T00:00:00Z", "raw", "false", "true", "sha256:ab", "", "here")


def image(image_id: str, marker: Marker | None = WANTED, status: str = "active", created: str = "1", **more: str) -> Image:
    properties = {**(dump(marker) if marker else {}), HASH: "sha512:cd", **more}
    entries = {"id": image_id, "name": "web", "status": status, "created_at": created, "disk_format": "vhd", **properties}
    return image_of({**entries, "os_hash_algo": "sha512", "os_hash_value": "cd"})


def test_a_marker_is_read_as_it_was_written() -> None:
    assert parse(image("1")) == WANTED and is_complete(image("1")) and image("1").format == "vpc"
    assert parse(image("1", None)) is None


def test_the_newest_image_of_the_same_point_is_kept_and_the_others_go() -> None:
    images = [
        image("old", created="1"),
        image("new", created="2"),
        image("other", replace(WANTED, snapshot="s2"), created="3"),
        image("half", status="queued"),
        image("copy", **{HASH: "sha512:ee"}),
    ]
    decision = decide("web", images, WANTED, force=False)
    assert decision.there is not None and decision.there.id == "new"
    assert {found.id for found in decision.replaced} == {"old", "other"}
    assert {found.id for found in decision.half_made} == {"half", "copy"}


@pytest.mark.parametrize("field", ["snapshot", "created", "format", "compressed"])
def test_another_point_or_form_is_not_what_is_wanted(field: str) -> None:
    decision = decide("web", [image("1", replace(WANTED, **{field: "other"}))], WANTED, force=False)
    assert decision.there is None and [found.id for found in decision.replaced] == ["1"]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    "foreign",
    [image("1", None), image("1", replace(WANTED, volume="v2")), image("1", replace(WANTED, share="gl2:/vms"), "queued")],
    ids=str,
)
def test_what_is_not_of_this_volume_is_never_touched(foreign: Image, force: bool) -> None:
    with pytest.raises(Refused, match="image 1 is named web and not an export of v1 on gl1:/vms"):
        decide("web", [foreign, image("2")], WANTED, force)


def test_a_deactivated_image_and_one_of_another_host_are_left_alone() -> None:
    with pytest.raises(Refused, match="was deactivated"):
        decide("web", [image("1", status="deactivated")], WANTED, force=True)
    elsewhere = image("1", replace(WANTED, host="there"), "saving")
    with pytest.raises(Refused, match="host there is uploading image web"):
        decide("web", [elsewhere], WANTED, force=False)
    assert decide("web", [elsewhere], WANTED, force=True).half_made == (elsewhere,)
