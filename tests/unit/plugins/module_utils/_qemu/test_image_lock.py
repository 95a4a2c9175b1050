# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image locks taken here keep the real QEMU out, and its locks keep this collection out."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, ContextManager

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused, Unavailable, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import image_lock
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.image_lock import changing, is_open_in_qemu, reading
from ansible_collections.vdisk.gluster.tests.harness import images
from ansible_collections.vdisk.gluster.tests.harness.images import MiB, held_by_qemu


@pytest.fixture(params=["raw", "qcow2"])
def file_format(request: pytest.FixtureRequest) -> str:
    """Return each format that a volume can have."""
    return request.param


@pytest.fixture
def image(tmp_path: Path, file_format: str) -> Path:
    """Return a small image."""
    path = tmp_path / "v"
    images.qemu_img("create", "-q", "-f", file_format, path, "1M")
    return path


def qemu_says(*argv: str | Path) -> str:
    """Run a program and return what it complained of; nothing where it succeeded."""
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False, timeout=60)
    failed = done.returncode != 0 or "can't open" in done.stderr + done.stdout
    return done.stderr + done.stdout if failed else ""


def writes(path: Path, file_format: str) -> str:
    """Let QEMU write into an image."""
    return qemu_says("qemu-io", "-f", file_format, "-c", "write -P 1 0 4k", path)


def reads(path: Path, file_format: str) -> str:
    """Let QEMU read an image."""
    return qemu_says("qemu-io", "-r", "-f", file_format, "-c", "read 0 4k", path)


@pytest.mark.parametrize("write", [True, False])
def test_an_image_that_qemu_has_open_is_seen_as_open(image: Path, file_format: str, write: bool) -> None:
    assert not is_open_in_qemu(str(image))
    with held_by_qemu(image, file_format, write):
        assert is_open_in_qemu(str(image))
        assert is_open_in_qemu(str(image), patient=False)
    assert not is_open_in_qemu(str(image))


def test_a_backing_file_of_what_qemu_has_open_is_seen_as_open(image: Path, file_format: str) -> None:
    overlay = image.with_name("v.a")
    images.qemu_img("create", "-q", "-f", "qcow2", "-F", file_format, "-b", "v", overlay)
    with held_by_qemu(overlay, "qcow2", write=True):
        assert is_open_in_qemu(str(image))


def test_a_passing_look_at_an_image_is_waited_out(image: Path, file_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.ExitStack() as looking:
        looking.enter_context(held_by_qemu(image, file_format, write=False))
        assert is_open_in_qemu(str(image), patient=False)
        # it ends while it is waited for
        monkeypatch.setattr(image_lock, "time", SimpleNamespace(sleep=lambda _seconds: looking.close()))
        assert not is_open_in_qemu(str(image))


@pytest.mark.parametrize("lock", [reading, changing])
def test_a_lock_that_is_being_let_go_is_waited_out(image: Path, file_format: str, lock, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.ExitStack() as writing:
        writing.enter_context(held_by_qemu(image, file_format, write=True))
        with pytest.raises(Refused, match="is in use"), lock(str(image)):
            pass
        assert image_lock.stays_open_in_qemu(str(image))
        monkeypatch.setattr(image_lock, "time", SimpleNamespace(sleep=lambda _seconds: writing.close()))
        with lock(str(image)):
            assert is_open_in_qemu(str(image), patient=False)


def test_a_user_that_is_just_leaving_is_nobody_to_refuse_for(image: Path, file_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.ExitStack() as using:
        using.enter_context(held_by_qemu(image, file_format, write=False))
        monkeypatch.setattr(image_lock, "time", SimpleNamespace(sleep=lambda _seconds: using.close()))
        assert not image_lock.stays_open_in_qemu(str(image))


def test_a_file_that_another_host_replaces_under_the_lock_is_opened_anew(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, failures = image_lock._taken, [errno.ESTALE, errno.EBADFD]

    def stale(descriptor: int, start: int, length: int) -> bool:
        if failures:
            number = failures.pop()
            raise OSError(number, os.strerror(number))
        return taken(descriptor, start, length)

    monkeypatch.setattr(image_lock, "_taken", stale)
    before = len(os.listdir("/proc/self/fd"))
    with changing(str(image)):
        assert not failures
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.fixture
def replaced(image: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[int]]:
    """Return a callable after which opens of the image fail, as where another host replaces it; it returns what has not failed yet."""
    opens, failures = os.open, [errno.ENOENT, errno.ESTALE, errno.ENOENT]

    def fail(path: Any, *arguments: Any, **more: Any) -> int:
        if path == str(image) and failures:
            number = failures.pop()
            raise OSError(number, os.strerror(number), path)
        return opens(path, *arguments, **more)

    def begin() -> list[int]:
        monkeypatch.setattr(image_lock.os, "open", fail)
        return failures

    return begin


def test_a_file_that_is_just_replaced_is_not_taken_for_one_that_nobody_has_open(
    image: Path, file_format: str, replaced: Callable[[], list[int]]
) -> None:
    with held_by_qemu(image, file_format, write=False):
        failures = replaced()
        assert is_open_in_qemu(str(image), patient=False) and not failures


@pytest.mark.parametrize("hold", [changing, reading])
def test_a_file_that_is_just_replaced_is_locked_as_soon_as_it_is_there(
    image: Path, replaced: Callable[[], list[int]], hold: Callable[[str], ContextManager[None]]
) -> None:
    failures = replaced()
    with hold(str(image)):
        assert not failures


def test_a_file_that_is_gone_is_not_locked(image: Path) -> None:
    image.unlink()
    with pytest.raises(VdiskError, match="cannot lock"), changing(str(image)):
        pass


def test_a_file_that_is_not_there_is_not_open(tmp_path: Path) -> None:
    assert not is_open_in_qemu(str(tmp_path / "nothing"))


def test_a_link_in_the_place_of_an_image_is_not_followed(image: Path) -> None:
    link = image.with_name("link")
    link.symlink_to(image)
    for act in (lambda: is_open_in_qemu(str(link)), lambda: changing(str(link)).__enter__(), lambda: reading(str(link)).__enter__()):
        with pytest.raises(VdiskError):
            act()


def test_what_is_changed_here_qemu_can_neither_write_nor_read(image: Path, file_format: str) -> None:
    with changing(str(image)):
        assert is_open_in_qemu(str(image))
        assert "lock" in writes(image, file_format)
        assert "lock" in reads(image, file_format)
        assert "lock" in qemu_says("qemu-img", "convert", "-f", file_format, "-O", "raw", image, image.with_name("copy"))
        assert "lock" in qemu_says("qemu-img", "resize", "-f", file_format, image, "2M")
    assert writes(image, file_format) == ""


@pytest.mark.parametrize("write", [True, False])
def test_what_qemu_has_open_is_not_changed_here(image: Path, file_format: str, write: bool) -> None:
    with held_by_qemu(image, file_format, write), pytest.raises(Refused, match=f"{image} is in use"), changing(str(image)):
        pass
    with changing(str(image)):
        pass


def test_what_is_read_here_qemu_can_read_but_not_write_or_merge_into(image: Path, file_format: str) -> None:
    overlay = image.with_name("v.a")
    images.qemu_img("create", "-q", "-f", "qcow2", "-F", file_format, "-b", "v", overlay)
    images.write(overlay, "qcow2", (1, 0, 4096))
    with reading(str(image)):
        assert is_open_in_qemu(str(image))
        assert reads(image, file_format) == ""
        assert "lock" in writes(image, file_format)
        assert "lock" in qemu_says("qemu-img", "resize", "-f", file_format, image, "2M")
        assert "lock" in qemu_says("qemu-img", "commit", "-q", "-d", "-f", "qcow2", overlay)
        # a machine goes on writing above a frozen file
        assert writes(overlay, "qcow2") == ""
    assert qemu_says("qemu-img", "commit", "-q", "-d", "-f", "qcow2", overlay) == ""


def test_what_qemu_writes_is_not_read_here(image: Path, file_format: str) -> None:
    with held_by_qemu(image, file_format, write=True), pytest.raises(Refused, match="is in use"), reading(str(image)):
        pass


def test_what_qemu_reads_can_be_read_here(image: Path, file_format: str) -> None:
    with held_by_qemu(image, file_format, write=False), reading(str(image)):
        pass
    with reading(str(image)), reading(str(image)):
        pass


@pytest.mark.parametrize(("first", "second"), [(changing, changing), (changing, reading), (reading, changing)])
def test_two_that_do_not_fit_together_exclude_one_another_within_one_task(tmp_path: Path, first, second) -> None:
    path = tmp_path / "v"
    path.write_bytes(bytes(MiB))
    with first(str(path)):
        with pytest.raises(Refused, match="is in use"), second(str(path)):
            pass
        assert is_open_in_qemu(str(path)), "the refused one took the lock of the other away"
    assert not is_open_in_qemu(str(path))


def test_of_several_images_all_or_none_are_locked(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for path in (one, other):
        path.write_bytes(bytes(MiB))
    for lock in (changing, reading):
        with held_by_qemu(other, "raw", write=True), pytest.raises(Refused, match=str(other)), lock(str(one), str(other)):
            pass
        assert not is_open_in_qemu(str(one))


def test_an_image_that_is_gone_cannot_be_locked_and_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(Unavailable), changing(str(tmp_path / "nothing")):
        pass
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_lock_goes_with_its_holder_however_it_ends(image: Path, file_format: str) -> None:
    process = subprocess.Popen(["qemu-io", "-f", file_format, str(image)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 10
    while not is_open_in_qemu(str(image), patient=False):
        assert time.monotonic() < until
    process.kill()
    process.wait()
    assert process.stdin is not None
    process.stdin.close()
    assert not is_open_in_qemu(str(image))


@pytest.mark.parametrize(("permission", "lock"), [(0, reading), (0, changing), (1, changing), (3, changing)])
def test_a_holder_that_only_denies_what_is_used_here_is_heeded(tmp_path: Path, permission: int, lock) -> None:
    """QEMU locks byte 200 + N so that nobody uses permission N (block/file-posix.c)."""
    path = tmp_path / "v"
    path.write_bytes(bytes(MiB))
    with path.open("rb") as holder:
        fcntl.fcntl(holder, 37, struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, 200 + permission, 1, 0))
        with pytest.raises(Refused, match="is in use"), lock(str(path)):
            pass
    with lock(str(path)):
        pass


@pytest.mark.parametrize(("number", "said"), [(errno.EAGAIN, "its image lock is held elsewhere"), (errno.ENOLCK, "cannot lock .*/v: ")])
def test_a_lock_that_the_share_does_not_give_is_no_lock(image: Path, number: int, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    descriptors = set(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(image_lock.fcntl, "fcntl", refuse)
    with pytest.raises(VdiskError, match=said):
        with changing(str(image)):
            pytest.fail("it is changed without a lock")
    assert set(os.listdir("/proc/self/fd")) == descriptors, "what was opened for it stays open"
