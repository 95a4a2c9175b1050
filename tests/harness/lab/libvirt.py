# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirtd on the hosts of a lab."""

from __future__ import annotations

from typing import Sequence

from ansible_collections.vdisk.gluster.tests.harness.lab.host import Host


def start_libvirtd(host: Host) -> None:
    """Start libvirtd on a host and wait until it answers at qemu:///system; it has an identity of its own, so that machines can move."""
    host.run(["systemctl", "start", "libvirtd"])
    host.run(["virsh", "-c", "qemu:///system", "version"])


def migrate(domain: str, host: Host, to: Host, how: Sequence[str] = ("--persistent", "--undefinesource")) -> None:
    """Move a running domain to another host, over ssh; C(how) are options of virsh on what becomes of its definition."""
    # netcat, by which libvirt would go to the other's socket, is not there; its own helper is
    uri = f"qemu+ssh://{to.name}/system?proxy=native"
    host.run(["virsh", "-c", "qemu:///system", "migrate", "--live", *how, domain, uri])
