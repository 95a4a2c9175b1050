# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether all of a share can be seen.

Where a brick of a distributed volume does not answer, or one of its sets of copies has lost its quorum, GlusterFS serves the rest: a
listing leaves out what lies there, and opening it says that there is no such file. An overlay, an info file or a journal that is there
would be taken for one that is not. What the FUSE client knows of its servers stands in files below C(.meta) of every mount.
"""

from __future__ import annotations

import os
import re
import time

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Incomplete
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.files import explain

_GRAPH = ".meta/graphs/active"
_DISTRIBUTE = "[xlator.cluster.dht."
_LIMIT = 1 << 20
_TRIES = 5
_PART = re.compile(r"^subvolumes\[(\d+)\] = ([\w/-]+)\.(\S+)$", re.M)
_STATUS = re.compile(r"^subvolume_status\[(\d+)\] = (\d+)$", re.M)
_NO_QUORUM = re.compile(r"^up = 0$", re.M)
_undivided: set[str] = set()
"""Names of graphs that this task has seen to have one part only."""


def check_complete(share: str, mount_point: str) -> None:
    """See that every part of a distributed share answers; called before a listing and after it, and before what cannot be taken back.

    :raises Incomplete: one does not.
    :raises VdiskError: the mount does not answer.
    """
    graph = f"{mount_point}/{_GRAPH}"
    try:
        missing = _missing_now(graph) if _name_of(graph) not in _undivided and os.path.isdir(graph) else []
    except OSError as error:
        raise explain(error, graph, "read") from error
    if missing:
        raise Incomplete(
            f"{share} is incomplete: {'; '.join(missing)}, and files on those bricks cannot be distinguished from files that do not "
            "exist; check gluster volume status, bring the server or the brick back, then run the task again"
        )


def _name_of(graph: str) -> str:
    """Return what the graph calls itself, which is another name on each host, in each client and after each change of the volume."""
    try:
        return os.readlink(graph)
    except OSError:
        return ""


def _missing_now(graph: str) -> list[str]:
    for attempt in range(1, _TRIES):
        try:
            return _missing(graph)
        except FileNotFoundError:
            # the volume has just got other options, and this client another graph with them
            time.sleep(0.05 * attempt)
    return _missing(graph)


def _missing(graph: str) -> list[str]:
    """Return what does not answer, as clauses."""
    named = _name_of(graph)
    for name in os.listdir(graph):
        private = _read(f"{graph}/{name}/private") if name.endswith("-dht") else ""
        if _DISTRIBUTE in private:
            parts = {number: (kind, part) for number, kind, part in _PART.findall(private)}
            if len(parts) <= 1:
                # it answers with all that it has, or not at all; to look again takes seven times as long as to ask the graph's name
                if named:
                    _undivided.add(named)
                return []
            up = {number for number, status in _STATUS.findall(private) if status != "0"}
            return [_clause(graph, *part) for number, part in sorted(parts.items()) if number not in up or not _has_quorum(graph, *part)]
    return []


def _has_quorum(graph: str, kind: str, part: str) -> bool:
    return kind != "cluster/replicate" or not _NO_QUORUM.search(_read(f"{graph}/{part}/private"))


def _clause(graph: str, kind: str, part: str) -> str:
    if kind != "protocol/client":
        return f"too few bricks of {part} answer"
    options = f"{graph}/{part}/options"
    return f"the brick {_read(f'{options}/remote-host').strip()}:{_read(f'{options}/remote-subvolume').strip()} does not answer"


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read(_LIMIT)
