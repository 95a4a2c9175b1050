# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading volumes from a mounted share into plain data; nothing is written and no program is started."""

from __future__ import annotations

import errno
import os
import stat
import time
from dataclasses import dataclass, replace
from typing import Iterable, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common import parallel
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged, Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.health import check_complete
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import image_lock, qcow2
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.magic import HEAD, TAIL, looks_like
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.untrusted_image import sound_format
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import info_file, layout, record_file
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.backing_chain import FileFacts, Ownership, assemble
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.hypervisor import Hypervisor
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume, absent, with_host

_PAUSES = (0.0, 0.05, 0.2, 0.5)
"""Seconds to wait before a volume is read anew of which something went away after it was listed."""


@dataclass(frozen=True)
class Listing:
    """The names on a share, listed once; opening the files after it sees what other hosts did before it."""

    share: Share
    by_volume: Mapping[str, tuple[str, ...]]
    leftovers: Mapping[str, tuple[str, ...]]
    own: frozenset[str]

    def volumes(self) -> tuple[str, ...]:
        """Return the names of all volumes on the share, sorted; directories and other things are none."""
        there = sorted(name for name in self.by_volume if self.has(name))
        return tuple(name for name, candidate in zip(there, parallel.each(self._is_candidate, there)) if candidate)

    def has(self, volume: str) -> bool:
        """Tell whether a file with a volume's own name, or its info file, is there."""
        names = self.by_volume.get(volume, ())
        return volume in names or layout.info_file(volume) in names

    def holds(self, volume: str) -> bool:
        """Tell whether the volume is there, or an operation on it is unfinished."""
        return self.has(volume) or os.path.basename(layout.journal(volume)) in self.own

    def mentions(self, volume: str) -> bool:
        """Tell whether any file is there that is or was this volume's."""
        return volume in self.by_volume or volume in self.leftovers

    def _is_candidate(self, volume: str) -> bool:
        if layout.info_file(volume) in self.by_volume[volume]:
            return True
        try:
            mode = os.lstat(f"{self.share.mount_point}/{volume}").st_mode
        except OSError:
            return False
        # a symbolic link in a volume's place is no volume, but a problem that somebody should be shown
        return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def list_share(share: Share) -> Listing:
    """List a mounted share.

    :raises Incomplete: a part of it does not answer, which a listing would not show.
    """
    check_complete(share.name, share.mount_point)
    root = files.list_names(share.mount_point)
    # what lies in its place is not looked into; a change is refused there
    own = files.list_names_nofollow(f"{share.mount_point}/{layout.OWN_DIRECTORY}") if layout.OWN_DIRECTORY in root else frozenset()
    check_complete(share.name, share.mount_point)
    by_volume: dict[str, list[str]] = {}
    leftovers: dict[str, list[str]] = {}
    for name in root:
        if not name.startswith("."):
            volume = name.partition(".")[0]
            if layout.is_volume_name(volume):
                by_volume.setdefault(volume, []).append(name)
    for directory, names in (("", root), (f"{layout.OWN_DIRECTORY}/", own)):
        for name in names:
            if name.startswith("."):
                volume = name[1:].partition(".")[0]
                if layout.temporary_of(volume, name):
                    leftovers.setdefault(volume, []).append(directory + name)
    return Listing(
        share,
        {volume: tuple(sorted(names)) for volume, names in by_volume.items()},
        {volume: tuple(sorted(names)) for volume, names in leftovers.items()},
        own,
    )


def list_shares(shares: Iterable[Share]) -> dict[str, Listing]:
    """List mounted shares, each once."""
    return {share.name: list_share(share) for share in {share.name: share for share in shares}.values()}


def read_volume(listing: Listing, name: str, patient: bool = False, deep: bool = False, uncached: bool = True) -> Volume:
    """Return the state of one volume of a share that was just listed.

    Without its lock another task may change it meanwhile: where a file is not there any more it is listed and read anew, and only what
    stays so is a problem.

    :param patient: wait a moment for a passing user of the active file before it counts as in use.
    :param deep: also look whether overlays hold data of their own.
    :param uncached: go by the share alone, not by what this host remembers of the files.
    """
    volume, gone = _read_once(listing, name, patient, deep, uncached)
    for pause in _PAUSES:
        if not gone:
            break
        time.sleep(pause)
        volume, gone = _read_once(list_share(listing.share), name, patient, deep, uncached)
    return replace(volume, problems=(*(_vanished(file, volume) for file in gone), *volume.problems))


def _vanished(file: str, volume: Volume) -> str:
    return f"{file} is listed on {volume.share}, but cannot be opened, as if it did not exist; another task may be changing {volume.name}"


def _read_once(listing: Listing, name: str, patient: bool, deep: bool, uncached: bool) -> tuple[Volume, list[str]]:
    """Return a volume as it is read once, and which of its files were listed and then not there."""
    gone: list[str] = []
    share = listing.share
    root = share.mount_point
    unfinished = os.path.basename(layout.journal(name)) in listing.own
    leftovers = listing.leftovers.get(name, ())
    beside = [file for file in listing.by_volume.get(name, ()) if layout.is_file_of(name, file)]
    problems: list[str] = []
    record = _read_record(listing, name, problems, gone)
    looks = parallel.each(lambda file: look_at(root, file, record is None and file == name, deep and file != name, uncached), beside)
    facts = {file: seen for file, seen in zip(beside, looks) if seen is not None}
    gone += [file for file in beside if file not in facts]
    if not listing.has(name):
        left_over = tuple(f"{file} is on {share.name}, left over from an earlier {name}; move it away or remove it" for file in beside)
        nothing = absent(name, share.name, root, problems=(*problems, *left_over), unfinished=unfinished, leftovers=leftovers)
        return replace(nothing, strays=tuple(beside), facts=facts, left_over=left_over, has_lone_record=record is not None), gone
    info = None
    has_info_file = layout.info_file(name) in listing.by_volume[name]
    if has_info_file:
        try:
            info = _read_info(f"{root}/{layout.info_file(name)}", name)
            gone += [layout.info_file(name)] if info is None else []
        except (Damaged, Refused) as error:
            problems.append(f"{layout.info_file(name)} on {share.name} cannot be used: {error}")
    if has_info_file and info is None:
        nothing = absent(name, share.name, root, problems=tuple(problems), unfinished=unfinished, leftovers=leftovers)
        return replace(nothing, exists=True, record=record, facts=facts), gone
    chain = assemble(name, facts, info, record, root)
    used = {entry.file for entry in chain.files} | set(info.snapshots.values() if info else ())
    active = info.active if info else name
    locked = bool(chain.files) and image_lock.is_open_in_qemu(f"{root}/{active}", patient)
    volume = Volume(
        name=name,
        share=share.name,
        mount_point=root,
        exists=info is not None or facts.get(name) is not None and facts[name].kind == "file",
        active_file=active,
        chain=chain,
        record=record,
        problems=tuple(problems) + chain.problems,
        facts=facts,
        info=info,
        strays=tuple(file for file in beside if file not in used) if info else (),
        leftovers=leftovers,
        unfinished=unfinished,
        locked_files=frozenset([active]) if locked else frozenset(),
        written=locked and image_lock.is_written_in_qemu(f"{root}/{active}"),
        ownership=facts[active].ownership if chain.files and active in facts else None,
        attachments=record.attachments if record else (),
    )
    return volume, gone


def read_volumes(targets: Sequence[tuple[Listing, str]], patient: bool = False, deep: bool = False, uncached: bool = True) -> list[Volume]:
    """Return the states of many volumes, in their order; the options are those of read_volume."""
    return parallel.each(lambda pair: read_volume(*pair, patient, deep, uncached), targets)


def with_domains(volume: Volume, hypervisor: Hypervisor, respects_other_hosts: bool = True) -> Volume:
    """Return a volume with the disks of domains that have it, and with its temporary snapshots that nobody reads any more.

    :param respects_other_hosts: whether domains of other hosts that are shut off keep the volume from being changed.
    """
    abandoned = tuple(
        snapshot.name
        for snapshot in volume.snapshots
        if snapshot.note.temporary and not image_lock.is_being_read(f"{volume.mount_point}/{snapshot.point_in_time_file}")
    )
    disks = hypervisor.disks_of(volume.name, volume.mount_point)
    volume = replace(volume, disks=disks, abandoned=abandoned, respects_other_hosts=respects_other_hosts)
    # to ask a hypervisor for its name is a call more, and few volumes have domains that nobody has on record
    return with_host(volume, hypervisor.host) if disks or volume.attachments else volume


def _read_record(listing: Listing, name: str, problems: list[str], gone: list[str]) -> record_file.Record | None:
    path = layout.record(name)
    if os.path.basename(path) not in listing.own:
        return None
    try:
        content = files.read_text_file(f"{listing.share.mount_point}/{path}", record_file.LIMIT)
        if content is None:
            gone.append(path)
        record = None if content is None else record_file.parse(content)
        if record is not None and not layout.is_file_of(name, record.base_file):
            raise Damaged(f"its base_file is {record.base_file!r}, which is not a file of {name}")
        return record
    except (Damaged, Refused) as error:
        problems.append(f"the record {path} on {listing.share.name} cannot be used: {error}")
        return None


def _read_info(path: str, name: str) -> info_file.Info | None:
    content = files.read_text_file(path, info_file.LIMIT)
    return None if content is None else info_file.parse(content, name)


def look_at(root: str, file: str, whole: bool = False, deep: bool = False, uncached: bool = True) -> FileFacts | None:
    """Return what can be seen of a file of a share without believing it; None when it has just gone.

    :param whole: also look at the end, for what the content resembles.
    :param deep: also look whether a qcow2 image holds data of its own.
    """
    path = f"{root}/{file}"
    try:
        # again from the start where another host replaces or removes the file meanwhile
        return files.fresh(lambda: _look_once(path, file, whole, deep, uncached), path)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return FileFacts(file, "symlink", 0, 0)
        if error.errno == errno.ENXIO:
            return FileFacts(file, "other", 0, 0)
        raise files.explain(error, path, "read") from error


def _look_once(path: str, file: str, whole: bool, deep: bool, uncached: bool) -> FileFacts:
    with files.reading(path) as descriptor:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return FileFacts(file, "directory" if stat.S_ISDIR(status.st_mode) else "other", 0, 0)
        if uncached:
            # all of it, though little is read here: the kernel keeps a page that lies in a larger piece than it is told to drop
            files.drop_cached(descriptor)
        start = os.pread(descriptor, qcow2.HEADER_READ, 0)
        header, wrong = None, None
        if qcow2.looks_like_qcow2(start):
            needed = qcow2.bytes_needed(start)
            try:
                header = qcow2.parse(start if needed <= len(start) else os.pread(descriptor, needed, 0))
            except Damaged as error:
                wrong = error.message
        resembles = sound = None
        if whole:
            tail = os.pread(descriptor, TAIL, max(0, status.st_size - TAIL))
            resembles = looks_like(start[:HEAD], tail)
            sound = sound_format(resembles, lambda offset, length: os.pread(descriptor, length, offset), status.st_size)
        empty = _is_empty(descriptor, start) if deep and header is not None else None
        owned = Ownership(status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))
        return FileFacts(file, "file", status.st_size, status.st_blocks * 512, header, wrong, resembles, sound, empty, owned)


def _is_empty(descriptor: int, start: bytes) -> bool:
    offset, length = qcow2.cluster_map(start)
    table = os.pread(descriptor, length, offset)
    return len(table) == length and not table.strip(b"\0")
