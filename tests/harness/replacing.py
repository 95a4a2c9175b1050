# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that somebody replaces while they are read, and opens that GlusterFS then answers as if there were none."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files


class Replacing:
    """Opens that meet the replacement of their file are told, thrice in a row at most, that there is none, as by GlusterFS."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._now: set[str] = set()
        self.missed = self._row = 0
        self._open, self._rename = os.open, os.rename
        monkeypatch.setattr(files.os, "open", self._opens)
        monkeypatch.setattr(files.os, "rename", self._renames)

    def _opens(self, path: Any, *arguments: Any, **more: Any) -> int:
        if path in self._now and self._row < 3:
            self.missed, self._row = self.missed + 1, self._row + 1
            raise FileNotFoundError(2, "No such file or directory", path)
        self._row = 0
        return self._open(path, *arguments, **more)

    def _renames(self, old: str, new: str) -> None:
        self._now.add(new)
        time.sleep(0.02)
        self._rename(old, new)
        self._now.discard(new)
