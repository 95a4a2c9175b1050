# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gluster_image_export_info: exports are known by their manifests, and nothing else is."""

from __future__ import annotations

import os

MODULE = "gluster_image_export_info"


def told(run_module, dest, check=False):
    result = run_module(MODULE, check, {"path": str(dest)})
    assert not result.failed and not result.changed and result.actions == []
    return result


def test_exports_are_told_as_they_were_made(place, run_module, tmp_path):
    place.volume(size="1M")
    place.snapshot("s1")
    out = tmp_path / "out"
    out.mkdir()
    assert told(run_module, out).exports == [] and told(run_module, out).exists is True
    made = place.ok("gluster_image_export", volume="v1", snapshot="s1", dest=f"{out}/").export
    place.ok("gluster_image_export", volume="v1", dest=f"{out}/", format="qcow2")
    second, first = told(run_module, out).exports
    assert told(run_module, out, check=True).exports == [second, first]
    assert (first["dest"], first["checksum"], first["size_bytes"]) == (made["dest"], made["checksum"], made["size_bytes"])
    assert (first["share"], first["volume"], first["snapshot"]) == (place.share, "v1", "s1")
    assert first["snapshot_created"] == place.info()["snapshots"][0]["created"]
    assert (second["snapshot"], second["format"], second["exists"], second["unmodified"]) == (None, "qcow2", True, True)
    os.utime(first["dest"], (1, 1))
    os.unlink(second["dest"])
    assert [(entry["exists"], entry["unmodified"]) for entry in told(run_module, out).exports] == [(False, False), (True, False)]


def test_what_is_no_manifest_of_ours_is_passed_over(run_module, tmp_path):
    for name, content in (("a", b"{}"), ("b", b""), ("c", b'{"schema": 1}'), ("d", b"\xff" * 2000), (".e", b"{}")):
        (tmp_path / f"{name}.manifest.json").write_bytes(content)
    (tmp_path / "f.manifest.json").mkdir()
    (tmp_path / "g.manifest.json").symlink_to("a.manifest.json")
    assert told(run_module, tmp_path).exports == []


def test_a_directory_that_is_not_there_holds_nothing(run_module, tmp_path):
    result = told(run_module, tmp_path / "missing")
    assert (result.exists, result.exports, result.msg) == (False, [], f"{tmp_path}/missing does not exist.")
    refused = run_module(MODULE, False, {"path": "relative"})
    assert refused.failed and "is not an absolute path" in refused.msg
