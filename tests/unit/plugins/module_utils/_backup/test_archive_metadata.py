# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an archive is called and says of its disk, in a file, a comment and tags."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import yaml
from ansible_collections.vdisk.gluster.plugins.module_utils._backup import archive_metadata
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.archive_metadata import Description
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, Damaged

SAID = Description(
    "web-1", "monday", "gl1:/vms/a, b=c", "s1", "2026-11-24T12:00:00Z", True, "raw", 4096, 0, "sha256:" + "0" * 64, "vdisk.gluster ü"
)


@pytest.mark.parametrize("said", [SAID, dataclasses.replace(SAID, snapshot=None, created=None, quiesced=False)])
def test_a_description_comes_back_from_json_and_from_tags(said: Description) -> None:
    assert archive_metadata.parse(archive_metadata.dump(said)) == said
    assert archive_metadata.dump(said).isascii()
    tags = archive_metadata.tags(said)
    assert not [tag for tag in tags if "," in tag or " " in tag]
    assert f"volume={said.volume}" in tags and archive_metadata.TAG in tags
    assert archive_metadata.from_tags([*reversed(tags), "another"]) == said


@pytest.mark.parametrize("tags", [None, [], ["vdisk.gluster"], ["volume=web-1"], [*archive_metadata.tags(SAID)[:-2], "schema=x"]])
def test_other_tags_are_no_description(tags: list[str] | None) -> None:
    assert archive_metadata.from_tags(tags) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", 2),
        ("volume", None),
        ("virtual_size", True),
        ("virtual_size", 0),
        ("data_size", "1"),
        ("quiesced", 1),
        ("format", "vmdk"),
        ("checksum", "sha256:0"),
    ],
)
def test_what_no_archive_says_is_refused(key: str, value: object) -> None:
    with pytest.raises(Damaged):
        archive_metadata.parse(json.dumps({**dataclasses.asdict(SAID), key: value}))


@pytest.mark.parametrize("content", ["", "[]", "{", "null", "[" * 100000])
def test_other_files_are_no_description(content: str) -> None:
    with pytest.raises(Damaged):
        archive_metadata.parse(content)


@pytest.mark.parametrize("name", ["", "a.b", "latest", "-a", "a b", "a" * 65, "a\n", "{now}"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        archive_metadata.check_name(name)


def test_archives_of_others_are_told_apart() -> None:
    assert archive_metadata.split_name(archive_metadata.full_name("web-1", "monday")) == ("web-1", "monday")
    assert [archive_metadata.split_name(name) for name in ("web-1", ".a", "web.a.b", "web.", "web.a.checkpoint")] == [None] * 5


def test_it_says_which_release_made_it() -> None:
    galaxy = yaml.safe_load((Path(__file__).parents[5] / "galaxy.yml").read_text(encoding="utf-8"))
    assert f"{galaxy['namespace']}.{galaxy['name']} {galaxy['version'].partition('-')[0]}" == archive_metadata.MADE_BY
