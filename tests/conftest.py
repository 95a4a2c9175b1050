# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests have: their environment, of which tools/env.sh is the same for other programs, and what they try of many like cases."""

from __future__ import annotations

import importlib
import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]


def _prepare_environment() -> None:
    link = ROOT / ".cache/ansible_collections/vdisk/gluster"
    if not link.is_symlink():
        link.parent.mkdir(parents=True, exist_ok=True)
        try:
            link.symlink_to("../../..")
        except FileExistsError:
            pass  # another process was faster
    folders = os.environ["PATH"].split(":")
    programs = str(pathlib.Path(sys.executable).parent)
    os.environ["PATH"] = ":".join(
        # the sbin folders hold GlusterFS's programs and are missing from a normal user's PATH
        [*([] if programs in folders else [programs]), *folders, *(folder for folder in ("/usr/sbin", "/sbin") if folder not in folders)]
    )
    os.environ.update(
        ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".cache"),
        ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"),
        # Ansible refuses to start without a UTF-8 locale; this one exists on every Debian
        LC_ALL="C.UTF-8",
        # no __pycache__ in the tree, least of all one that belongs to root
        PYTHONDONTWRITEBYTECODE="1",
    )
    sys.dont_write_bytecode = True


_prepare_environment()


def pytest_addoption(parser):
    samples = parser.getgroup("samples")
    samples.addoption("--all", action="store_true", help="try all cases, and kill tasks at every call, not at a sample of them")
    samples.addoption("--pinned", action="store_true", help="try only the cases that every run tries; for mutations")
    samples.addoption("--part", default="1/1", help="run one of so many parts, as 1/3")
    samples.addoption("--seed", type=int, help="draw the sample by this number (default: by the commit)")


def _sampling():
    # the collection can be imported only when pytest has read this file
    return importlib.import_module("ansible_collections.vdisk.gluster.tests.harness.sampling")


def _sample(config, **more):
    option = config.option
    return _sampling().Sample(option.all, option.pinned, option.seed, **more)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session):
    """Decide the seed once for all processes of a run, which start after this."""
    if session.config.option.seed is None:
        session.config.option.seed = _sampling().seed_of_the_commit()


def pytest_report_header(config):
    """Tell what repeats the run."""
    return f"sample: {'all' if config.option.all else f'--seed {config.option.seed}'}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Leave to the whole run what this one does not try."""
    sampling = _sampling()
    chosen = sampling.part(sampling.choose(_sample(config), items, [word for word in config.args if "::" in word]), config.option.part)
    if chosen:
        chosen[0].user_properties.append(("seed", "all" if config.option.all else str(config.option.seed)))
    left = set(items) - set(chosen)
    items[:] = chosen
    if left:
        config.hook.pytest_deselected(items=list(left))


@pytest.fixture
def sample(request):
    """Which of many moments or cases a test tries itself; what it draws is told in the table at the end of a run."""
    return _sample(request.config, tell=lambda line: request.node.user_properties.append((_sampling().SAMPLED, line)))
