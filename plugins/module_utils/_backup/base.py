# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every backup tool offers: a function a verb, typed errors, and no secret in a command line.

Passphrase, repository and what else a tool must know go through its environment, which only root and the task's own user can read.
No tool decides by times and sizes what changed since the last backup: a volume is read whole, and each piece is stored once.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._backup import archive_metadata
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.archive_metadata import Archive, Description
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.raw_view import RawView
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import CommandFailed, Damaged, Refused, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Completed, Runner, find_program
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import ProgressStep

KEEP = ("last", "hourly", "daily", "weekly", "monthly", "yearly", "within")
"""The rules of retention that every tool knows, as the tools name them."""


@dataclass(frozen=True)
class Repository:
    """A repository and what it takes to use it; neither its place nor its secrets are shown."""

    place: str = field(repr=False)
    passphrase: str = field(repr=False)
    secrets: Mapping[str, str] = field(repr=False)
    ssh_command: str
    encryption: str
    compression: str
    lock_timeout: int


@dataclass(frozen=True)
class ArchiveStats:
    """What an archive took; bytes."""

    original_size: int
    deduplicated_size: int


class NoRepository(Refused):
    """There is no repository where one should be."""


class BackupTool:
    """One tool on one repository."""

    name: str
    remedy: str

    def __init__(self, runner: Runner, repository: Repository) -> None:
        self._runner = runner
        self._repository = repository
        self._program: str | None = None

    def environment(self) -> dict[str, str]:
        """Return the variables by which the tool knows repository and secrets."""
        raise NotImplementedError

    def make_repository(self) -> None:
        """Make the repository; one that is there is never written over."""
        raise NotImplementedError

    def archives(self) -> list[Archive]:
        """Return the archives of this collection's, the oldest first.

        :raises NoRepository: there is no repository.
        """
        raise NotImplementedError

    def create(self, description: Description, view: RawView, step: ProgressStep) -> ArchiveStats:
        """Store a disk, and what is known of it, as a new archive."""
        raise NotImplementedError

    def read_out(self, archive: Archive, file: str, take: Callable[[bytes], None]) -> None:
        """Hand over a file of an archive piece by piece, as it is read and decrypted from the repository."""
        raise NotImplementedError

    def remove(self, archive: Archive) -> None:
        """Remove an archive."""
        raise NotImplementedError

    def check_data(self) -> None:
        """Let the tool read and check all of the repository.

        :raises Damaged: it finds something wrong.
        """
        raise NotImplementedError

    def check_retention(self, volume: str) -> None:
        """See that retention of a volume goes by archives of this collection only, before one is made.

        :raises Refused: it would not.
        """

    def expired(self, volume: str, keep: Mapping[str, Any]) -> list[str]:
        """Return the names of the archives of a volume that retention would remove now."""
        raise NotImplementedError

    def expire(self, archives: Sequence[Archive]) -> None:
        """Remove these archives and no others, and the data that nothing else needs."""
        raise NotImplementedError

    def description(self, archive: Archive) -> Description:
        """Return what an archive itself says of its disk.

        :raises Damaged: it says nothing that can be read.
        """
        parts: list[bytes] = []

        def take(piece: bytes) -> None:
            if sum(map(len, parts)) + len(piece) > archive_metadata.LIMIT:
                raise Damaged(f"{archive_metadata.DESCRIPTION} of {archive.label} is larger than any that this collection wrote")
            parts.append(piece)

        self.read_out(archive, archive_metadata.DESCRIPTION, take)
        try:
            return archive_metadata.parse(b"".join(parts))
        except Damaged as error:
            raise Damaged(f"{archive_metadata.DESCRIPTION} of {archive.label} cannot be read: {error.message}") from error

    def _argv(self, arguments: Sequence[str]) -> list[str]:
        if self._program is None:
            self._program = find_program(self.name, self.remedy)
        return [self._program, *arguments]

    def _run(self, arguments: Sequence[str], doing: str, sound: Sequence[int] = (0,), **more: Any) -> Completed:
        argv = self._argv(arguments)
        done = self._runner.run(argv, environment=self.environment(), **more)
        if done.returncode not in sound:
            raise self._failure(argv, done, doing)
        return done

    @contextlib.contextmanager
    def _understanding(self, done: Completed) -> Iterator[None]:
        """Read what a tool has written.

        :raises CommandFailed: it is not what this collection knows of it.
        """
        try:
            yield
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise CommandFailed(
                f"the output of {self.name} cannot be understood ({type(error).__name__}); check that its version is supported",
                done.argv,
                done.returncode,
                self._shown(done.stderr),
            ) from error

    def _failure(self, argv: Sequence[str], done: Completed, doing: str) -> Exception:
        """Return the error that the end of the tool means."""
        output = self._output(done)
        details = {"cmd": list(argv), "rc": done.returncode, "stderr": self._shown(done.stderr)}
        if self._is_missing(done):
            return NoRepository(
                f"repository: {self.name} found no repository ({output}); check the address, or set init to create one",
                **details,
            )
        other = _tool_of(self._repository.place)
        if other is not None and other != self.name:
            return Refused(f"tool: the repository is one of {other}, not of {self.name}; set tool to {other}", **details)
        if re.search(r"passphrase .*incorrect|wrong password", output, re.IGNORECASE):
            return Refused(f"passphrase: it does not open the repository ({output}); give the one that it was created with", **details)
        if re.search("no space left", output, re.IGNORECASE):
            return Unavailable(f"cannot {doing}: there is no space left ({output}); free space, then run the task again", **details)
        if re.search("failed to create/acquire the lock|already locked", output, re.IGNORECASE):
            return Unavailable(f"cannot {doing}: the repository is locked by another {self.name}; wait until it ends ({output})", **details)
        return CommandFailed(f"cannot {doing}: {output}", argv, done.returncode, self._shown(done.stderr))

    def _shown(self, text: str) -> str:
        """Return what a tool said without its repository and secrets, should it have named them."""
        # not to be put there, says the documentation; who does it all the same is not to find it in an output
        in_address = re.search(r"://[^:/@]*:(.+)@", self._repository.place)
        for secret in (self._repository.passphrase, *self._repository.secrets.values(), in_address[1] if in_address else ""):
            text = text.replace(secret, "********") if secret else text
        return text

    def _output(self, done: Completed) -> str:
        """Return what the tool says is wrong, in one line."""
        raise NotImplementedError

    def _is_missing(self, done: Completed) -> bool:
        raise NotImplementedError


def _tool_of(place: str) -> str | None:
    """Return the tool whose repository a directory of this host is, by the files that each makes; None where nobody can tell.

    restic says C(wrong password) of a repository of borg, and borg cannot read the configuration of one of restic.
    """
    try:
        names = set(os.listdir(place))
    except (OSError, ValueError):
        return None
    if {"config", "keys", "snapshots", "index"} <= names:
        return "restic"
    if {"config", "data", "README"} <= names:
        return "borg"
    return None
