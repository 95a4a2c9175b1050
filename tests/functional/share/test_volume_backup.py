# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of snapshots in repositories of borg and restic: complete, read back, made once, and removed only by retention."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time
import types

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._backup.raw_view import view_of
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.overlay import WriteInfo
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.backing_chain import ChainFile
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import Source
from ansible_collections.vdisk.gluster.tests.harness.processes import start, wait_until
from ansible_collections.vdisk.gluster.tests.harness.programs import command

KIB = 1 << 10
MIB = 1 << 20
PASSPHRASE = "correct horse battery"
BACKUP, RESTORE, INFO = "gluster_volume_backup", "gluster_volume_restore", "gluster_volume_backup_info"


@pytest.fixture(params=["borg", "restic"])
def tool(request):
    return request.param


@pytest.fixture
def vault(place, tmp_path, monkeypatch, tool):
    """A share with the raw volume v1 and the qcow2 volume v2, each with snapshots s1 and s2, and a place for a repository."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "spool").mkdir()
    place.volume("v1", size="6M")
    place.volume("v2", size="6M", format="qcow2")
    for number, name in enumerate(("s1", "s2"), 1):
        for volume in ("v1", "v2"):
            place.write(number, number * 768 * KIB, MIB, volume=volume)
        place.ok("gluster_snapshot", volume=["v1", "v2"], name=[name])
    for volume in ("v1", "v2"):
        place.write(9, 3 * MIB, 300 * KIB, volume=volume)
    place.tool = tool
    place.repository = tmp_path / "repository"
    place.options = {
        "tool": tool,
        "repository": str(place.repository),
        "passphrase": PASSPHRASE,
        "scratch_dir": str(tmp_path / "spool"),
    }
    yield place
    assert os.listdir(tmp_path / "spool") == [], "a task left something where it worked"


def store(vault, archive, volume="v1", snapshot="s1", **options):
    return vault.ok(BACKUP, volume=volume, snapshot=snapshot, archive=archive, **{**vault.options, "init": True, **options})


def archives(vault, **options):
    wanted = {key: value for key, value in vault.options.items() if key != "scratch_dir"}
    # this module is not about a share
    result = vault._run_module(INFO, False, {**wanted, **options})
    assert not result.failed, result.values
    return result.values["archives"]


def restored(vault, check=False, **options):
    return vault.ok(RESTORE, check=check, **{"volume": "v1", **vault.options, **options})


@pytest.mark.parametrize(("tool", "volume"), [("borg", "v1"), ("borg", "v2"), ("restic", "v2")])
def test_a_snapshot_is_stored_once_and_comes_back_byte_for_byte(vault, volume):
    before, content = vault.digest(), vault.read(volume, "s1")
    options = {"volume": volume, "snapshot": "s1", "archive": "monday", "init": True, **vault.options}
    made = vault.check_run_again(BACKUP, **options)
    backup = made.archive
    assert (backup["full_name"], backup["virtual_size"], backup["verified"]) == (f"{volume}.monday", 6 * MIB, True)
    assert backup["checksum"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert 0 < backup["deduplicated_size"] < 4 * MIB and backup["original_size"] >= 6 * MIB
    after = vault.digest()
    assert {name: after[name] for name in before} == before, "a backup changes nothing of a volume"
    back = vault.check_run_again(RESTORE, volume=volume, name="back", **vault.options)
    assert vault.read("back") == content
    assert back.volume["base_format"] == {"v1": "raw", "v2": "qcow2"}[volume]
    assert back.volume["origin"]["archive"] == f"{volume}.monday"
    assert back.archive["snapshot"] == "s1"


@pytest.mark.sample(1)
def test_what_did_not_change_takes_no_space_and_retention_counts_one_volume_only(vault):
    vault.volume("v1-b", size="1M")
    vault.snapshot("s1", volume="v1-b")
    store(vault, "a", volume="v1-b", verify="none")
    first = store(vault, "a", verify="none").archive
    second = store(vault, "b", snapshot="s2", verify="none", keep={"last": 2})
    assert second.archive["deduplicated_size"] < first["deduplicated_size"] + MIB and second.pruned == []
    told = vault.ok(BACKUP, check=True, volume="v1", snapshot="s2", archive="b", keep={"last": 1}, **vault.options)
    assert told.pruned == ["a"] and told.changed
    third = vault.ok(BACKUP, volume="v1", snapshot="s2", archive="b", keep={"last": 1}, **{**vault.options, "verify": "repository"})
    assert third.pruned == ["a"] and third.archive["verified"] is True
    assert "Remove v1.a with the data that nothing else needs, because retention keeps: last 1." in third.actions
    assert [entry["full_name"] for entry in archives(vault)] == ["v1-b.a", "v1.b"]
    assert [entry["name"] for entry in archives(vault, volume=["v1"], archive="latest")] == ["b"]
    if vault.tool == "borg":
        # borg finds by the beginning of its name what somebody else has put there
        environment = {**os.environ, "BORG_PASSPHRASE": PASSPHRASE}
        subprocess.run(["borg", "create", f"{vault.repository}::v1.example.com-2026-11-01", __file__], env=environment, check=True)
        options = {"volume": "v1", "snapshot": "s1", "archive": "c", "keep": {"last": 1}, **vault.options}
        assert "v1.example.com-2026-11-01; rename them" in vault.refused_untouched(BACKUP, **options)
        listed = subprocess.run(
            ["borg", "list", "--short", str(vault.repository)], env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
        assert listed.stdout.split() == ["v1-b.a", "v1.b", "v1.example.com-2026-11-01"]


@pytest.mark.sample(1)
def test_what_opens_no_repository_is_refused(vault):
    options = {"volume": "v1", "snapshot": "s1", "archive": "a", **vault.options}
    assert "found no repository" in vault.refused_untouched(BACKUP, **options)
    assert vault.refused(RESTORE, volume="v1", **vault.options).startswith("repository: ")
    store(vault, "a", verify="none")
    for module, more in ((BACKUP, options), (RESTORE, {"volume": "v1", "name": "back", **vault.options})):
        assert vault.refused_untouched(module, **{**more, "passphrase": "another"}).startswith("passphrase: it does not open")
    path = vault.tmp / "phrase"
    path.write_text(f"{PASSPHRASE}\n")
    path.chmod(0o640)
    by_file = {**{key: value for key, value in options.items() if key != "passphrase"}, "passphrase_file": str(path)}
    assert "set its mode to 0600" in vault.refused(BACKUP, **by_file)
    path.chmod(0o600)
    assert not vault.ok(BACKUP, **by_file).changed
    vault.repository.rename(vault.tmp / "lost")
    assert "found no repository" in vault.refused(BACKUP, **options)


@pytest.mark.sample(3)
@pytest.mark.parametrize("tool", ["borg"])
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"snapshot": "none"}, "has no snapshot none"),
        ({"volume": "other"}, "other does not exist"),
        ({"archive": "a.b"}, "is not a name for an archive"),
        ({"archive": "latest"}, "is not a name for an archive"),
        ({"keep": {"last": 0}}, "give at least 1"),
        ({"keep": {}}, "give a rule"),
        ({"keep": {"within": "soon"}}, "as 14d"),
        ({"secret_env": {"PATH": "/tmp"}}, "cannot be set"),
        ({"passphrase": ""}, "it is empty"),
    ],
    ids=str,
)
def test_bad_input_makes_no_repository(vault, options, told):
    wanted = {"volume": "v1", "snapshot": "s1", "archive": "a", "init": True, **vault.options, **options}
    assert told in vault.refused_untouched(BACKUP, **wanted)
    assert not vault.repository.exists()


@pytest.mark.parametrize("tool", ["borg"])
def test_volumes_of_one_name_on_two_shares_are_not_mixed(vault):
    store(vault, "a", verify="none")
    other = vault.new_share()
    vault.ok("gluster_share_mount", shares=[other])
    vault.ok("gluster_volume_file", share=other, name=["v1"], size="1M")
    vault.ok("gluster_snapshot", share=other, volume=["v1"], name=["s1"])
    told = vault.refused(BACKUP, share=other, volume="v1", snapshot="s1", archive="b", **vault.options)
    assert "use a repository of its own for each share" in told


@pytest.mark.parametrize("tool", ["borg"])
def test_another_instant_of_an_archive_is_refused(vault):
    store(vault, "a", verify="none")
    told = vault.refused_untouched(BACKUP, volume="v1", snapshot="s2", archive="a", **vault.options)
    assert "give the archive another name" in told


@pytest.mark.parametrize("tool", ["borg"])
def test_a_damaged_repository_is_noticed_and_gives_no_volume(vault):
    store(vault, "a")
    segment = max(vault.repository.glob("data/*/*"), key=lambda path: path.stat().st_size)
    with open(segment, "r+b") as stream:
        stream.seek(segment.stat().st_size // 2)
        stream.write(b"\0broken\0")
    before = vault.digest()
    assert vault.run(BACKUP, volume="v1", snapshot="s1", archive="a", **vault.options).failed
    assert vault.run(RESTORE, volume="v1", name="back", **vault.options).failed
    assert not vault.info("back")["exists"]
    after = vault.digest()
    assert {name: after[name] for name in before} == before


@pytest.mark.sample(1)
@pytest.mark.parametrize("tool", ["borg"])
@pytest.mark.parametrize("volume", ["v1", "v2"])
def test_replaced_content_is_new_in_one_instant_and_the_old_one_stays(vault, volume):
    store(vault, "a", volume=volume, verify="none")
    options = {"volume": volume, "replace": True, **vault.options}
    assert "set replace" in vault.refused_untouched(RESTORE, **{**options, "replace": False})
    before = vault.points(volume)
    made = vault.check_run_again(RESTORE, **options)
    assert "is its snapshot before-restore" in made.msg
    after = vault.points(volume)
    assert after == {**before, "before-restore": before["now"], "now": before["s1"]}
    # written to since: no archive any more, and what was kept is not given up unasked
    vault.write(6, 0, 64 * KIB, volume=volume)
    assert "has a snapshot before-restore already" in vault.refused_untouched(RESTORE, **options)
    vault.drop("before-restore", volume=volume)
    now = vault.points(volume)
    assert now == {**before, "now": b"\6" * 64 * KIB + before["s1"][64 * KIB :]}
    vault.ok(RESTORE, **options)
    assert vault.points(volume) == {**before, "before-restore": now["now"], "now": before["s1"]}
    vault.ok("gluster_snapshot", volume=[volume], name=["before-restore"], state="reverted")
    assert vault.read(volume) == now["now"]


@pytest.mark.parametrize("tool", ["borg"])
def test_a_volume_that_grew_reads_as_zeroes_beyond_its_archive(vault):
    store(vault, "a", verify="none")
    content = vault.read("v1", "s1")
    vault.ok("gluster_volume_file", name=["v1"], size="9M")
    vault.write(7, 5 * MIB, 4 * MIB)
    vault.ok(RESTORE, volume="v1", replace=True, **vault.options)
    assert vault.read("v1") == content + bytes(3 * MIB)
    assert not vault.ok(RESTORE, volume="v1", replace=True, **vault.options).changed
    vault.drop("before-restore", "s1", "s2")
    assert vault.read("v1") == content + bytes(3 * MIB)
    vault.volume("small", size="1M")
    vault.write(3, 0, MIB, volume="small")
    vault.ok(RESTORE, volume="v1", name="small", replace=True, **vault.options)
    assert vault.read("small") == content and vault.info("small")["virtual_size"] == 6 * MIB


@pytest.mark.parametrize("tool", ["borg"])
def test_a_volume_in_use_is_backed_up_and_never_replaced(vault):
    with vault.in_qemu("v1.s2", "qcow2"):
        assert store(vault, "a").archive["verified"]
        told = vault.refused_untouched(RESTORE, volume="v1", replace=True, **vault.options)
        assert "in use" in told
    content = vault.read("v1", "s1")
    vault.ok(RESTORE, volume="v1", replace=True, **vault.options)
    assert vault.read("v1") == content


@pytest.mark.parametrize("tool", ["borg"])
def test_a_copy_is_read_where_there_is_no_view(vault):
    made = store(vault, "a", volume="v2", snapshot="s2", read_method="copy")
    assert made.archive["checksum"] == f"sha256:{hashlib.sha256(vault.read('v2', 's2')).hexdigest()}"


@pytest.mark.parametrize("tool", ["borg"])
def test_a_full_directory_for_work_is_told_and_left_as_it_was(vault):
    store(vault, "a", verify="none")
    full = vault.tmp / "full"
    full.mkdir()
    command("mount", "-t", "tmpfs", "-o", "size=1M", "vdisk-test", str(full))
    try:
        options = {**vault.options, "scratch_dir": str(full)}
        told = vault.refused(BACKUP, volume="v1", snapshot="s2", archive="b", read_method="copy", **options)
        assert told.startswith(f"scratch_dir: {full} has ")
        # a view takes no space
        assert vault.ok(BACKUP, volume="v1", snapshot="s2", archive="b", **options).changed
        for more in ({"name": "back"}, {"replace": True}):
            assert vault.refused(RESTORE, volume="v1", **more, **options).startswith(f"scratch_dir: {full} has ")
        assert os.listdir(full) == []
    finally:
        command("umount", str(full))
    assert not vault.info("back")["exists"] and [entry["name"] for entry in vault.info("v1")["snapshots"]] == ["s1", "s2"]


def gate(directory, monkeypatch, program, verb):
    """Let a program wait with one verb until the file that is returned is there."""
    programs, opened = directory / f"gated-{program}", directory / f"gate-{program}"
    programs.mkdir()
    wait = f": >{opened}.reached\nwhile [ ! -e {opened} ]; do sleep 0.02; done\n"
    script = f'#!/bin/sh\nfor word; do if [ "$word" = {verb} ]; then\n{wait}fi; done\nexec {shutil.which(program)} "$@"\n'
    (programs / program).write_text(script)
    (programs / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return opened


def reached(opened):
    return lambda: pathlib.Path(f"{opened}.reached").exists()


def daemons(vault):
    """Return the processes that show a disk below this test's directory."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes()
            if words.startswith(b"/usr/bin/qemu-storage-daemon") and str(vault.tmp).encode() in words:
                found.append(path)
    return found


@pytest.mark.parametrize("tool", ["borg"])
def test_a_killed_backup_leaves_nothing_at_work_and_is_made_by_the_next_run(vault, monkeypatch, tool):
    store(vault, "first", volume="v2", verify="none")
    opened = gate(vault.tmp, monkeypatch, tool, "create")
    options = {"volume": "v1", "snapshot": "s1", "archive": "a", **vault.options}
    running = start(vault, BACKUP, **options)
    wait_until(reached(opened), "the backup")
    assert len(daemons(vault)) == 1
    assert not [line for line in open("/proc/self/mounts", encoding="utf-8") if f"{vault.tmp}/spool" in line], "others see the view"
    told = vault.refused("gluster_snapshot", volume=["v1"], name=["s1"], state="absent")
    assert "is being read" in told
    running.kill()
    wait_until(lambda: not daemons(vault), "the end of the daemon")
    opened.touch()
    assert vault.ok(BACKUP, **options).changed
    vault.drop("s1", "s2")
    assert not vault.ok(BACKUP, **options).changed


@contextlib.contextmanager
def stopped_again_and_again(words: bytes):
    """Stop children of this process that have these words in their command line, and let them go on, for as long as they run."""
    over, counted = threading.Event(), [0]

    def children():
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if words in (path / "cmdline").read_bytes() and f" {os.getpid()} " in (path / "stat").read_text():
                    yield int(path.name)

    def disturb():
        while not over.wait(0.01):
            for pid in children():
                with contextlib.suppress(ProcessLookupError):
                    while True:
                        os.kill(pid, signal.SIGSTOP)
                        time.sleep(0.001)
                        os.kill(pid, signal.SIGCONT)
                        time.sleep(0.001)
                        counted[0] += 1

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        yield counted
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("tool", ["borg"])
def test_a_tool_that_is_stopped_and_goes_on_hands_over_all_of_an_archive(vault, monkeypatch):
    """As by a debugger."""
    # Python programs write to a pipe without looking at how much was taken then
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    with stopped_again_and_again(b"extract\0--stdout") as counted:
        assert store(vault, "a").archive["verified"]
        restored(vault, name="back")
    assert counted[0] > 20 and vault.read("back") == vault.read("v1", "s1")


@pytest.mark.parametrize("tool", ["borg"])
def test_a_killed_restore_leaves_what_was_there(vault, monkeypatch):
    store(vault, "a", verify="none")
    before = vault.points()
    opened = gate(vault.tmp, monkeypatch, "qemu-img", "convert")
    for more in ({"name": "back"}, {"replace": True}):
        running = start(vault, RESTORE, volume="v1", **more, **vault.options)
        wait_until(reached(opened), "the copy")
        running.kill()
        pathlib.Path(f"{opened}.reached").unlink()
    opened.touch()
    assert not vault.info("back")["exists"] and vault.points() == before
    assert vault.ok(RESTORE, volume="v1", name="back", **vault.options).changed
    assert vault.read("back") == before["s1"]

    def die_before_the_info_file():
        monkeypatch.setattr(WriteInfo, "apply", lambda _step, _place: os.kill(os.getpid(), signal.SIGKILL))

    running = start(vault, RESTORE, prepare=die_before_the_info_file, volume="v1", replace=True, **vault.options)
    assert running.wait() == -signal.SIGKILL
    # what the next task finds is finished without the repository
    made = vault.ok("gluster_volume_file", name=["v1"], mode="0640")
    assert any(action.startswith("Finish the interrupted operation: Copy archive v1.a") for action in made.actions)
    assert vault.points() == {**before, "before-restore": before["now"], "now": before["s1"]}
    assert not vault.ok(RESTORE, volume="v1", replace=True, **vault.options).changed
    assert not [name for name in vault.names() if name.startswith(".")]


@pytest.mark.parametrize("tool", ["borg"])
def test_a_crafted_header_in_a_raw_disk_is_stored_as_the_bytes_it_is(vault):
    crafted = vault.tmp / "crafted"
    command("qemu-img", "create", "-q", "-f", "qcow2", "-b", "/etc/passwd", "-F", "raw", "-u", str(crafted), "1M")
    vault.volume("guest", size="1M")
    with open(vault.path("guest"), "r+b") as stream:
        stream.write(crafted.read_bytes()[:65536])
    vault.snapshot("s1", volume="guest")
    content = vault.read("guest", "s1")
    assert content[:4] == b"QFI\xfb" and len(content) == MIB
    assert store(vault, "a", volume="guest").archive["checksum"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    vault.ok(RESTORE, volume="guest", name="back", **vault.options)
    assert vault.read("back") == content


def test_a_view_that_stands_still_is_given_up(tmp_path):
    (tmp_path / "disk").write_bytes(os.urandom(MIB))
    (tmp_path / "view").mkdir()
    volume = types.SimpleNamespace(mount_point=str(tmp_path), label="a disk")
    source = Source(volume, None, None, (ChainFile("disk", "raw", None, None, MIB, MIB),))
    with pytest.raises(Unavailable, match="made no progress for 1 s"), view_of(source, str(tmp_path / "view"), "disk.raw") as view:
        assert view.checksum(1, lambda _done: None)[:2] == (MIB, MIB)
        os.kill(int(view.path.split("/")[2]), signal.SIGSTOP)
        view.checksum(1, lambda _done: None)
    assert (tmp_path / "view" / "disk.raw").read_bytes() == b""
