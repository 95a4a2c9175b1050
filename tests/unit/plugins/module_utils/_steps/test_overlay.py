# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps on snapshots change no point in time, and killed at any moment they are finished by the next task."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.snapshot import plan_absent, plan_present, plan_reverted
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import plan_absent as plan_no_volume
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.overlay import CreateOverlay, RebaseOverlay, RemoveMerged
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.session import Planner
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import SnapshotNote
from ansible_collections.vdisk.gluster.tests.harness import images
from ansible_collections.vdisk.gluster.tests.harness.images import KiB, MiB, held_by_qemu
from ansible_collections.vdisk.gluster.tests.harness.shares import GROUP, OWNER, PlainShare, kinds

SIZE = 2 * MiB


def build(share: PlainShare, snapshots: str, file_format: str = "raw", heavy: str = "") -> dict[str, bytes]:
    """Make a volume with another pattern before each snapshot and return what every point reads as.

    Each layer holds clusters of its own, some that hide older ones, and some that are zero over older ones. What is
    written after a snapshot named in C(heavy) is so much that the file below it is better merged up.
    """
    share.create(size=SIZE, format=file_format)
    share.write((0xF0, 0, SIZE))
    points = {}
    for number, snapshot in enumerate(snapshots, 1):
        points[snapshot] = share.content()
        share.take(snapshot)
        share.write((number, 0, 4 * KiB), (number, number * 128 * KiB, 192 * KiB))
        volume = share.read()
        images.run("qemu-io", "-f", "qcow2", "-c", f"write -q -z {(number + 8) * 96 * KiB} {64 * KiB}", Path(volume.path))
        if snapshot in heavy:
            share.write((0x80 + number, 1 * MiB, 1 * MiB - 64 * KiB))
    points["now"] = share.content()
    return points


def copied(share: PlainShare, root: Path) -> PlainShare:
    """Return a share with the same files, sparse as they are."""
    subprocess.run(["cp", "-a", "--sparse=always", str(share.root), str(root)], check=True)
    return PlainShare(root)


DROPS = [dropped for count in (1, 2, 3, 4) for dropped in itertools.combinations("abcd", count)]


@pytest.fixture(scope="module", params=["raw, up and down", "qcow2, down"])
def four(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[PlainShare, dict[str, bytes]]:
    """Return a volume with four snapshots; in one so much lies above the first and third that both directions occur."""
    share = PlainShare(tmp_path_factory.mktemp("four"))
    file_format, _comma, directions = request.param.partition(", ")
    return share, build(share, "abcd", file_format, heavy="bd" if "up" in directions else "")


@pytest.mark.parametrize("dropped", DROPS, ids="".join)
def test_each_set_of_snapshots_is_dropped_in_one_go_and_every_other_point_stays(
    four: tuple[PlainShare, dict[str, bytes]], dropped: tuple[str, ...], tmp_path: Path
) -> None:
    source, points = four
    share = copied(source, tmp_path / "share")
    share.drop(*dropped)
    assert share.points() == {name: data for name, data in points.items() if name not in dropped}
    assert len(share.files()) == 5 - len(dropped)


def test_both_directions_are_taken_here(four: tuple[PlainShare, dict[str, bytes]]) -> None:
    volume = four[0].read()
    taken = {dropped: kinds(plan_absent(volume, dropped).steps) for dropped in SHAPES}
    up = volume.record is not None and volume.record.base_format == "raw"
    assert [taken[dropped].count("Pull") for dropped in ("b", "bd", "abd", "abcd")] == ([1, 2, 1, 0] if up else [0, 0, 0, 0])
    assert [taken[dropped].count("Commit") for dropped in ("b", "bd", "abd", "abcd")] == ([0, 0, 1, 1] if up else [1, 2, 2, 1])


# each plan has another shape: merges in the middle, at the top, several runs, and up and down in one plan
SHAPES = ["b", "ad", "bd", "abd", "abcd"]


@pytest.mark.parametrize("dropped", SHAPES)
def test_killed_between_any_two_steps_the_next_task_finishes_the_plan_and_keeps_what_a_guest_wrote_meanwhile(
    four: tuple[PlainShare, dict[str, bytes]], dropped: str, tmp_path: Path
) -> None:
    """A machine may start and stop between the kill and the next task; it writes to what the info file calls active."""
    source, points = four
    plan = plan_absent(source.read(), dropped)
    kept = {name: data for name, data in points.items() if name not in dropped and name != "now"}
    for done in range(len(plan.steps) + 1):
        share = copied(source, tmp_path / f"share{done}")
        share.kill(lambda volumes: [plan_absent(volumes[0], dropped)], done)
        active = share.context().info()
        assert active is not None
        file_format = "raw" if active.active == "v" and share.read().record.base_format == "raw" else "qcow2"
        images.write(share.root / active.active, file_format, (0xEE, 0, 8 * KiB), (0xED, 512 * KiB, 640 * KiB))
        now = images.content(share.root / active.active, file_format)
        share.recover()
        share.sound()
        assert share.points() == {**kept, "now": now}, f"after {done} of {kinds(plan.steps)}"
        shutil.rmtree(share.root)


@pytest.mark.parametrize("dropped", SHAPES)
def test_every_step_twice_in_a_row_is_as_good_as_once(four: tuple[PlainShare, dict[str, bytes]], dropped: str, tmp_path: Path) -> None:
    source, points = four
    share = copied(source, tmp_path / "share")
    plan = plan_absent(share.read(), dropped)
    share.apply(plan, [step for step in plan.steps for _twice in range(2)])
    share.sound()
    assert share.points() == {name: data for name, data in points.items() if name not in dropped}


def interrupted(program: list[str], seconds: float) -> None:
    """Start qemu-img so slowly that it cannot end, and kill it."""
    process = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    assert process.poll() is None, "it ended before it could be killed"
    process.kill()
    process.wait()


@pytest.mark.parametrize("file_format", ["raw", "qcow2"])
def test_a_merge_down_that_was_killed_half_way_is_finished(share: PlainShare, file_format: str) -> None:
    share.create(size=16 * MiB, format=file_format)
    share.write((1, 0, 12 * MiB))
    share.take("a")
    share.write((2, 2 * MiB, 8 * MiB))
    share.take("b")
    points = share.points()
    steps = share.kill(lambda volumes: [plan_absent(volumes[0], ["a"])], 0)
    assert kinds(steps)[0] == "Commit"
    before = (share.root / "v").read_bytes()
    interrupted(["qemu-img", "commit", "-q", "-d", "-r", "4M", "-f", "qcow2", "-b", "v", str(share.root / "v.a")], 0.7)
    assert (share.root / "v").read_bytes() != before, "it was killed before it wrote anything"
    assert share.content("v.b") == points["now"]
    share.recover()
    share.sound()
    assert share.points() == {"b": points["b"], "now": points["now"]}


def test_a_merge_up_that_was_killed_half_way_is_finished(share: PlainShare) -> None:
    """qemu-img names the new backing file last, so that a part of what is below has been copied and nothing else."""
    points = build(share, "ab", "raw", heavy="b")
    steps = share.kill(lambda volumes: [plan_absent(volumes[0], ["b"])], 0)
    assert kinds(steps)[0] == "Pull"
    below = share.content("v.a")
    with open(share.root / "part", "wb") as stream:
        stream.write(below[128 * KiB : 192 * KiB])
    images.run("qemu-io", "-f", "qcow2", "-c", f"write -q -s {share.root / 'part'} {128 * KiB} {64 * KiB}", share.root / "v.b")
    os.unlink(share.root / "part")
    share.recover()
    share.sound()
    assert share.points() == {"a": points["a"], "now": points["now"]}
    assert share.files() == {"v", "v.b"}


@pytest.mark.parametrize(("file", "file_format"), [("v", "raw"), ("v.a", "qcow2")])
@pytest.mark.parametrize("write", [False, True])
def test_no_snapshot_is_dropped_while_a_file_of_the_merge_is_open_even_for_reading(
    share: PlainShare, file: str, file_format: str, write: bool
) -> None:
    """qemu-img itself would merge into a raw file that another program reads: a reader of raw denies nobody to write."""
    build(share, "ab")
    before = dict(images.every_file(share.root))
    with held_by_qemu(share.root / file, file_format, write), pytest.raises(Refused, match="is being read"):
        share.session().change({"v": share.share}, lambda volumes: [plan_absent(volumes[0], ["a"])])
    assert dict(images.every_file(share.root)) == before


def test_an_overlay_is_owned_like_the_active_file_and_as_large(share: PlainShare) -> None:
    share.create(size=SIZE + 512, mode=0o640)
    os.chown(share.root / "v", OWNER, GROUP)
    share.take("a")
    status = os.stat(share.root / "v.a")
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (OWNER, GROUP, 0o640)
    said = images.info(share.root / "v.a")
    assert (said["virtual-size"], said["backing-filename"], said["backing-filename-format"]) == (SIZE + 512, "v", "raw")
    status = os.stat(share.root / "v.info")
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (OWNER, GROUP, 0o640)


def test_a_raw_file_of_odd_length_gets_an_overlay_of_whole_sectors(share: PlainShare) -> None:
    share.create(size=SIZE)
    os.truncate(share.root / "v", SIZE + 100)
    share.take("a")
    assert images.info(share.root / "v.a")["virtual-size"] == SIZE + 512


def test_an_overlay_over_a_base_that_holds_a_crafted_header_reads_its_bytes(share: PlainShare, tmp_path: Path) -> None:
    """CVE-2014-3641: a guest writes a header that names a file of the host into its raw disk."""
    (tmp_path / "secret").write_bytes(b"secret" * 1000)
    share.create(size=MiB)
    crafted = tmp_path / "crafted"
    images.qemu_img("create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(tmp_path / "secret"), crafted, "1M")
    with open(share.root / "v", "r+b") as stream:
        stream.write(crafted.read_bytes()[: 256 * KiB])
    os.unlink(crafted)
    raw = (share.root / "v").read_bytes()
    share.take("a")
    share.take("b")
    assert share.points() == {"a": raw, "b": raw, "now": raw}
    share.drop("a")
    share.drop("b")
    assert (share.root / "v").read_bytes() == raw


def test_an_overlay_that_is_not_the_one_meant_is_left_alone(share: PlainShare) -> None:
    build(share, "a")
    share.apply(plan_present([share.read()], "b", SnapshotNote())[0])
    before = dict(images.every_file(share.root))
    with pytest.raises(Refused, match="is not the overlay that was being created; move it away"):
        CreateOverlay("v.b", "v", "raw", SIZE, "b", "v", "a test wants it").apply(share.context())
    assert dict(images.every_file(share.root)) == before


def test_nothing_that_the_chain_or_the_info_file_names_is_removed(share: PlainShare) -> None:
    build(share, "ab")
    (share.root / "v.x").write_bytes(b"")
    for files in (("v",), ("v.x", "v.a"), ("v.b",)):
        with pytest.raises(Refused, match="is still part of v or of a domain; it is not removed"):
            RemoveMerged(files).apply(share.context())
    assert share.files() == {"v", "v.a", "v.b", "v.x"}
    RemoveMerged(("v.x",)).apply(share.context())
    assert share.files() == {"v", "v.a", "v.b"}


def test_removal_that_was_cut_short_is_finished(share: PlainShare) -> None:
    points = build(share, "abc")
    done = kinds(plan_absent(share.read(), "ab").steps).index("RemoveMerged")
    share.kill(lambda volumes: [plan_absent(volumes[0], "ab")], done)
    os.unlink(share.root / "v.b")
    share.recover()
    share.sound()
    assert share.points() == {"c": points["c"], "now": points["now"]}
    assert share.files() == {"v", "v.c"}


@pytest.mark.parametrize("done", range(4))
def test_taking_a_snapshot_is_finished_from_any_step(share: PlainShare, done: int) -> None:
    points = build(share, "a")
    share.kill(lambda volumes: plan_present(volumes, "b", SnapshotNote()), done)
    share.recover()
    share.sound()
    assert share.points() == {"a": points["a"], "b": points["now"], "now": points["now"]}
    assert share.files() == {"v", "v.a", "v.b"}


def test_what_was_written_after_a_snapshot_survives_its_plan_being_applied_again(share: PlainShare) -> None:
    points = build(share, "a")
    (plan,) = plan_present([share.read()], "b", SnapshotNote())
    share.apply(plan)
    share.write((0xEE, 0, MiB))
    now = share.content()
    share.apply(plan)
    share.sound()
    assert share.points() == {"a": points["a"], "b": points["now"], "now": now}


def test_a_snapshot_is_not_finished_under_a_machine_that_has_started(share: PlainShare) -> None:
    """The machine writes to the file that would be frozen; the plan waits until it ends."""
    build(share, "a")
    share.kill(lambda volumes: plan_present(volumes, "b", SnapshotNote()), 0)
    before = dict(images.every_file(share.root))
    with held_by_qemu(share.root / "v.a", "qcow2", write=True), pytest.raises(Refused, match="in use"):
        share.recover()
    assert dict(images.every_file(share.root)) == before
    share.recover()
    assert [snapshot.name for snapshot in share.sound().snapshots] == ["a", "b"]


def test_temporary_files_of_a_killed_task_are_cleared_away(share: PlainShare) -> None:
    build(share, "a")
    for name in ("v.b", "v.info", ".vdisk/v.json"):
        Path(share.context().temporary(name)).write_bytes(b"half")
    other = Path(share.context("w").temporary("w"))
    other.write_bytes(b"half")
    foreign = share.root / ".v.swp"
    foreign.write_bytes(b"x")
    share.session().change({"v": share.share}, lambda volumes: plan_present(volumes, "b", SnapshotNote()))
    share.sound()
    assert other.exists() and foreign.exists()


def test_a_repointed_header_is_written_under_the_image_lock(share: PlainShare) -> None:
    build(share, "abc")
    plan = plan_absent(share.read(), "b")
    step = next(step for step in plan.steps if isinstance(step, RebaseOverlay))
    before = (share.root / step.file).read_bytes()
    with held_by_qemu(share.root / step.file, "qcow2", write=False), pytest.raises(Refused, match="in use"):
        step.apply(share.context())
    assert (share.root / step.file).read_bytes() == before


def test_the_info_file_and_record_are_replaced_whole_never_rewritten(share: PlainShare) -> None:
    build(share, "a")
    kept = {}
    for name in ("v.info", ".vdisk/v.json"):
        kept[name] = (os.open(share.root / name, os.O_RDONLY), (share.root / name).read_bytes())
    share.take("b")
    for name, (descriptor, content) in kept.items():
        assert os.pread(descriptor, 1 << 20, 0) == content != (share.root / name).read_bytes()
        os.close(descriptor)


@pytest.mark.parametrize("done", [0, 1])
def test_removing_a_volume_is_finished_and_touches_no_other(share: PlainShare, done: int) -> None:
    share.create("w", size=MiB)
    build(share, "ab")
    share.kill(lambda volumes: [plan_no_volume(volumes[0], True)], done)
    if not done:
        os.unlink(share.root / "v.b")
    share.recover()
    left = {path.name for path in share.root.iterdir()} | {path.name for path in (share.root / ".vdisk").iterdir()}
    assert left - {"v.lock"} == {"w", ".vdisk", "w.json"}


@pytest.mark.parametrize("done", range(4))
def test_a_group_is_finished_as_a_whole_or_not_begun(share: PlainShare, done: int) -> None:
    points = {}
    for name in ("v", "w"):
        share.create(name, size=MiB)
        share.write((ord(name), 0, MiB), name=name)
        points[name] = share.content(name=name)
    share.kill(lambda volumes: plan_present(volumes, "s", SnapshotNote()), done, "v", "w")
    share.recover("w")
    share.recover("v")
    for name in ("v", "w"):
        share.sound(name)
        assert share.points(name) == {"s": points[name], "now": points[name]}


def revert(name: str, discard_newer: bool = False) -> Planner:
    """Return the planner of a task that reverts a volume."""
    return lambda volumes: [plan_reverted(volumes[0], name, discard_newer)]


def test_a_volume_reads_as_it_did_at_the_snapshot_it_was_reverted_to(share: PlainShare) -> None:
    points = build(share, "abc")
    share.session().change({"v": share.share}, revert("c"))
    share.sound()
    assert share.points() == {**points, "now": points["c"]}
    before = dict(images.every_file(share.root))
    assert not share.session().change({"v": share.share}, revert("c")).changed
    assert dict(images.every_file(share.root)) == before
    with pytest.raises(Refused, match="is not the newest, b, c came after it; set discard_newer"):
        share.session().change({"v": share.share}, revert("a"))
    share.session().change({"v": share.share}, revert("a", True))
    share.sound()
    assert share.points() == {"a": points["a"], "now": points["a"]}
    # a new name, so that one replacement of the info file is the whole switch
    assert share.files() == {"v", "v.a_2"}


def test_a_revert_after_a_growth_keeps_the_size_and_reads_zeroes_beyond(share: PlainShare) -> None:
    points = build(share, "a")
    share.grow(SIZE + MiB)
    share.write((9, 0, SIZE + MiB))
    share.session().change({"v": share.share}, revert("a"))
    assert share.sound().active.virtual_size == SIZE + MiB
    assert share.points() == {"a": points["a"], "now": points["a"] + bytes(MiB)}


@pytest.mark.parametrize(("name", "steps"), [("c", 1), ("a", 4)])
def test_a_revert_is_finished_from_any_step_and_keeps_what_a_guest_wrote_meanwhile(
    share: PlainShare, name: str, steps: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    points = build(share, "abc")
    kept = {point: data for point, data in points.items() if point <= name}
    for done in range(steps + 1):
        for guest in (False, True):
            other = copied(share, tmp_path_factory.mktemp("revert") / "share")
            assert len(other.kill(revert(name, True), done)) == steps
            expected = points[name]
            if guest and done > 0:
                active = other.context().info()
                assert active is not None
                images.write(other.root / active.active, "qcow2", (0xEE, 0, 8 * KiB))
                written = images.content(other.root / active.active, "qcow2")
                expected = written if done > 1 or name == "c" else expected
            other.recover()
            other.sound()
            assert other.points() == {**kept, "now": expected}, f"after {done} steps"
