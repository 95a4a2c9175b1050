# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever call of an export or of a look at a share fails, it says so in a sentence, and what is there is whole or as before."""

from __future__ import annotations

import errno
import functools
import os
import shutil
from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common import progress_file
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import DeadMount, Unavailable, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._common.space import available_in
from ansible_collections.vdisk.gluster.plugins.module_utils._export.file import FileExport
from ansible_collections.vdisk.gluster.plugins.module_utils._export.request import ExportRequest
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files, mounts, share_state
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.mounts import Mount
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.source import source_of
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.frozen_read import hold_readable
from ansible_collections.vdisk.gluster.tests.harness import images
from ansible_collections.vdisk.gluster.tests.harness.failing_calls import Failing
from ansible_collections.vdisk.gluster.tests.harness.images import KiB
from ansible_collections.vdisk.gluster.tests.harness.shares import PlainShare

SIZE = 512 * KiB


@pytest.fixture(autouse=True)
def no_lock_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the files of tasks under way lie elsewhere than those of this host."""
    (tmp_path / "run").mkdir()
    monkeypatch.setattr(progress_file, "DIRECTORY", str(tmp_path / "run"))


@pytest.fixture
def volume(share: PlainShare, monkeypatch: pytest.MonkeyPatch) -> PlainShare:
    """A volume with a snapshot, and data in both of its files."""
    # each export notes it; it is that of one program
    monkeypatch.setattr(share.qemu_img, "version", functools.lru_cache(maxsize=None)(share.qemu_img.version))
    share.create(size=SIZE)
    share.write((1, 64 * KiB, 64 * KiB))
    share.take("s")
    share.write((2, 128 * KiB, 64 * KiB))
    return share


def export(share: PlainShare, dest: Path, wanted: ExportRequest, check: bool = False) -> bool:
    """Export a volume and return whether that changed something."""
    source = source_of(share.read(), wanted.snapshot, "exported")
    made = FileExport(share.qemu_img, wanted, str(dest))
    made.check(source)
    if check:
        return made.predict(source).changed
    with hold_readable(source.paths):
        return made.make(source, ()).changed


def wanted(**options: object) -> ExportRequest:
    """Return what is wanted of an export: verified, with a checksum, owned by who runs the tests."""
    values = {"snapshot": None, "format": "raw", "compress": False, "algorithm": "sha256", "verify": True, "force": False}
    return ExportRequest(**{**values, "uid": os.getuid(), "gid": os.getgid(), "mode": 0o640, "rate_limit": None, **options})  # type: ignore[arg-type]


@pytest.mark.sample(2, pinned=["this one-one call"])
@pytest.mark.parametrize("lasting", [False, True], ids=["one call", "the file system"])
@pytest.mark.parametrize("there", ["nothing", "an older one", "this one", "this one, with another mode"])
def test_a_call_that_fails_is_told_and_leaves_what_is_there_whole(volume: PlainShare, there: str, lasting: bool, tmp_path: Path) -> None:
    point = volume.content()
    template = tmp_path / "template"
    template.mkdir()
    if there != "nothing":
        options = {"snapshot": "s" if there == "an older one" else None, "mode": 0o600 if "mode" in there else 0o640}
        export(volume, template / "file", wanted(**options))

    def prepare(dest: Path) -> bytes | None:
        # with the times of the files: by them an export is known again
        shutil.copytree(template, dest.parent)
        return dest.read_bytes() if dest.exists() else None

    prepare(tmp_path / "calm" / "file")
    with Failing(tmp_path / "calm").armed() as calm:
        assert export(volume, tmp_path / "calm" / "file", wanted(), check=True) is (there != "this one")
        export(volume, tmp_path / "calm" / "file", wanted())
    failed = 0
    for at, number in calm.numbers(lasting):
        where = f"{at} of {len(calm.calls)}, {calm.calls[at - 1]}"
        dest = tmp_path / f"{at}" / "file"
        before = prepare(dest)
        with Failing(dest.parent, at, number, lasting).armed():
            try:
                assert export(volume, dest, wanted(), check=True) is (there != "this one")
                export(volume, dest, wanted())
            except VdiskError as error:
                failed += 1
                assert len(error.message.split()) > 4, where
        assert not dest.exists() and before is None or dest.read_bytes() in (before, point), where
        export(volume, dest, wanted())
        assert images.content(dest, "raw") == point and not export(volume, dest, wanted())
        assert sorted(entry.name for entry in dest.parent.iterdir()) == ["file", "file.manifest.json"], where
        assert dest.stat().st_mode & 0o777 == 0o640
    assert failed


def test_a_mount_that_goes_away_under_a_look_at_it_is_told(share: PlainShare, monkeypatch: pytest.MonkeyPatch) -> None:
    there = Mount("gl1:/vms", share.share.mount_point, "fuse.glusterfs", "rw")
    monkeypatch.setattr(mounts, "read_mount_table", lambda: [there])
    monkeypatch.setattr(mounts, "trouble_of", lambda *_words: None)
    with Failing(share.root, 1, errno.ENOTCONN, lasting=True).armed(), pytest.raises(DeadMount, match="does not respond"):
        share_state.read_state(share.share, str(share.root.parent / "fstab"))
    with Failing(share.root, 1, errno.EIO).armed(), pytest.raises(Unavailable, match="Input/output error"):
        share_state.is_writable(share.share)


def test_space_that_cannot_be_asked_for_is_told(tmp_path: Path) -> None:
    with Failing(tmp_path, 1, errno.EIO).armed(), pytest.raises(Unavailable, match="cannot look at the space of .*Input/output error"):
        available_in(str(tmp_path))


def test_what_is_explained_is_the_operating_systems_own_only() -> None:
    with pytest.raises(ValueError, match="mine"), files.explained("/x", "look at"):
        raise ValueError("mine")
