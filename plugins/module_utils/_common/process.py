# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running programs: never without end, never outliving the task, never without showing what failed."""

# AnsibleModule.run_command knows no stall limit, no progress and no descriptor to hand on
# pylint: disable=ansible-bad-function

from __future__ import annotations

import contextlib
import functools
import os
import re
import resource
import shlex
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Callable, Iterator, Mapping, Sequence, TypeVar, cast

from ansible_collections.vdisk.gluster.plugins.module_utils._common.child_process import (
    ChildProcess,
    child_environment,
    die_with,
    is_readable,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import CommandFailed, Unavailable, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import Progress

if TYPE_CHECKING:
    from ansible_collections.vdisk.gluster.plugins.module_utils._common.launcher import LaunchedProcess

_PERCENT = re.compile(rb"\((\d+(?:\.\d+)?)/100%\)")
_TAIL = 512
_PIECE = 1 << 20
_SEARCH_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


@dataclass(frozen=True)
class Completed:
    """What a program that ended left: exit status and its two outputs as text."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str


def find_program(name: str, remedy: str) -> str:
    """Return the path of a program, looked for on PATH and in the system directories.

    :raises Unavailable: it is not there; the message ends with C(remedy), what to do about it.
    """
    directories = [d for d in os.environ.get("PATH", "").split(os.pathsep) if d.startswith("/")]
    for directory in [*directories, *_SEARCH_PATH]:
        path = os.path.join(directory, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise Unavailable(f"{name} was not found on this host; {remedy}")


@dataclass(frozen=True)
class ResourceLimits:
    """What a program may use that looks at a file of unknown origin: bytes of address space, seconds of processor time."""

    address_space: int
    processor_seconds: int

    def take(self) -> None:
        """Hold this process and what it starts to them (setrlimit(2))."""
        resource.setrlimit(resource.RLIMIT_AS, (self.address_space, self.address_space))
        resource.setrlimit(resource.RLIMIT_CPU, (self.processor_seconds, self.processor_seconds))


_Runs = TypeVar("_Runs", bound=Callable[..., Completed])


def _logged(method: _Runs) -> _Runs:
    """Log each program that a method has run: seconds, exit status and command line, which holds no secret; never its environment."""

    @functools.wraps(method)
    def logged(runner: Runner, argv: Sequence[str], *rest: Any, **named: Any) -> Completed:
        since = time.monotonic()
        try:
            done = method(runner, argv, *rest, **named)
        except VdiskError as error:
            runner.log(f"Command failed after {time.monotonic() - since:.3f} s ({error.message}): {shlex.join(argv)}")
            raise
        runner.log(f"Command ended after {time.monotonic() - since:.3f} s with exit status {done.returncode}: {shlex.join(argv)}")
        return done

    return cast("_Runs", logged)


class Runner:
    """Runs programs with a limit on the time they may stand still, not on the time they may take."""

    STALL_TIMEOUT = 600
    """Seconds without progress after which a program is taken for stuck, where a task says nothing else."""

    def __init__(
        self,
        stall_timeout: float = STALL_TIMEOUT,
        interval: float = 0.25,
        clock: Callable[[], float] = time.monotonic,
        progress: Progress | None = None,
        log: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Take what every run needs; C(log) takes a line for the log of the host."""
        self.stall_timeout = stall_timeout
        self.log = log
        self.progress = progress or Progress()
        self._interval = interval
        self._clock = clock
        self._launcher: Any = None

    @contextlib.contextmanager
    def launching(self) -> Iterator[None]:
        """Start programs from a process of its own meanwhile; to be begun before many files are opened, and while there is one thread."""
        # only who changes many volumes comes here
        from ansible_collections.vdisk.gluster.plugins.module_utils._common.launcher import Launcher

        with Launcher() as launcher:
            self._launcher = launcher
            try:
                yield
            finally:
                self._launcher = None

    @_logged
    def run(
        self,
        argv: Sequence[str],
        pass_fds: Sequence[int] = (),
        stall_timeout: float | None = None,
        limits: ResourceLimits | None = None,
        on_progress: Callable[[float], None] | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        enter: Callable[[], None] | None = None,
        fraction: Callable[[bytes], float | None] | None = None,
    ) -> Completed:
        """Run a program to its end, whatever its exit status.

        :param on_progress: called, several times a second, with the fraction from 0 to 1 that the program says is done.
        :param environment: variables that it gets beside those of the task; secrets go here, and never into C(argv).
        :param stdin: descriptor that it reads as its standard input.
        :param enter: called in the new process before the program starts, to go where it is to run.
        :param fraction: returns, from the last bytes of its output, how much it says is done; qemu-img's manner without it.
        :raises CommandFailed: it could not be started, or made no progress for C(stall_timeout) seconds and was killed.
        """
        limit, parent = self.stall_timeout if stall_timeout is None else stall_timeout, os.getpid()

        def before() -> None:
            die_with(parent)
            if limits is not None:
                limits.take()
            if enter is not None:
                enter()

        # files, not pipes: a daemon that a mount helper leaves behind may hold its inherited output open for ever
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                if self._launcher is not None and not (pass_fds or limits or environment or enter) and stdin == subprocess.DEVNULL:
                    process = self._launcher.start(argv, out.fileno(), err.fileno())
                else:
                    process = ChildProcess(
                        list(argv),
                        stdin=stdin,
                        stdout=out,
                        stderr=err,
                        pass_fds=tuple(pass_fds),
                        env=child_environment(environment),
                        preexec_fn=before,
                        start_new_session=True,
                    )
            except (OSError, subprocess.SubprocessError) as error:
                raise _not_started(argv, error) from error
            try:
                stalled = self._wait(process, out.fileno(), limit, on_progress, fraction or _percentage)
            except BaseException:
                process.kill_all()
                process.wait()
                raise
            stdout, stderr = _text(out), _text(err)
        if stalled:
            raise _stalled(argv, limit, process.returncode, stderr)
        return Completed(tuple(argv), process.returncode, stdout, stderr)

    @_logged
    def read_out(self, argv: Sequence[str], take: Callable[[bytes], None], environment: Mapping[str, str] | None = None) -> Completed:
        """Run a program to its end and hand over its output piece by piece; what is returned has none.

        :param take: called with each piece.
        :raises CommandFailed: it could not be started, or wrote nothing for C(stall_timeout) seconds and was killed.
        """
        parent = os.getpid()
        with tempfile.TemporaryFile() as err:
            try:
                process = ChildProcess(
                    list(argv),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=err,
                    env=child_environment(environment),
                    preexec_fn=lambda: die_with(parent),
                    start_new_session=True,
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise _not_started(argv, error) from error
            try:
                with process.output as stream:
                    while is_readable(stream.fileno(), self.stall_timeout):
                        piece = os.read(stream.fileno(), _PIECE)
                        if not piece:
                            with contextlib.suppress(subprocess.TimeoutExpired):
                                process.wait(self.stall_timeout)
                            if process.returncode is None:
                                break
                            return Completed(tuple(argv), process.returncode, "", _text(err))
                        take(piece)
            finally:
                if process.returncode is None:
                    process.kill_all()
                    process.wait()
            raise _stalled(argv, self.stall_timeout, process.returncode, _text(err))

    def _wait(
        self,
        process: ChildProcess | LaunchedProcess,
        out: int,
        limit: float,
        on_progress: Callable[[float], None] | None = None,
        fraction: Callable[[bytes], float | None] | None = None,
    ) -> bool:
        """Wait for the end of a program; kill it and return True when it stood still too long."""
        seen, since = None, self._clock()
        while True:
            if process.ended(self._interval):
                return False
            now = _life_signs(process.pid, out)
            done = fraction(now[0]) if fraction is not None and now else None
            if on_progress is not None and done is not None:
                on_progress(done)
            if now != seen:
                seen, since = now, self._clock()
            elif self._clock() - since >= limit:
                process.kill_all()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    pass  # in uninterruptible sleep on a wedged mount: the kernel ends it when the mount goes
                return True


def _life_signs(pid: int, out: int) -> tuple[bytes, ...]:
    """Return what changes while a program works: the end of its output and the bytes it has read and written."""
    try:
        size = os.fstat(out).st_size
        tail = os.pread(out, _TAIL, max(0, size - _TAIL))
        with open(f"/proc/{pid}/io", "rb") as stream:
            counters = stream.read()
    except OSError:
        return ()
    return (tail, counters)


def _percentage(tail: bytes) -> float | None:
    """Return the fraction that qemu-img says is done."""
    found = _PERCENT.findall(tail)
    return float(found[-1]) / 100 if found else None


def _not_started(argv: Sequence[str], error: Exception) -> CommandFailed:
    return CommandFailed(f"{argv[0]} could not be started: {getattr(error, 'strerror', None) or error}", argv, None, str(error))


def _stalled(argv: Sequence[str], limit: float, returncode: int | None, stderr: str) -> CommandFailed:
    return CommandFailed(
        f"{os.path.basename(argv[0])} made no progress for {limit:g} s and was stopped; "
        "check that the share responds (gluster volume status) and run the task again",
        argv,
        returncode,
        stderr,
    )


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode("utf-8", "replace")
