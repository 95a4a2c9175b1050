# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever stands in what others write, each parser ends with a value or an error of this collection, never in a traceback.

Each parser gets bytes of any kind, sound content in which bytes are replaced, and JSON in which values are. With C(--all) it gets a hundred
times as many.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
import struct
import subprocess
from pathlib import Path
from typing import Any, Callable

import hypothesis
import hypothesis.configuration
import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._backup import archive_metadata
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.base import Repository
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.borg import Borg
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.restic import Restic
from ansible_collections.vdisk.gluster.plugins.module_utils._common import progress
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Completed, Runner
from ansible_collections.vdisk.gluster.plugins.module_utils._export import manifest_file
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import fstab, mounts, share
from ansible_collections.vdisk.gluster.plugins.module_utils._libvirt import domain_xml
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import magic, qcow2
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.untrusted_image import complete_image_size
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import field_types, registry
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import info_file, journal, reader, record_file
from ansible_collections.vdisk.gluster.tests.harness.checkout import ROOT
from ansible_collections.vdisk.gluster.tests.harness.journal_steps import RECORD, SHARES, STEPS
from ansible_collections.vdisk.gluster.tests.harness.sampling import Sample
from hypothesis import strategies as st

hypothesis.configuration.set_hypothesis_home_dir(str(ROOT / ".cache/hypothesis"))
EXAMPLES = 100
FOREIGN = {"qcow2": (), "vmdk": (), "vdi": (), "vhdx": (), "vpc": ("-o", "force_size=on")}

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["../x", "v\0", "\ud800", 1 << 70, "v", "raw"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=6
)


def places(value: Any) -> list[tuple[Any, ...]]:
    """Return the ways to all values in a JSON document."""
    found: list[tuple[Any, ...]] = [()]
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        found += [(key, *way) for way in places(inner)]
    return found


@st.composite
def spoilt_json(draw: st.DrawFn, sound: Any) -> bytes:
    """Return a document some of whose values are others, or are not there."""
    document = copy.deepcopy(sound)
    for _time in range(draw(st.integers(1, 3))):
        way = draw(st.sampled_from(places(document)))
        if not way:
            continue
        inner = document
        for key in way[:-1]:
            inner = inner[key]
        if draw(st.booleans()) and isinstance(inner, dict):
            del inner[way[-1]]
        else:
            inner[way[-1]] = draw(VALUES)
    return json.dumps(document).encode("utf-8", "surrogatepass")


@st.composite
def spoilt_bytes(draw: st.DrawFn, sound: bytes, within: int = 4096) -> bytes:
    """Return content some of whose bytes are others, alone or as big numbers, or that ends too early."""
    content = bytearray(sound)
    for _time in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, min(within, len(content)) - 1)))
        piece = draw(
            st.binary(min_size=1, max_size=4) | st.sampled_from([b"\xff" * 8, b"\x80" + bytes(7), bytes(8), b"\x7f" + b"\xff" * 7, b"\0/"])
        )
        content[at : at + len(piece)] = piece
    return bytes(content[: draw(st.integers(0, len(content)))] if draw(st.integers(0, 9)) == 0 else content)


def anything(*sound: bytes, documents: tuple[Any, ...] = (), within: int = 4096) -> st.SearchStrategy[bytes]:
    """Return what a parser of such content is given."""
    strategies = [spoilt_json(document) for document in documents] or [st.binary(max_size=64)]
    return st.one_of(*strategies, *(spoilt_bytes(content, within) for content in sound), st.binary(max_size=200))


def read_steps(content: bytes) -> None:
    """Read a journal and all of its steps."""
    scope = field_types.Scope("v", [("v", name) for name in SHARES])
    for entries in journal.parse(content).steps:
        bare = {key: value for key, value in entries.items() if key not in ("volume", "share")}
        step = registry.from_json(bare)
        field_types.check(step, scope)
        step.describe()


def read_header(content: bytes) -> None:
    """Read a header, and change the name of the backing file in it."""
    qcow2.bytes_needed(content)
    qcow2.parse(content)
    qcow2.cluster_map(content)
    with contextlib.suppress(VdiskError):
        qcow2.parse(qcow2.with_backing(content, "v.a", "qcow2"))


def read_tags(content: bytes) -> None:
    """Read tags of restic."""
    archive_metadata.from_tags(content.decode("utf-8", "replace").splitlines())


def read_text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    """Return a parser of bytes for one of text."""
    return lambda content: parse(content.decode("utf-8", "replace"))


DESCRIPTION = archive_metadata.Description("v", "monday", "gl1:/vms", None, None, False, "raw", 512, 0, "sha256:" + "0" * 64)
MANIFEST = manifest_file.Manifest("gl1:/vms", "v", "a", "2026", "qcow2", False, 512, 512, 7, None, True, "2026", 1.5, 7, "7.2")
JOURNAL = {"schema": 1, "token": "0a", "group": None, "marks": {"a": True}, "steps": [registry.to_json(step) for step in STEPS]}
FOLLOWER = {"schema": 1, "group": "0a", "leader": {"share": "gl1:/vms", "volume": "w"}}
NEW = qcow2.new_image(1 << 20, "v", "raw")
MOUNTS = (
    b"gl1:/vms /var/lib/vdisk/mnt/a fuse.glusterfs rw,relatime 0 0\n/dev/vda / ext4 rw 0 0\ngl1:/a\\040b /mnt/\\134 fuse.glusterfs rw 0 0\n"
)
SHARES_FILE = b"# shares\ngl1:/vms -o backup-volfile-servers=gl2\n\ngl1:/a\\040b\n"


def tabled(content: bytes) -> None:
    """Read a mount table, and look for mounts in it."""
    table = mounts.parse_mount_table(content.decode("utf-8", "surrogateescape"))
    for entry in table:
        mounts.escape(entry.mount_point)


def kept(content: bytes) -> None:
    """Read a file system table, and write to it."""
    text = content.decode("utf-8", "replace")
    fstab.find(text, "/var/lib/vdisk/mnt/a")
    fstab.without_entry(text, "/var/lib/vdisk/mnt/a")


PARSERS: dict[str, tuple[Callable[[bytes], object], st.SearchStrategy[bytes]]] = {
    "info file": (lambda content: info_file.parse(content, "v"), anything(documents=({"active": "v.a", "a": "v.a", "b": "v.b"},))),
    "record": (record_file.parse, anything(record_file.dump(RECORD), documents=(record_file.to_json(RECORD),))),
    "journal": (read_steps, anything(json.dumps(JOURNAL).encode(), documents=(JOURNAL, FOLLOWER))),
    "manifest": (manifest_file.parse, anything(documents=({"schema": 1, **dataclasses.asdict(MANIFEST)},))),
    "description of an archive": (archive_metadata.parse, anything(documents=(dataclasses.asdict(DESCRIPTION),))),
    "tags of an archive": (read_tags, anything("\n".join(archive_metadata.tags(DESCRIPTION)).encode())),
    "progress": (progress.parse, anything(progress.dump(progress.ProgressReport("copy"), "it"))),
    "qcow2 header": (read_header, anything(NEW.pieces[0][1].ljust(4096, b"\0"), within=200)),
    "mount table": (tabled, anything(MOUNTS)),
    "fstab": (kept, anything(MOUNTS)),
    "shares file": (read_text(share.parse_shares_file), anything(SHARES_FILE)),
}


def run(parse: Callable[[Any], object], strategy: st.SearchStrategy[Any], sample: Sample, examples: int = EXAMPLES) -> None:
    """Give a parser all that is drawn; the commit is the seed."""
    number = examples * 100 if sample.everything else examples
    sample.tell(f"{number} of {examples * 100} contents")

    @hypothesis.seed(sample.seed)
    @hypothesis.settings(max_examples=number, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(strategy)
    def one(content: Any) -> None:
        with contextlib.suppress(VdiskError):
            parse(content)

    one()


@pytest.mark.parametrize("name", PARSERS)
def test_no_content_makes_a_parser_fail_otherwise_than_by_a_sentence(name: str, sample: Sample) -> None:
    run(*PARSERS[name], sample)


@pytest.mark.parametrize("image_format", FOREIGN)
def test_no_image_makes_its_judge_fail_otherwise_than_by_a_sentence(image_format: str, sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "image"
    subprocess.run(["qemu-img", "create", "-q", "-f", image_format, *FOREIGN[image_format], str(path), "3M"], check=True)
    sound = path.read_bytes()[: 3 << 20]

    def judge(content: bytes) -> None:
        def read(offset: int, length: int) -> bytes:
            # what pread takes
            struct.pack("qQ", offset, length)
            if offset < 0:
                raise OSError("a negative offset")
            assert length <= 64 << 20, "it asks for more than a header is long"
            return content[offset : offset + length]

        complete_image_size(image_format, read, len(content))
        magic.looks_like(content[: magic.HEAD], content[-magic.TAIL :])

    run(judge, anything(sound, within=70_000 if image_format == "vhdx" else 2048), sample, EXAMPLES // 2)


def test_no_file_of_a_volume_makes_the_reader_fail(sample: Sample, tmp_path: Path) -> None:
    """A header is sound and its tables lie where no file is."""

    def look(content: bytes) -> None:
        (tmp_path / "v.a").write_bytes(content)
        reader.look_at(str(tmp_path), "v.a", True, True)

    run(look, anything(NEW.pieces[0][1].ljust(4096, b"\0"), within=120), sample)


DOMAIN = """<domain><devices><disk type='file'><driver name='qemu' type='qcow2' discard='unmap'/><source file='/mnt/a/v.a'/>
<backingStore type='file'><format type='raw'/><source file='/mnt/a/v'/><backingStore/></backingStore>
<mirror job='copy' ready='yes'><source file='/x'/></mirror><target dev='vda'/></disk>
<channel><target name='org.qemu.guest_agent.0' state='connected'/></channel></devices></domain>"""


@st.composite
def definitions(draw: st.DrawFn) -> str:
    """Return definitions that libvirt could give: sound XML in which elements and attributes are missing or say something else."""
    text = DOMAIN
    for word in draw(
        st.lists(st.sampled_from(["file=", "type=", "dev=", "name=", "source", "target", "driver", "backingStore", "mirror"]), max_size=4)
    ):
        text = text.replace(
            word, draw(st.sampled_from(["other=", "x="])) if word.endswith("=") else draw(st.sampled_from(["other", "format"]))
        )
    return text


def test_no_definition_of_a_domain_makes_its_readers_fail(sample: Sample) -> None:
    def read(xml: str) -> None:
        for parse in (domain_xml.file_disks, domain_xml.targets, domain_xml.mirrors, domain_xml.agent_connected, domain_xml.host_uuid):
            try:
                parse(xml)
            except domain_xml.ElementTree.ParseError:
                pass  # libvirt writes XML

    run(read, definitions(), sample)


BORG = {"archives": [{"name": "v.monday", "comment": archive_metadata.dump(DESCRIPTION), "id": "0a", "start": "2026"}]}
RESTIC = [{"id": "0a", "time": "2026", "tags": archive_metadata.tags(DESCRIPTION)}]


@pytest.mark.parametrize(("kind", "sound"), [(Borg, BORG), (Restic, RESTIC)])
def test_no_output_of_a_backup_tool_makes_its_reader_fail(kind: Any, sound: Any, sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = kind(Runner(5), Repository("/repository", "secret", {}, "ssh", "repokey", "lz4", 5))
    output: list[str] = []
    monkeypatch.setattr(kind, "_run", lambda self, *_words, **_more: Completed((), 0, output[-1], ""))

    def read(content: bytes) -> None:
        output.append(content.decode("utf-8", "replace"))
        tool.archives()

    run(read, anything(json.dumps(sound).encode(), documents=(sound,)), sample)
