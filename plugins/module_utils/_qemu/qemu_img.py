# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place that runs qemu-img: a function a verb, typed errors, formats always named.

No file is handed to qemu-img before its whole chain was read and checked in process, and none is ever opened with C(-U)
for its data: the image lock a reader holds is what keeps others from merging into what is being read.
"""

from __future__ import annotations

import errno
import json
import os
import re
import threading
from typing import Any, Callable, ContextManager, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import CommandFailed, Refused, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.host_lock import host_lock
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Completed, ResourceLimits, Runner, find_program
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import Progress, ProgressStep

FOREIGN = ResourceLimits(address_space=1 << 30, processor_seconds=30)
"""What looking at an image of other origin may take: a crafted one could ask for all there is (as OpenStack limits it)."""

_OPTIONS = {
    # else the size is rounded up to whole cylinders, and the copy is not the disk that was copied
    ("vpc", False): "force_size=on",
    ("vmdk", True): "subformat=streamOptimized",
}
"""Options of a format that is made, with and without compression."""

_PARALLEL_REQUESTS = "16"
"""Reads and writes of one copy under way at a time, the most that qemu-img takes: up to a tenth faster than its own 8, for 16 MiB more."""

_MERGES = 4
"""Merges of a task under way at a time where the GlusterFS client of the mount has so many event threads; with fewer, one.

Several qemu-img at once can wedge a mount with two (U(https://github.com/gluster/glusterfs/issues/4371)); with eight that was never seen.
"""

_VERSION = re.compile(r"version ([0-9.]+)")


class QemuImg:
    """qemu-img of this host."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._program: str | None = None
        self._merges: dict[str, threading.Semaphore] = {}
        self._counting = threading.Lock()

    def launching(self) -> ContextManager[None]:
        """Start qemu-img from a process of its own meanwhile; to be begun before many files are opened, and while there is one thread."""
        return self._runner.launching()

    @property
    def progress(self) -> Progress:
        """Where this task says how far it is; whoever copies in process says it there too."""
        return self._runner.progress

    @property
    def log(self) -> Callable[[str], None]:
        """Where this task logs what it does."""
        return self._runner.log

    @property
    def stall_timeout(self) -> float:
        """Seconds without progress after which work is taken for stuck."""
        return self._runner.stall_timeout

    @property
    def program(self) -> str:
        """Path of qemu-img; looked for when it is first needed."""
        if self._program is None:
            self._program = find_program("qemu-img", "install it (package qemu-utils on Debian, qemu-img on Red Hat)")
        return self._program

    def require(self) -> None:
        """See that there is qemu-img.

        :raises Unavailable: there is none; the message says how to get it.
        """
        _found = self.program

    def version(self) -> str:
        """Return the version, as C(7.2.22)."""
        done = self._run(["--version"], "report its version")
        match = _VERSION.search(done.stdout)
        return match.group(1) if match else done.stdout.strip()

    def resize(self, path: str, image_format: str, size: int) -> None:
        """Grow an image to a virtual size in bytes."""
        with self._queued(os.path.dirname(path)):
            self._run(["resize", "-q", "-f", image_format, path, str(size)], f"grow {path}")

    def commit(self, top: str, base: str, total: int | None = None) -> None:
        """Merge an overlay, and all between, down into one of its backing files; the overlay itself is not emptied.

        Without C(-d) qemu-img empties the overlay after the merge and aborts in that on GlusterFS ("First cluster in
        emptied image is in use"). Both names are as the headers have them, C(base) bare. C(total): bytes that are to move.
        """
        argv = ["commit", "-p", "-d", "-f", "qcow2", "-b", base, top]
        with self._merging(top), self.progress.step(f"merge {os.path.basename(top)} into {base}", total) as step:
            self._run(argv, f"merge {top} into {base}", step=step)

    def pull(self, path: str, onto: str, onto_format: str, total: int | None = None) -> None:
        """Copy into an overlay what it reads from the files between it and a lower one, and make it lie on that one.

        C(writethrough), because else qemu-img writes the header before the tables of what it has copied: killed between the
        two, the overlay would lie on the lower file without the data, and look as if the merge were done.
        """
        argv = ["rebase", "-p", "-t", "writethrough", "-f", "qcow2", "-F", onto_format, "-b", onto, path]
        with self._merging(path), self.progress.step(f"merge the backing file of {os.path.basename(path)} into it", total) as step:
            self._run(argv, f"merge the backing file of {path} into it", step=step)

    def convert(
        self,
        source: str,
        source_format: str,
        target: str,
        target_format: str,
        compress: bool = False,
        rate_limit: int | None = None,
        label: str | None = None,
        step: ProgressStep | None = None,
    ) -> None:
        """Copy what a chain reads as into one new file; sparse where it is zero, and not yet durable.

        :param rate_limit: bytes a second that are written at most.
        :param label: what the source is called in a sentence.
        :param step: where it is said how far the copy is.
        """
        words = ["-c"] if compress and target_format == "qcow2" else []
        options = _OPTIONS.get((target_format, compress), _OPTIONS.get((target_format, False)))
        words += ["-o", options] if options else []
        words += ["-r", str(rate_limit)] if rate_limit else []
        self._copy(source, source_format, target, target_format, words, label, step)

    def fill(self, source: str, source_format: str, target: str, target_format: str, label: str, step: ProgressStep | None = None) -> None:
        """Copy what a chain reads as into a blank image that is there and at least as large; zeroes are not written.

        Without C(--target-is-zero) qemu-img would zero the image first, which does nothing on GlusterFS but takes its time.

        :param label: what the source is called in a sentence.
        """
        self._copy(source, source_format, target, target_format, ["-n", "--target-is-zero"], label, step)

    def overwrite(
        self, source: str, source_format: str, target: str, target_format: str, label: str, step: ProgressStep | None = None
    ) -> None:
        """Copy what a chain reads as over all of an image that is there and as large; zeroes are written too, as zeroes of its own."""
        self._copy(source, source_format, target, target_format, ["-n"], label, step)

    def _copy(
        self,
        source: str,
        source_format: str,
        target: str,
        target_format: str,
        words: Sequence[str],
        label: str | None,
        step: ProgressStep | None,
    ) -> None:
        # writes out of order overtake slow reads, up to a quarter faster on GlusterFS; in formats that place clusters as they
        # are written they would lie in disorder for good
        order = ["-W"] if target_format == "raw" else []
        self._run(
            ["convert", "-p", "-m", _PARALLEL_REQUESTS, *order, "-f", source_format, "-O", target_format, *words, source, target],
            f"copy {label or source} to {target}",
            step=step or self.progress.step(f"copy {label or os.path.basename(source)}"),
            shown={source: label or source},
        )

    def foreign_info(self, path: str, image_format: str, label: str) -> dict[str, Any]:
        """Return what qemu-img says of an image of other origin, whose header was judged before; it gets little to say it with.

        :raises Refused: it is no image of this format, or needs more memory or time to be looked at than any sound one.
        """
        argv = [self.program, "info", "--output=json", "-f", image_format, path]
        done = self._runner.run(argv, limits=FOREIGN)
        if done.returncode:
            details = {"cmd": argv, "rc": done.returncode, "stderr": done.stderr}
            output = done.stderr.strip().splitlines()
            # users know the file by its name, not by that of a descriptor
            reason = (
                output[0].replace(path, label.rpartition(" ")[2])
                if output
                else "it takes more time or memory to inspect than a sound image does"
            )
            raise Refused(f"{label} is not accepted as {image_format}, because qemu-img reports: {reason}", **details)
        info: dict[str, Any] = json.loads(done.stdout)
        return info

    def compare(self, one: str, one_format: str, other: str, other_format: str, step: ProgressStep | None = None) -> bool:
        """Tell whether two images read the same as far as both reach, and zero beyond; their lengths may differ."""
        done = self._run(
            ["compare", "-p", "-f", one_format, "-F", other_format, one, other],
            f"compare {one} with {other}",
            sound=(0, 1),
            step=step or self.progress.step(f"compare {os.path.basename(one)} with its copy"),
        )
        return done.returncode == 0

    def measure(self, path: str, image_format: str, target_format: str) -> int:
        """Return the bytes that a copy in another format needs at most."""
        with self._queued(os.path.dirname(path)):
            done = self._run(["measure", "--output=json", "-f", image_format, "-O", target_format, path], f"measure {path}")
        return int(json.loads(done.stdout)["required"])

    def _queued(self, directory: str) -> ContextManager[bool]:
        """Let short runs of qemu-img on one mount of this host go one after another.

        Several at once can wedge a whole GlusterFS mount (U(https://github.com/gluster/glusterfs/issues/4371)).
        """
        return host_lock(f"qemu-img:{directory}", wait=self._runner.stall_timeout)

    def _merging(self, path: str) -> ContextManager[bool]:
        """Let as many merges of a task run at a time on one mount as its client stands."""
        # only who merges comes here
        from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import fuse_client

        directory = os.path.dirname(path)
        with self._counting:
            if directory not in self._merges:
                enough = (fuse_client.event_threads(directory) or 0) >= fuse_client.ENOUGH_EVENT_THREADS
                self._merges[directory] = threading.Semaphore(_MERGES if enough else 1)
            return self._merges[directory]

    def _run(
        self,
        arguments: Sequence[str],
        doing: str,
        sound: Sequence[int] = (0,),
        step: ProgressStep | None = None,
        shown: Mapping[str, str] | None = None,
    ) -> Completed:
        argv = [self.program, *arguments]
        # with -q qemu-img says nothing of its progress, -p or not
        done = self._runner.run(argv, on_progress=(lambda fraction: step.update(fraction=fraction)) if step else None)
        if done.returncode in sound:
            return done
        details = {"cmd": argv, "rc": done.returncode, "stderr": done.stderr}
        if "Failed to get" in done.stderr and "lock" in done.stderr:
            raise Refused(
                f"cannot {doing}: an image lock is held, by a running VM or another qemu-img, here or on another host; wait until it "
                "ends, then run the task again",
                **details,
            )
        if "No space left on device" in done.stderr:
            raise Unavailable(f"cannot {doing}: there is no space left; free space, then run the task again", **details)
        if os.strerror(errno.ENOTCONN) in done.stderr:
            raise Unavailable(
                f"cannot {doing}: the mount does not respond (transport endpoint is not connected); make sure that the servers have "
                "quorum (gluster volume status), then repair the mount with gluster_share_mount",
                **details,
            )
        output = done.stderr.strip().splitlines()
        reason = output[0] if output else f"qemu-img ended with {done.returncode}"
        for path, name in (shown or {}).items():
            reason = reason.replace(path, name)
        raise CommandFailed(f"cannot {doing}: {reason}", argv, done.returncode, done.stderr)
