# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on a share: listed, replaced whole, published under a name that must be free, removed, made durable.

What this relies on was measured on GlusterFS: C(link) has exactly one winner between hosts while renameat2 with
NOREPLACE does not work there; a directory that was listed first is seen fresh by the open that follows, while without
the listing another host's change of the last second is seen old.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from typing import Callable, Iterator, TypeVar

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import DeadMount, Refused, Unavailable, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._common.sparse import write_all

T = TypeVar("T")

GONE = (errno.ENOTCONN, errno.ESHUTDOWN, errno.ECONNABORTED)
"""Numbers of the errors that say that the FUSE client is gone or cut off; the last for a call that it went away under."""

_PIECE = 1 << 16
"""Bytes that are read of a small file at a time."""

_STALE_TRIES = 8
"""Tries that together last 1.4 s: for 1 s the FUSE client opens a name that another host has removed."""


def explain(error: OSError, path: str, doing: str) -> VdiskError:
    """Return the error of this collection that says in a sentence why a file operation failed."""
    if error.errno in GONE:
        return DeadMount(
            f"cannot {doing} {path}: the mount does not respond (transport endpoint is not connected); make sure that the servers have "
            "quorum (gluster volume status), then repair the mount with gluster_share_mount"
        )
    denied = "permission is denied; set become: true"
    if os.geteuid() == 0:  # what stops root is another thing
        denied = "permission is denied to root; check whether the file is immutable (lsattr), or its volume has server.root-squash set"
    remedies = {
        errno.ENOSPC: "no space is left; free some, or add bricks if it is a share, then run the task again",
        errno.EDQUOT: "the quota is used up; raise it, then run the task again",
        errno.EROFS: "the file system is read-only; if it is a share, check gluster volume status and the mount options",
        errno.EACCES: denied,
        errno.EPERM: denied,
    }
    return Unavailable(f"cannot {doing} {path}: {remedies.get(error.errno or 0, error.strerror)}")


@contextlib.contextmanager
def explained(path: str, doing: str) -> Iterator[None]:
    """Say in a sentence why file operations failed; parameters as those of C(explain)."""
    try:
        yield
    except OSError as error:
        raise explain(error, path, doing) from error


def fresh(read: Callable[[], T], path: str | None = None, listed: bool = False) -> T:
    """Return what C(read) returns, again where a name was replaced by another host in between (ESTALE).

    :param path: what is read; the name of a file that another host removed can be opened here for a second yet, and says ESTALE then.
    :param listed: also again where it is said not to be there and its directory still has it: of opens that meet the replacement of
        their file, by any mount, one in a hundred was seen to end so (ENOENT).
    :raises FileNotFoundError: it is not in its directory any more.
    """
    for attempt in range(1, _STALE_TRIES):
        try:
            return read()
        except OSError as error:
            # EBADFD: the client asked by a descriptor of the file that it was just about to release
            if error.errno not in (errno.ESTALE, errno.EBADFD) and not (listed and error.errno == errno.ENOENT):
                raise
            if path is not None and os.path.basename(path) not in os.listdir(os.path.dirname(path)):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from error
            time.sleep(0.05 * attempt)
    return read()


def exists(path: str) -> bool:
    """Tell whether anything has a name, a link that leads nowhere too.

    os.path.lexists says no as well where nobody can tell: where the share does not answer, say.
    """
    return status_of(path) is not None


def is_directory(path: str) -> bool:
    """Tell whether a name, or what it is a link to, is a directory; where nobody can tell, that is an error."""
    status = status_of(path, os.stat)
    return status is not None and stat.S_ISDIR(status.st_mode)


def status_of(path: str, ask: Callable[[str], os.stat_result] | None = None) -> os.stat_result | None:
    """Return the status of what has a name, or None where nothing has; a link is not followed, but where C(ask) does."""
    ask = ask or os.lstat
    try:
        return fresh(lambda: ask(path), path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise explain(error, path, "look at") from error


def require_status(path: str) -> os.stat_result:
    """Return the status of a file that has to be there, as of one whose owner and mode another gets.

    :raises Unavailable: it cannot be looked at.
    """
    try:
        return fresh(lambda: os.stat(path))
    except OSError as error:
        raise explain(error, path, "look at") from error


@contextlib.contextmanager
def reading(path: str) -> Iterator[int]:
    """Open a file to read it, never through a symbolic link, and give its descriptor; a pipe in its place does not block."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def list_names(directory: str) -> frozenset[str]:
    """Return the names in a directory; none where it does not exist."""
    try:
        return frozenset(fresh(lambda: os.listdir(directory)))
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise explain(error, directory, "list") from error


def list_names_nofollow(directory: str) -> frozenset[str]:
    """Return the names in a directory; none where it does not exist, or something else is in its place, a link to one say."""

    def read() -> list[str]:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            return os.listdir(descriptor)
        finally:
            os.close(descriptor)

    try:
        return frozenset(fresh(read))
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return frozenset()
        raise explain(error, directory, "list") from error


def read_text_file(path: str, limit: int, listed: bool = False) -> bytes | None:
    """Return the whole of a small file, or None where there is none.

    :param listed: its name was in its directory, and others may replace it now.
    :raises Refused: it is a symbolic link, not a regular file, or larger than C(limit) bytes.
    """

    def read() -> bytes:
        with reading(path) as descriptor:
            # not by a stream: making one asks the share three times more than reading does
            content = b""
            while len(content) <= limit:
                piece = os.read(descriptor, min(_PIECE, limit + 1 - len(content)))
                if not piece:
                    break
                content += piece
            return content

    try:
        content = fresh(read, path, listed)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise Refused(f"{path} is not a regular file; inspect it and move it away") from error
        raise explain(error, path, "read") from error
    if len(content) > limit:
        raise Refused(f"{path} is larger than {limit} bytes, so it is not the small metadata file that is expected there")
    return content


def drop_cached(descriptor: int) -> None:
    """Let what is read next of a file come from the share.

    The FUSE client of GlusterFS keeps pages that another host has overwritten in place, and gives them out to whoever opens the
    file anew, for as long as they stay in memory; only a mount with C(auto-invalidation=on) does not. Listing the directory
    brings the size up to date, but not the content.
    """
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def drop_cached_file(path: str) -> None:
    """Let what any program of this host reads next of a file come from the share; what is no file has nothing cached."""

    def drop() -> None:
        with reading(path) as descriptor:
            drop_cached(descriptor)

    try:
        fresh(drop, path)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.ESPIPE):
            raise explain(error, path, "open") from error


def sync_directory(directory: str) -> None:
    """Make the names in a directory durable."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise explain(error, directory, "write to") from error


def sync_file(path: str) -> None:
    """Make the content of a file durable, whoever wrote it; a full share can say so only here (ENOSPC from fsync)."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise explain(error, path, "write") from error


def close_quietly(descriptor: int) -> None:
    """Close a descriptor by which nothing was written; that locks on it were lost is told here too, and looked for elsewhere."""
    with contextlib.suppress(OSError):
        os.close(descriptor)


def create_temporary(path: str, mode: int = 0o600) -> int:
    """Create a file of this task's own, over what a killed run left under the same name, and return a descriptor."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        try:
            return os.open(path, flags, mode)
        except FileExistsError:
            remove(path)
            return os.open(path, flags, mode)
    except OSError as error:
        raise explain(error, path, "create") from error


def replace(
    path: str, temporary: str, content: bytes, like: os.stat_result | None = None, check: Callable[[], object] = lambda: None
) -> None:
    """Replace a file whole, so that a reader sees the old or the new one, and durably.

    :param temporary: a name in the same directory to write under first.
    :param like: status of the file whose owner and mode the new one gets; private to root without it.
    :param check: raises what speaks against it at the last moment.
    """
    descriptor = create_temporary(temporary)
    try:
        try:
            write_all(descriptor, content, 0)
            if like is not None:
                copy_ownership(descriptor, like)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        check()
        os.rename(temporary, path)
        sync_directory(os.path.dirname(path))
    except OSError as error:
        remove(temporary, quietly=True)
        raise explain(error, path, "write") from error
    except VdiskError:
        remove(temporary, quietly=True)
        raise


def copy_ownership(descriptor: int, like: os.stat_result) -> None:
    """Give an open file the owner, group and permission bits of another."""
    status = os.fstat(descriptor)
    if (status.st_uid, status.st_gid) != (like.st_uid, like.st_gid):
        os.fchown(descriptor, like.st_uid, like.st_gid)
    os.fchmod(descriptor, like.st_mode & 0o7777)


def publish(temporary: str, path: str, check: Callable[[], object] = lambda: None, keep: bool = False) -> None:
    """Give a finished file its final name, never over a file that is there.

    :param check: raises what speaks against it at the last moment.
    :param keep: leave the temporary file there where this fails, because a plan that is decided on needs it; else it goes.
    :raises Refused: a file of that name appeared meanwhile; it is untouched.
    """
    try:
        check()
        os.link(temporary, path)
    except VdiskError:
        if not keep:
            remove(temporary, quietly=True)
        raise
    except FileExistsError:
        if not keep:
            remove(temporary)
        raise Refused(f"{path} appeared while it was being created; find out who created it, then run the task again") from None
    except OSError as error:
        if not keep:
            remove(temporary, quietly=True)
        raise explain(error, path, "create") from error
    try:
        os.unlink(temporary)
        sync_directory(os.path.dirname(path))
    except OSError as error:
        raise explain(error, path, "create") from error


def rename(source: str, path: str, doing: str) -> None:
    """Give a file another name, also over a file that has it, durably in both directories.

    :param doing: what is done with C(path), for the message of an error.
    """
    try:
        os.rename(source, path)
        for directory in dict.fromkeys((os.path.dirname(source), os.path.dirname(path))):
            sync_directory(directory)
    except OSError as error:
        raise explain(error, path, doing) from error


def make_directory(path: str) -> None:
    """Make a directory for this collection's own files, which only root enters; it may be there already."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise explain(error, path, "create") from error


def open_to_lock(path: str, create: bool) -> int:
    """Return a descriptor of a file that is only locked; C(create) makes it, and its directory, where it is missing.

    :raises OSError: it cannot be opened; FileNotFoundError where it is missing and is not to be made.
    """
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT if create else 0)
    try:
        return fresh(lambda: os.open(path, flags, 0o600))
    except FileNotFoundError:
        if not create:
            raise
        with contextlib.suppress(FileExistsError):
            os.mkdir(os.path.dirname(path), 0o700)
        return os.open(path, flags, 0o600)


def remove(path: str, quietly: bool = False) -> bool:
    """Remove a file that may already be gone, and tell whether it was there; C(quietly) on the way out of another failure."""
    try:
        os.unlink(path)
        return True
    except FileNotFoundError:
        pass
    except OSError as error:
        if not quietly:
            raise explain(error, path, "remove") from error
    return False


def remove_unless(path: str, temporary: str, check: Callable[[], object]) -> None:
    """Remove a file, unless it is somebody else's by now: it is taken from its name, looked at, and put back where C(check) raises.

    A host can stand still between any look and the call after it, and there is no unlink that has a condition.

    :param temporary: a name in the same directory; the file is left there where this is killed in between.
    """
    try:
        os.rename(path, temporary)
    except FileNotFoundError:
        return
    except OSError as error:
        raise explain(error, path, "remove") from error
    try:
        check()
    except VdiskError:
        with contextlib.suppress(OSError):
            # never over a file that has got the name meanwhile
            os.link(temporary, path)
            os.unlink(temporary)
        raise
    remove(temporary)
