# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A volume is attached by the hypervisor of the host; without one the task is refused before a share is read."""

from __future__ import annotations

import types
from typing import Any

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Unavailable, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._modules import volume_attachment
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.hypervisor import NoHypervisor

PARAMS = {"volume": "v", "domain": "web", "state": "present", "host": None, "libvirt_uri": "none", "share": ""}


def task(hypervisor: Any) -> Any:
    return types.SimpleNamespace(
        params={**PARAMS, "shares": None, "shares_file": None, "mount_point_base": "/mnt"}, hypervisor=lambda: hypervisor, warn=print
    )


def test_a_host_without_a_hypervisor_is_refused() -> None:
    with pytest.raises(Unavailable, match="^libvirt_uri: none has no domains"):
        volume_attachment.work(task(NoHypervisor(asked=False)))


def test_with_one_the_share_is_looked_at_next() -> None:
    with pytest.raises(VdiskError, match="is not a share"):
        volume_attachment.work(task(object()))
