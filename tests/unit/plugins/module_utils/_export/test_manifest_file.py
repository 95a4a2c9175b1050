# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest beside an export is read as it was written, and what is none is not believed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged
from ansible_collections.vdisk.gluster.plugins.module_utils._export import manifest_file
from ansible_collections.vdisk.gluster.plugins.module_utils._export.manifest_file import Manifest

MANIFEST = Manifest(
    share="gl1:/vms",
    volume="v",
    snapshot="monday",
    snapshot_created="2026-01-05T00:00:00.000000Z",
    format="raw",
    compressed=False,
    virtual_size=1 << 30,
    size_bytes=1 << 30,
    modified_ns=1767571200123456789,
    checksum="sha256:" + "0" * 64,
    verified=True,
    exported="2026-01-05T00:00:01.000000Z",
    duration=1.5,
    bytes_per_second=700 << 20,
    qemu_img="7.2.22",
)
ENTRIES = json.loads(manifest_file.dump(MANIFEST))


@pytest.mark.parametrize("manifest", [MANIFEST, replace(MANIFEST, snapshot=None, snapshot_created=None, checksum=None)])
def test_a_manifest_is_read_as_it_was_written(manifest: Manifest) -> None:
    assert manifest_file.parse(manifest_file.dump(manifest)) == manifest


def test_what_a_later_release_adds_is_passed_over() -> None:
    assert manifest_file.parse(json.dumps({**ENTRIES, "more": 1}).encode()) == MANIFEST


@pytest.mark.parametrize("content", [b"", b"{", bytes(64), b"\xff", b"[" * 100000])
def test_what_is_no_json_is_no_manifest(content: bytes) -> None:
    with pytest.raises(Damaged, match="not JSON"):
        manifest_file.parse(content)


@pytest.mark.parametrize("content", [b"[]", b"{}", b'"x"', json.dumps({**ENTRIES, "schema": 2}).encode()])
def test_json_of_another_kind_is_no_manifest(content: bytes) -> None:
    with pytest.raises(Damaged, match="not an export manifest"):
        manifest_file.parse(content)


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_a_manifest_that_lacks_anything_is_none(name: str) -> None:
    with pytest.raises(Damaged):
        manifest_file.parse(json.dumps({key: value for key, value in ENTRIES.items() if key != name}).encode())


@pytest.mark.parametrize("name", ["size_bytes", "modified_ns", "virtual_size"])
@pytest.mark.parametrize("value", ["1", None, 1.5])
def test_sizes_that_are_no_numbers_are_no_sizes(name: str, value: object) -> None:
    with pytest.raises(Damaged, match="sizes are not numbers"):
        manifest_file.parse(json.dumps({**ENTRIES, name: value}).encode())
