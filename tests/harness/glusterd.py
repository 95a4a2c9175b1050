# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GlusterFS's management daemon of this machine, also where systemd is not process 1."""

from __future__ import annotations

import contextlib
import os
import pathlib

from ansible_collections.vdisk.gluster.tests.harness import runs
from ansible_collections.vdisk.gluster.tests.harness.daemon import Daemon

_SYSTEMD = os.path.isdir("/run/systemd/system")
_GLUSTERD = Daemon(
    "glusterd",
    start=("systemctl", "start", "glusterd") if _SYSTEMD else ("glusterd", "-p", "/run/glusterd.pid"),
    asks=("gluster", "--mode=script", "--timeout=5", "pool", "list"),
    stop=("systemctl", "stop", "glusterd") if _SYSTEMD else None,
    # of the machine, not of the checkout: there is one daemon, whatever the number of checkouts whose tests run
    state=pathlib.Path("/run/vdisk-tests"),
    log=pathlib.Path("/var/log/glusterfs/glusterd.log"),
    # the run that starts it may end before others that use it; bricks, which it starts, live where it does
    apart=runs.go_apart,
)


def running() -> contextlib.AbstractContextManager[None]:
    """Have glusterd run.

    :raises NoDaemon: it does not.
    """
    return _GLUSTERD.running()


def stop_if_unused() -> None:
    """Stop it if tests have started it and all that have used it were killed.

    :raises NoDaemon: it does not stop.
    """
    _GLUSTERD.stop_if_unused()
