# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module writes to the log of its host, through Ansible: when it begins and ends, and no secret."""

from __future__ import annotations

import json
import sys
from typing import Any, Callable
from unittest import mock

import pytest
from ansible.module_utils import basic
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._modules import runtime
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import Result, Task

OPTIONS = {"name": {"type": "list", "elements": "str"}, "passphrase": {"type": "str", "no_log": True}}


@pytest.fixture
def run_and_log(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """Return a callable that runs a module with some work and returns the lines that reach syslog."""

    def run(work: Callable[[Task], Result], **arguments: Any) -> list[str]:
        lines: list[str] = []
        monkeypatch.setattr(basic, "has_journal", False)
        monkeypatch.setattr(basic.syslog, "openlog", lambda *_arguments: None)
        monkeypatch.setattr(basic.syslog, "syslog", lambda _priority, line: (line.encode("utf-8"), lines.append(line)))
        content = json.dumps({"ANSIBLE_MODULE_ARGS": {"_ansible_module_name": "vdisk.gluster.test", **arguments}}).encode()
        with mock.patch.object(basic, "_ANSIBLE_ARGS", content), mock.patch.object(basic, "_ANSIBLE_PROFILE", "legacy", create=True):
            with pytest.raises(SystemExit):
                runtime.run(OPTIONS, work)
        capsys.readouterr()
        return lines

    return run


def test_a_task_is_logged_when_it_begins_and_when_it_ends(run_and_log: Callable[..., list[str]]) -> None:
    begins, first, ends = run_and_log(lambda task: Result("v exists already."), name=["v", "w"])
    assert begins.startswith("Invoked with name=")
    assert first == "Task begins on v, w"
    assert ends.startswith("Task ended after 0.") and ends.endswith(" s, unchanged: v exists already.")


def test_check_mode_a_change_and_a_failure_are_named(run_and_log: Callable[..., list[str]]) -> None:
    lines = run_and_log(lambda task: Result("done", changed=True), _ansible_check_mode=True)
    assert lines[1] == "Task begins in check mode" and lines[2].endswith(" s, changed: done")

    def fail(_task: Task) -> Result:
        raise Refused("v is in use")

    assert run_and_log(fail)[-1].endswith(" s: v is in use")


def test_a_secret_is_masked_wherever_it_stands(run_and_log: Callable[..., list[str]]) -> None:
    def work(task: Task) -> Result:
        task.runner.run([sys.executable, "-c", "pass", "correct horse"], environment={"BORG_PASSPHRASE": "correct horse", "KEY": "staple"})
        task.runner.log(f"{'x' * 1995} correct horse, ssh://me:battery@backup1/r")
        return Result("with correct horse")

    lines = run_and_log(work, passphrase="correct horse")
    assert [line for line in lines if "Command ended" in line and "********" in line]
    assert not [word for word in ("correct", "staple", "battery") if word in "".join(lines)]


@pytest.mark.parametrize("name", ["a\x00b", "a\nb", "a\udcffb"])
def test_what_no_log_can_take_does_not_fail_the_task(run_and_log: Callable[..., list[str]], name: str) -> None:
    def work(task: Task) -> Result:
        task.runner.log(f"Apply to {name}")
        task.runner.log("x" * 3000)
        return Result("done")

    _begins, _first, line, cut, ends = run_and_log(work)
    assert line in ("Apply to a b", "Apply to a\\udcffb")
    assert len(cut) == 2001
    assert ends.endswith("done")


def test_a_task_with_no_log_logs_nothing(run_and_log: Callable[..., list[str]]) -> None:
    assert run_and_log(lambda task: Result("done"), _ansible_no_log=True) == []
