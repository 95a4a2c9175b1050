# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests of the lab itself."""

from __future__ import annotations

import importlib
import os

import pytest


@pytest.fixture(scope="session")
def labs():
    """The module that makes labs."""
    # the collection can be imported only when pytest has read this file
    return importlib.import_module("ansible_collections.vdisk.gluster.tests.harness.lab.lab")


@pytest.fixture(scope="module")
def lab(labs):
    """A lab of three servers and two hypervisors."""
    with labs.Lab.up(f"a{os.getpid() % 10**7}") as made:
        yield made


@pytest.fixture
def spare_name(labs):
    """The name of a lab that is not there, and is taken down whatever a test makes of it."""
    name = f"b{os.getpid() % 10**7}"
    yield name
    labs.down(name)
