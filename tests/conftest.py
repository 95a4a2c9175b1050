# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of all tests, so that pytest can be called as it is; tools/env.sh is the same for other programs."""

from __future__ import annotations

import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def _prepare_environment() -> None:
    link = ROOT / ".cache/ansible_collections/vdisk/gluster"
    if not link.is_symlink():
        link.parent.mkdir(parents=True, exist_ok=True)
        try:
            link.symlink_to("../../..")
        except FileExistsError:
            pass  # another process was faster
    folders = os.environ["PATH"].split(":")
    programs = str(pathlib.Path(sys.executable).parent)
    os.environ["PATH"] = ":".join(
        # the sbin folders hold GlusterFS's programs and are missing from a normal user's PATH
        [*([] if programs in folders else [programs]), *folders, *(folder for folder in ("/usr/sbin", "/sbin") if folder not in folders)]
    )
    os.environ.update(
        ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".cache"),
        ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"),
        # Ansible refuses to start without a UTF-8 locale; this one exists on every Debian
        LC_ALL="C.UTF-8",
        # no __pycache__ in the tree, least of all one that belongs to root
        PYTHONDONTWRITEBYTECODE="1",
    )
    sys.dont_write_bytecode = True


_prepare_environment()
