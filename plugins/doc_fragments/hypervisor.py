# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Option that says which hypervisor is asked about domains."""

    DOCUMENTATION = r"""
options:
  libvirt_uri:
    description:
      - The libvirt to ask which domains, running or shut off, have a volume. What is done to the disk of a running domain is done
        through it.
      - If libvirt is not installed on the managed host, there are no domains. If it is installed and does not answer, or the Python package
        C(libvirt) is missing (C(python3-libvirt) on Debian and Red Hat), the task fails.
      - V(none) asks nobody. A volume in use is then refused, and definitions of domains that are shut off are not brought up to changes;
        one that is on record as a disk of a domain of this host is taken for a disk of another host's.
    type: str
    default: qemu:///system
"""
