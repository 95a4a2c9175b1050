# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles run as users run them, by ansible-playbook in a process of its own, and what they leave in facts."""

from __future__ import annotations

import json
import pathlib
import re
import sys
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from ansible_collections.vdisk.gluster.tests.harness import playing

PROGRAM = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
PLAYBOOKS = {"volume_provision": "provision"}
"""Playbooks that are not called as their role."""


@dataclass
class Played:
    """A playbook that has ended: what it said, what it counts of the host, and the role's result."""

    text: str
    counts: dict[str, int]
    facts: dict[str, Any]

    @property
    def failed(self) -> bool:
        return bool(self.counts["failed"])

    @property
    def artifacts(self) -> dict[str, Any]:
        """What set_stats hands on."""
        return json.loads(re.search(r"RUN: (\{.*\})", self.text)[1])


def facts_task(path: pathlib.Path, names: list[str]) -> dict[str, Any]:
    """Return a task that writes facts of the host to a file, in check mode too."""
    content = "{{ {" + ", ".join(f"'{name}': {name}" for name in names) + "} | to_json }}"
    return {
        "name": "Keep the facts for the test",
        "ansible.builtin.copy": {"content": content, "dest": str(path), "mode": "0600"},
        "check_mode": False,
        "changed_when": False,
        "diff": False,
    }


class Player:
    """Plays roles and playbooks on one host with a share."""

    def __init__(self, place, role: str) -> None:
        self._place = place
        self._role = role
        self._out = place.tmp / "facts.json"
        self._location = {
            f"{role}_share": place.share,
            f"{role}_mount_point_base": str(place.base),
            f"{role}_libvirt_uri": "none",
        }

    def call(self, apply: Mapping[str, Any] | None = None, **values: Any) -> dict[str, Any]:
        """Return a task that includes the role with variables; C(apply) are keywords of all its tasks."""
        more = {"apply": dict(apply)} if apply else {}
        return {"ansible.builtin.include_role": {"name": f"vdisk.gluster.{self._role}", **more}, "vars": self.variables(values)}

    def refused(self, *calls: Mapping[str, Any]) -> list[str]:
        """Include the role once for each of these variables, which must fail; return what it said each time."""
        keep = {"refusals": "{{ refusals | default([]) + [ansible_failed_result.msg] }}"}
        tasks = [{"block": [self.call(**call)], "rescue": [{"ansible.builtin.set_fact": keep}]} for call in calls]
        played = self.finish(playing.play(self._place.tmp, [*tasks, facts_task(self._out, ["refusals"])]))
        assert not played.failed and played.counts["rescued"] == len(calls) == len(played.facts["refusals"]), played.text
        assert played.counts["changed"] == 0, played.text
        return played.facts["refusals"]

    def playbook(self, *options: str, **values: Any) -> Played:
        """Play the playbook of the role's name as users do: two hypervisors, of which one has no volumes, variables in the inventory."""
        inventory = self._inventory(self._place.tmp / "inventory.json", {"box": self.variables(values), "idle": {}})
        argv = [PROGRAM, "-i", inventory, f"vdisk.gluster.{PLAYBOOKS.get(self._role, self._role)}", *options]
        return self.finish(playing.Playing(argv, playing.environment(ANSIBLE_SHOW_CUSTOM_STATS="1"), self._place.tmp))

    @staticmethod
    def _inventory(path: pathlib.Path, hosts: Mapping[str, Mapping[str, Any]]) -> str:
        own = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        path.write_text(json.dumps({"hypervisors": {"hosts": {name: {**own, **values} for name, values in hosts.items()}}}))
        return str(path)

    def variables(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return variables of the role with its name before each."""
        return {**self._location, **{f"{self._role}_{name}": value for name, value in values.items()}}

    def ok(self, *options: str, **values: Any) -> Played:
        """Play the role, which must end well."""
        played = self.play(*options, **values)
        assert not played.failed, played.text
        return played

    def play(self, *options: str, env: Mapping[str, str] | None = None, **values: Any) -> Played:
        """Play the role with variables."""
        return self.calls(self.call(**values), options=options, env=env)

    def calls(self, *tasks: Mapping[str, Any], options: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Played:
        """Play tasks, and keep the role's facts."""
        return self.finish(self.start(*tasks, options=options, env=env))

    def start(self, *tasks: Mapping[str, Any], options: Sequence[str] = (), env: Mapping[str, str] | None = None) -> playing.Playing:
        """Start to play tasks."""
        return playing.play(self._place.tmp, [*tasks, facts_task(self._out, [f"{self._role}_result"])], *options, env=dict(env or {}))

    def finish(self, started: playing.Playing) -> Played:
        """Wait for a playbook's end."""
        text = started.wait()
        assert "Traceback" not in text and "[WARNING]: Deprecat" not in text, text
        recap = re.search(r"^box\s+: (.*)$", text, re.M)
        assert recap, text
        counts = {word: int(number) for word, number in re.findall(r"(\w+)=(\d+)", recap[1])}
        facts = json.loads(self._out.read_text()) if self._out.exists() else {}
        self._out.unlink(missing_ok=True)
        return Played(text, counts, facts.get(f"{self._role}_result", facts))
