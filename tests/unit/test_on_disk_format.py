# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/on-disk-format.md shows is what the code reads and writes, byte for byte."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils import (
    _image_lock,
    _image_marker,
    _info_file,
    _journal,
    _lock,
    _manifest,
    _names,
    _progress_file,
    _qcow2,
    _record,
    _steps,
)

PAGE = (Path(__file__).resolve().parents[2] / "docs/on-disk-format.md").read_text(encoding="utf-8")


def shown(what: str) -> bytes:
    """Return the JSON that the page shows as an info file, record, journal or manifest."""
    (text,) = re.findall(rf"^<!-- {what} -->\n```json\n(.*?\n)```$", PAGE, re.M | re.S)
    return text.encode("utf-8")


def test_the_info_file_has_these_bytes_and_no_newline():
    content = shown("info").rstrip(b"\n")
    assert _info_file.dump(_info_file.parse(content, "web-1")) == content


def test_the_record_has_these_bytes():
    assert _record.dump(_record.parse(shown("record"))) == shown("record")


def test_the_manifest_has_these_bytes():
    assert _manifest.dump(_manifest.parse(shown("manifest"))) == shown("manifest")


def test_the_journal_is_read_and_written_so(share):
    directory = share.root / _names.OWN_DIRECTORY
    directory.mkdir(exist_ok=True)
    path = share.root / _names.journal("web-1")
    path.write_bytes(shown("journal"))
    journal = _journal.Journal(str(share.root), "web-1")
    unfinished = journal.read()
    for entries in unfinished.steps:
        bare = {key: value for key, value in entries.items() if key not in ("volume", "share")}
        assert json.loads(json.dumps(_steps.to_json(_steps.from_json(bare)))) == bare
    journal.begin(unfinished.steps)
    token = json.loads(path.read_bytes())["token"]
    assert path.read_bytes().replace(token.encode(), json.loads(shown("journal"))["token"].encode()) + b"\n" == shown("journal")


def test_every_step_that_a_journal_can_hold_is_named():
    named = re.findall(r"`(\w+)`", PAGE.partition("Steps of this release:")[2].partition("\n\n")[0])
    assert sorted(named) == sorted(_steps._journaled())


def test_the_properties_of_an_image_are_named():
    listed = PAGE.partition("carries the same as properties")[2].partition("back.")[0]
    told = {f"{_image_marker.PREFIX}{name}" for name in re.findall(r"`(?:vdisk_gluster)?_(\w+)`", listed)}
    fields = set(_image_marker.dump(_image_marker.Marker(*[""] * 10)))
    assert told == {*fields, _image_marker.HASH}


@pytest.mark.parametrize(
    "words",
    [
        f"`{_lock._HOLDER}`",
        _names._VOLUME.pattern.strip("\\AZ"),
        _names._SNAPSHOT.pattern.strip("\\AZ"),
        f"`{_names.RESERVED_SNAPSHOTS[-1]}`",
        f"byte {_image_lock._USED} + N",
        f"byte {_image_lock._DENIED} + N",
        f"Byte {_image_lock._OURS} is its own",
        f"`0x{_qcow2._BACKING_FORMAT:X}`",
        f"`{_lock._HOST_DIRECTORY}/vdisk-<32 hexadecimal digits>.lock`",
        f"`{_progress_file.path_of('<32 hexadecimal digits>')}`",
        f"`{_names.moved('<volume>')}`",
        f"`{_names.temporary('<final name>', '<token>')}`",
        f"At most {_journal.LIMIT >> 20} MiB",
        f"At most {_info_file.LIMIT >> 20} MiB",
        f"`<dest>{_manifest.SUFFIX}`",
    ],
)
def test_what_the_page_says_in_words_is_in_the_code(words):
    assert words in PAGE


def test_an_overlay_is_laid_out_so():
    layout = _qcow2.new_image(1 << 30, "web-1", "raw")
    (start, header), (table, _one), (block, _counts) = layout.pieces
    assert (start, table, block) == (0, 1 << 16, 2 << 16)
    assert _qcow2.cluster_map(header)[0] == 3 << 16
    extension = header[104:]
    assert extension.startswith(_qcow2._BACKING_FORMAT.to_bytes(4, "big")) and header.endswith(b"web-1")
    seen = _qcow2.parse(header)
    assert (seen.version, seen.cluster_bits, seen.unknown_features) == (3, 16, 0)
