# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A share of a test's own, and the modules run on it as Ansible runs them."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import errno
import hashlib
import importlib
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import time
import uuid
from unittest import mock

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.vdisk.gluster.tests.harness.gluster import Servers, mounts_below
from ansible_collections.vdisk.gluster.tests.harness.programs import command


@dataclasses.dataclass
class Result:
    """What a module returned."""

    failed: bool
    values: dict

    def __getattr__(self, key: str):
        try:
            return self.values[key]
        except KeyError:
            raise AttributeError(f"no key {key} in {self.values}") from None


def module_runner(capsys: pytest.CaptureFixture[str]):
    """Return a callable that runs a module's main() with options and returns its result."""

    def run(module_name: str, check: bool, options: dict) -> Result:
        module = importlib.import_module(f"ansible_collections.vdisk.gluster.plugins.modules.{module_name}")
        capsys.readouterr()
        warnings: list[str] = []
        arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True, "_ansible_module_name": f"vdisk.gluster.{module_name}"}
        # in a process that has loaded Ansible's controller a module's warnings go to the terminal, not into its result
        with patch_module_args(arguments), mock.patch.object(AnsibleModule, "warn", lambda self, warning: warnings.append(warning)):
            with pytest.raises(SystemExit) as ended:
                module.main()
        values = {"warnings": warnings, **json.loads(capsys.readouterr().out)}
        assert bool(ended.value.code) == bool(values.get("failed", False))
        return Result(bool(ended.value.code), values)

    return run


@dataclasses.dataclass
class Client:
    """A FUSE client of GlusterFS: its process and its exact command line."""

    pid: int
    argv: list[str]


class Place:
    """A share of a test's own: a new directory of the run's GlusterFS volume, with a mount point base of its own."""

    command = staticmethod(command)

    def __init__(self, run_module, servers: Servers, volume_name: str, tmp_path: pathlib.Path, mounted: Mounted | None = None) -> None:
        """Make it on a new directory, which is not mounted, or on one that is mounted and empty."""
        self._run_module = run_module
        self._servers = servers
        self._volume_name = volume_name
        self.tmp = tmp_path
        self.base = mounted.base if mounted else tmp_path / "mnt"
        self.fstab = tmp_path / "fstab"
        self.fstab.write_text("# of this test\nproc /proc proc defaults 0 0\n")
        self._made: list[pathlib.Path] = []
        self.share = mounted.share if mounted else self.new_share()

    def new_share(self, volume_name: str | None = None) -> str:
        """Make another empty directory of a GlusterFS volume and return it as a share."""
        name, directory = volume_name or self._volume_name, "t" + uuid.uuid4().hex[:10]
        (self._servers.root(name) / directory).mkdir()
        self._made.append(self._servers.root(name) / directory)
        return f"localhost:/{name}/{directory}"

    def behind(self, share: str | None = None) -> pathlib.Path:
        """Return a share's root directory as it is seen without the mount point that is tested."""
        _host, name, directory = (share or self.share).split("/")
        return self._servers.root(name) / directory

    def mounted_from(self, share: str | None = None) -> list[str]:
        """Return what is mounted at a share's mount point, as lines of the mount table."""
        with open("/proc/self/mounts", encoding="utf-8") as stream:
            return [line.rstrip("\n") for line in stream if line.split(" ")[1] == str(self.mount_point(share))]

    def other_host(self) -> Place:
        """Return the same share with a mount of its own, as another host has it."""
        other = copy.copy(self)
        other.base = self.tmp / "other-host"
        other.mount()
        return other

    def mount_point(self, share: str | None = None) -> pathlib.Path:
        return self.base / hashlib.md5((share or self.share).encode()).hexdigest()

    def path(self, name: str) -> pathlib.Path:
        """Return the path of a file on the share."""
        return self.mount_point() / name

    def run(self, module: str, check: bool = False, **options) -> Result:
        """Run a module on this share (unless the options name others) and return its result, failed or not."""
        if not {"share", "shares", "shares_file"} & set(options):
            options["share"] = self.share
        # tests with domains are elsewhere, and a libvirt of this machine's own is none of theirs
        return self._run_module(module, check, {"mount_point_base": str(self.base), "libvirt_uri": "none", **options})

    def ok(self, module: str, check: bool = False, **options) -> Result:
        """Run a module that must succeed."""
        result = self.run(module, check, **options)
        assert not result.failed, result.values
        return result

    def refused(self, module: str, check: bool = False, **options) -> str:
        """Run a module that must fail and return its sentence."""
        result = self.run(module, check, **options)
        assert result.failed, result.values
        assert "Traceback" not in json.dumps(result.values)
        assert not result.values.get("changed") and not result.values.get("actions")
        return result.msg

    def refused_untouched(self, module: str, **options) -> str:
        """Run a module that must fail in check mode and in a run, and leave all as it was; return the sentence of both."""
        before = self.everything()
        told = self.refused(module, check=True, **options)
        assert _without_sizes(self.refused(module, **options)) == _without_sizes(told)
        assert self.everything() == before, "what was refused left a trace"
        return told

    def check_run_again(self, module: str, **options) -> Result:
        """Check mode, run, run again: the prediction holds, the run changes, the second run does not. Return the run's result."""
        before = self.digest() if os.path.ismount(self.mount_point()) else None
        predicted = self.ok(module, check=True, **options)
        if before is not None:
            assert self.digest() == before, "check mode wrote to the share"
        made = self.ok(module, **options)
        again = self.ok(module, **options)
        again_checked = self.ok(module, check=True, **options)
        assert predicted.changed and made.changed, (predicted.values, made.values)
        assert not again.changed and not again.actions, again.values
        assert not again_checked.changed, again_checked.values
        assert predicted.actions == made.actions
        # Ansible shows the difference of mappings only
        assert all(isinstance(result.diff[key], dict) for result in (predicted, made, again) for key in ("before", "after"))
        assert again.diff["before"].keys() == again.diff["after"].keys() == made.diff["after"].keys()
        assert set(predicted.values) == set(made.values)
        return made

    def mount(self, *shares: str) -> None:
        self.ok("gluster_share_mount", shares=list(shares or [self.share]))

    def volume(self, name: str = "v1", size: str = "4M", **options) -> dict:
        """Make a volume and return its object."""
        return self.ok("gluster_volume_file", name=[name], size=size, **options).volume

    def info(self, name: str = "v1") -> dict:
        """Return a volume's object."""
        return self.ok("gluster_volume_file_info", name=[name]).volumes[0]

    def snapshot(self, name: str, volume: str = "v1", **options) -> Result:
        return self.ok("gluster_snapshot", volume=[volume], name=[name], **options)

    def drop(self, *names: str, volume: str = "v1") -> Result:
        return self.ok("gluster_snapshot", volume=[volume], name=list(names), state="absent")

    def write(self, byte: int, offset: int, length: int, volume: str = "v1") -> None:
        """Write a pattern to a volume as a machine would: through its active file."""
        found = self.info(volume)
        command("qemu-io", "-f", found["format"], "-c", f"write -P {byte} {offset} {length}", found["path"])

    def read(self, volume: str = "v1", snapshot: str | None = None) -> bytes:
        """Return all bytes that a volume, or a snapshot of it, reads as."""
        found = self.info(volume)
        file, image_format = found["active_file"], found["format"]
        if snapshot is not None:
            file = next(entry for entry in found["snapshots"] if entry["name"] == snapshot)["point_in_time_file"]
            image_format = next(entry for entry in found["chain"] if entry["file"] == file)["format"]
        return self.read_image(self.path(file), image_format)

    def read_image(self, path: pathlib.Path, image_format: str) -> bytes:
        """Return all bytes that an image reads as, through qemu-img."""
        out = self.tmp / f"read-{uuid.uuid4().hex}.raw"
        command("qemu-img", "convert", "-T", "none", "-f", image_format, "-O", "raw", str(path), str(out))
        content = out.read_bytes()
        out.unlink()
        return content

    def points(self, volume: str = "v1") -> dict[str, bytes]:
        """Return what each snapshot of a volume and, as C(now), the volume itself read as."""
        found = self.info(volume)
        formats = {entry["file"]: entry["format"] for entry in found["chain"]}
        files = {entry["name"]: entry["point_in_time_file"] for entry in found["snapshots"]}
        files["now"] = found["active_file"]
        return {name: self.read_image(self.path(file), formats[file]) for name, file in files.items()}

    @contextlib.contextmanager
    def in_qemu(self, file: str, image_format: str, *options: str):
        """Hold a file open in QEMU, as a running machine does, or with C(-r) as one that reads from it does."""
        argv = ["qemu-io", *options, "-f", image_format, str(self.path(file))]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            process.stdin.write("read 0 512\n")
            process.stdin.flush()
            assert "read 512/512" in process.stdout.readline()
            try:
                yield process
            finally:
                process.kill()

    def client(self, share: str | None = None) -> Client:
        """Return the FUSE client behind a share's mount point."""
        point = str(self.mount_point(share))
        for directory in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                argv = (directory / "cmdline").read_text().rstrip("\0").split("\0")
            except OSError:
                continue  # it has just ended
            if argv[0].endswith("glusterfs") and argv[-1] == point:
                return Client(int(directory.name), argv)
        raise AssertionError(f"no FUSE client serves {point}")

    def kill_client(self, share: str | None = None) -> None:
        """Leave a share's mount dead: its FUSE client is killed."""
        os.kill(self.client(share).pid, signal.SIGKILL)
        for _try in range(100):
            try:
                os.listdir(self.mount_point(share))
            except OSError as error:
                if error.errno == errno.ENOTCONN:
                    return
            time.sleep(0.02)
        raise AssertionError(f"{self.mount_point(share)} still answers")

    def names(self) -> list[str]:
        """Return the names on the share without this collection's own directory, sorted."""
        return sorted(name for name in os.listdir(self.mount_point()) if name != ".vdisk")

    def digest(self, share: str | None = None, top: pathlib.Path | None = None) -> dict[str, tuple]:
        """Return everything about every file of a share that a change would show in."""
        found = {}
        top = top or self.mount_point(share)
        for directory, directories, files in os.walk(top):
            for name in sorted(directories + files):
                path = os.path.join(directory, name)
                status = os.lstat(path)
                content: str | None = None
                if stat.S_ISREG(status.st_mode):
                    with open(path, "rb") as stream:
                        # what another mount wrote in place may not be in the cache of this one
                        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                        content = hashlib.sha256(stream.read()).hexdigest()
                elif stat.S_ISLNK(status.st_mode):
                    content = os.readlink(path)
                times = status.st_mtime_ns if not stat.S_ISDIR(status.st_mode) else 0
                # how large a directory is, each file system counts in its own way
                size = 0 if stat.S_ISDIR(status.st_mode) else status.st_size
                found[os.path.relpath(path, top)] = (status.st_mode, status.st_uid, status.st_gid, size, times, content)
        return found

    def everything(self) -> tuple:
        """Return all that a task could change: every file below the mount point bases, what is mounted there, and fstab."""
        points = "[0-9a-f]" * 32
        tops = sorted({*self.base.glob(points), *self.tmp.glob(f"*/{points}")})
        files = [(str(top), self.digest(top=top) if top.is_dir() else "not a directory") for top in tops]
        return files, sorted({*mounts_below(self.base), *mounts_below(self.tmp)}), self.fstab.read_text()

    def close(self, mounted: Mounted | None = None) -> None:
        """Unmount what is mounted and remove what was made, but C(mounted)."""
        for point in {*mounts_below(self.base), *mounts_below(self.tmp)} - ({str(self.mount_point(mounted.share))} if mounted else set()):
            command("umount", "-l", point, check=False)
        for directory in self._made:
            shutil.rmtree(directory)


def _without_sizes(sentence: str) -> str:
    """Return a sentence without the space that it tells of: other tests take some of it between two runs of a module."""
    return re.sub(r"\d+(\.\d+)? ([KMGTP]i)?B\b", "SIZE", sentence)


@dataclasses.dataclass(frozen=True)
class Mounted:
    """A share that is mounted for one test after another: its mount point base, its name, its FUSE client and its root directory."""

    base: pathlib.Path
    share: str
    client: Client
    root: os.stat_result


class MountedShares:
    """Shares that stay mounted between tests, which saves each a mount; one that a test has left otherwise than it was is given up."""

    def __init__(self, directory: pathlib.Path) -> None:
        self._directory = directory
        self._free: list[Mounted] = []
        self._bases: list[pathlib.Path] = []

    @contextlib.contextmanager
    def place(self, run_module, servers: Servers, volume_name: str, tmp_path: pathlib.Path):
        """Give a test an empty share that is mounted."""
        mounted = self._free.pop() if self._free else self._mount(Place(run_module, servers, volume_name, tmp_path))
        place = Place(run_module, servers, volume_name, tmp_path, mounted)
        try:
            yield place
        finally:
            keep = self._is_as_it_was(place, mounted)
            place.close(mounted if keep else None)
            if keep:
                point = place.mount_point(mounted.share)
                _empty(point)
                for other in set(mounted.base.iterdir()) - {point}:
                    other.rmdir()
                self._free.append(mounted)

    def _mount(self, place: Place) -> Mounted:
        place.base = self._directory / f"mnt-{len(self._bases)}"
        self._bases.append(place.base)
        place.mount()
        return Mounted(place.base, place.share, place.client(), os.stat(place.mount_point()))

    def _is_as_it_was(self, place: Place, mounted: Mounted) -> bool:
        # the test may have taken another share in its place
        if len(place.mounted_from(mounted.share)) != 1 or not os.path.exists(f"/proc/{mounted.client.pid}"):
            return False
        # one that stands still would hold up whoever looks
        if pathlib.Path(f"/proc/{mounted.client.pid}/stat").read_text().rpartition(")")[2].split()[0] not in "RSD":
            return False
        try:
            now = os.stat(place.mount_point(mounted.share))
        except OSError:
            return False
        return (now.st_mode, now.st_uid, now.st_gid) == (mounted.root.st_mode, mounted.root.st_uid, mounted.root.st_gid)

    def close(self) -> None:
        for base in self._bases:
            for point in mounts_below(base):
                command("umount", "-l", point, check=False)


def _empty(directory: pathlib.Path) -> None:
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
