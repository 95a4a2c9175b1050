# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress is told on change, seldom enough, with figures that are right; what reads it believes nothing else."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common import progress_file
from ansible_collections.vdisk.gluster.plugins.module_utils._common import single_flight as single_flight_module
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Runner
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import Progress, ProgressReport, dump, duration, parse
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress_file import ProgressFile, is_token, path_of, read, token_of
from ansible_collections.vdisk.gluster.plugins.module_utils._common.single_flight import single_flight
from ansible_collections.vdisk.gluster.tests.harness.waiting import said_and_heard

MIB = 1 << 20


class Clock:
    """A clock that stands still until it is put forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def run_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory in place of the one of all tasks of this host."""
    monkeypatch.setattr(progress_file, "DIRECTORY", str(tmp_path))
    return tmp_path


def test_a_line_says_percent_bytes_rate_and_time_left(clock: Clock) -> None:
    told: list[ProgressReport] = []
    progress = Progress(told.append, clock)
    step = progress.step("copy v1", 100 * MIB)
    for _second in range(4):
        clock.now += 1
        step.update(fraction=(clock.now - 1000) / 10)
    assert told[-1].line() == "copy v1: 40 %, 40 MiB of 100 MiB, 10 MiB/s, 6 s left"
    clock.now += 6
    step.update(100 * MIB)
    assert told[-1].line() == "copy v1: 100 %, 100 MiB of 100 MiB, 10 MiB/s"


def test_without_a_total_there_is_a_percentage_or_a_count(clock: Clock) -> None:
    told: list[ProgressReport] = []
    progress = Progress(told.append, clock)
    clock.now += 1
    step = progress.step("merge")
    assert told[-1].line() == "merge: begun"
    clock.now += 10
    step.update(fraction=0.25)
    assert told[-1].line() == "merge: 25 %, 30 s left"
    clock.now += 1
    step = progress.step("read")
    clock.now += 1
    step.update(3 * MIB)
    assert told[-1].line() == "read: 3 MiB, 3 MiB/s"


def test_the_rate_is_that_of_late_not_of_the_whole_step(clock: Clock) -> None:
    told: list[ProgressReport] = []
    step = Progress(told.append, clock).step("copy", 10000 * MIB)
    done = 0
    for speed in (100, 1):
        for _second in range(100):
            clock.now += 1
            done += speed * MIB
            step.update(done)
        assert told[-1].rate == pytest.approx(speed * MIB, rel=0.01)


def test_nothing_is_told_twice_too_often_or_of_a_step_that_is_over(clock: Clock) -> None:
    told: list[ProgressReport] = []
    progress = Progress(told.append, clock)
    step = progress.step("one", 100)
    for done in range(50):
        step.update(done)
    assert told == [], "work that is done at once tells nothing"
    clock.now += 0.5
    step.update(50)
    step.update(51)
    assert [report.done for report in told] == [50]
    for _time in range(10):
        clock.now += 1
        step.update(51)
    assert [report.done for report in told] == [50, 51], "what did not change is told once"
    progress.step("two")
    clock.now += 1
    step.update(99)
    assert [(report.label, report.done) for report in told] == [("one", 50), ("one", 51), ("two", None)]


def test_of_steps_at_a_time_one_is_told_of_until_it_ends_then_another(clock: Clock) -> None:
    told: list[ProgressReport] = []
    progress = Progress(told.append, clock)
    with progress.step("one", 100) as one, progress.step("two", 100) as two:
        for done in (10, 20):
            clock.now += 1
            one.update(done)
            two.update(done)
        assert [(report.label, report.done) for report in told] == [("two", 10), ("two", 20)]
        two.__exit__()
        clock.now += 1
        two.update(100)
        clock.now += 1
        one.update(30)
    assert [(report.label, report.done) for report in told[2:]] == [("two", 100), ("one", 30)]


def test_a_later_listener_is_told_at_once_how_far_it_is(clock: Clock) -> None:
    first: list[ProgressReport] = []
    second: list[ProgressReport] = []
    progress = Progress(first.append, clock)
    progress.step("one", 100).update(10)
    progress.also_to(second.append)
    assert [report.done for report in second] == [10] == [report.done for report in first]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (185, "3 min 05 s"), (7620, "2 h 07 min"), (360000, "100 h 00 min")]
)
def test_times_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_report_survives_being_handed_on_and_nothing_else_does() -> None:
    report = ProgressReport("copy v1", 5, 10, 0.5, 2.5, 2.0)
    assert parse(dump(report, "v1")) == (report, "v1")
    for junk in (b"", b"{", b"[1]", b"\xff\xfe", b'{"label": 3}', b"[" * 4000):
        assert parse(junk) is None
    wild = json.dumps(
        {"label": "a\nb\x1b[31m" + "c" * 900, "done": "7", "total": -1, "fraction": True, "rate": 1e300, "left": None, "subject": 1}
    )
    found, subject = parse(wild) or (None, "")
    assert found is not None and found.line().startswith("ab[31mccc") and len(found.label) <= 400
    assert (found.done, found.total, found.fraction, found.rate, subject) == (None, None, None, None, None)


def test_a_file_is_whole_private_and_gone_in_the_end(run_lock: Path) -> None:
    token = token_of("export:/x")
    assert is_token(token) and not is_token("../x") and not is_token(token + "\n") and not is_token(None)
    with ProgressFile(token, "what") as output:
        output(ProgressReport("one"))
        output(ProgressReport("two", 1, 2))
        assert read(token) == (ProgressReport("two", 1, 2), "what")
        assert [path.name for path in run_lock.iterdir()] == [os.path.basename(path_of(token))]
        assert os.stat(path_of(token)).st_mode & 0o777 == 0o600
    assert list(run_lock.iterdir()) == [] and read(token) is None
    output(ProgressReport("late"))
    assert list(run_lock.iterdir()) == []


def test_what_cannot_be_written_does_not_fail_the_work(run_lock: Path) -> None:
    token = token_of("x")
    run_lock.joinpath(f"vdisk-progress-{token}").mkdir()
    with ProgressFile(token) as output:
        output(ProgressReport("one"))
        output(ProgressReport("two"))
    assert [path.name for path in run_lock.iterdir()] == [f"vdisk-progress-{token}"]


def test_a_link_or_a_file_of_somebody_else_is_not_believed(run_lock: Path) -> None:
    token = token_of("x")
    target = run_lock / "target"
    target.write_bytes(dump(ProgressReport("evil")))
    os.symlink(target, path_of(token))
    assert read(token) is None
    os.unlink(path_of(token))
    os.rename(target, path_of(token))
    assert read(token) == (ProgressReport("evil"), None)
    if os.geteuid() == 0:
        os.chown(path_of(token), 65534, 65534)
        assert read(token) is None


def test_what_killed_tasks_left_long_ago_is_swept_up(run_lock: Path) -> None:
    for name, age in (("vdisk-progress-old", 2 * 86400), ("vdisk-progress-new", 60), ("vdisk-1.lock", 2 * 86400)):
        (run_lock / name).write_text("x")
        os.utime(run_lock / name, (time.time() - age,) * 2)
    with ProgressFile(token_of("x")) as output:
        output(ProgressReport("one"))
    assert sorted(path.name for path in run_lock.iterdir()) == ["vdisk-1.lock", "vdisk-progress-new"]


def test_a_program_is_heard_while_it_runs(tmp_path: Path) -> None:
    said_and_heard(Runner(30, interval=0.02), tmp_path)


def test_the_same_work_is_waited_for_and_other_work_is_not(run_lock: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[ProgressReport] = []
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        clock.now += seconds

    monkeypatch.setattr(single_flight_module, "time", SimpleNamespace(monotonic=clock, sleep=wait))
    work = f"test:{run_lock}"
    progress = Progress(told.append, clock)
    with single_flight(work, "this", "copy", Progress(), 5) as ours:
        assert ours
        with single_flight(work, "that", "copy", progress, 5) as others:
            assert not others and not waited
        with single_flight(work, "this", "copy", progress, 0.7) as others:
            assert not others, "work that stands still is not waited for for ever"
        assert 0.7 < sum(waited) < 3
    assert [report.label for report in told] == ["copy (by another task that is already running)"]
    with single_flight(work, "this", "copy", progress, 5) as ours:
        assert ours
    assert list(run_lock.iterdir()) == []
