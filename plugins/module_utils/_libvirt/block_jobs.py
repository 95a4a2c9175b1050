# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Block jobs of running domains: begun or joined, waited for as long as they move; part of the room for libvirt.

That a job has ended says nothing of its success: who asked for it reads the live definition and the headers afterwards.
"""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import Progress
from ansible_collections.vdisk.gluster.plugins.module_utils._libvirt import domain_xml
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Disk

PULL, COPY, COMMIT, ACTIVE_COMMIT, BACKUP = "pull", "copy", "commit", "active commit", "backup"
_JOBS = {1: PULL, 2: COPY, 3: COMMIT, 4: ACTIVE_COMMIT, 5: BACKUP}

POLL = (0.01, 0.25)
"""Seconds between two looks at a job: at first, and at most."""


class BlockJobs:
    """What a hypervisor lets its domains do with their disks while guests write to them."""

    _libvirt: Any
    _stall_timeout: float
    _progress: Progress
    _clock: Callable[[], float]
    _sleep: Callable[[float], None]
    _domain: Callable[[str], Any]
    _ask: Callable[[Callable[[], Any], str], Any]

    def commit(self, disk: Disk, top: str, base: str) -> None:
        """Merge files below the active one down into one of them, from one path to another, and wait for the end of the job."""
        domain = self._domain(disk.uuid)
        if not self._at_work(domain, disk, COMMIT):
            flags = self._libvirt.VIR_DOMAIN_BLOCK_COMMIT_RELATIVE
            self._ask(lambda: domain.blockCommit(disk.target, base, top, 0, flags), f"merge {top} into {base}")
        self._wait(domain, disk)

    def commit_active(self, disk: Disk, base: str, before_pivot: Callable[[], None]) -> None:
        """Merge the active file and those above another one down into that, and let the domain go on there.

        :param before_pivot: called when all is copied, before the domain is told to change over.
        """
        domain = self._domain(disk.uuid)
        if not self._at_work(domain, disk, ACTIVE_COMMIT):
            flags = self._libvirt.VIR_DOMAIN_BLOCK_COMMIT_RELATIVE | self._libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
            self._ask(lambda: domain.blockCommit(disk.target, base, None, 0, flags), f"merge {disk.label} into {base}")
        if self._wait(domain, disk, mirror_onto=base):
            before_pivot()
            pivot = self._libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
            self._ask(lambda: domain.blockJobAbort(disk.target, pivot), f"switch {disk.label} to {base}")
            self._wait(domain, disk)

    def mirror(self, disk: Disk, path: str, image_format: str, shallow: bool, before_pivot: Callable[[], None]) -> None:
        """Copy the active file, C(shallow) without those below it, to one that is there and blank, and let the domain go on there.

        :param before_pivot: called when all is copied, before the domain is told to change over.
        """
        libvirt, domain = self._libvirt, self._domain(disk.uuid)
        if not self._at_work(domain, disk, COPY):
            flags = libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT | libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
            if shallow:
                flags |= libvirt.VIR_DOMAIN_BLOCK_COPY_SHALLOW
            element = domain_xml.copy_target(path, image_format)
            self._ask(lambda: domain.blockCopy(disk.target, element, {}, flags), f"mirror {disk.label} to {path}")
        if self._wait(domain, disk, mirror_onto=path):
            before_pivot()
            pivot = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
            self._ask(lambda: domain.blockJobAbort(disk.target, pivot), f"switch {disk.label} to {path}")
            self._wait(domain, disk)

    def pull(self, disk: Disk, onto: str) -> None:
        """Copy into the active file what lies between it and another one, and let it lie on that."""
        domain = self._domain(disk.uuid)
        if not self._at_work(domain, disk, PULL):
            flags = self._libvirt.VIR_DOMAIN_BLOCK_REBASE_RELATIVE
            self._ask(lambda: domain.blockRebase(disk.target, onto, 0, flags), f"merge the files below {disk.label} into it")
        self._wait(domain, disk)

    def _at_work(self, domain: Any, disk: Disk, kind: str) -> bool:
        """Tell whether a job of this kind, begun by an earlier task, is running on a disk already.

        :raises Refused: it is a job of another kind.
        """
        job = self._ask(lambda: self._job(domain, disk.target), f"look at {disk.label}")
        if job not in (None, kind):
            raise Refused(f"another block job ({job}) is running on {disk.label}; wait until it ends or abort it, then run the task again")
        return job is not None

    def _wait(self, domain: Any, disk: Disk, mirror_onto: str | None = None) -> bool:
        """Wait for a block job as long as it moves; return True where it has copied all and waits to be told to change over.

        :raises Unavailable: it stands still; it goes on by itself, and a later task joins it.
        """
        seen: Any = None
        since = self._clock()
        pause = POLL[0]
        step = self._progress.step(f"block job on {disk.label}")
        while True:
            state = self._ask(lambda: domain.blockJobInfo(disk.target, 0), f"look at the job of {disk.label}")
            if not state:
                return False
            # the end is the size of the disk, not the work
            step.update(fraction=state.get("cur", 0) / (state.get("end", 0) or 1))
            if mirror_onto is not None:
                mirror = domain_xml.mirrors(self._ask(lambda: domain.XMLDesc(0), f"look at {disk.label}")).get(disk.target)
                if mirror is not None and mirror.path != mirror_onto:
                    raise Refused(
                        f"another block job, onto {mirror.path}, is running on {disk.label}; wait until it ends or abort it, then run "
                        "the task "
                        "again"
                    )
                if mirror is not None and mirror.ready:
                    return True
            if state != seen:
                seen, since = state, self._clock()
            elif self._clock() - since >= self._stall_timeout:
                raise Unavailable(
                    f"the job on {disk.label} has made no progress for {self._stall_timeout:g} s; it continues when it can; check that the "
                    "share responds (gluster volume status), then run the task again, which waits for it"
                )
            self._sleep(pause)
            pause = min(pause * 1.5, POLL[1])

    def _job(self, domain: Any, target: str) -> str | None:
        state = domain.blockJobInfo(target, 0)
        return _JOBS.get(state.get("type", 0), "other") if state else None
