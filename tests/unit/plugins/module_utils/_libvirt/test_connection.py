# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The room for libvirt where libvirt does what cannot be had here: a denial by AppArmor, a job that stands still or is another's.

What libvirt really does is tested with real guests, in tests/functional/live.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import time
from typing import Any

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.child_process import if_killed
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Runner
from ansible_collections.vdisk.gluster.plugins.module_utils._libvirt import hypervisor as hypervisors
from ansible_collections.vdisk.gluster.plugins.module_utils._libvirt.connection import LibvirtHypervisor
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import Task
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.snapshot import work
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Definition, Disk
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.hypervisor import Denied, NoHypervisor
from ansible_collections.vdisk.gluster.tests.harness import images
from ansible_collections.vdisk.gluster.tests.harness.images import MiB
from ansible_collections.vdisk.gluster.tests.harness.shares import PlainShare

DISK = Disk("web", "0a", "vda", True, Definition(("/mnt/v.a", "/mnt/v"), "qcow2", True, True), None)
DENIED = "internal error: unable to execute QEMU command 'blockdev-reopen': Could not reopen file: Permission denied"


class LibvirtError(Exception):
    """What libvirt raises."""

    def get_error_code(self) -> int:
        """Return a code."""
        return 1


class Libvirt:
    """As much of libvirt's binding as is asked here."""

    libvirtError = LibvirtError
    VIR_DOMAIN_BLOCK_COMMIT_RELATIVE, VIR_DOMAIN_BLOCK_COMMIT_ACTIVE, VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT = 8, 4, 2
    VIR_ERR_NO_DOMAIN, VIR_ERR_INVALID_ARG = 42, 8


class Domain:
    """A domain with a block job whose states are given; C(denies) is what a new job is answered with."""

    def __init__(self, *states: dict[str, int], mirror: str = "", denies: str = "") -> None:
        self._states = list(states)
        self._mirror = mirror
        self._denies = denies
        self.pivoted = False

    def name(self) -> str:
        """Return its name."""
        return "web"

    def blockJobInfo(self, _target: str, _flags: int) -> dict[str, int]:
        """Return the next state of the job, the last one for ever."""
        return {} if self.pivoted else self._states.pop(0) if len(self._states) > 1 else self._states[0]

    def blockCommit(self, *_arguments: Any) -> None:
        """Begin a job."""
        if self._denies:
            raise LibvirtError(self._denies)

    def blockJobAbort(self, _target: str, flags: int) -> None:
        """Change over."""
        assert flags == Libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
        self.pivoted = True

    def XMLDesc(self, _flags: int) -> str:
        """Return a definition with the mirror of the job."""
        return f"<domain><devices><disk type='file'><source file='/mnt/v.a'/>{self._mirror}<target dev='vda'/></disk></devices></domain>"


def hypervisor(domain: Domain, stall_timeout: float = 5) -> LibvirtHypervisor:
    """Return a hypervisor with one domain, on which a second passes with every look."""
    now = iter(range(10**6))

    class Connection:
        """A connection."""

        def lookupByUUIDString(self, _uuid: str) -> Domain:
            """Return the domain."""
            return domain

    return LibvirtHypervisor(Libvirt, Connection(), stall_timeout, clock=lambda: float(next(now)), sleep=lambda _seconds: None)


def mirror(path: str, ready: bool = True) -> str:
    """Return the mirror of an active commit."""
    return f"<mirror job='active-commit'{' ready=' + chr(39) + 'yes' + chr(39) if ready else ''}><source file='{path}'/></mirror>"


def test_a_denial_by_a_security_module_is_named() -> None:
    with pytest.raises(Denied, match=r"Permission denied.*AppArmor .* libvirt before 12.1.*shut off"):
        hypervisor(Domain({}, denies=DENIED)).commit(DISK, "/mnt/v.a", "/mnt/v")


def test_a_lock_held_elsewhere_is_a_refusal() -> None:
    with pytest.raises(Refused, match="is being read or written elsewhere"):
        hypervisor(Domain({}, denies='Failed to get "write" lock')).commit(DISK, "/mnt/v.a", "/mnt/v")


def test_a_job_that_stands_still_is_given_up_and_one_that_moves_is_not() -> None:
    moving = [{"type": 3, "cur": number, "end": 100} for number in range(50)]
    hypervisor(Domain({}, *moving, {})).commit(DISK, "/mnt/v.a", "/mnt/v")
    with pytest.raises(Unavailable, match="no progress for 5 s; it continues when it can"):
        hypervisor(Domain({}, *moving)).commit(DISK, "/mnt/v.a", "/mnt/v")


def test_a_job_of_another_kind_is_not_joined() -> None:
    with pytest.raises(Refused, match=r"another block job \(copy\)"):
        hypervisor(Domain({"type": 2, "cur": 1, "end": 2})).commit(DISK, "/mnt/v.a", "/mnt/v")


def test_a_job_of_an_earlier_task_is_joined_and_changes_over() -> None:
    domain, told = Domain({"type": 4, "cur": 1, "end": 2}, mirror=mirror("/mnt/v"), denies="one is at work already"), []
    hypervisor(domain).commit_active(DISK, "/mnt/v", lambda: told.append(domain.pivoted))
    assert told == [False] and domain.pivoted


def test_a_job_onto_another_file_is_not_changed_over() -> None:
    domain = Domain({"type": 4, "cur": 1, "end": 2}, mirror=mirror("/elsewhere"))
    with pytest.raises(Refused, match="another block job, onto /elsewhere"):
        hypervisor(domain).commit_active(DISK, "/mnt/v", lambda: None)
    assert not domain.pivoted


def test_a_job_is_not_ready_for_having_copied_all() -> None:
    domain = Domain({"type": 4, "cur": 2, "end": 2}, mirror=mirror("/mnt/v", ready=False))
    with pytest.raises(Unavailable, match="no progress"):
        hypervisor(domain).commit_active(DISK, "/mnt/v", lambda: None)
    assert not domain.pivoted


@pytest.mark.parametrize("uri", ["none", "qemu:///system", "xen:///system"])
def test_without_libvirt_or_when_nobody_is_to_be_asked_there_are_no_domains(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hypervisors, "_DIRECTORIES", ())
    found = hypervisors.open_hypervisor(uri, 5)
    assert not isinstance(found, LibvirtHypervisor)
    assert (found.disks_of("v", "/mnt"), found.live("0a"), found.domains_on("/mnt")) == ((), None, ())


class DenyingHost(NoHypervisor):
    """A host whose AppArmor keeps QEMU from writing to files below the active one; merging up is done by qemu-img in QEMU's place."""

    def __init__(self, share: PlainShare) -> None:
        super().__init__()
        self._share = share

    def disks_of(self, volume: str, mount_point: str) -> tuple[Disk, ...]:
        """Return the disk of a running domain."""
        paths = tuple(f"{mount_point}/{entry.file}" for entry in self._share.read(volume).chain.files)
        return (Disk("web", "0a", "vda", True, Definition(paths, "qcow2", True, True), None),)

    def commit(self, *_arguments: Any) -> None:
        """Deny."""
        raise Denied(DENIED)

    def commit_active(self, *_arguments: Any) -> None:
        """Deny."""
        raise Denied(DENIED)

    def pull(self, disk: Disk, onto: str) -> None:
        """Merge up."""
        assert disk.live is not None
        argv = ["qemu-img", "rebase", "-f", "qcow2", "-F", "qcow2", "-b", os.path.basename(onto), disk.live.paths[0]]
        subprocess.run(argv, check=True)

    def write_out(self, _disk: Disk) -> None:
        """Nothing is kept in memory here."""


def test_where_merging_down_is_denied_the_newest_is_merged_up_and_others_are_refused(share: PlainShare, monkeypatch: Any) -> None:
    share.create(size=MiB)
    for number, name in enumerate("abc", 1):
        share.write((number, number * 65536, 3 * 65536))
        share.take(name)
    share.write((9, 4 * 65536, 65536))
    before = share.points()
    monkeypatch.setattr(Task, "hypervisor", lambda self: DenyingHost(share))
    monkeypatch.setattr("ansible_collections.vdisk.gluster.plugins.module_utils._modules.snapshot.Shares", _Shares(share))
    with pytest.raises(Refused, match="security module"):
        work(_task("b"))
    assert share.points() == before and not share.read().unfinished
    warned: list[str] = []
    result = work(_task("c", warned.append))
    assert result.changed and warned == [DENIED]
    assert share.points() == {name: content for name, content in before.items() if name != "c"}
    for entry in share.read().chain.files[:-1]:
        images.check(share.root / entry.file)


def _Shares(share: PlainShare) -> Any:
    class Shares:
        """The share of a test in the place of one that is mounted."""

        def __init__(self, _shares: Any) -> None:
            self.usable = {share.share.name: share.share}

        def list(self) -> None:
            """Leave listing to the session."""

        def locate(self, volumes: Any, _listings: Any) -> Any:
            """Return the share of each volume."""
            return dict.fromkeys(volumes, share.share)

    return Shares


def _task(name: str, warn: Any = lambda _warning: None) -> Task:
    params = {"volume": ["v"], "name": [name], "state": "absent", "quiesce": "auto", "label": None, "description": None}
    more = {"discard_newer": False, "lock_timeout": 5, "mount_point_base": "/mnt", "shares_file": None, "shares": None, "share": "gl1:/vms"}
    return Task({**params, **more}, False, Runner(30), warn)


@pytest.mark.parametrize("killed", [True, False])
def test_what_is_to_be_done_if_a_task_is_killed_is_done_only_then(killed: bool, tmp_path: pathlib.Path) -> None:
    flag = tmp_path / "done"
    pid = os.fork()
    if not pid:
        try:
            take_back = if_killed(flag.touch)
            if not killed:
                take_back()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    until = time.monotonic() + (10 if killed else 0.2)
    while not flag.exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert flag.exists() == killed
