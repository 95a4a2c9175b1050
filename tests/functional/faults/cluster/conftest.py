# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests with faults between hosts."""

from __future__ import annotations

import importlib
import os

import pytest


def _part(name):
    # the collection can be imported only when pytest has read this file
    return importlib.import_module(f"ansible_collections.vdisk.gluster.tests.{name}")


@pytest.fixture(scope="session")
def cluster():
    """Three servers with a volume of three copies, and two hypervisors, as hosts of a lab."""
    with _part("harness.lab.lab").Lab.up(f"f{os.getpid() % 10**7}") as lab:
        made = _part("harness.lab.cluster").Cluster(lab)
        made.start()
        made.volume(_part("functional.faults.cluster.members").VOLUME)
        made.lab = lab
        yield made


@pytest.fixture(scope="module")
def members(cluster, library):
    """Two hosts with a share of their own."""
    made = _part("functional.faults.cluster.members").Members(cluster.lab, cluster, library)
    yield made
    made.close()
