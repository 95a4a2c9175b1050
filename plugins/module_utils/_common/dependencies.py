# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python packages that only some work needs, looked for in the other Pythons of the host where the task's own lacks them."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from ansible.module_utils.common.respawn import has_respawned, probe_interpreters_for_module, respawn_module
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Unavailable

_PYTHONS = ("/usr/bin/python3", "/usr/libexec/platform-python", "/usr/local/bin/python3")
"""Where distributions put the Python that their packages are for."""


def load(name: str, why: str, remedy: str) -> ModuleType:
    """Return a package; where only another Python of this host has it, the module starts anew in that one and this never returns.

    To be called before anything was changed.

    :param why: what needs it, as the start of a sentence.
    :param remedy: what to install.
    :raises Unavailable: no Python of this host has it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing = error
    where = "is installed for no Python of this host"
    if has_respawned():
        # one task may need two packages, and a module starts anew only once
        where = f"{sys.executable} lacks, the Python of this host that has what else this task needs"
    else:
        python = probe_interpreters_for_module(list(_PYTHONS), name)
        if python is not None:
            respawn_module(python)
    raise Unavailable(f"{why} needs the Python package {name}, which {where}; {remedy}") from missing
