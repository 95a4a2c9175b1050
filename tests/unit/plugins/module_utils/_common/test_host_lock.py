# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody but the user of the tasks can hold a lock between them, and none is waited for without end."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common import host_lock
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Unavailable


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the locks lie in a directory that is not there yet."""
    monkeypatch.setattr(host_lock, "directory_of", lambda uid: str(tmp_path / "locks"))
    return tmp_path / "locks"


def test_a_lock_lies_where_nobody_else_can_enter(place: Path) -> None:
    with host_lock.host_lock("work") as ours, host_lock.host_lock("work") as again, host_lock.host_lock("other work") as other:
        assert (ours, again, other) == (True, False, True)
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()} == {0o600}
    with host_lock.host_lock("work") as ours:
        assert ours
    assert host_lock.directory_of(0) == str(place)


def test_where_users_lock_is_theirs() -> None:
    assert host_lock.directory_of(0) == "/run/vdisk"
    assert host_lock.directory_of(54321) == "/tmp/vdisk-54321"


@pytest.mark.parametrize("kind", ["open to others", "of a group", "a link", "a file"])
def test_a_directory_that_others_could_use_is_refused(place: Path, kind: str) -> None:
    if kind == "a link":
        (place.parent / "elsewhere").mkdir(mode=0o700)
        place.symlink_to("elsewhere")
    elif kind == "a file":
        place.touch(0o600)
    else:
        place.mkdir()
        place.chmod(0o701 if kind == "open to others" else 0o710)
    with pytest.raises(Unavailable, match=f"is not a directory that only user {os.geteuid()} can enter"), host_lock.host_lock("work"):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_directory_of_another_user_is_refused(place: Path) -> None:
    place.mkdir(mode=0o700)
    os.chown(place, 65534, 65534)
    with pytest.raises(Unavailable, match="find out who created it"), host_lock.host_lock("work"):
        pass


def test_who_waits_in_vain_is_told_for_whom(place: Path) -> None:
    with host_lock.host_lock("work"):
        told = rf"another task of this host \(process {os.getpid()}, since 2[0-9T:Z-]+\) has been at work for more than 0.05 s"
        with pytest.raises(Unavailable, match=told), host_lock.host_lock("work", wait=0.05):
            pass
    with host_lock.host_lock("work", wait=0.05) as ours:
        assert ours
