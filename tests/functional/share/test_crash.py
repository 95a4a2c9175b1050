# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task killed at any moment, run again here or on another host, ends in the state that an undisturbed one gives."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil

import pytest
from ansible_collections.vdisk.gluster.tests.harness.processes import Crash, start

KIB = 1 << 10
MIB = 1 << 20
MOMENTS = 3
"""Moments of a sample at which a task is killed, besides those within a run of qemu-img."""
PROGRAM_MOMENTS = (0.004, 0.008, 0.012, 0.016, 0.02)
"""Seconds into a run of qemu-img at which it is killed with its task; a sample has two of them."""


def chain(place, name, *, light_first=False, base_format="raw"):
    """Make a volume with four snapshots and different data in each file, growing or shrinking from file to file."""
    place.volume(name, size="1M", format=base_format)
    lengths = [512, 384, 192, 96, 64] if not light_first else [32, 64, 128, 512, 768]
    for number, length in enumerate(lengths):
        place.write(number + 1, number * 48 * KIB, length * KIB, volume=name)
        if number < 4:
            place.snapshot(f"s{number + 1}", volume=name)


def nothing(place, name):
    """Leave the place empty."""


def blank(place, name):
    place.volume(name, size="1M")
    place.write(7, 0, 640 * KIB, volume=name)


def two(place, name):
    """Make two volumes, one with snapshots."""
    blank(place, name)
    chain(place, other(name))


def other(name):
    """Return the name of the second volume of a group; it sorts before the first."""
    return name.replace("x", "v")


def foreign(place, name):
    place.path(name).write_bytes(b"\7" * MIB)


def light_first(place, name):
    chain(place, name, light_first=True)


def snapshot(*snapshots, **options):
    return lambda name: ("gluster_snapshot", {"volume": [name], "name": list(snapshots), **options})


def volume(**options):
    return lambda name: ("gluster_volume_file", {"name": [name], **options})


def group(*snapshots, **options):
    return lambda name: ("gluster_snapshot", {"volume": [name, other(name)], "name": list(snapshots), **options})


TASKS = {
    "take the first": (blank, snapshot("s9", label="a")),
    "take another": (chain, snapshot("s9")),
    "drop the newest": (chain, snapshot("s4", state="absent")),
    "drop downwards": (chain, snapshot("s2", state="absent")),
    "drop upwards": (light_first, snapshot("s3", state="absent")),
    "drop two runs": (light_first, snapshot("s1", "s3", "s4", state="absent")),
    "drop all": (chain, snapshot("s1", "s2", "s3", "s4", state="absent")),
    "revert": (chain, snapshot("s4", state="reverted")),
    "revert further": (chain, snapshot("s2", state="reverted", discard_newer=True)),
    "take of a group": (two, group("s9")),
    "drop from a group": (two, group("s2", state="absent")),
    "make raw": (nothing, volume(size="1M", owner="107", mode="0600")),
    "make qcow2": (nothing, volume(size="1M", format="qcow2")),
    "make full": (nothing, volume(size="5M", allocation="full")),
    "adopt": (foreign, volume(format="raw")),
    "grow": (chain, volume(size="3M")),
    "remove": (chain, volume(state="absent", delete_snapshots=True)),
}


def state(place, name):
    """Return all that counts of the volumes of a name, with the name and the times taken out."""
    names = [name, other(name)]
    mine = [file for file in place.names() if file.lstrip(".").split(".")[0] in names]
    own = os.listdir(place.path(".vdisk")) if place.path(".vdisk").exists() else []
    found = {
        "files": [(file, oct(os.stat(place.path(file)).st_mode), os.stat(place.path(file)).st_uid) for file in mine],
        "own": [file for file in sorted(own) if file.lstrip(".").split(".")[0] in names and not file.endswith(".lock")],
        "info": [place.path(file).read_text() for file in mine if file.endswith(".info")],
        "records": [place.path(f".vdisk/{file}").read_text() for file in sorted(own) if file in (f"{names[0]}.json", f"{names[1]}.json")],
        "volumes": [],
        "points": [],
    }
    for each in names:
        seen = place.info(each)
        found["points"].append(
            {key: hashlib.sha256(content).hexdigest() for key, content in place.points(each).items()} if seen["exists"] else {}
        )
        for entry in (seen, *seen["chain"]):
            entry["allocated_size"] = None
        found["volumes"].append({key: value for key, value in seen.items() if key not in ("connection", "path", "mount_point")})
        # of a growth the record follows, and only tells the least size that the file must have
        found["records"] = [re.sub(r'"virtual_size": \d+', "", record) for record in found["records"]]
    text = json.dumps(found, sort_keys=True).replace(name, "NAME").replace(other(name), "OTHER")
    return json.loads(re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME", text))


class Copies:
    """Copies of the volumes of a template, under names of the same length: headers and texts are the same but for the name."""

    def __init__(self, place, template):
        self._place, self._template = place, template
        self._files = {}
        for path in [*place.mount_point().glob("*"), *place.mount_point().glob(".vdisk/*")]:
            if path.is_file() and path.suffix != ".lock":
                self._files[str(path.relative_to(place.mount_point()))] = (path.read_bytes(), path.stat())

    def make(self, name):
        def renamed(text):
            return text.replace(self._template.encode(), name.encode()).replace(other(self._template).encode(), other(name).encode())

        for file, (content, status) in self._files.items():
            path = self._place.path(renamed(file.encode()).decode())
            path.parent.mkdir(mode=0o700, exist_ok=True)
            head = 4096 if content.startswith(b"QFI\xfb") else len(content) if file.endswith((".info", ".json")) else 0
            with open(path, "wb") as stream:
                stream.write(renamed(content[:head]) + content[head:])
                os.fsync(stream.fileno())
            os.chown(path, status.st_uid, status.st_gid)
            os.chmod(path, status.st_mode)


def moments(calls, sample, of, count=MOMENTS):
    """Return where to kill a task that makes these calls, and how long a program may run before."""
    programs = [at for at, call in enumerate(calls, 1) if call == "program runs"]
    chosen = sample.draw("calls", [at for at in range(1, len(calls) + 1) if at not in programs], count, of=of)
    pauses = sample.draw("moments of a program", PROGRAM_MOMENTS, 2, of=of) if programs else []
    return [(at, 0.0) for at in chosen] + [(at, pause) for at in programs for pause in pauses]


@pytest.mark.sample(5)
@pytest.mark.parametrize("task", TASKS)
def test_a_killed_task_that_is_run_again_ends_as_if_it_had_not_been_killed(place, sample, task):
    prepare, options_for = TASKS[task]
    kind = list(TASKS).index(task)
    prepare(place, "x000")
    copies = Copies(place, "x000")
    log = place.tmp / "calls"
    for name in ("x999", "x001"):
        # the second one, for the first task on a share also makes what all need
        copies.make(name)
        module, options = options_for(name)
        assert start(place, module, prepare=Crash([place.mount_point()], log).arm, **options).result()["changed"]
    wanted = state(place, "x001")
    assert wanted["volumes"][0]["problems"] == []
    calls = log.read_text().splitlines()
    assert len(calls) >= 5, calls
    elsewhere = place.other_host()
    for number, (at, pause) in enumerate(moments(calls, sample, task), 2 + kind):
        name = f"x{number:03d}"
        where = f"killed before {at} of {len(calls)}, {calls[at - 1]}, {pause} s"
        copies.make(name)
        module, options = options_for(name)
        # another host that has looked just before, so that it remembers what it saw
        survivor = elsewhere if number % 2 else place
        survivor.info(name)
        assert start(place, module, prepare=Crash([place.mount_point()], log, at, pause).arm, **options).wait() == -9, where
        if number % 3 == 0:
            before = place.digest()
            checked = survivor.run(module, check=True, **options)
            assert "Traceback" not in json.dumps(checked.values), where
            assert place.digest() == before, f"check mode wrote to what was left, {where}"
        result = survivor.run(module, **options)
        assert not result.failed, (where, result.values)
        assert state(survivor, name) == wanted, where
        if number % 3 == 1:
            again = survivor.ok(module, **options)
            assert not again.changed and not again.actions, where
            assert state(place, name) == wanted, where


def test_any_other_task_on_the_volume_finishes_what_was_begun(place):
    light_first(place, "x000")
    points = place.points("x000")
    copies, log = Copies(place, "x000"), place.tmp / "calls"
    copies.make("x001")
    options = {"volume": ["x001"], "name": ["s3"], "state": "absent"}
    start(place, "gluster_snapshot", prepare=Crash([place.mount_point()], log).arm, **options).result()
    calls = log.read_text().splitlines()
    merge = next(number for number, call in enumerate(calls, 1) if call.startswith("qemu-img"))
    # the journal is moved aside first, and then removed
    last = min(number for number, call in enumerate(calls, 1) if number > merge and "journal" in call)
    for number, at in enumerate((merge, merge + 2, (merge + last) // 2, last), 2):
        name = f"x{number:03d}"
        copies.make(name)
        options["volume"] = [name]
        assert start(place, "gluster_snapshot", prepare=Crash([place.mount_point()], log, at).arm, **options).wait() == -9
        assert any("is unfinished" in problem for problem in place.info(name)["problems"])
        taken = place.snapshot("s9", volume=name)
        assert any(action.startswith("Finish the interrupted operation: ") for action in taken.actions)
        rest = {key: content for key, content in points.items() if key != "s3"}
        assert place.points(name) == {**rest, "s9": points["now"]}, calls[at - 1]
        assert not place.ok("gluster_snapshot", **options).changed


def test_one_member_alone_is_changed_after_its_group_was_killed(place, sample):
    two(place, "x000")
    copies, log = Copies(place, "x000"), place.tmp / "calls"
    copies.make("x001")
    _module, options = group("s9")("x001")
    start(place, "gluster_snapshot", prepare=Crash([place.mount_point()], log).arm, **options).result()
    for number, (at, _pause) in enumerate(moments(log.read_text().splitlines(), sample, "take", 6), 2):
        name = f"x{number:03d}"
        copies.make(name)
        _module, options = group("s9")(name)
        assert start(place, "gluster_snapshot", prepare=Crash([place.mount_point()], log, at).arm, **options).wait() == -9
        place.snapshot("s8", volume=(name, other(name))[number % 2])
        both = [any(entry["name"] == "s9" for entry in place.info(each)["snapshots"]) for each in (name, other(name))]
        if both[0] != both[1]:
            # the other member is finished by the next task that changes it
            place.snapshot("s8", volume=(other(name), name)[number % 2])
            both = [any(entry["name"] == "s9" for entry in place.info(each)["snapshots"]) for each in (name, other(name))]
        assert both[0] == both[1], f"killed at {at}: the group has the snapshot, or none of it has"


def test_a_machine_that_was_started_on_what_was_left_is_not_written_under(place, sample):
    blank(place, "x000")
    copies, log = Copies(place, "x000"), place.tmp / "calls"
    copies.make("x001")
    options = {"volume": ["x001"], "name": ["s1"]}
    start(place, "gluster_snapshot", prepare=Crash([place.mount_point()], log).arm, **options).result()
    refused = 0
    for number, (at, _pause) in enumerate(moments(log.read_text().splitlines(), sample, "take", 6), 2):
        name = f"x{number:03d}"
        copies.make(name)
        options["volume"] = [name]
        assert start(place, "gluster_snapshot", prepare=Crash([place.mount_point()], log, at).arm, **options).wait() == -9
        found = place.info(name)
        with place.in_qemu(found["active_file"], found["format"]):
            result = place.run("gluster_snapshot", **options)
            assert place.info(name)["active_file"] == found["active_file"], "the machine goes on writing to the active file"
            refused += result.failed
            if result.failed:
                assert "in use" in result.msg
        place.ok("gluster_snapshot", **options)
        assert set(place.points(name)) == {"s1", "now"}
    assert refused


@pytest.mark.sample(1)
@pytest.mark.parametrize("old", [True, False], ids=["over an old export", "where none was"])
def test_a_killed_export_leaves_the_old_file_whole_and_the_next_one_clean(place, sample, tmp_path, old):
    chain(place, "x000")
    contents = {name: place.read("x000", snapshot=name) for name in ("s1", "s3")}
    out, log = tmp_path / "out", tmp_path / "calls"
    out.mkdir()
    dest = out / "copy"
    options = {"volume": "x000", "dest": str(dest), "snapshot": "s3"}

    def begin():
        shutil.rmtree(out)
        out.mkdir()
        if old:
            place.ok("gluster_image_export", **{**options, "snapshot": "s1"})

    begin()
    assert start(place, "gluster_image_export", prepare=Crash([place.mount_point(), out], log).arm, **options).result()["changed"]
    calls = log.read_text().splitlines()
    before = place.digest()
    for at, pause in moments(calls, sample, f"export {old}"):
        where = f"killed before {at} of {len(calls)}, {calls[at - 1]}, {pause} s"
        begin()
        crash = Crash([place.mount_point(), out], log, at, pause)
        assert start(place, "gluster_image_export", prepare=crash.arm, **options).wait() == -9, where
        whole = [contents["s3"]] + ([contents["s1"]] if old else [])
        assert not dest.exists() and not old or dest.read_bytes() in whole, where
        made = place.ok("gluster_image_export", **options)
        assert dest.read_bytes() == contents["s3"], where
        assert sorted(os.listdir(out)) == ["copy", "copy.manifest.json"], where
        manifest = json.loads((out / "copy.manifest.json").read_bytes())
        assert manifest["checksum"] == made.values["export"]["checksum"] == f"sha256:{hashlib.sha256(contents['s3']).hexdigest()}", where
        assert not place.ok("gluster_image_export", **options).changed, where
    after = place.digest()
    assert {name: entry for name, entry in after.items() if not name.endswith(".lock")} == {
        name: entry for name, entry in before.items() if not name.endswith(".lock")
    }
