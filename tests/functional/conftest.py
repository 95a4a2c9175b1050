# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and fixtures of the tests on a real GlusterFS."""

from __future__ import annotations

import contextlib
import importlib
import pathlib
import shutil

import pytest

HERE = pathlib.Path(__file__).resolve().parent


def pytest_addoption(parser):
    # all in one place: a folder's own conftest.py is read too late where its parent is tested
    faults = parser.getgroup("faults")
    faults.addoption("--sequences", type=int, help="random sequences of operations (default: 2, with --all 20)")
    faults.addoption("--steps", type=int, default=25, help="operations of each random sequence")
    molecule = parser.getgroup("molecule scenarios")
    molecule.addoption("--scenario", metavar="NAMES", help="run only these scenarios, as 'cluster live'")
    live = parser.getgroup("live")
    live.addoption("--nights", type=int, default=30, help="of the simulated month (default: %(default)s)")


def _harness(name):
    # the collection can be imported only when pytest has read this file
    return importlib.import_module(f"ansible_collections.vdisk.gluster.tests.harness.{name}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Make each lab in one process where C(--dist loadgroup) asks for it."""
    return _harness("scheduling").LabsOnce(config, log) if config.option.dist == "loadgroup" else None


def _parts(config):
    """Return the folders beside this file of which tests are asked for."""
    paths = [pathlib.Path(config.invocation_params.dir, argument.partition("::")[0]).resolve() for argument in config.args]
    folders = [entry for entry in HERE.iterdir() if (entry / "conftest.py").exists() or list(entry.glob("test_*.py"))]
    return [folder.name for folder in folders if any(path == folder or path in folder.parents or folder in path.parents for path in paths)]


def pytest_sessionstart(session):
    """Say what this machine lacks before any test runs; nothing is skipped for it."""
    preflight, parts = _harness("preflight"), _parts(session.config)
    try:
        if "live" in parts:
            _harness("libvirt_binding").make_importable()
        # the processes of pytest-xdist start where this has been looked at
        if not hasattr(session.config, "workerinput") and not session.config.option.collectonly:
            preflight.check(parts)
            _begin_run(session.config)
    except preflight.Lacking as lacking:
        raise pytest.UsageError(str(lacking)) from None


def _begin_run(config):
    """Clear away what dead runs have left, and be a run that is known until its end; the processes of pytest-xdist are of it."""
    scratch = config._tmp_path_factory.getbasetemp()
    stack = contextlib.ExitStack()
    run = stack.enter_context(_harness("leftovers").running(config.get_terminal_writer().line))
    config.add_cleanup(stack.close)
    if run.scratch is None:
        run.note_scratch(scratch)


@pytest.fixture(scope="session")
def glusterd():
    """GlusterFS's management daemon of this machine, shared with every other run."""
    with _harness("glusterd").running():
        yield


@pytest.fixture(scope="session")
def servers(glusterd):
    """GlusterFS volumes for this run."""
    made = _harness("gluster").Servers(_harness("runs").current().place("gluster"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def volume_name(servers):
    """The GlusterFS volume in which each test gets a directory as its share."""
    return servers.volume()


@pytest.fixture(scope="session")
def small_volumes(servers):
    """Two GlusterFS volumes that are soon full: one holds 64 MiB, the other 96 MiB."""
    return servers.small_volume(64), servers.small_volume(96)


@pytest.fixture
def run_module(capsys):
    """Return a callable that runs a module's main() with options and returns its result."""
    return _harness("mounted_share").module_runner(capsys)


@pytest.fixture
def unmounted(run_module, servers, volume_name, tmp_path):
    """A share that is not mounted yet."""
    place = _harness("mounted_share").Place(run_module, servers, volume_name, tmp_path)
    yield place
    place.close()


@pytest.fixture(scope="session")
def mounted_shares(servers, tmp_path_factory):
    """Shares that stay mounted between tests."""
    made = _harness("mounted_share").MountedShares(tmp_path_factory.mktemp("mounted"))
    yield made
    made.close()


@pytest.fixture
def place(run_module, servers, volume_name, tmp_path, mounted_shares):
    """A share that is mounted, and empty."""
    with mounted_shares.place(run_module, servers, volume_name, tmp_path) as made:
        yield made


@pytest.fixture
def only_these_programs(monkeypatch, tmp_path):
    """Return a callable after which the modules find no other programs than those it is given."""

    def limit(*names: str) -> None:
        directory = tmp_path / "programs"
        directory.mkdir()
        for name in names:
            (directory / name).symlink_to(str(shutil.which(name)))
        process = importlib.import_module("ansible_collections.vdisk.gluster.plugins.module_utils._common.process")
        monkeypatch.setattr(process, "_SEARCH_PATH", ())
        monkeypatch.setenv("PATH", str(directory))

    return limit


@pytest.fixture(scope="session")
def glance_service(tmp_path_factory):
    """A real image service for this process: tests count its images and stop it, so that no two of them can share one."""
    service = _harness("glance").Glance(tmp_path_factory.mktemp("glance"))
    service.start()
    yield service
    service.stop()


@pytest.fixture
def glance(glance_service, monkeypatch):
    """The image service, empty, as the cloud C(test) of the SDK."""
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(glance_service.clouds))
    yield glance_service
    glance_service.clear()


@pytest.fixture(scope="session")
def s3_address(tmp_path_factory):
    """The address of an S3 server for this process."""
    server = _harness("s3").Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server.address
    server.stop()
