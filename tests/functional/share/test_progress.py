# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long tasks say how far they are while they run: by ansible-playbook, detached, in loops, on several hosts; secret ones do not."""

from __future__ import annotations

import json
import os
import re
import sys

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress_file import DIRECTORY
from ansible_collections.vdisk.gluster.tests.harness.playing import play, slow_qemu_img, until

MIB = 1 << 20
FULL_LINE = re.compile(r"PROGRESS \[box\]: copy .*: \d+ %, [0-9.]+ MiB of [0-9.]+ MiB, [0-9.]+ [KM]iB/s, \d+ s left")


@pytest.fixture
def slow(place, tmp_path):
    """A share with the volume v1 whose snapshot s1 takes three seconds and more to copy."""
    place.volume(size="80M")
    place.write(7, 0, 64 * MIB)
    place.snapshot("s1")
    place.write(8, MIB, MIB)
    place.out = tmp_path / "out"
    place.out.mkdir()
    place.programs = slow_qemu_img(tmp_path)
    return place


def export(place, name="copy", **task):
    """Return a task that exports s1, with a line a second."""
    options = {
        "share": place.share,
        "mount_point_base": str(place.base),
        "libvirt_uri": "none",
        "volume": "v1",
        "snapshot": "s1",
        "progress_interval": 1,
    }
    more = task.pop("options", {})
    return {"name": "Export", "vdisk.gluster.gluster_image_export": {**options, "dest": f"{place.out}/{name}", **more}, **task}


def run(place, tasks, *options, **more):
    playing = play(place.tmp, tasks, *options, programs=place.programs, **more)
    text = playing.wait()
    assert playing.process.returncode == 0, text
    return playing


def progress_files() -> set[str]:
    return {name for name in os.listdir(DIRECTORY) if name.startswith("vdisk-progress-")}


def until_as(before: set[str]) -> None:
    """Wait until no progress file is there that is there now and was not before; those of tests at the same time come and go."""
    new = progress_files() - before
    until(lambda: not new & progress_files(), f"the end of {new}")


def test_lines_with_all_figures_come_while_the_task_runs_and_nothing_is_left_of_them(slow):
    before = progress_files()
    playing = run(slow, [export(slow)], "-v")
    lines = playing.progress()
    assert len(lines) >= 2, playing.text()
    assert any(FULL_LINE.match(line.text) for line in lines), playing.text()
    assert "snapshot s1 of v1 on" in lines[0].text and str(slow.out / "copy") in lines[0].text
    result = next(line for line in playing.lines if line.text.startswith("changed: [box]"))
    assert lines[0].at < result.at - 1, "a line is there while the task is still running"
    # one a second; a line can be read late, and the next one in time
    assert len(lines) - 1 <= lines[-1].at - lines[0].at + 1, lines
    assert (slow.out / "copy").read_bytes() == slow.read(snapshot="s1")
    until_as(before)
    assert "_progress" not in re.sub("progress_interval", "", playing.text())


def test_the_environment_of_the_user_reaches_the_module_too(slow):
    """Lines come only where the task finds the slow qemu-img, by the PATH that the user gives the play."""
    path = f"{slow.programs}:{os.environ['PATH']}"
    slow.programs = None
    task = export(slow, "{{ item }}", loop=["one", "two"], environment={"VDISK_TEST": "1"})
    lines = run(slow, [task], environment={"PATH": path}).progress()
    for name in ("one", "two"):
        assert sum(f"{slow.out}/{name}" in line.text for line in lines) >= 2, lines


def test_nothing_is_said_of_short_work_of_secret_work_and_where_nobody_wants_it(slow):
    quick = {
        "volume": "v1",
        "snapshot": "s1",
        "share": slow.share,
        "mount_point_base": str(slow.base),
        "libvirt_uri": "none",
        "progress_interval": 1,
    }
    playing = run(
        slow,
        [
            export(slow, "secret", no_log=True),
            export(slow, "silent", options={"progress_interval": 0}),
            export(slow, "rare", options={"progress_interval": 60}),
            {"name": "Already there", "vdisk.gluster.gluster_image_export": {**quick, "dest": f"{slow.out}/rare"}},
        ],
        "-v",
    )
    assert playing.progress() == []
    assert all((slow.out / name).exists() for name in ("secret", "silent", "rare"))
    assert "unchanged" not in playing.text() and "changed=3" in playing.text()


def test_an_interval_for_all_tasks_can_be_set_by_the_action_group(slow):
    task = export(slow)
    del task["vdisk.gluster.gluster_image_export"]["progress_interval"]
    playing = run(slow, [task], module_defaults={"group/vdisk.gluster.gluster": {"progress_interval": 1}})
    assert len(playing.progress()) >= 2
    playing = play(slow.tmp, [export(slow, "x", options={"progress_interval": -1})], programs=slow.programs)
    assert "progress_interval: -1 is negative" in playing.wait()
    playing = play(slow.tmp, [export(slow, "x", options={"progress_interval": "often"})], programs=slow.programs)
    assert "progress_interval" in playing.wait() and playing.process.returncode == 2


def test_check_mode_says_what_would_be_done_and_leaves_no_file(slow):
    before = progress_files()
    playing = run(slow, [export(slow)], "--check", "-v")
    assert playing.progress() == [] and "would be exported" in playing.text()
    until_as(before)
    assert os.listdir(slow.out) == []


def test_each_item_of_a_loop_has_lines_of_its_own(slow):
    task = export(slow, "{{ item }}", loop=["one", "two"])
    lines = run(slow, [task]).progress()
    for name in ("one", "two"):
        assert sum(f"{slow.out}/{name}" in line.text for line in lines) >= 2, lines


@pytest.mark.sample(1)
@pytest.mark.parametrize("options", [(), ("-vvvv",)], ids=["plain", "loud"])
def test_a_detached_task_that_is_waited_for_has_lines_too(slow, options):
    playing = run(
        slow, [{**export(slow), "async": 60, "poll": 1, "register": "done"}, {"ansible.builtin.assert": {"that": "done.changed"}}], *options
    )
    lines = playing.progress()
    assert len(lines) >= 2 and any(FULL_LINE.match(line.text) for line in lines), playing.text()
    assert "_progress'" not in playing.text()
    assert (slow.out / "copy").read_bytes() == slow.read(snapshot="s1")


def test_a_detached_task_that_is_not_waited_for_goes_on_silently(slow):
    task = {**export(slow), "async": 60, "poll": 0, "register": "job"}
    status = {
        "ansible.builtin.async_status": {"jid": "{{ job.ansible_job_id }}"},
        "register": "s",
        "until": "s.finished",
        "retries": 60,
        "delay": 1,
    }
    playing = run(slow, [task, status])
    assert playing.progress() == []
    assert (slow.out / "copy").read_bytes() == slow.read(snapshot="s1")


def test_a_second_run_watches_the_copy_that_a_cut_off_run_began(slow):
    # however long the second one takes to start, the copy lasts until it has said something
    watched = slow.tmp / "watched"
    held = slow.tmp / "held"
    held.mkdir()
    programs = slow_qemu_img(held, until_there=watched)
    first = play(slow.tmp, [export(slow)], programs=programs)
    until(first.progress, "a line of the first run")
    first.kill()
    second = play(slow.tmp, [export(slow)], "-v", programs=programs)
    until(second.progress, "a line of the second run")
    watched.touch()
    second.wait()
    assert second.process.returncode == 0, second.text()
    lines = second.progress()
    assert lines and all("by another task that is already running" in line.text for line in lines), second.text()
    assert "changed=0" in second.text() and "holds snapshot s1 of v1" in second.text()
    assert (slow.out / "copy").read_bytes() == slow.read(snapshot="s1")
    assert sorted(os.listdir(slow.out)) == ["copy", "copy.manifest.json"]


def test_several_hosts_at_once_each_say_how_far_they_are(slow):
    hosts = {name: {"ansible_connection": "local", "ansible_python_interpreter": sys.executable} for name in ("one", "two")}
    inventory = slow.tmp / "two.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    playing = run(slow, [export(slow, "{{ inventory_hostname }}")], "-i", str(inventory), "--limit", "one,two")
    for name in hosts:
        assert sum(line.text.startswith(f"PROGRESS [{name}]: copy") for line in playing.progress()) >= 2, playing.text()


def test_a_merge_says_how_far_it_is(slow):
    drop = {
        "share": slow.share,
        "mount_point_base": str(slow.base),
        "libvirt_uri": "none",
        "volume": "v1",
        "name": "s1",
        "state": "absent",
        "progress_interval": 1,
    }
    slow.write(9, 0, 64 * MIB)
    before = slow.read()
    programs = slow_qemu_img(slow.tmp / "out", verb="commit")
    slow.programs = programs
    playing = run(slow, [{"name": "Drop", "vdisk.gluster.gluster_snapshot": drop}])
    assert any(re.match(r"PROGRESS \[box\]: merge v1.s1 into v1: \d+ %", line.text) for line in playing.progress()), playing.text()
    assert slow.read() == before and slow.names() == ["v1", "v1.info"]
