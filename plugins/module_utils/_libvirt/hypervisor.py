# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose the hypervisor of a task: the libvirt of this host, or none. The binding is loaded only where it is asked."""

from __future__ import annotations

import os
import re

from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import Progress
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.hypervisor import Hypervisor, NoHypervisor

NONE = "none"
"""The C(libvirt_uri) with which no hypervisor is asked."""

_DAEMONS = ("libvirtd", "virtqemud")
_DIRECTORIES = ("/usr/sbin", "/sbin", "/usr/bin", "/usr/local/sbin", "/usr/libexec")


def open_hypervisor(uri: str, stall_timeout: float, progress: Progress | None = None) -> Hypervisor:
    """Return the hypervisor that a task is to ask.

    :param uri: of libvirt, or C(none).
    :param stall_timeout: seconds that a block job may stand still.
    :param progress: where it is said how far a block job is.
    :raises Unavailable: it is installed, and there is no Python binding or no answer.
    """
    if uri == NONE or (_is_plain(uri) and not _is_installed()):
        return NoHypervisor(asked=uri != NONE)
    from ansible_collections.vdisk.gluster.plugins.module_utils._libvirt import connection

    return connection.connect(uri, stall_timeout, progress)


def _is_plain(uri: str) -> bool:
    """Tell whether a URI means the libvirt of this host at its usual place."""
    return re.match(r"\A[a-z]+:///[a-z]+\Z", uri) is not None


def _is_installed() -> bool:
    return any(os.path.exists(os.path.join(directory, daemon)) for directory in _DIRECTORIES for daemon in _DAEMONS)
