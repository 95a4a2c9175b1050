# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A journal is read back as it was written; one that this release does not know stops every task on its volume, and stays."""

from __future__ import annotations

import itertools
import json
import threading
from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged, LostLock, Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import plan_present
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.journal import SCHEMA, Journal, JournalContent
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import SnapshotNote
from ansible_collections.vdisk.gluster.tests.harness.replacing import Replacing
from ansible_collections.vdisk.gluster.tests.harness.shares import PlainShare


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The root of an empty share."""
    (tmp_path / ".vdisk").mkdir()
    return tmp_path


def test_a_plan_comes_back_with_what_was_noted(root: Path) -> None:
    assert Journal(str(root), "v").read() is None
    journal = Journal(str(root), "v")
    journal.begin([{"step": 1}], "group")
    journal.mark("far", True)
    assert Journal(str(root), "v").read() == JournalContent(({"step": 1},), "group", marks={"far": True})
    journal.end()
    assert Journal(str(root), "v").read() is None
    Journal(str(root), "v").follow("gl1:/vms", "w", "group")
    assert Journal(str(root), "v").read() == JournalContent((), "group", "gl1:/vms", "w")


def marks(journal: Journal) -> threading.Thread:
    """Let a thread note one thing after the other."""
    thread = threading.Thread(target=lambda: [journal.mark("far", number) for number in range(20)])
    thread.start()
    return thread


def test_a_plan_is_seen_to_be_ours_while_another_step_notes_something(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replacing = Replacing(monkeypatch)
    # each look is later than what was seen holds good for
    journal = Journal(str(root), "v", itertools.count(0, 2).__next__)
    journal.begin([{"step": 1}])
    thread = marks(journal)
    while thread.is_alive():
        journal.check_ours()
    assert (journal.marked("far"), replacing.missed) == (19, 0)


def test_a_plan_that_another_task_writes_on_is_there(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(str(root), "v")
    journal.begin([{"step": 1}])
    replacing = Replacing(monkeypatch)
    thread = marks(journal)
    while thread.is_alive():
        assert Journal(str(root), "v").read() is not None
    assert replacing.missed > 0


FOREIGN = {
    "a later schema": json.dumps({"schema": SCHEMA + 1, "steps": []}).encode(),
    "no schema": b"{}",
    "no steps": json.dumps({"schema": SCHEMA}).encode(),
    "a leader without a name": json.dumps({"schema": SCHEMA, "group": "g", "leader": {"share": "gl1:/vms"}}).encode(),
    "a list": b"[]",
    "half of one": b'{"schema": 1, "ste',
    "no text": b"\xff\xfe",
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_journal_that_is_not_known_stops_the_task_and_is_left(share: PlainShare, kind: str) -> None:
    share.create(size=1 << 20)
    path = share.root / ".vdisk/v.journal"
    path.write_bytes(FOREIGN[kind])
    with pytest.raises(Damaged, match="cannot be read by this release .* an operation on v is unfinished"):
        Journal(str(share.root), "v").read()
    before = share.content()
    with pytest.raises((Damaged, Refused)) as told:
        share.session().change({"v": share.share}, lambda volumes: plan_present(volumes, "s", SnapshotNote()))
    assert "v" in told.value.message and path.read_bytes() == FOREIGN[kind]
    assert share.content() == before and share.files() == {"v"}


def test_a_plan_that_is_no_text_any_more_is_not_ours(root: Path) -> None:
    seconds = iter(range(0, 1000, 5))
    journal = Journal(str(root), "v", clock=lambda: float(next(seconds)))
    journal.begin([{"step": 1}])
    (root / ".vdisk/v.journal").write_bytes(b"\xff{")
    with pytest.raises(LostLock, match="another task has taken over"):
        journal.check_ours()
