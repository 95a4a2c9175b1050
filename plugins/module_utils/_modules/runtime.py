# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place that speaks to Ansible: options in, one result out, and every failure as a sentence."""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule, heuristic_log_sanitize
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._common.process import Runner
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import Progress
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress_file import VARIABLE, ProgressFile, is_token
from ansible_collections.vdisk.gluster.plugins.module_utils._common.result import Result
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.responsiveness import RESPONSE_TIMEOUT
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import DEFAULT_BASE
from ansible_collections.vdisk.gluster.plugins.module_utils._libvirt.hypervisor import open_hypervisor
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.hypervisor import Hypervisor

LOCATION = {
    "share": {"type": "str"},
    "shares": {"type": "list", "elements": "str"},
    "shares_file": {"type": "path"},
    "mount_point_base": {"type": "path", "default": DEFAULT_BASE},
    "response_timeout": {"type": "int", "default": RESPONSE_TIMEOUT},
}
"""Options that say which shares are meant."""

PATIENCE = {
    "stall_timeout": {"type": "int", "default": 600},
    "lock_timeout": {"type": "int", "default": 60},
    "progress_interval": {"type": "int", "default": 10},
}
"""Options that say how long a task waits for what stands still, and how often it says how far it is."""

HYPERVISOR = {
    "libvirt_uri": {"type": "str", "default": "qemu:///system"},
}
"""Option that says which hypervisor is asked about domains."""

ELSEWHERE = {
    "attached_elsewhere": {"type": "str", "choices": ["refuse", "ignore"], "default": "refuse"},
}
"""Option that says whether domains of other hosts that are shut off keep a volume from being changed."""

OWNERSHIP = {
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "raw"},
}
"""Options for the owner, group and mode of what a task makes."""

_LOG_LINE = 2000
"""Characters of a line in the log of the host; the rest is cut off."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

_ONE_LOCATION = (("share", "shares", "shares_file"),)


@dataclass(frozen=True)
class Task:
    """One task: its options, whether it only checks, and its ways to run programs and to warn."""

    params: Mapping[str, Any]
    check_mode: bool
    runner: Runner
    warn: Callable[[str], None]

    @property
    def progress(self) -> Progress:
        """Where the task says how far it is."""
        return self.runner.progress

    @property
    def respects_other_hosts(self) -> bool:
        """Whether domains of other hosts that are shut off keep a volume from being changed."""
        return self.params.get("attached_elsewhere") != "ignore"

    def hypervisor(self) -> Hypervisor:
        """Return the hypervisor that the task is to ask; to be called before anything is changed, for the module may start anew for it."""
        return open_hypervisor(self.params["libvirt_uri"], self.runner.stall_timeout, self.progress)


def run(
    options: Mapping[str, Any],
    work: Callable[[Task], Result],
    required_together: Sequence[Sequence[str]] = (),
    required_one_of: Sequence[Sequence[str]] = (),
    required_by: Mapping[str, str] | None = None,
    mutually_exclusive: Sequence[Sequence[str]] = (),
) -> None:
    """Run a module: take its options, do its work, return its result."""
    location = _ONE_LOCATION if set(LOCATION) <= set(options) else ()
    module = AnsibleModule(
        argument_spec=dict(options),
        supports_check_mode=True,
        mutually_exclusive=[*location, *mutually_exclusive],
        required_one_of=[*location, *required_one_of],
        required_by=dict(required_by or {}),
        required_together=required_together,
    )
    for option in ("stall_timeout", "lock_timeout", "progress_interval"):
        if option in options and module.params[option] < 0:
            module.fail_json(msg=f"{option}: {module.params[option]} is negative; give seconds", changed=False)
    log, since = _log_of(module), time.monotonic()
    # it stays in the environment: the module may start again with another interpreter
    token = os.environ.get(VARIABLE, "")
    with contextlib.ExitStack() as reporting:
        progress = Progress(reporting.enter_context(ProgressFile(token))) if is_token(token) else Progress()
        task = Task(
            module.params,
            module.check_mode,
            Runner(module.params.get("stall_timeout") or Runner.STALL_TIMEOUT, progress=progress, log=log),
            module.warn,
        )
        log(f"Task begins{' in check mode' if module.check_mode else ''}{_on_volumes(module.params)}")
        try:
            result = work(task)
        except VdiskError as error:
            log(f"Task failed after {time.monotonic() - since:.3f} s: {error.message}")
            module.fail_json(msg=error.message, **{"changed": False, "actions": [], **error.details})
    log(f"Task ended after {time.monotonic() - since:.3f} s, {'changed' if result.changed else 'unchanged'}: {result.msg}")
    values = {"msg": result.msg, "changed": result.changed, **result.values}
    if result.before is not None or result.after is not None:
        values["diff"] = {"before": _by_name(result.before), "after": _by_name(result.after)}
    values["actions"] = list(result.actions)
    module.exit_json(**values)


def _log_of(module: AnsibleModule) -> Callable[[str], None]:
    """Return what takes a line for the log of the host.

    Ansible masks there what options with no_log hold, and logs nothing of a task with no_log or where no_target_syslog is set. What it
    could not write, as a null byte of a name, would fail the task in the middle of a step.
    """

    def log(line: str) -> None:
        # before it is cut: what is cut would not be recognized
        line = heuristic_log_sanitize(line, module.no_log_values)
        line = _CONTROL.sub(" ", line.encode("utf-8", "backslashreplace").decode("utf-8"))
        module.log(line if len(line) <= _LOG_LINE else f"{line[:_LOG_LINE]}…")

    return log


def _on_volumes(params: Mapping[str, Any]) -> str:
    """Return the volumes that a task names, as the end of a sentence."""
    named = params["volume"] if "volume" in params else params.get("name")
    return f" on {named if isinstance(named, str) else ', '.join(named)}" if named else ""


def _by_name(objects: Any) -> Any:
    """Return a list of objects as a mapping: with a list Ansible fails to show the difference."""
    if not isinstance(objects, list):
        return objects
    return {entry["name" if "name" in entry else "share"]: entry for entry in objects}
