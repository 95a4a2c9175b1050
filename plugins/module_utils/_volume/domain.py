# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains and their disks as far as they have to do with volumes (pure)."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Sequence


@dataclass(frozen=True)
class Definition:
    """What a definition of a domain says of a disk: its file and those below it as far as it names them, the active one first.

    C(closed) where it says that nothing lies below the last one; else libvirt reads the headers itself. C(unmaps) where space that
    the guest gives up is given back to the share.
    """

    paths: tuple[str, ...]
    format: str | None
    closed: bool = False
    unmaps: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The bare names of its files."""
        return tuple(os.path.basename(path) for path in self.paths)

    def fits(self, names: Sequence[str], image_format: str | None) -> bool:
        """Tell whether a domain with this definition starts on a chain of these files, the active one first."""
        if self.format != image_format or self.names != tuple(names[: len(self.paths)]):
            return False
        return not self.closed or len(self.paths) == len(names)


@dataclass(frozen=True)
class Disk:
    """A disk as libvirt knows it.

    C(live) is what the running domain has, None where it is shut off or does not have the disk now; C(stored) what it gets at
    its next start. C(job) is the kind of block job at work on it. C(agent) tells whether a guest agent is connected, C(saved)
    whether a domain that is shut off will go on from a saved state.
    """

    domain: str
    uuid: str
    target: str
    running: bool
    live: Definition | None
    stored: Definition | None
    job: str | None = None
    agent: bool = False
    saved: bool = False

    @property
    def label(self) -> str:
        """The disk in a sentence."""
        return f"disk {self.target} of domain {self.domain}"

    def path_of(self, name: str) -> str:
        """Return the path by which the running domain knows a file of the volume, also of one that it does not have yet."""
        paths = self.live.paths if self.live else ()
        known = next((path for path in paths if os.path.basename(path) == name), None)
        return known or os.path.join(os.path.dirname(paths[0]), name)


@dataclass(frozen=True)
class Domain:
    """A domain as far as attaching to it goes: the targets that are taken, live and stored, None where it has no such definition."""

    name: str
    uuid: str
    live: frozenset[str] | None
    stored: frozenset[str] | None

    @property
    def taken(self) -> frozenset[str]:
        """The targets of all its disks."""
        return (self.live or frozenset()) | (self.stored or frozenset())


def on_chain(disk: Disk, names: Sequence[str], image_format: str | None) -> Disk:
    """Return a disk as it is when its domain has gone over to a chain of these files, the active one first."""

    def moved(part: Definition | None) -> Definition | None:
        if part is None:
            return None
        directory = os.path.dirname(part.paths[0])
        return replace(part, paths=tuple(os.path.join(directory, name) for name in names), format=image_format, closed=True)

    return replace(disk, live=moved(disk.live), stored=moved(disk.stored))
