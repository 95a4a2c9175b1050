# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The token by which a module reports progress reaches it in the environment of its task, beside what the user has there."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress_file import VARIABLE, is_token
from ansible_collections.vdisk.gluster.plugins.plugin_utils._action import base
from ansible_collections.vdisk.gluster.plugins.plugin_utils._action.base import WatchedAction

MODULES = sorted(path.stem for path in (Path(__file__).resolve().parents[5] / "plugins/modules").glob("gluster_*.py"))


class Recorded(WatchedAction):
    """An action whose module notes what it gets."""

    def __init__(self, environment: Any, fails: bool = False, **task: Any) -> None:
        self.seen: list[dict[str, str]] = []
        self.shown: list[Any] = []
        self.fails = fails
        values = {"args": {"volume": "v"}, "async_val": 0, "poll": 0, "no_log": False, **task}
        self._task = SimpleNamespace(environment=environment, **values)
        shell = SimpleNamespace(env_prefix=lambda **variables: self.seen.append(variables) or "", tmpdir=None)
        self._connection = SimpleNamespace(has_native_async=False, _shell=shell)
        self._templar = SimpleNamespace(template=lambda value: value)

    def _execute_module(self, *_arguments: Any, **more: Any) -> dict[str, Any]:
        assert "module_args" not in more and self._task.args == {**self._task.args, "volume": "v"}
        self._compute_environment_string()
        if self.fails:
            raise OSError("no connection")
        return {"changed": True}

    def _watcher(self, token: str, *_more: Any) -> Any:
        self.shown.append(token)
        return SimpleNamespace(start=lambda: None, stop=lambda: None)

    def _remove_tmp_path(self, *_arguments: Any, **_more: Any) -> None:
        """Nothing was made."""


@pytest.fixture(autouse=True)
def no_controller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what Ansible itself does at the start of an action."""
    monkeypatch.setattr(ActionBase, "run", lambda self, tmp=None, task_vars=None: {})


@pytest.mark.parametrize(
    ("environment", "variables"),
    [(None, {}), ([], {}), ({"A": "1"}, {"A": "1"}), ([{"A": "1"}, None, {"A": "2", "B": "3"}], {"A": "2", "B": "3"})],
)
def test_a_token_is_added_to_the_environment_of_the_user_and_taken_away_again(environment: Any, variables: dict[str, str]) -> None:
    action = Recorded(environment)
    # twice, as in a loop
    assert action.run(None, {}) == action.run(None, {}) == {"changed": True}
    assert action._task.environment is environment
    tokens = [seen.pop(VARIABLE) for seen in action.seen]
    assert action.seen == [variables, variables]
    assert tokens == action.shown and tokens[0] != tokens[1] and all(map(is_token, tokens))


def test_the_environment_is_as_it_was_also_after_a_failure() -> None:
    environment = [{"A": "1"}]
    action = Recorded(environment, fails=True)
    with pytest.raises(OSError, match="no connection"):
        action.run(None, {})
    assert action._task.environment is environment and environment == [{"A": "1"}]


@pytest.mark.parametrize("task", [{"no_log": True}, {"async_val": 60}, {"args": {"volume": "v", "progress_interval": 0}}])
def test_nothing_is_added_where_nothing_is_shown(task: dict[str, Any]) -> None:
    action = Recorded([{"A": "1"}], **task)
    action.run(None, {})
    assert action.seen == [{"A": "1"}] and action.shown == []


@pytest.mark.parametrize("module", MODULES)
def test_no_module_has_a_hidden_option(module: str) -> None:
    options = importlib.import_module(f"ansible_collections.vdisk.gluster.plugins.modules.{module}").OPTIONS
    assert options and not [name for name in options if name.startswith("_")]


def test_the_modules_were_found() -> None:
    assert len(MODULES) > 8 and base.DEFAULT_INTERVAL
