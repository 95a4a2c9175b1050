# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles run as users run them, by ansible-playbook in a process of its own, and what they leave in facts."""

from __future__ import annotations

import json
import pathlib
import re
from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.vdisk.gluster.tests.integration import playing

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclass
class Played:
    """A playbook that has ended: what it said, what it counts of the host, and the facts that were asked for."""

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

    def __init__(self, place, role: str, facts: list[str]) -> None:
        self._place = place
        self._role = role
        self._facts = [f"{role}_{name}" for name in facts]
        self._out = place.tmp / "facts.json"
        self._location = {
            f"{role}_share": place.share,
            f"{role}_mount_point_base": str(place.base),
            f"{role}_libvirt_uri": "none",
        }

    def tasks(self, *calls: Mapping[str, Any], **more: Any) -> list[dict[str, Any]]:
        """Return tasks that include the role with variables, once for each call, and keep its facts."""
        include = {"name": f"vdisk.gluster.{self._role}"}
        return [
            *({"ansible.builtin.include_role": include, "vars": self.variables(call), **more} for call in calls or [{}]),
            facts_task(self._out, self._facts),
        ]

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
        return self.finish(playing.play(self._place.tmp, self.tasks(values), *options, env=dict(env or {})))

    def finish(self, started: playing.Playing) -> Played:
        """Wait for a playbook's end."""
        self._out.unlink(missing_ok=True)
        text = started.wait()
        assert "Traceback" not in text and "[WARNING]: Deprecat" not in text, text
        recap = re.search(r"^box\s+: (.*)$", text, re.M)
        assert recap, text
        counts = {word: int(number) for word, number in re.findall(r"(\w+)=(\d+)", recap[1])}
        facts = json.loads(self._out.read_text()) if self._out.exists() else {}
        return Played(text, counts, {name.removeprefix(f"{self._role}_"): value for name, value in facts.items()})


def example(role: str) -> str:
    """Return the first example of a role's README."""
    return re.search(r"^```yaml\n(.*?)^```", (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8"), re.M | re.S)[1]
