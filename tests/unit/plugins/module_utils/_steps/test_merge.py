# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merges by a domain, at moments that no real one can be stopped at: what has happened is read, never believed.

The domain is played: its files are real images, its block jobs are qemu-img. Real domains are in tests/functional/live.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Callable

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import plan_absent
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import StepContext
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.domain import RedefineDomains
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.merge import Commit, Pull
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.overlay import RemoveMerged, WriteInfo
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.registry import to_json
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Definition, Disk
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.hypervisor import NoHypervisor
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.journal import Journal
from ansible_collections.vdisk.gluster.tests.harness import images
from ansible_collections.vdisk.gluster.tests.harness.images import KiB, MiB
from ansible_collections.vdisk.gluster.tests.harness.shares import PlainShare

SIZE = 2 * MiB


class Played(NoHypervisor):
    """A hypervisor with one domain on the volume v."""

    def __init__(self, share: PlainShare, *live: str, stored: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.share = share
        self.live_names = live
        self.stored_names = stored
        self.written_out = False
        self.job: Callable[[], None] = lambda: None

    def disks_of(self, volume: str, mount_point: str) -> tuple[Disk, ...]:
        """Return the disk of the domain."""
        parts = [self._definition(names, mount_point) for names in (self.live_names, self.stored_names)]
        return (Disk("web", "0a", "vda", bool(self.live_names), *parts),) if any(parts) else ()

    @staticmethod
    def _definition(names: tuple[str, ...], root: str) -> Definition | None:
        return Definition(tuple(f"{root}/{name}" for name in names), "qcow2", True, True) if names else None

    def commit(self, _disk: Disk, _top: str, _base: str) -> None:
        """Let the job do what the test says."""
        self.job()

    def commit_active(self, _disk: Disk, _base: str, before_pivot: Callable[[], None]) -> None:
        """Let the job do what the test says."""
        before_pivot()
        self.job()

    def pull(self, _disk: Disk, _onto: str) -> None:
        """Let the job do what the test says."""
        self.job()

    def write_out(self, _disk: Disk) -> None:
        """Note it."""
        self.written_out = True

    def redefine(self, _disk: Disk, path: str, _image_format: str) -> None:
        """Note the file that the domain starts on."""
        self.stored_names = (os.path.basename(path),)


@pytest.fixture
def chain(share: PlainShare) -> tuple[PlainShare, dict[str, bytes]]:
    """Return a volume with the snapshots a, b and c, and what every point reads as."""
    share.create(size=SIZE)
    for number, name in enumerate("abc", 1):
        share.write((number, number * 128 * KiB, 256 * KiB))
        share.take(name)
    share.write((9, 0, 192 * KiB))
    return share, share.points()


def context(share: PlainShare, hypervisor: NoHypervisor, recovering: bool = False) -> StepContext:
    """Return where steps are applied, with a journal that marks can be made in."""
    (share.root / ".vdisk").mkdir(exist_ok=True)
    journal = Journal(str(share.root), "v")
    before = journal.read()
    journal.begin([to_json(WriteInfo("v", {}))], None, before.marks if before else {})
    return replace(share.context(), hypervisor=hypervisor, journal=journal, recovering=recovering)


def dies_after_the_header(domain: Played) -> None:
    """Let the header of the overlay name the lower file, and the domain die before the tables of what it has copied are written."""
    images.run("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", "v.a", domain.share.root / "v.c")
    domain.live_names = ()


MIDDLE = Commit(("v.b",), "v.a", "qcow2", MiB, ("b",))
NEWEST = Commit(("v.c",), "v.b", "qcow2", MiB, ("c",))
UP = Pull(("v.b",), "v.c", "v.a", "qcow2", MiB, ("b",))


@pytest.mark.parametrize("step", [MIDDLE, NEWEST, UP], ids=["middle", "newest", "up"])
def test_a_job_that_has_ended_is_no_success(chain: tuple[PlainShare, dict[str, bytes]], step: Commit | Pull) -> None:
    share, points = chain
    domain = Played(share, "v.c", "v.b", "v.a", "v")
    with pytest.raises(Unavailable, match="has ended without success"):
        step.apply(context(share, domain))
    assert share.points() == points


def test_a_domain_that_says_it_has_left_a_file_which_the_headers_still_name_is_no_success(
    chain: tuple[PlainShare, dict[str, bytes]],
) -> None:
    share, _points = chain
    domain = Played(share, "v.c", "v.b", "v.a", "v")
    domain.job = lambda: setattr(domain, "live_names", ("v.c", "v.a", "v"))
    with pytest.raises(Unavailable, match="has ended without success"):
        MIDDLE.apply(context(share, domain))


@pytest.mark.parametrize(
    ("step", "live"),
    [
        (MIDDLE, ("v.c", "v.b", "v.x", "v.a", "v")),
        (Commit(("v.c", "v.b"), "v.a", "qcow2", MiB, ("b", "c")), ("v.c", "v.x", "v.b", "v.a", "v")),
        (UP, ("v.x", "v.c", "v.b", "v.a", "v")),
        (UP, ("v.c", "v.x", "v.b", "v.a", "v")),
    ],
)
def test_a_domain_merges_nothing_but_what_is_meant(
    chain: tuple[PlainShare, dict[str, bytes]], step: Commit | Pull, live: tuple[str, ...]
) -> None:
    share, points = chain
    domain = Played(share, *live)
    domain.job = lambda: pytest.fail("a job was begun")
    with pytest.raises(Refused, match="in a row|below the active file"):
        step.apply(context(share, domain))
    assert share.points() == points


def test_a_domain_that_dies_in_a_job_is_told(chain: tuple[PlainShare, dict[str, bytes]]) -> None:
    share, points = chain
    domain = Played(share, "v.c", "v.b", "v.a", "v")
    domain.job = lambda: setattr(domain, "live_names", ())
    with pytest.raises(Unavailable, match="domain web has ended during a job"):
        MIDDLE.apply(context(share, domain))
    assert share.points() == points


def test_a_middle_merge_is_done_again_at_rest_where_the_domain_died_before_it_was_seen_to_be_whole(
    chain: tuple[PlainShare, dict[str, bytes]],
) -> None:
    share, points = chain
    domain = Played(share, "v.c", "v.b", "v.a", "v")
    domain.job = lambda: dies_after_the_header(domain)
    with pytest.raises(Unavailable):
        MIDDLE.apply(context(share, domain))
    assert share.content("v.c") != points["now"]
    again = context(share, Played(share, stored=("v.c",)), recovering=True)
    assert not MIDDLE.is_done(again)
    MIDDLE.apply(again)
    assert MIDDLE.is_done(again)
    assert share.content("v.c") == points["now"] and share.content("v.a") == points["c"] != points["b"]


def test_what_was_merged_up_is_merged_again_at_rest_where_the_domain_died_before_it_was_written_out(
    chain: tuple[PlainShare, dict[str, bytes]],
) -> None:
    share, points = chain
    domain = Played(share, "v.c", "v.b", "v.a", "v")
    domain.job = lambda: dies_after_the_header(domain)
    with pytest.raises(Unavailable):
        UP.apply(context(share, domain))
    assert share.content("v.c") != points["now"] and not domain.written_out
    again = context(share, Played(share, stored=("v.c",)), recovering=True)
    assert not UP.is_done(again)
    UP.apply(again)
    assert UP.is_done(again) and share.content("v.c") == points["now"]


@pytest.mark.parametrize(("stored", "went"), [(("v.b",), True), (("v.c",), False)])
def test_whether_a_domain_that_is_gone_went_over_is_read_from_what_it_will_start_on(
    chain: tuple[PlainShare, dict[str, bytes]], stored: tuple[str, ...], went: bool
) -> None:
    share, points = chain
    domain = Played(share, "v.c", "v.b", "v.a", "v")
    domain.job = lambda: setattr(domain, "live_names", ())
    with pytest.raises(Unavailable):
        NEWEST.apply(context(share, domain))
    # it went over and the guest wrote on, or it did not
    if went:
        images.write(share.root / "v.b", "qcow2", (0x77, MiB, 64 * KiB))
    newest = share.content("v.b") if went else points["now"]
    again = context(share, Played(share, stored=stored), recovering=True)
    assert NEWEST.is_done(again) == went
    NEWEST.apply(again)
    assert share.content("v.b") == newest


def test_where_nothing_tells_which_file_is_newer_nothing_is_merged(chain: tuple[PlainShare, dict[str, bytes]]) -> None:
    share, points = chain
    domain = Played(share, "v.c", "v.b", "v.a", "v")
    domain.job = lambda: setattr(domain, "live_names", ())
    with pytest.raises(Unavailable):
        NEWEST.apply(context(share, domain))
    with pytest.raises(Refused, match="run the task on the host that the domain ran on"):
        NEWEST.apply(context(share, NoHypervisor(), recovering=True))
    assert share.points() == points


def test_without_a_sign_that_it_was_going_over_the_merge_is_done_at_rest(chain: tuple[PlainShare, dict[str, bytes]]) -> None:
    share, points = chain
    NEWEST.apply(context(share, NoHypervisor(), recovering=True))
    assert share.content("v.b") == points["now"]


@pytest.mark.parametrize("where", ["live", "stored"])
def test_nothing_that_a_domain_names_is_removed(share: PlainShare, where: str) -> None:
    share.create(size=SIZE)
    (share.root / "v.x").write_bytes(b"")
    domain = Played(share, **{"stored": ("v.x",)}) if where == "stored" else Played(share, "v.x")
    with pytest.raises(Refused, match="still part of v or of a domain"):
        RemoveMerged(("v.x",)).apply(context(share, domain))
    assert (share.root / "v.x").exists()


def test_nothing_that_somebody_has_open_is_removed(share: PlainShare) -> None:
    share.create(size=SIZE)
    share.take("x")
    images.run("cp", str(share.root / "v.x"), share.root / "v.y")
    with images.held_by_qemu(share.root / "v.y", "qcow2", write=True):
        with pytest.raises(Refused, match="has it open"):
            RemoveMerged(("v.y",)).apply(share.context())
    RemoveMerged(("v.y",)).apply(share.context())
    assert not (share.root / "v.y").exists()


def test_a_definition_follows_and_one_that_fits_is_left_alone(chain: tuple[PlainShare, dict[str, bytes]]) -> None:
    share, _points = chain
    domain = Played(share, stored=("v",))
    RedefineDomains("v.c", "qcow2", ("web",)).apply(context(share, domain))
    assert domain.stored_names == ("v.c",)
    fits = Played(share, stored=("v.c", "v.b", "v.a", "v"))
    RedefineDomains("v.c", "qcow2", ("web",)).apply(context(share, fits))
    assert fits.stored_names == ("v.c", "v.b", "v.a", "v")


def test_a_machine_cannot_start_on_an_overlay_that_was_merged_and_not_yet_removed(chain: tuple[PlainShare, dict[str, bytes]]) -> None:
    share, points = chain
    (commit, *_rest) = plan_absent(share.read(), ["c"]).steps
    here = share.context()
    commit.apply(here)
    assert commit.offline_files_after(here) == ("v.c",)
    assert share.content("v.b") == points["now"]
