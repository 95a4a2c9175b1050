# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests are frozen and thawed through their agents, and thawed also where the task is killed in between."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.vdisk.gluster.plugins.module_utils._common.child_process import if_killed

_COMES_BACK = 120
"""Seconds for which what a killed task has left to be undone is tried: libvirt itself may be what died, and is started again."""

_FREEZE_TAKES = 60
"""Seconds that a guest agent gets to freeze or thaw."""

_AGENT_ANSWERS = 5
"""Seconds in which a guest agent that works answers."""


class GuestAgent:
    """What a hypervisor lets the agents of its guests do."""

    frozen: set[str]
    _libvirt: Any
    _connection: Any
    _guards: dict[str, Callable[[], None]]
    _clock: Callable[[], float]
    _sleep: Callable[[float], None]
    _domain: Callable[[str], Any]
    _ask: Callable[[Callable[[], Any], str], Any]

    def freeze(self, uuid: str) -> int:
        """Freeze the file systems of a guest and return how many are frozen.

        :raises Unavailable: its agent does not answer within seconds, or another program has frozen it.
        """
        domain = self._domain(uuid)

        def freeze() -> int:
            domain.agentSetResponseTimeout(_AGENT_ANSWERS, 0)
            # an agent that hangs is found out by a question that changes nothing
            domain.fsInfo(0)
            self._thaw_if_killed(uuid)
            # writing out what is pending may take a guest long
            domain.agentSetResponseTimeout(_FREEZE_TAKES, 0)
            self.frozen.add(uuid)
            return int(domain.fsFreeze(None, 0))

        return int(self._ask(freeze, f"freeze the file systems of domain {domain.name()}"))

    def thaw(self, uuid: str) -> int:
        """Thaw the file systems of a guest and return how many were frozen; one that is not frozen stays as it is."""
        domain = self._domain(uuid)

        def thaw() -> int:
            domain.agentSetResponseTimeout(_FREEZE_TAKES, 0)
            return int(domain.fsThaw(None, 0))

        thawed: int = self._ask(thaw, f"thaw the file systems of domain {domain.name()}")
        self.frozen.discard(uuid)
        self._guards.pop(uuid, lambda: None)()
        return thawed

    def _thaw_if_killed(self, uuid: str) -> None:
        """Let a process of its own thaw a guest if this one is killed before it has."""

        def thaw(domain: Any) -> None:
            domain.agentSetResponseTimeout(_FREEZE_TAKES, 0)
            domain.fsThaw(None, 0)

        self._guards[uuid] = self._if_killed(uuid, thaw)

    def _if_killed(self, uuid: str, undo: Callable[[Any], None]) -> Callable[[], None]:
        """Let a process of its own do something with a running domain if this one ends before it takes that back."""
        libvirt, uri = self._libvirt, self._connection.getURI()

        def insist() -> None:
            until = self._clock() + _COMES_BACK
            while True:
                try:
                    domain = libvirt.open(uri).lookupByUUIDString(uuid)
                    if domain.isActive():
                        undo(domain)
                    return
                except libvirt.libvirtError as error:
                    if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN or self._clock() >= until:
                        return
                self._sleep(1)

        return if_killed(insist)
