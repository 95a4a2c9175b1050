# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the backup tools are told and what their words mean, where the real ones cannot be made to say them."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._backup import archive_metadata
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.base import NoRepository, Repository
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.borg import Borg
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.restic import Restic, _sftp_command
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, CommandFailed, Refused, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Completed, Runner
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.volume_backup import keep_of

REPOSITORY = Repository("ssh://me:the word@host/nowhere", "the phrase", {"KEY": "the key"}, "ssh", "repokey", "lz4", 1)


def borg_says(message: str, msgid: str = "") -> str:
    return "\n".join(
        [
            json.dumps({"type": "progress_message", "message": "Checking", "finished": False}),
            json.dumps({"type": "log_message", "levelname": "ERROR", "message": message, "msgid": msgid}),
            json.dumps({"type": "log_message", "levelname": "INFO", "message": "terminating"}),
        ]
    )


@pytest.mark.parametrize(
    ("tool", "returncode", "stderr", "kind"),
    [
        (Borg, 2, borg_says("Repository /r does not exist.", "Repository.DoesNotExist"), NoRepository),
        (Borg, 2, borg_says("passphrase supplied in BORG_PASSPHRASE is incorrect.", "PassphraseWrong"), Refused),
        (Borg, 2, borg_says("Failed to create/acquire the lock /r/lock (timeout).", "LockTimeout"), Unavailable),
        (Borg, 2, borg_says("[Errno 28] No space left on device"), Unavailable),
        (Borg, 2, "ssh: connect to host backup1 port 22: No route to host\n", CommandFailed),
        (Borg, -9, "", CommandFailed),
        (Restic, 10, "Fatal: repository does not exist", NoRepository),
        (Restic, 12, '{"message_type":"exit_error","code":12,"message":"Fatal: wrong password or no key found"}', Refused),
        (Restic, 1, "Fatal: unable to create lock in backend: repository is already locked by PID 1 on h by root", Unavailable),
        (Restic, 1, "[0:00] one\nFatal: the end", CommandFailed),
        (Restic, 1, "", CommandFailed),
    ],
)
def test_what_a_tool_says_becomes_an_error_that_shows_no_secret(tool, returncode, stderr, kind) -> None:
    stderr = stderr.replace("/r", "/r the phrase the key the word")
    error = tool(Runner(), REPOSITORY)._failure(["tool"], Completed(("tool",), returncode, "", stderr), "do it")
    assert error.__class__ is kind
    assert "the phrase" not in f"{error.message} {error.details}" and "the key" not in f"{error.message} {error.details}"
    assert "the word" not in f"{error.message} {error.details}"
    assert "Checking" not in error.message and "terminating" not in error.message and "{" not in error.message


@pytest.mark.parametrize("tool", [Borg, Restic])
def test_nothing_shows_what_opens_a_repository(tool) -> None:
    assert not [
        word
        for word in (REPOSITORY.place, "the phrase", "the key")
        if word in repr(REPOSITORY) or word in " ".join(tool(Runner(), REPOSITORY)._common())
    ]
    assert {"the phrase", "the key", REPOSITORY.place} <= set(tool(Runner(), REPOSITORY).environment().values())


@pytest.mark.parametrize(
    ("place", "command"),
    [
        ("/srv/backup", None),
        ("s3:https://host/bucket", None),
        ("sftp:backup@host:/srv/backup", "ssh -i 'a key' backup@host -s sftp"),
        ("sftp://host/srv", "ssh -i 'a key' host -s sftp"),
        ("sftp://backup@host:2222//srv", "ssh -i 'a key' -p 2222 backup@host -s sftp"),
    ],
)
def test_restic_reaches_a_server_by_the_ssh_command(place: str, command: str | None) -> None:
    assert _sftp_command(place, "ssh -i 'a key'") == command


def test_retention_never_removes_everything() -> None:
    assert keep_of(None) is None
    assert keep_of({"last": 3, "daily": None, "within": "14d"}) == {"last": 3, "within": "14d"}
    for said in ({}, {"last": None}, {"last": 0}, {"daily": -1}, {"within": "soon"}, {"within": "1d --prune"}):
        with pytest.raises(BadInput):
            keep_of(said)


def in_borg(*archives: tuple[str, str]) -> str:
    return json.dumps({"archives": [{"name": name, "comment": comment, "id": "0a", "start": "2026"} for name, comment in archives]})


def in_restic(*tags: list[str]) -> str:
    return json.dumps([{"id": f"{number}a", "time": "2026", "tags": entry} for number, entry in enumerate(tags)])


def described(volume: str, archive: str) -> archive_metadata.Description:
    return archive_metadata.Description(volume, archive, "gl1:/vms", None, None, False, "raw", 512, 0, "sha256:" + "0" * 64)


OURS = archive_metadata.dump(described("web", "monday"))
TAGS = archive_metadata.tags(described("web", "monday"))


@pytest.mark.parametrize(
    ("tool", "listed", "others"),
    [
        (Borg, in_borg(("web.monday", OURS), ("web-1.monday", ""), ("website", ""), ("other.monday", OURS)), None),
        (Borg, in_borg(("web.monday", OURS), ("web.example.com-2026-11-01", "")), "web.example.com-2026-11-01"),
        (Borg, in_borg(("web.tuesday", OURS)), "web.tuesday"),
        (Borg, in_borg(("web.monday", "of somebody")), "web.monday"),
        (Borg, in_borg(("web.monday", archive_metadata.dump(described("db", "monday")))), "web.monday"),
        (Restic, in_restic(TAGS), None),
        (Restic, in_restic(TAGS, ["vdisk.gluster", "volume=web"]), "1a"),
        (Restic, in_restic(TAGS, [*archive_metadata.tags(described("db", "monday")), "volume=web"]), "1a"),
        (Restic, in_restic(TAGS, ["volume=web", *archive_metadata.tags(described("db", "monday"))]), "1a"),
        (Restic, "null", None),
    ],
)
def test_retention_is_refused_where_it_would_go_by_archives_of_others(tool, listed, others, monkeypatch) -> None:
    asked: list[str] = []

    def run(self, words, *_rest, **_more):
        asked.append(" ".join(words))
        return Completed((), 0, "[]" if "forget" in words else listed, "")

    monkeypatch.setattr(tool, "_run", run)
    for ask in ("check_retention", "expired"):
        asked.clear()
        if others is None:
            assert not getattr(tool(Runner(), REPOSITORY), ask)(*(("web",) if ask == "check_retention" else ("web", {"last": 1})))
            continue
        with pytest.raises(Refused, match=rf"of web[^:]*: {re.escape(others)}; "):
            getattr(tool(Runner(), REPOSITORY), ask)(*(("web",) if ask == "check_retention" else ("web", {"last": 1})))
        assert not [words for words in asked if ("prune" in words or "forget" in words) and "--dry-run" not in words]


@pytest.mark.parametrize(
    ("within", "borg", "restic"),
    [("14d", "14d", "14d"), ("24h", "24H", "24h"), ("2w", "2w", "14d"), ("1Y", "1y", "1y"), ("10H", "10H", "10h")],
)
def test_an_age_is_told_to_each_tool_in_its_own_units(within, borg, restic, monkeypatch) -> None:
    assert keep_of({"within": within}) == {"within": within}
    for tool, wanted in ((Borg, borg), (Restic, restic)):
        asked: list[str] = []
        monkeypatch.setattr(
            tool,
            "_run",
            lambda self, words, *_rest, seen=asked, **_more: (
                seen.extend(words),
                Completed((), 0, '{"archives": []}' if "list" in words else "[]", ""),
            )[1],
        )
        tool(Runner(), REPOSITORY).expired("web", {"within": within})
        assert f"--keep-within={wanted}" in asked


@pytest.mark.parametrize("within", ["", "d", "0d", "00w", "1.5d", "14 d", "14d3h", "-1d", "14s"])
def test_an_age_that_no_tool_takes_is_refused_before_anything_is_stored(within) -> None:
    with pytest.raises(BadInput, match="within"):
        keep_of({"within": within})


@pytest.mark.parametrize(
    ("tool", "names", "message", "said"),
    [
        (Restic, ("config", "data", "README"), "Fatal: wrong password or no key found", "tool: .* one of borg, not of restic"),
        (Borg, ("config", "data", "keys", "snapshots", "index"), "'utf-8' codec", "tool: .* one of restic, not of borg"),
        (Restic, ("config", "data", "keys", "snapshots", "index"), "Fatal: wrong password or no key found", "passphrase: "),
        (Restic, (), "Fatal: wrong password or no key found", "passphrase: "),
    ],
)
def test_a_wrong_tool_is_no_wrong_passphrase(tool, names, message, said, tmp_path) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    repository = dataclasses.replace(REPOSITORY, place=str(tmp_path))
    error = tool(Runner(), repository)._failure(["tool"], Completed(("tool",), 1, "", message), "do it")
    assert error.__class__ is Refused and re.match(said, error.message)


def test_exactly_what_was_listed_is_removed(monkeypatch) -> None:
    archives = [archive_metadata.Archive("web", name, f"{name}-id", "2026", described("web", name)) for name in ("a", "b")]
    for tool, wanted in ((Borg, "delete --progress ::web.a web.b"), (Restic, "forget a-id b-id")):
        asked: list[str] = []
        monkeypatch.setattr(tool, "_run", lambda self, words, *_rest, seen=asked: seen.append(" ".join(words)))
        tool(Runner(), REPOSITORY).expire(archives)
        assert asked[0].endswith(wanted) and not [words for words in asked if "keep" in words or "glob" in words]
