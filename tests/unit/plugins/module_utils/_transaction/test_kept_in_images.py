# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What QEMU and libvirt keep in a qcow2 image beside the disk, internal snapshots and bitmaps, is shown and never lost silently."""

from __future__ import annotations

from typing import Callable

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import plan_absent, plan_reverted
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import VolumeRequest, plan_present
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import plan_absent as plan_no_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume, volume_object
from ansible_collections.vdisk.gluster.tests.harness.images import KiB, qemu_img
from ansible_collections.vdisk.gluster.tests.harness.shares import PlainShare

SIZE = 512 * KiB


@pytest.fixture
def chain(share: PlainShare) -> PlainShare:
    """Make a qcow2 volume with the snapshots a and b: v.b on v.a on v, each with data of its own."""
    share.create(size=SIZE, format="qcow2")
    for number, name in enumerate("ab", 1):
        share.write((number, number * 64 * KiB, 64 * KiB))
        share.take(name)
    share.write((9, 0, 64 * KiB))
    return share


def done(share: PlainShare, plan: Callable[[Volume], Plan], check_mode: bool = False) -> bool:
    """Let a task change the volume; return whether it did."""
    return share.session(check_mode).change({"v": share.share}, lambda volumes: [plan(volume) for volume in volumes]).changed


def snapshot_in(share: PlainShare, file: str) -> None:
    """Let QEMU keep a snapshot inside of a file."""
    qemu_img("snapshot", "-c", "inside", share.root / file)


def bitmap_in(share: PlainShare, file: str) -> None:
    """Let QEMU keep a bitmap in a file."""
    qemu_img("bitmap", "--add", share.root / file, "checkpoint")


KEEPING = {"internal snapshots": snapshot_in, "persistent bitmaps": bitmap_in}


@pytest.mark.parametrize("what", KEEPING)
@pytest.mark.parametrize(
    ("file", "plan"),
    [
        ("v.a", lambda volume: plan_absent(volume, ["a"])),
        ("v.b", lambda volume: plan_absent(volume, ["b"])),
        ("v.b", lambda volume: plan_reverted(volume, "b", False)),
        ("v.b", lambda volume: plan_reverted(volume, "a", True)),
        ("v", lambda volume: plan_no_volume(volume, False)),
    ],
    ids=["merge a middle one", "merge the newest", "revert", "discard newer", "remove"],
)
def test_what_would_be_lost_is_named_and_nothing_changes(chain: PlainShare, what: str, file: str, plan: Callable[[Volume], Plan]) -> None:
    if file == "v":
        for snapshot in "ab":
            chain.drop(snapshot)
    KEEPING[what](chain, file)
    points, names = chain.points(), chain.files()
    shown = {entry["file"]: (entry["internal_snapshots"], entry["bitmaps"]) for entry in volume_object(chain.read())["chain"]}
    assert shown.pop(file) == ((1, 0) if what == "internal snapshots" else (0, 1)) and set(shown.values()) <= {(0, 0)}
    for check_mode in (True, False):
        with pytest.raises(Refused, match=f"^{file} of v on gl1:/vms has 1 {what}, .*which would be lost; delete them first"):
            done(chain, plan, check_mode)
    assert (chain.points(), chain.files()) == (points, names)


@pytest.mark.parametrize("what", KEEPING)
def test_what_is_not_lost_is_no_matter(chain: PlainShare, what: str) -> None:
    """A base that is merged into keeps what it has; and a volume goes with all of it where that is said."""
    KEEPING[what](chain, "v")
    points = chain.points()
    assert done(chain, lambda volume: plan_absent(volume, ["a"]))
    assert chain.points() == {name: content for name, content in points.items() if name != "a"}
    base = chain.read().chain.files[-1]
    assert (base.internal_snapshots, base.bitmaps) == ((1, 0) if what == "internal snapshots" else (0, 1))
    assert done(chain, lambda volume: plan_no_volume(volume, True))
    assert chain.files() == set()


def test_a_base_that_cannot_grow_is_refused_before_anything_is_begun(share: PlainShare) -> None:
    qemu_img("create", "-q", "-f", "qcow2", "-o", "compat=0.10", share.root / "v", str(SIZE))
    (share.root / "v").chmod(0o660)
    assert done(share, lambda volume: plan_present(volume, VolumeRequest(format="qcow2")))
    snapshot_in(share, "v")
    share.take("a")
    share.grow(2 * SIZE)
    share.write((7, SIZE, 64 * KiB))
    points = share.points()
    with pytest.raises(Refused, match=r"^v of v on gl1:/vms is a qcow2 image of version 2 \(compat=0.10\) with internal"):
        done(share, lambda volume: plan_absent(volume, ["a"]))
    assert share.points() == points and not share.read().unfinished
    qemu_img("snapshot", "-d", "inside", share.root / "v")
    assert done(share, lambda volume: plan_absent(volume, ["a"]))
    assert share.points() == {"now": points["now"]}
