# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the examples, and how many of them ran."""

from __future__ import annotations

import importlib
import pathlib

import pytest


def _part(name):
    # the collection can be imported only when pytest has read this file
    return importlib.import_module(f"ansible_collections.vdisk.gluster.tests.{name}")


@pytest.fixture(scope="session")
def whole_world():
    """Servers, volumes and a cloud."""
    made = _part("examples.world").World()
    yield made
    made.close()


@pytest.fixture(scope="session")
def hypervisor(whole_world):
    """A libvirt that answers as C(qemu:///system)."""
    directory = pathlib.Path("/var/lib/vdisk/libvirt")
    directory.mkdir(mode=0o711)
    made = _part("harness.guests.hypervisor").Hypervisor(directory)
    made.start()
    socket = pathlib.Path("/run/libvirt/libvirt-sock")
    socket.symlink_to(directory / "run" / socket.name)
    yield made
    made.stop()


@pytest.fixture
def world(whole_world, hypervisor):
    """The same with a libvirt, as on any hypervisor, and nothing in it yet."""
    whole_world.clear()
    return whole_world


@pytest.fixture(scope="session")
def guest_image(whole_world):
    """What machines boot."""
    place = pathlib.Path("/var/lib/vdisk/guest")
    place.mkdir(mode=0o755)
    return _part("harness.guests.guest_image").build(place)


@pytest.fixture
def machine_off(hypervisor, guest_image):
    """A machine that is defined, and shut off; it has no disk."""
    made = _part("harness.guests.machine").Machine(
        hypervisor, guest_image, "web", [], _part("harness.guests.counting").Counts(), mode="idle"
    )
    made.define()
    yield made
    made.remove()


@pytest.fixture
def machine(machine_off):
    """The same, running, with a guest agent that answers."""
    machine_off.start()
    machine_off.wait_for_agent()
    return machine_off


def pytest_terminal_summary(terminalreporter):
    """Print how many examples there are and how many of them ran."""
    ran = [
        value
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        for key, value in report.user_properties
        if key == "examples"
    ]
    if ran:
        tasks, there = sum(one for one, _all in ran), sum(every for _one, every in ran)
        terminalreporter.write_line(f"examples: {tasks} of {there} tasks and roles ran, on {len(ran)} pages")
