# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests need beside the packages of this machine: installed into .cache by the first who asks, kept for the next run.

Each has its own requirements and, where it is a program, a venv of its own: it needs other versions than the tools of this checkout.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile
from typing import Iterator

from ansible_collections.vdisk.gluster.tests.harness.checkout import CACHE, ROOT

_REQUIREMENTS = ROOT / "tests" / "requirements"
_PIP = ("-m", "pip", "--disable-pip-version-check", "-qq")
# the Debian packages of which the test guest is made, beside its kernel
_GUEST_PACKAGES = ("busybox-static", "qemu-guest-agent")


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """Let one process at a time install something."""
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(*argv: str | pathlib.Path, directory: pathlib.Path | None = None) -> str:
    # the packages of whoever runs the tests must not be taken for those of another venv
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=directory, env=environment)
    if done.returncode:
        words = " ".join(str(word) for word in argv)
        raise RuntimeError(f"{words} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def _python() -> pathlib.Path:
    """Return the Python that makes venvs, the one of .venv if there is one."""
    own = ROOT / ".venv/bin/python"
    return own if own.exists() else pathlib.Path(sys.executable)


def venv(name: str) -> pathlib.Path:
    """Return a venv with what C(tests/requirements/NAME.txt) lists."""
    place, requirements = CACHE / name, _REQUIREMENTS / f"{name}.txt"
    # a venv knows its own path, so a moved checkout needs a new one
    wanted = f"{place}\n{requirements.read_text(encoding='utf-8')}"
    stamp = place / "installed"
    with _alone(name):
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
            print(f"{name}: installing {requirements.relative_to(ROOT)} into {place}", file=sys.stderr, flush=True)
            _run(_python(), "-m", "venv", "--clear", place)
            _run(place / "bin/python", *_PIP, "install", "--no-compile", "-r", requirements)
            stamp.write_text(wanted, encoding="utf-8")
    return place


def awx_collection() -> pathlib.Path:
    """Return a folder of collections that holds awx.awx; PyPI has it as a part of the package ansible, of which nothing else is kept."""
    place, requirements = CACHE / "awx", _REQUIREMENTS / "awx.txt"
    stamp = place / "unpacked"
    with _alone("awx"):
        if not stamp.exists() or stamp.read_bytes() != requirements.read_bytes():
            print(f"awx: taking awx.awx out of the package of {requirements.relative_to(ROOT)}", file=sys.stderr, flush=True)
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            _run(_python(), *_PIP, "download", "--no-deps", "--only-binary", ":all:", "-d", place, "-r", requirements)
            (wheel,) = place.glob("ansible-*.whl")
            with zipfile.ZipFile(wheel) as package:
                package.extractall(place, [name for name in package.namelist() if name.startswith("ansible_collections/awx/awx/")])
            wheel.unlink()
            shutil.copy(requirements, stamp)
    return place


def guest_packages() -> pathlib.Path:
    """Return a folder with the unpacked Debian packages of which the test guest is made; nothing is installed."""
    place = CACHE / "guest"
    with _alone("guest"):
        if not place.is_dir():
            new = CACHE / "guest.new"
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            try:
                _download_guest_packages(new)
            except RuntimeError:
                # the lists of packages are missing or old
                with contextlib.suppress(RuntimeError):
                    _run("apt-get", "-qq", "update")
                _download_guest_packages(new)
            for package in new.glob("*.deb"):
                _run("dpkg", "-x", package, new)
                package.unlink()
            new.rename(place)
    return place


def _download_guest_packages(directory: pathlib.Path) -> None:
    """Download the packages.

    :raises RuntimeError: they cannot be had; they are those of Debian 12 for amd64.
    """
    # the meta package only names the kernel of the day
    depends = _run("apt-cache", "depends", "linux-image-cloud-amd64")
    found = re.search(r"^ *Depends: (linux-image-[0-9].*)$", depends, re.MULTILINE)
    if not found:
        raise RuntimeError("no package is the kernel of linux-image-cloud-amd64")
    # apt's own user cannot enter every checkout
    _run("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", found[1], *_GUEST_PACKAGES, directory=directory)
