# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures, options and the closing table of the tests with faults."""

from __future__ import annotations

import importlib

import pytest


def _part(name):
    # the collection can be imported only when pytest has read this file
    return importlib.import_module(f"ansible_collections.vdisk.gluster.tests.{name}")


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The library that kills, compiled."""
    return _part("harness.killer").build(tmp_path_factory.mktemp("killer"))


@pytest.fixture(scope="session")
def volume_name(servers):
    """The GlusterFS volume in which tests get directories as shares; in memory, for a disk would only make it slower."""
    return servers.small_volume(2048)


@pytest.fixture(scope="module")
def hosts(servers, volume_name, library, tmp_path_factory):
    """Two hosts with a share of their own."""
    made = _part("harness.hosts").Hosts(servers, volume_name, tmp_path_factory.mktemp("hosts"), library)
    yield made
    made.close()


def pytest_terminal_summary(terminalreporter):
    """Print what the tests counted."""
    rows = [
        (report.nodeid.rpartition("::")[2], value)
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        for key, value in report.user_properties
        if key == "counted"
    ]
    if rows:
        terminalreporter.section("counted")
        for name, value in sorted(rows):
            terminalreporter.write_line(f"{name:<75} {value}")
