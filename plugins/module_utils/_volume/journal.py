# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unfinished plan of a volume, on the share, durable before the first step that cannot be taken back.

Any later change of that volume, from any host, finishes it first. Its token tells its writer whether it still owns the
plan: a lock can be lost under its holder, and a plan that another host has taken over is not to be carried on.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged, LostLock
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout

SCHEMA = 1
LIMIT = 8 << 20
"""No journal is larger than this, in bytes."""
_NAME_LIMIT = 255


_SEEN_HOLDS = 1.0
"""Seconds for which a look at the token on the share holds good."""


@dataclass(frozen=True)
class JournalContent:
    """What a journal says: the steps of a plan as JSON objects, or that they stand in the journal of another volume.

    The plan of a group of volumes stands in one journal, its leader's. The others are written first and point to it: as long as
    the leader's is not there with the same C(group), nothing was decided, and after it is removed all is done.
    """

    steps: tuple[dict[str, Any], ...]
    group: str | None
    leader_share: str | None = None
    leader_volume: str | None = None
    marks: Mapping[str, Any] = field(default_factory=dict)


def parse(content: bytes) -> JournalContent:
    """Return what a journal says; what its steps say is not looked at yet.

    :raises Damaged: it is no journal of this release; the message is a clause.
    """
    try:
        entries = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Damaged("it is empty" if not content.strip() else "it is not JSON") from error
    if not isinstance(entries, dict) or entries.get("schema") != SCHEMA:
        raise Damaged(f"schema {entries.get('schema')!r}" if isinstance(entries, dict) else "it is not a JSON object")
    group = entries.get("group")
    if group is not None and not layout.is_text(group, _NAME_LIMIT):
        raise Damaged("its group is no name")
    if "leader" in entries:
        leader = entries["leader"]
        share, volume = (leader.get("share"), leader.get("volume")) if isinstance(leader, dict) else (None, None)
        if group is None or not layout.is_text(share) or not isinstance(volume, str) or not layout.is_volume_name(volume):
            raise Damaged("it does not name the volume whose journal has its plan")
        return JournalContent((), group, str(share), volume)
    steps, marks = entries.get("steps"), entries.get("marks", {})
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise Damaged("its steps are no list of objects")
    if not isinstance(marks, dict) or not all(value is None or isinstance(value, (bool, int, str)) for value in marks.values()):
        raise Damaged("its marks are no values by name")
    return JournalContent(tuple(steps), group, marks=marks)


class Journal:
    """The journal of one volume on one mounted share."""

    def __init__(
        self, root: str, volume: str, clock: Callable[[], float] = time.monotonic, check: Callable[[], object] = lambda: None
    ) -> None:
        """Choose the journal; C(check) raises, at the last moment before one takes its name, what speaks against it."""
        self._clock = clock
        self._check = check
        self._seen = 0.0
        self._path = f"{root}/{layout.journal(volume)}"
        self._volume = volume
        self._directory = f"{root}/{layout.OWN_DIRECTORY}"
        self._token: str | None = None
        self._plan: dict[str, Any] = {}
        self._marks: dict[str, Any] = {}
        # one thread at a time: an open that meets the replacement of its file can say that there is none
        self._alone = threading.RLock()

    def read(self) -> JournalContent | None:
        """Return the unfinished plan, or None where there is none.

        :raises Damaged: there is a journal that this release cannot finish.
        """
        content = files.read_text_file(self._path, LIMIT, listed=True)
        if content is None:
            return None
        try:
            return parse(content)
        except Damaged as error:
            raise Damaged(
                f"the journal {self._path} cannot be read by this release ({error}); an operation on {self._volume} is unfinished, "
                "run the task with the release that began it"
            ) from error

    def begin(self, steps: Sequence[dict[str, Any]], group: str | None = None, marks: Mapping[str, Any] | None = None) -> None:
        """Write a plan, durably; also over an unfinished one that is taken over under the lock.

        :param group: what the journals of the other volumes of the plan call it.
        :param marks: what the steps of a plan that is taken over have noted.
        """
        token = uuid.uuid4().hex
        self._plan = {"steps": list(steps), "group": group, "token": token}
        self._marks = dict(marks or {})
        self._write({**self._plan, "marks": self._marks})
        self._token, self._seen = token, self._clock()

    def mark(self, what: str, value: Any) -> None:
        """Note, durably, how far a step has come that the files on the share would not show.

        :raises LostLock: another host has taken the plan over.
        """
        # steps of several volumes may note something at once
        with self._alone:
            self.check_ours()
            self._marks[what] = value
            self._write({**self._plan, "marks": self._marks})

    def marked(self, what: str) -> Any:
        """Return what was noted, or None."""
        return self._marks.get(what)

    def follow(self, leader_share: str, leader_volume: str, group: str) -> None:
        """Say, durably, that this volume is part of a plan in the journal of another, if that one has it."""
        self._write({"leader": {"share": leader_share, "volume": leader_volume}, "group": group})

    def _write(self, entries: dict[str, Any]) -> None:
        content = json.dumps({"schema": SCHEMA, **entries}, indent=1, sort_keys=True).encode("utf-8")
        files.replace(self._path, self._temporary(), content, None, self._check)

    def _temporary(self) -> str:
        return f"{self._directory}/{layout.temporary(self._path.rpartition('/')[2], uuid.uuid4().hex)}"

    def check_ours(self) -> None:
        """See that the plan on the share is still the one that was begun here; called before each step.

        A lock is lost only when a client was cut off for seconds, so what was seen within the last one still holds.

        :raises LostLock: another host has taken it over, or finished it.
        """
        with self._alone:
            if self._token is None or self._clock() - self._seen < _SEEN_HOLDS:
                return
            # without the listing this host would be shown its own old file for another second
            files.list_names(self._directory)
            self._check_content(self._path)
            self._seen = self._clock()

    def _check_content(self, path: str) -> None:
        content = files.read_text_file(path, LIMIT)
        try:
            entries = None if content is None else json.loads(content.decode("utf-8"))
            ours = isinstance(entries, dict) and entries.get("token") == self._token
        except (ValueError, RecursionError):
            ours = False
        if not ours:
            raise LostLock(
                f"the lock of {self._volume} was lost and another task has taken over its operation; this task stops here, run it again"
            )

    def end(self) -> None:
        """Remove the plan: every step of it has been applied, or none.

        :raises LostLock: another host has taken it over, or finished it.
        """
        if self._token is None:
            files.remove(self._path)
        else:
            self.check_ours()
            aside = self._temporary()
            files.remove_unless(self._path, aside, lambda: self._check_content(aside))
        files.sync_directory(self._directory)
        self._token = None
