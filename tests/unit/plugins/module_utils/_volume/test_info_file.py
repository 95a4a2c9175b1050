# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The info file has the byte form of Cinder's driver, and names nothing but files of its volume."""

from __future__ import annotations

import json

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import info_file
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.info_file import Info

# as Cinder's GlusterFS driver wrote it: json.dump(info, f, indent=1, sort_keys=True)
CINDER = (
    b'{\n "9ea1ba04-1c6f-4bf8-a9ef-7e8b5a5c43b1": "volume-1.9ea1ba04-1c6f-4bf8-a9ef-7e8b5a5c43b1",\n'
    b' "active": "volume-1.monday",\n "monday": "volume-1.monday"\n}'
)
INFO = Info(
    "volume-1.monday",
    {"monday": "volume-1.monday", "9ea1ba04-1c6f-4bf8-a9ef-7e8b5a5c43b1": "volume-1.9ea1ba04-1c6f-4bf8-a9ef-7e8b5a5c43b1"},
)


def test_an_info_file_is_written_byte_for_byte_as_cinder_writes_it() -> None:
    assert info_file.dump(INFO) == CINDER
    assert info_file.dump(Info("v", {})) == b'{\n "active": "v"\n}'


def test_an_info_file_of_cinder_is_read_and_written_back_unchanged() -> None:
    assert info_file.parse(CINDER, "volume-1") == INFO
    assert info_file.dump(info_file.parse(CINDER, "volume-1")) == CINDER


def test_a_volume_that_lost_its_base_name_is_read() -> None:
    """Cinder's live delete of the last snapshot left only the overlay."""
    assert info_file.parse(b'{"active": "v.x"}', "v") == Info("v.x", {})


@pytest.mark.parametrize(
    ("content", "clause"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (CINDER[:-1], "not JSON"),
        (CINDER[:40], "not JSON"),
        (bytes(512), "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100000, "not JSON"),
        (b'{"active": "v", "active": "v.a"}', "not JSON"),
        (b'{"active": "v", "a": "v.a", "a": "v.b"}', "not JSON"),
        (b"[]", "not a JSON object of names"),
        (b'"v"', "not a JSON object of names"),
        (b'{"active": null}', "not a JSON object of names"),
        (b'{"active": {"a": "v"}}', "not a JSON object of names"),
        (b'{"active": "v", "a": 1}', "not a JSON object of names"),
        (b"{}", "names no active file"),
        (b'{"a": "v.a"}', "names no active file"),
        (b'{"active": "v", "a": "v.x", "b": "v.x"}', "names v.x for two snapshots, a and b"),
    ],
)
def test_what_is_no_info_file_is_damaged_and_the_clause_tells_why(content: bytes, clause: str) -> None:
    with pytest.raises(Damaged, match=clause):
        info_file.parse(content, "v")


@pytest.mark.parametrize(
    "name", ["w", "w.a", "/etc/passwd", "../v", "v/../x", "sub/v.a", "v.info", "", "v.", "json:{}", "v.a\x00", "./v.a"]
)
@pytest.mark.parametrize("key", ["active", "a"])
def test_a_path_or_a_file_of_another_volume_is_refused_wherever_it_stands(key: str, name: str) -> None:
    content = json.dumps({"active": "v", key: name}).encode()
    with pytest.raises(Damaged, match=f"for {key}, which is not a file of v"):
        info_file.parse(content, "v")
