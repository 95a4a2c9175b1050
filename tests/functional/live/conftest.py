# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures and the closing numbers of the tests with real guests."""

from __future__ import annotations

import importlib
import os
import shutil

import pytest


def _part(name):
    # the collection can be imported only when pytest has read this file
    return importlib.import_module(f"ansible_collections.vdisk.gluster.tests.{name}")


@pytest.fixture(scope="session")
def directory():
    """A directory of this run that QEMU's user can enter; what is mounted below it is seen in the hypervisor's name space too."""
    command = _part("harness.programs").command
    made = _part("harness.runs").current().place("live", 0o711)
    command("mount", "--bind", str(made), str(made))
    # the root of a machine without systemd is private: nothing mounted later is seen in another name space
    command("mount", "--make-shared", str(made))
    yield made
    command("umount", "-l", str(made))
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def servers(glusterd, directory):
    """GlusterFS for this run."""
    bricks = directory / "gluster"
    bricks.mkdir(mode=0o711)
    made = _part("harness.gluster").Servers(bricks)
    yield made
    made.close()


@pytest.fixture(scope="session")
def volume_name(servers):
    """The GlusterFS volume in which tests get directories as shares; in memory, for a disk would only make it slower."""
    return servers.small_volume(2048)


@pytest.fixture(scope="session")
def workers(directory, tmp_path_factory):
    """Processes that run modules, by number; made when they are first wanted."""
    # where the SDK of those modules looks for clouds, once there are any
    os.environ["OS_CLIENT_CONFIG_FILE"] = str(directory / "clouds.yaml")
    library = _part("harness.killer").build(tmp_path_factory.mktemp("killer"))
    made = {}

    def worker(number):
        if number not in made:
            made[number] = _part("harness.hosts").Worker(library, f"hv{number + 1}")
        return made[number]

    yield worker
    for started in made.values():
        started.close()


@pytest.fixture
def image_service(directory):
    """A real image service, as the cloud C(test)."""
    place = directory / "glance"
    place.mkdir()
    made = _part("harness.glance").Glance(place, 256 << 20)
    made.start()
    shutil.copy(made.clouds, directory / "clouds.yaml")
    yield made
    made.stop()
    shutil.rmtree(place)


@pytest.fixture(scope="session")
def guest_image(directory):
    """What machines boot."""
    place = directory / "guest"
    place.mkdir(mode=0o755)
    return _part("harness.guests.guest_image").build(place)


@pytest.fixture(scope="session")
def hypervisor(directory):
    """The libvirtd of this run."""
    made = _part("harness.guests.hypervisor").Hypervisor(directory / "libvirt")
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def equipment(directory, servers, hypervisor, guest_image, workers):
    """All that is made once in a run."""
    return _part("functional.live.lab").Equipment(directory, servers, hypervisor, guest_image, workers)


@pytest.fixture
def counts(request):
    """Numbers of this test, to be told at the end of the run."""
    made = _part("harness.guests.counting").Counts()
    # told with the report of the test, by when it has counted
    request.node.user_properties.append(("live", made.numbers))
    return made


@pytest.fixture
def lab(equipment, volume_name, counts):
    """A share of the test's own, mounted, and machines."""
    made = _part("functional.live.lab").Lab(equipment, volume_name, counts)
    yield made
    made.close()


def pytest_terminal_summary(terminalreporter):
    """Print what the tests counted, all together, and the nights of the simulated month."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]
    told = [(key, value) for report in reports for key, value in report.user_properties]
    for rows in (value for key, value in told if key == "month"):
        terminalreporter.section("a month")
        terminalreporter.write_line(f"{'what':<40} {'tasks':<24} {'seconds':>8} {'points in time compared':>25}")
        for what, done, seconds, compared in rows:
            terminalreporter.write_line(f"{what:<40} {done:<24} {seconds:>8.1f} {compared or '':>25}")
        total = sum(row[3] for row in rows)
        terminalreporter.write_line(f"{'in all, none of them differs':<40} {'':<24} {sum(row[2] for row in rows):>8.1f} {total:>25}")
    numbers = [value for key, value in told if key == "live"]
    if numbers:
        terminalreporter.section("counted")
        for what, number in _part("harness.guests.counting").total(numbers).items():
            terminalreporter.write_line(f"{what:<40} {number:>12}")
