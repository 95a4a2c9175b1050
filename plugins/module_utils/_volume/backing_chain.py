# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A volume's backing chain as data: walked, checked and asked (pure).

The rules here decide which files a volume consists of before any program opens one. No format is ever probed: the
record speaks for the base, an overlay's header for what lies below it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Container, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qcow2 import Header
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.info_file import Info
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import FORMATS, Record

_KINDS = {"other": "special file"}


@dataclass(frozen=True)
class Ownership:
    """Owner, group and permission bits of a file."""

    uid: int
    gid: int
    mode: int


@dataclass(frozen=True)
class FileFacts:
    """What was seen of one file; C(kind) is C(file), C(directory), C(symlink) or C(other), sizes are in bytes.

    C(header) is there where the file begins as a qcow2 image does and its header is sound, else C(header_problem) says
    what is wrong with it. Both mean nothing for a file that is raw: a guest owns every byte of it. C(looks_like) is
    the image format its content resembles, C(sound_as) the one that it is a sound image of, both looked at only for a base without a
    record; C(empty) tells whether a qcow2 image holds no data of its own, None where that was not looked at.
    """

    name: str
    kind: str
    size: int
    allocated: int
    header: Header | None = None
    header_problem: str | None = None
    looks_like: str | None = None
    sound_as: str | None = None
    empty: bool | None = None
    # not what makes it another file
    ownership: Ownership | None = field(default=None, compare=False)


@dataclass(frozen=True)
class ChainFile:
    """One file of a chain; sizes in bytes, C(format) None where neither record nor header names it.

    C(internal_snapshots) and C(bitmaps) are numbers of what QEMU keeps in a qcow2 image beside the disk as it is now.
    """

    file: str
    format: str | None
    backing_file: str | None
    backing_format: str | None
    virtual_size: int | None
    allocated_size: int
    internal_snapshots: int = 0
    bitmaps: int = 0
    can_grow: bool = True


@dataclass(frozen=True)
class Repair:
    """A problem that a header with these names would solve, without anything being guessed; the format may follow in another."""

    problem: str
    file: str
    backing_file: str
    backing_format: str | None


@dataclass(frozen=True)
class Chain:
    """A chain, active file first, the overlay of each snapshot oldest first, and what is wrong with it in sentences.

    C(repairs) are those of the problems that can be repaired.
    """

    files: tuple[ChainFile, ...]
    snapshots: Mapping[str, str]
    problems: tuple[str, ...]
    repairs: tuple[Repair, ...] = ()

    def above(self, file: str) -> ChainFile | None:
        """Return the file whose backing file this is, or None for the active one."""
        return next((entry for entry in self.files if entry.backing_file == file), None)

    def get(self, file: str) -> ChainFile:
        """Return the entry of a file of this chain."""
        return next(entry for entry in self.files if entry.file == file)


def assemble(volume: str, files: Mapping[str, FileFacts], info: Info | None, record: Record | None, home: str = "") -> Chain:
    """Return the chain of a volume from what was seen of its files, its info file and its record.

    Every doubt becomes a problem; a chain without problems is safe to hand to QEMU.

    :param home: mount point of the share, by whose last part an absolute name of a file of the same share is known.
    """
    problems: list[str] = []
    repairs: list[Repair] = []
    active = info.active if info else volume
    chain = _walk(volume, active, files, record, home, problems, repairs)
    if chain and not chain[-1].backing_file and record and chain[-1].file != record.base_file and not problems:
        problems.append(f"the record names {record.base_file} as the base of {volume}, but its chain ends in {chain[-1].file}")
    _check_sizes(volume, chain, record, problems)
    snapshots = _check_snapshots(volume, chain, files, info, problems)
    return Chain(tuple(chain), snapshots, (*problems, *(defect.problem for defect in repairs)), tuple(repairs))


def _walk(
    volume: str,
    active: str,
    files: Mapping[str, FileFacts],
    record: Record | None,
    home: str,
    problems: list[str],
    repairs: list[Repair],
) -> list[ChainFile]:
    """Follow the backing files from the active one down as far as each step is safe."""
    chain: list[ChainFile] = []
    seen: set[str] = set()
    name: str | None = active
    named_format: str | None = None
    above: str | None = None
    while name is not None:
        origin = f"the header of {above}" if above else f"{volume}.info" if name != volume else "the layout"
        facts = files.get(name)
        if name in seen:
            problems.append(f"the backing files of {volume} form a circle: {origin} names {name} again")
            break
        if not layout.is_file_of(volume, name):
            problems.append(f"{origin} names {name!r} as a backing file, which is not a bare name of a file of {volume}")
            break
        if facts is None:
            problems.append(f"{name} is missing, although {origin} names it")
            break
        if facts.kind != "file":
            problems.append(f"{name} is a {_KINDS.get(facts.kind, facts.kind)}, not a regular file")
            break
        file_format = _format_of(volume, name, above, named_format, record, problems, repairs)
        entry = _with_own_name(volume, _entry(facts, file_format, problems), home, repairs)
        chain.append(entry)
        seen.add(entry.file)
        above, name, named_format = entry.file, entry.backing_file, entry.backing_format
    return chain


def misleading(volume: str, facts: FileFacts, raw: Container[str], home: str) -> str | None:
    """Return in which way a file of a volume would lead QEMU to a file that is none of the volume, as a clause, or None.

    :param raw: the base where it is raw: a guest owns every byte of it, and nothing in it is a header.
    :param home: as that of C(assemble).
    """
    if facts.kind != "file":
        return f"{facts.name} is a {_KINDS.get(facts.kind, facts.kind)}, not a regular file"
    if facts.name in raw:
        return None
    if facts.header_problem is not None:
        return f"{facts.name} is not a sound qcow2 image: {facts.header_problem}"
    header = facts.header
    if header is None:
        return None
    wrong = next((sentence for is_so, sentence in _unusable(header) if is_so), None)
    if wrong is not None or header.backing_file is None:
        return None if wrong is None else f"{facts.name} {wrong}"
    below = _own_name(volume, header.backing_file, home)
    if below is None:
        return f"the header of {facts.name} names {header.backing_file!r} as a backing file, which is not a bare name of a file of {volume}"
    if header.backing_format not in FORMATS or below in raw and header.backing_format != "raw":
        return f"the header of {facts.name} gives {below} the format {header.backing_format!r}, which it does not have"
    return None


def _own_name(volume: str, backing_file: str, home: str) -> str | None:
    """Return the bare name of a file of the volume that a header names, also by an absolute path on the same share; None for others."""
    directory, slash, name = backing_file.rpartition("/")
    if slash and (not home or directory.rpartition("/")[2] != home.rpartition("/")[2]):
        return None
    return name if layout.is_file_of(volume, name) else None


def _with_own_name(volume: str, entry: ChainFile, home: str, repairs: list[Repair]) -> ChainFile:
    """Return an entry with the bare name of a backing file that its header names by an absolute path on the same share."""
    name = _own_name(volume, entry.backing_file or "", home)
    if name is None or name == entry.backing_file:
        return entry
    problem = f"the header of {entry.file} names {name} by the absolute path {entry.backing_file}; repair writes the bare name"
    repairs.append(Repair(problem, entry.file, name, entry.backing_format))
    return replace(entry, backing_file=name)


def _format_of(
    volume: str,
    name: str,
    above: str | None,
    named: str | None,
    record: Record | None,
    problems: list[str],
    repairs: list[Repair],
) -> str | None:
    """Return the format of a file by record, by the header above it, or by its place; None where nothing names it."""
    recorded = record.base_format if record and name == record.base_file else None
    if above is not None and named is None:
        # what is not the base was made as an overlay, so it is qcow2
        known = recorded or ("qcow2" if name != volume else None)
        problem = f"the header of {above} names {name} without its format, so that QEMU would guess it"
        if known is None:
            problems.append(problem)
        else:
            repairs.append(Repair(f"{problem}; repair adds it", above, name, known))
        return known
    if named is not None and named not in FORMATS:
        problems.append(f"the header of {above} gives {name} the format {named!r}, which no file of a volume has")
        return recorded
    if recorded and named and recorded != named:
        problems.append(f"the header of {above} gives {name} the format {named}, the record gives {recorded}")
        return recorded
    if recorded or named:
        return recorded or named
    # an overlay that the info file made active is qcow2 by its making; a base of which nothing is known stays unknown
    return "qcow2" if name != volume else None


def _entry(facts: FileFacts, file_format: str | None, problems: list[str]) -> ChainFile:
    if file_format != "qcow2":
        size = facts.size if file_format == "raw" else None
        return ChainFile(facts.name, file_format, None, None, size, facts.allocated)
    header = facts.header
    if header is None:
        problems.append(f"{facts.name} is not a sound qcow2 image: {facts.header_problem or 'it has no qcow2 header'}")
        return ChainFile(facts.name, "qcow2", None, None, None, facts.allocated)
    for wrong, sentence in (
        # QEMU reads zeroes where a file has ended, so that such an image seems to be an empty disk
        (facts.size < header.tables_end, f"is truncated: it ends after {facts.size} bytes, before its own tables do"),
        (header.corrupt, "is marked corrupt by QEMU; run qemu-img check on it"),
        *_unusable(header),
    ):
        if wrong:
            problems.append(f"{facts.name} {sentence}")
    return ChainFile(
        facts.name,
        "qcow2",
        header.backing_file,
        header.backing_format,
        header.virtual_size,
        facts.allocated,
        header.internal_snapshots,
        header.bitmaps,
        header.can_grow,
    )


def _unusable(header: Header) -> tuple[tuple[bool, str], ...]:
    """Return what a header may say for which the image is not handed to QEMU, and whether it does."""
    return (
        (header.data_file, "keeps its data in another file (qcow2 external data file)"),
        (header.encrypted, "is encrypted by QEMU, which this collection does not handle"),
        (bool(header.unknown_features), f"has qcow2 features {header.unknown_features:#x} that this collection does not know"),
    )


def _check_sizes(volume: str, chain: Sequence[ChainFile], record: Record | None, problems: list[str]) -> None:
    if record and chain and chain[0].virtual_size is not None and chain[0].virtual_size < record.virtual_size:
        problems.append(
            f"{chain[0].file} has a virtual size of {chain[0].virtual_size} bytes, "
            f"but {volume} was {record.virtual_size} bytes large: it is truncated"
        )


def _check_snapshots(
    volume: str, chain: Sequence[ChainFile], files: Mapping[str, FileFacts], info: Info | None, problems: list[str]
) -> dict[str, str]:
    """Return snapshot -> overlay, oldest first, and note what does not fit the chain."""
    by_file = {file: snapshot for snapshot, file in info.snapshots.items()} if info else {}
    in_chain = {entry.file for entry in chain}
    active = info.active if info else None
    for snapshot, file in sorted(info.snapshots.items() if info else ()):
        if file not in files:
            problems.append(f"{file} is missing, although {volume}.info names it for snapshot {snapshot}")
        elif file not in in_chain:
            problems.append(f"{file} of snapshot {snapshot} is not in the chain of the active file {active}")
    ordered: dict[str, str] = {}
    for entry in reversed(chain):
        made_by = by_file.get(entry.file)
        if made_by and not entry.backing_file:
            problems.append(f"snapshot {made_by} has no point in time: its file {entry.file} has no backing file")
        elif made_by:
            ordered[made_by] = entry.file
        elif entry.backing_file and info:
            problems.append(f"the overlay {entry.file} is in the chain of {volume}, but {volume}.info names no snapshot for it")
        elif entry.backing_file:
            problems.append(f"{entry.file} has the backing file {entry.backing_file}, but {volume} has no info file")
    if info is None:
        for name in sorted(files):
            if name not in in_chain:
                problems.append(f"{name} is beside {volume}, but there is no {volume}.info that names it")
    return ordered
