# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""BorgBackup: the only place that runs borg."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._backup import archive_metadata
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.archive_metadata import Archive, Description
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.base import ArchiveStats, BackupTool
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.raw_view import RawView
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import CommandFailed, Damaged, Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Completed
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import ProgressStep

_PRUNED = re.compile(r"^Would prune:\s+(\S+)", re.MULTILINE)


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
        """Return the archives whose names this collection could have given; their descriptions are their comments."""
        found = ((archive_metadata.split_name(name), number, made, description) for name, number, made, description in self._list())
        return [Archive(*names, number, made, description) for names, number, made, description in found if names is not None]

    def _list(self) -> list[tuple[str, str, str, Description | None]]:
        """Return name, number, time and description of each archive in the repository; no description where the comment is none of ours."""
        done = self._run([*self._common(), "list", "--json", "--format", "{comment}{id}"], "list the archives")
        found = []
        with self._understanding(done):
            for entry in json.loads(done.stdout)["archives"]:
                try:
                    description: Description | None = archive_metadata.parse(entry["comment"])
                except Damaged:
                    description = None
                found.append((str(entry["name"]), str(entry["id"]), str(entry["start"]), description))
        return found

    def check_retention(self, volume: str) -> None:
        """See that all archives that C(prune) goes by are this collection's: it knows them by the beginnings of their names only.

        :raises Refused: one is another's, or does not show whose it is.
        """
        others = [
            name
            for name, _id, _made, found in self._list()
            if name.startswith(f"{volume}.") and (found is None or name != archive_metadata.full_name(found.volume, found.archive))
        ]
        if others:
            raise Refused(
                f"keep: the repository has archives that this collection did not create, and borg would count and remove them with "
                f"those of {volume}: {', '.join(others)}; rename them (borg rename), or use another repository"
            )

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
        with self._understanding(done):
            stats = json.loads(done.stdout)["archive"]["stats"]
            return ArchiveStats(int(stats["original_size"]), int(stats["deduplicated_size"]))

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
        # afterwards: what another host has stored meanwhile was counted too
        self.check_retention(volume)
        return [found.partition(".")[2] for found in _PRUNED.findall("\n".join(_messages(done.stderr)))]

    def expire(self, archives: Sequence[Archive]) -> None:
        """Delete them by their names, and compact; borg tells how far it is, or it would be taken for stuck while the other host works.

        Not by C(prune), which would choose anew, among what is there by then.
        """
        names = [archive_metadata.full_name(archive.volume, archive.name) for archive in archives]
        self._run([*self._common(), "delete", "--progress", f"::{names[0]}", *names[1:]], "remove expired archives")
        self._run([*self._common(), "compact", "--progress"], "free the space of expired archives")

    @staticmethod
    def _keeping(volume: str, keep: Mapping[str, Any]) -> list[str]:
        # H are hours, and all other units are small letters
        rules = {**keep, "within": keep["within"].lower().replace("h", "H")} if "within" in keep else keep
        return ["--glob-archives", f"{volume}.*", *(f"--keep-{key}={value}" for key, value in rules.items())]

    def _common(self) -> list[str]:
        return ["--log-json", "--lock-wait", str(self._repository.lock_timeout)]

    def _output(self, done: Completed) -> str:
        return self._shown((_messages(done.stderr, ("ERROR", "CRITICAL", "WARNING")) or [f"borg ended with {done.returncode}"])[-1])

    def _is_missing(self, done: Completed) -> bool:
        return '"Repository.DoesNotExist"' in done.stderr


def _messages(stderr: str, levels: Sequence[str] = ()) -> list[str]:
    """Return what borg says at these levels, at any without; lines that are no JSON are of ssh, or of borg before it reads options."""
    found = []
    for line in stderr.splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = {"levelname": "ERROR", "message": line}
        if isinstance(entry, dict) and (not levels or entry.get("levelname") in levels):
            found += [text for text in str(entry.get("message", "")).splitlines()[:1] if text.strip()]
    return found
