# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place that runs borg and restic: a function a verb, typed errors, and no secret in a command line.

Passphrase, repository and what else a tool must know go through its environment, which only root and the task's own user can read.
Neither tool is asked to tell what changed since the last backup by times and sizes: a volume is read whole, and each piece stored once.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Sequence
from urllib.parse import urlsplit

from ansible_collections.vdisk.gluster.plugins.module_utils._backup import archive_metadata
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.archive_metadata import Archive, Description
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.raw_view import RawView
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import CommandFailed, Damaged, Refused, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Completed, Runner, find_program
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import ProgressStep

KEEP = ("last", "hourly", "daily", "weekly", "monthly", "yearly", "within")
"""What retention may say, in words that both tools have."""

_NO_RESTIC = "Is there a repository at the following location"  # words: a message of restic
_RESTIC_PERCENT = re.compile(rb'"percent_done":([0-9.]+)')
_PRUNED = re.compile(r"^Would prune:\s+(\S+)", re.MULTILINE)


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

    def expired(self, volume: str, keep: Mapping[str, Any]) -> list[str]:
        """Return the names of the archives of a volume that retention would remove now."""
        raise NotImplementedError

    def expire(self, volume: str, keep: Mapping[str, Any]) -> None:
        """Remove the archives of a volume that retention gives up, and the data that nothing else needs."""
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

    def _failure(self, argv: Sequence[str], done: Completed, doing: str) -> Exception:
        """Return the error that the end of the tool means."""
        said = self._said(done)
        details = {"cmd": list(argv), "rc": done.returncode, "stderr": self._shown(done.stderr)}
        if self._is_missing(done):
            return NoRepository(
                f"repository: {self.name} found no repository ({said}); check the address, or set init to create one",
                **details,
            )
        if re.search(r"passphrase .*incorrect|wrong password", said, re.IGNORECASE):
            return Refused(f"passphrase: it does not open the repository ({said}); give the one that it was created with", **details)
        if re.search("no space left", said, re.IGNORECASE):
            return Unavailable(f"cannot {doing}: there is no space left ({said}); free space, then run the task again", **details)
        if re.search("failed to create/acquire the lock|already locked", said, re.IGNORECASE):
            return Unavailable(f"cannot {doing}: the repository is locked by another {self.name}; wait until it ends ({said})", **details)
        return CommandFailed(f"cannot {doing}: {said}", argv, done.returncode, self._shown(done.stderr))

    def _shown(self, text: str) -> str:
        """Return what a tool said without its repository and secrets, should it have named them."""
        for secret in (self._repository.passphrase, *self._repository.secrets.values()):
            text = text.replace(secret, "********") if secret else text
        return text

    def _said(self, done: Completed) -> str:
        """Return what the tool says is wrong, in one line."""
        raise NotImplementedError

    def _is_missing(self, done: Completed) -> bool:
        raise NotImplementedError


class Borg(BackupTool):
    """BorgBackup 1.2 or later."""

    name = "borg"
    remedy = "install it (package borgbackup)"

    def environment(self) -> dict[str, str]:
        """Return BORG_REPO, so that C(::) is the repository, and the rest."""
        return {
            **self._repository.secrets,
            "BORG_REPO": self._repository.place,
            "BORG_PASSPHRASE": self._repository.passphrase,
            "BORG_RSH": self._repository.ssh_command,
            "BORG_DISPLAY_PASSPHRASE": "no",
            # with it, Python writes without looking at how much was taken: stopped in a write to a pipe, borg would lose data and end well
            "PYTHONUNBUFFERED": "",
        }

    def make_repository(self) -> None:
        """Make the repository."""
        self._run([*self._common(), "init", "--make-parent-dirs", "--encryption", self._repository.encryption], "create the repository")

    def archives(self) -> list[Archive]:
        """Return the archives; their descriptions are their comments."""
        done = self._run([*self._common(), "list", "--json", "--format", "{comment}{id}"], "list the archives")
        found = []
        for entry in json.loads(done.stdout)["archives"]:
            names = archive_metadata.split_name(entry["name"])
            if names is None:
                continue
            try:
                description: Description | None = archive_metadata.parse(entry["comment"])
            except Damaged:
                description = None
            found.append(Archive(*names, entry["id"], entry["start"], description))
        return found

    def create(self, description: Description, view: RawView, step: ProgressStep) -> ArchiveStats:
        """Store the disk from standard input: of a file by name borg looks at times, which a view over FUSE makes up.

        The fixed chunker finds a block again where it was, and reads no holes.
        """
        # borg would take braces for placeholders
        comment = archive_metadata.dump(description, None).replace("{", "{{").replace("}", "}}")
        descriptor = os.open(view.path, os.O_RDONLY | os.O_CLOEXEC)
        total = description.virtual_size
        try:
            done = self._run(
                [
                    *self._common(),
                    *("create", "--json", "--sparse", "--chunker-params", "fixed,1048576", "--files-cache", "disabled"),
                    *("--compression", self._repository.compression, "--comment", comment, "--stdin-name", archive_metadata.DISK),
                    *("::" + archive_metadata.full_name(description.volume, description.archive), "-", archive_metadata.DESCRIPTION),
                ],
                f"store {description.volume}",
                stdin=descriptor,
                enter=view.enter,
                # the position is shared with borg, which is how far it has read
                fraction=lambda _tail: os.lseek(descriptor, 0, os.SEEK_CUR) / total,
                on_progress=lambda fraction: step.update(fraction=fraction),
            )
        finally:
            os.close(descriptor)
        stats = json.loads(done.stdout)["archive"]["stats"]
        return ArchiveStats(stats["original_size"], stats["deduplicated_size"])

    def read_out(self, archive: Archive, file: str, take: Callable[[bytes], None]) -> None:
        """Hand over a file of an archive."""
        argv = self._argv([*self._common(), "extract", "--stdout", f"::{archive_metadata.full_name(archive.volume, archive.name)}", file])
        done = self._runner.read_out(argv, take, self.environment())
        if done.returncode:
            raise self._failure(argv, done, f"read {archive.label}")

    def remove(self, archive: Archive) -> None:
        """Remove an archive."""
        self._run([*self._common(), "delete", f"::{archive_metadata.full_name(archive.volume, archive.name)}"], f"remove {archive.label}")

    def check_data(self) -> None:
        """Run C(borg check --verify-data)."""
        try:
            self._run([*self._common(), "check", "--progress", "--verify-data"], "check the repository")
        except CommandFailed as error:
            raise Damaged(f"borg finds the repository damaged: {error.message}", **error.details) from error

    def expired(self, volume: str, keep: Mapping[str, Any]) -> list[str]:
        """Ask C(borg prune --dry-run)."""
        done = self._run([*self._common(), "prune", "--dry-run", "--list", *self._keeping(volume, keep)], "list the archives that expire")
        return [found.partition(".")[2] for found in _PRUNED.findall("\n".join(_messages(done.stderr)))]

    def expire(self, volume: str, keep: Mapping[str, Any]) -> None:
        """Prune and compact; borg tells how far it is, or it would be taken for stuck while the other host works."""
        self._run([*self._common(), "prune", "--progress", *self._keeping(volume, keep)], "remove expired archives")
        self._run([*self._common(), "compact", "--progress"], "free the space of expired archives")

    @staticmethod
    def _keeping(volume: str, keep: Mapping[str, Any]) -> list[str]:
        return ["--glob-archives", f"{volume}.*", *(f"--keep-{key}={value}" for key, value in keep.items())]

    def _common(self) -> list[str]:
        return ["--log-json", "--lock-wait", str(self._repository.lock_timeout)]

    def _said(self, done: Completed) -> str:
        return self._shown((_messages(done.stderr, ("ERROR", "CRITICAL", "WARNING")) or [f"borg ended with {done.returncode}"])[-1])

    def _is_missing(self, done: Completed) -> bool:
        return '"Repository.DoesNotExist"' in done.stderr


def _messages(stderr: str, levels: Sequence[str] = ()) -> list[str]:
    """Return what borg says at these levels, at any without; lines that are no JSON are of ssh, or of borg before it reads options."""
    found = []
    for line in stderr.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            entry = {"levelname": "ERROR", "message": line}
        if isinstance(entry, dict) and (not levels or entry.get("levelname") in levels):
            found += [text for text in str(entry.get("message", "")).splitlines()[:1] if text.strip()]
    return found


class Restic(BackupTool):
    """restic 0.14 or later."""

    name = "restic"
    remedy = "install it (package restic)"

    def environment(self) -> dict[str, str]:
        """Return RESTIC_REPOSITORY and the rest."""
        return {
            **self._repository.secrets,
            "RESTIC_REPOSITORY": self._repository.place,
            "RESTIC_PASSWORD": self._repository.passphrase,
            "RESTIC_PROGRESS_FPS": "1",
        }

    def make_repository(self) -> None:
        """Make the repository."""
        self._run([*self._common(), "init"], "create the repository")

    def archives(self) -> list[Archive]:
        """Return the snapshots of restic that this collection made; their descriptions are their tags."""
        done = self._run([*self._common(), "snapshots", "--json", "--tag", archive_metadata.TAG], "list the archives")
        found = []
        for entry in json.loads(done.stdout) or ():
            description = archive_metadata.from_tags(entry.get("tags"))
            if description is not None:
                found.append(Archive(description.volume, description.archive, entry["id"], entry["time"], description))
        return sorted(found, key=lambda archive: archive.made)

    def create(self, description: Description, view: RawView, step: ProgressStep) -> ArchiveStats:
        """Store the disk; C(--force) reads it whole, whatever its times say."""
        done = self._run(
            [
                *self._common(),
                *("backup", "--json", "--force", "--host", description.volume),
                *(word for tag in archive_metadata.tags(description) for word in ("--tag", tag)),
                *(archive_metadata.DISK, archive_metadata.DESCRIPTION),
            ],
            f"store {description.volume}",
            # 3: it has stored what it could read, and that is no backup
            sound=(0, 3),
            enter=view.enter,
            fraction=_restic_fraction,
            on_progress=lambda fraction: step.update(fraction=fraction),
        )
        summary = next(
            (entry for line in reversed(done.stdout.splitlines()) for entry in [_json(line)] if entry.get("message_type") == "summary"), {}
        )
        if done.returncode:
            self._run([*self._common(), "forget", str(summary.get("snapshot_id"))], "remove incomplete archives")
            raise self._failure(done.argv, done, f"store {description.volume}")
        return ArchiveStats(summary["total_bytes_processed"], summary["data_added"])

    def read_out(self, archive: Archive, file: str, take: Callable[[bytes], None]) -> None:
        """Hand over a file of an archive."""
        argv = self._argv([*self._common(), "dump", archive.id, f"/{file}"])
        done = self._runner.read_out(argv, take, self.environment())
        if done.returncode:
            raise self._failure(argv, done, f"read {archive.label}")

    def remove(self, archive: Archive) -> None:
        """Forget an archive; its data go with the next C(prune)."""
        self._run([*self._common(), "forget", archive.id], f"remove {archive.label}")

    def check_data(self) -> None:
        """Run C(restic check --read-data)."""
        self._unlock()
        try:
            self._run([*self._common(), "check", "--read-data"], "check the repository")
        except CommandFailed as error:
            raise Damaged(f"restic finds the repository damaged: {error.message}", **error.details) from error

    def expired(self, volume: str, keep: Mapping[str, Any]) -> list[str]:
        """Ask C(restic forget --dry-run)."""
        self._unlock()
        return self._forget(volume, keep, "--dry-run")

    def expire(self, volume: str, keep: Mapping[str, Any]) -> None:
        """Forget and prune."""
        self._forget(volume, keep)
        self._run([*self._common(), "prune"], "free the space of expired archives")

    def _forget(self, volume: str, keep: Mapping[str, Any], *words: str) -> list[str]:
        rules = [f"--keep-{key}={value}" for key, value in keep.items()]
        # both tags, and one group whatever other tags, paths and hosts there are
        which = ["--tag", f"{archive_metadata.TAG},volume={volume}", "--group-by", ""]
        done = self._run([*self._common(), "forget", "--json", *words, *which, *rules], "list the archives that expire")
        groups = next((entry for line in done.stdout.splitlines() for entry in [_json(line)] if isinstance(entry, list)), [])
        removed = [archive_metadata.from_tags(entry.get("tags")) for group in groups for entry in group.get("remove") or ()]
        return [description.archive for description in removed if description is not None]

    def _unlock(self) -> None:
        """Take away locks of processes that are no more: what needs the repository for itself would else wait for 30 minutes."""
        self._run([*self._common(), "unlock"], "remove stale locks")

    def _common(self) -> list[str]:
        command = _sftp_command(self._repository.place, self._repository.ssh_command)
        return ["--option", f"sftp.command={command}"] if command else []

    def _said(self, done: Completed) -> str:
        # later releases of restic say it in JSON
        lines = [str((_json(line) or {}).get("message", line)).strip() for line in done.stderr.splitlines() if line.strip()]
        fatal = [line for line in lines if line.startswith("Fatal: ")]
        return self._shown((fatal or lines or [f"restic ended with {done.returncode}"])[-1])

    def _is_missing(self, done: Completed) -> bool:
        return done.returncode == 10 or _NO_RESTIC in done.stderr


def _sftp_command(place: str, ssh_command: str) -> str | None:
    """Return the command by which restic reaches an SFTP server, None for other repositories."""
    if place.startswith("sftp://"):
        there = urlsplit(place)
        port = ["-p", str(there.port)] if there.port else []
        user = f"{there.username}@" if there.username else ""
        return shlex.join([*shlex.split(ssh_command), *port, f"{user}{there.hostname}", "-s", "sftp"])
    if place.startswith("sftp:"):
        return shlex.join([*shlex.split(ssh_command), place[len("sftp:") :].partition(":")[0], "-s", "sftp"])
    return None


def _restic_fraction(tail: bytes) -> float | None:
    found = _RESTIC_PERCENT.findall(tail)
    return float(found[-1]) if found else None


def _json(line: str) -> Any:
    """Return what a line is in JSON, an empty object where it is none."""
    try:
        return json.loads(line) if line[:1] in ("{", "[") else {}
    except ValueError:
        return {}


TOOLS = {"borg": Borg, "restic": Restic}
