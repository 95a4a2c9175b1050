# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/on-disk-format.md shows is what the code reads and writes, byte for byte."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common import host_lock, progress_file
from ansible_collections.vdisk.gluster.plugins.module_utils._export import manifest_file
from ansible_collections.vdisk.gluster.plugins.module_utils._glance import image_marker
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import image_lock, qcow2
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import registry
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import info_file, journal, layout, lock, record_file

PAGE = (Path(__file__).resolve().parents[3] / "docs/on-disk-format.md").read_text(encoding="utf-8")


def shown(what: str) -> bytes:
    """Return the JSON that the page shows as an info file, record, journal or manifest."""
    (text,) = re.findall(rf"^<!-- {what} -->\n```json\n(.*?\n)```$", PAGE, re.M | re.S)
    return text.encode("utf-8")


def test_the_info_file_has_these_bytes_and_no_newline():
    content = shown("info").rstrip(b"\n")
    assert info_file.dump(info_file.parse(content, "web-1")) == content


def test_the_record_has_these_bytes():
    assert record_file.dump(record_file.parse(shown("record"))) == shown("record")


def test_the_manifest_has_these_bytes():
    assert manifest_file.dump(manifest_file.parse(shown("manifest"))) == shown("manifest")


def test_the_journal_is_read_and_written_so(share):
    directory = share.root / layout.OWN_DIRECTORY
    directory.mkdir(exist_ok=True)
    path = share.root / layout.journal("web-1")
    path.write_bytes(shown("journal"))
    plan = journal.Journal(str(share.root), "web-1")
    unfinished = plan.read()
    for entries in unfinished.steps:
        bare = {key: value for key, value in entries.items() if key not in ("volume", "share")}
        assert json.loads(json.dumps(registry.to_json(registry.from_json(bare)))) == bare
    plan.begin(unfinished.steps)
    token = json.loads(path.read_bytes())["token"]
    assert path.read_bytes().replace(token.encode(), json.loads(shown("journal"))["token"].encode()) + b"\n" == shown("journal")


def test_every_step_that_a_journal_can_hold_is_named_with_its_fields():
    """What is renamed here breaks unfinished journals: not the page is to be changed then, but the code."""
    told = {}
    for line in PAGE.partition("| `step` | fields |")[2].partition("\n\n")[0].splitlines()[2:]:
        name, listed = (cell.strip() for cell in line.split("|")[1:3])
        told[name.strip("`")] = re.findall(r"`(\w+)`(\??)", listed)
    known = {
        name: [(field.name, "" if field.default is dataclasses.MISSING else "?") for field in dataclasses.fields(kind)]
        for name, kind in registry.classes().items()
    }
    assert told == known


def test_the_former_names_of_steps_are_named_in_the_order_of_the_table():
    former = re.findall(r"`(\w+)`", PAGE.partition("which stay readable:")[2].partition("\n\n")[0])
    assert [registry.FORMER_NAMES[name] for name in former] == list(registry.STEPS)
    assert sorted(former) == sorted(registry.FORMER_NAMES)


def test_the_properties_of_an_image_are_named():
    listed = PAGE.partition("carries the same as properties")[2].partition("back.")[0]
    told = {f"{image_marker.PREFIX}{name}" for name in re.findall(r"`(?:vdisk_gluster)?_(\w+)`", listed)}
    fields = set(image_marker.dump(image_marker.Marker(*[""] * 10)))
    assert told == {*fields, image_marker.HASH}


@pytest.mark.parametrize(
    "words",
    [
        f"`{lock._HOLDER}`",
        layout._VOLUME.pattern.strip("\\AZ"),
        layout._SNAPSHOT.pattern.strip("\\AZ"),
        f"`{layout.RESERVED_SNAPSHOTS[-1]}`",
        f"byte {image_lock._USED} + N",
        f"byte {image_lock._DENIED} + N",
        f"Byte {image_lock._OURS} is its own",
        f"`0x{qcow2._BACKING_FORMAT:X}`",
        f"`{host_lock.DIRECTORY}/<32 hexadecimal digits>.lock`",
        f"`{progress_file.path_of('<32 hexadecimal digits>')}`",
        f"`{layout.moved('<volume>')}`",
        f"`{layout.temporary('<final name>', '<token>')}`",
        f"At most {journal.LIMIT >> 20} MiB",
        f"At most {info_file.LIMIT >> 20} MiB",
        f"`<dest>{manifest_file.SUFFIX}`",
    ],
)
def test_what_the_page_says_in_words_is_in_the_code(words):
    assert words in PAGE


def test_an_overlay_is_laid_out_so():
    layout = qcow2.new_image(1 << 30, "web-1", "raw")
    (start, header), (table, _one), (block, _counts) = layout.pieces
    assert (start, table, block) == (0, 1 << 16, 2 << 16)
    assert qcow2.cluster_map(header)[0] == 3 << 16
    extension = header[104:]
    assert extension.startswith(qcow2._BACKING_FORMAT.to_bytes(4, "big")) and header.endswith(b"web-1")
    seen = qcow2.parse(header)
    assert (seen.version, seen.cluster_bits, seen.unknown_features) == (3, 16, 0)
