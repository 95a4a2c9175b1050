# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins of long modules share: they run the module as Ansible does, and show how far it is.

The module writes its progress to a small file on the managed host. A thread looks at that file through a copy of the
connection, with the task's own become, and displays a line, which every callback and ansible-runner passes on at once.
"""

from __future__ import annotations

import copy
import multiprocessing.util
import shlex
import uuid
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible.utils.vars import merge_hash
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress_file import VARIABLE, path_of
from ansible_collections.vdisk.gluster.plugins.plugin_utils._action.watcher import Watcher

display = Display()

DEFAULT_INTERVAL = 10


class WatchedAction(ActionBase):  # type: ignore[misc]  # ansible-core comes without types
    """Runs the module of the same name and shows its progress."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module and return its result."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        wrap_async = self._task.async_val and not self._connection.has_native_async
        watcher, environment = None, self._task.environment
        interval = self._interval()
        # who does not wait for a task sees no lines of it
        if interval and not self._task.no_log and not (wrap_async and not self._task.poll):
            token = uuid.uuid4().hex
            self._task.environment = [*_as_list(environment), {VARIABLE: token}]
            watcher = self._watcher(token, interval, (task_vars or {}).get("inventory_hostname"))
            watcher.start()
        try:
            returned = self._execute_module(task_vars=task_vars, wrap_async=wrap_async)
            if watcher and wrap_async and returned.get("ansible_job_id") and not returned.get("failed"):
                # Ansible asks for the result itself once this returns; the watcher goes on until this process, the task's own, ends
                multiprocessing.util.Finalize(None, watcher.stop, exitpriority=100)
                watcher = None
        finally:
            # the items of a loop share the task
            self._task.environment = environment
            if watcher:
                watcher.stop()
        result = merge_hash(result, returned)
        if not wrap_async:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _interval(self) -> int:
        """Return the seconds between two lines; 0 where the module will refuse what was given."""
        try:
            return max(0, int(self._task.args.get("progress_interval", DEFAULT_INTERVAL)))
        except (TypeError, ValueError):
            return 0

    def _watcher(self, token: str, interval: int, host: Any) -> Watcher:
        # a command keeps what it waits for in the connection and in become, and a second one beside it would change that
        beside = copy.copy(self)
        beside._connection = copy.copy(self._connection)
        if beside._connection.become is not None:
            beside._connection.set_become_plugin(copy.copy(beside._connection.become))
        path = shlex.quote(path_of(token))
        # a file of this user only: a pipe of that name would hold the watcher up for good
        command = f"[ -f {path} ] && [ -O {path} ] && cat {path} 2>/dev/null || :"

        def look() -> str | None:
            return beside._low_level_execute_command(command)["stdout"].strip() or None

        def show(line: str) -> None:
            display.display(f"PROGRESS [{host}]: {line}")

        return Watcher(look, show, interval)


def _as_list(environment: Any) -> list[Any]:
    """Return the environments of a task, those of its play and blocks included, as Ansible takes them: a later one wins."""
    if environment is None:
        return []
    return environment if isinstance(environment, list) else [environment]
