# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that say which shares are meant."""

    DOCUMENTATION = r"""
options:
  share:
    description:
      - The share, V(host:/volume) or V(host:/volume/directory).
      - V(host1,host2:/volume) lets the mount helper try the servers one after another. Written otherwise it is another share, with
        another mount point.
      - Exactly one of O(share), O(shares) and O(shares_file) is needed.
    type: str
  shares:
    description:
      - Candidate shares. An existing volume is looked for on all of them.
    type: list
    elements: str
  shares_file:
    description:
      - A file on the managed host in the form that OpenStack Cinder used; one C(host:/volume [mount options]) a line,
        comments with C(#), blank lines, V(\\040) for a space. A malformed line is skipped with a warning.
    type: path
  mount_point_base:
    description:
      - A share is mounted at C(<mount_point_base>/<MD5 of the share's name>), which is the layout of OpenStack Cinder, so that
        an existing deployment is taken over in place.
      - It cannot hold white space, because the mount helper of GlusterFS cannot take it.
    type: path
    default: /var/lib/vdisk/mnt
  response_timeout:
    description:
      - How many seconds a mounted share may take to answer, before it counts as wedged.
      - While a server is gone, GlusterFS itself lets every call wait for C(network.ping-timeout), 42 seconds by default; a shorter time
        takes that for a wedged mount.
    type: int
    default: 60
"""
