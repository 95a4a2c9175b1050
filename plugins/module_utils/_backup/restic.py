# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""restic: the only place that runs restic."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any, Callable, Mapping, Sequence
from urllib.parse import urlsplit

from ansible_collections.vdisk.gluster.plugins.module_utils._backup import archive_metadata
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.archive_metadata import Archive, Description
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.base import ArchiveStats, BackupTool
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.raw_view import RawView
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import CommandFailed, Damaged, Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Completed
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import ProgressStep

_MISSING = "Is there a repository at the following location"  # words: a message of restic
_NO_REPOSITORY = 10
"""Exit status of restic 0.17 and later."""
_PERCENT = re.compile(rb'"percent_done":([0-9.]+)')


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
        with self._understanding(done):
            for entry in json.loads(done.stdout) or ():
                description = archive_metadata.from_tags(entry.get("tags"))
                if description is not None:
                    found.append(Archive(description.volume, description.archive, str(entry["id"]), str(entry["time"]), description))
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
            fraction=_fraction,
            on_progress=lambda fraction: step.update(fraction=fraction),
        )
        entries = map(_json, reversed(done.stdout.splitlines()))
        summary: dict[str, Any] = next((entry for entry in entries if entry.get("message_type") == "summary"), {})
        if done.returncode:
            self._run([*self._common(), "forget", str(summary.get("snapshot_id"))], "remove incomplete archives")
            raise self._failure(done.argv, done, f"store {description.volume}")
        with self._understanding(done):
            return ArchiveStats(int(summary["total_bytes_processed"]), int(summary["data_added"]))

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

    def check_retention(self, volume: str) -> None:
        """See that all snapshots with the tags by which C(forget) finds those of a volume show that this collection made them.

        :raises Refused: one does not.
        """
        done = self._run([*self._common(), "snapshots", "--json", "--tag", f"{archive_metadata.TAG},volume={volume}"], "list the archives")
        with self._understanding(done):
            others = [str(entry["id"]) for entry in json.loads(done.stdout) or () if not _is_of(entry.get("tags"), volume)]
        if others:
            raise Refused(
                f"keep: the repository has snapshots with the tags of {volume} that this collection did not create, and restic would count "
                f"and remove them with those of {volume}: {', '.join(others)}; remove these tags (restic tag), or use another repository"
            )

    def expired(self, volume: str, keep: Mapping[str, Any]) -> list[str]:
        """Ask C(restic forget --dry-run)."""
        self._unlock()
        rules = [f"--keep-{key}={_within(value) if key == 'within' else value}" for key, value in keep.items()]
        # both tags, and one group whatever other tags, paths and hosts there are
        which = ["--tag", f"{archive_metadata.TAG},volume={volume}", "--group-by", ""]
        done = self._run([*self._common(), "forget", "--json", "--dry-run", *which, *rules], "list the archives that expire")
        with self._understanding(done):
            groups = next((entry for line in done.stdout.splitlines() for entry in [_json(line)] if isinstance(entry, list)), [])
            removed = [archive_metadata.from_tags(entry.get("tags")) for group in groups for entry in group.get("remove") or ()]
        # afterwards: what another host has stored meanwhile was counted too
        self.check_retention(volume)
        return [description.archive for description in removed if description is not None]

    def expire(self, archives: Sequence[Archive]) -> None:
        """Forget them by their numbers, and prune; not by rules, which would choose anew, among what is there by then."""
        self._run([*self._common(), "forget", *(archive.id for archive in archives)], "remove expired archives")
        self._run([*self._common(), "prune"], "free the space of expired archives")

    def _unlock(self) -> None:
        """Take away locks of processes that are no more: what needs the repository for itself would else wait for 30 minutes."""
        self._run([*self._common(), "unlock"], "remove stale locks")

    def _common(self) -> list[str]:
        command = _sftp_command(self._repository.place, self._repository.ssh_command)
        return ["--option", f"sftp.command={command}"] if command else []

    def _output(self, done: Completed) -> str:
        # later releases of restic say it in JSON
        lines = [str((_json(line) or {}).get("message", line)).strip() for line in done.stderr.splitlines() if line.strip()]
        fatal = [line for line in lines if line.startswith("Fatal: ")]
        return self._shown((fatal or lines or [f"restic ended with {done.returncode}"])[-1])

    def _is_missing(self, done: Completed) -> bool:
        return done.returncode == _NO_REPOSITORY or _MISSING in done.stderr


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


def _is_of(tags: list[str] | None, volume: str) -> bool:
    """Tell whether a snapshot with these tags is an archive of a volume, and of no other."""
    found = archive_metadata.from_tags(tags)
    return found is not None and found.volume == volume and sum(tag.startswith("volume=") for tag in tags or ()) == 1


def _within(age: str) -> str:
    """Return an age as restic takes it: units are small letters, and it knows no weeks."""
    number, unit = age[:-1], age[-1].lower()
    return f"{int(number) * 7}d" if unit == "w" else f"{number}{unit}"


def _fraction(tail: bytes) -> float | None:
    found = _PERCENT.findall(tail)
    return float(found[-1]) if found else None


def _json(line: str) -> Any:
    """Return what a line is in JSON, an empty object where it is none."""
    try:
        return json.loads(line) if line[:1] in ("{", "[") else {}
    except (ValueError, RecursionError):
        return {}
