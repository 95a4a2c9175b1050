# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One operation killed at many of its calls, and run again each time: here or on another host, with a machine or a task in between."""

from __future__ import annotations

import dataclasses
import itertools
import json
import shutil
import zlib
from typing import Any

from ansible_collections.vdisk.gluster.tests.functional.faults.operations import Operation, nothing
from ansible_collections.vdisk.gluster.tests.functional.faults.states import Template, files_of, points, state, write_as_machine, written
from ansible_collections.vdisk.gluster.tests.harness.hosts import Ended, Host, Hosts
from ansible_collections.vdisk.gluster.tests.harness.sampling import Sample

_names = (f"p{first}{second}{third}" for first, second, third in itertools.product("0123456789abcdefghijklmnopqrstuvwxyz", repeat=3))

Points = dict[str, bytes]


@dataclasses.dataclass(frozen=True)
class Moment:
    """When a task is killed and what happens then; C(number) tells moments of one operation apart.

    A machine may write to the volumes, and another host may run another task on one of them, before the task is run again.
    """

    number: int
    at: int
    after: bool
    call: str
    machine: bool
    other: bool
    survivor_is_there: bool

    def __str__(self) -> str:
        more = [word for word, true in (("a machine", self.machine), ("another task", self.other)) if true]
        where = "there" if self.survivor_is_there else "here"
        return f"killed {'after' if self.after else 'before'} call {self.at}, {self.call}; {', '.join([*more, 'again ' + where])}"


class Sweep:
    """An operation on volumes that are laid down anew for each run."""

    def __init__(self, hosts: Hosts, operation: Operation) -> None:
        self._hosts, self._operation = hosts, operation
        self.reached = self.unreached = 0
        self._clear("")
        operation.prepare(hosts)
        self._template = Template(hosts.here.root)
        self._clear("")
        # what the first task on a share makes for all is made before the run that others are compared with
        self._undisturbed()
        self.calls, self._state, self._before, self._after = self._undisturbed()

    def _undisturbed(self) -> tuple[list[str], dict[str, Any], list[Points | None], list[Points | None]]:
        name, operation, here = self._lay_down(), self._operation, self._hosts.here
        before = self._points(here, name)
        killer = self._hosts.killer()
        ended = here.run(operation.module, operation.of(name), killer)
        assert ended.status == 0 and ended.values["changed"], ended.values
        actions = " ".join(ended.values["actions"])
        assert operation.says.replace("tmpl", name) in actions, actions
        for volume in operation.names(name):
            assert not here.look(volume)["problems"]
        result = [call.replace(name, "NAME") for call in killer.calls], state(here.root, name), before, self._points(here, name)
        self._clear(name)
        return result

    def try_moment(self, moment: Moment) -> None:
        """Kill the operation at a moment and see that nothing is lost and all is finished.

        :raises AssertionError: a promise was broken; the message says which.
        """
        hosts, operation, name = self._hosts, self._operation, self._lay_down()
        if operation.prepare is nothing and not moment.survivor_is_there:
            shutil.rmtree(hosts.here.root / ".vdisk")
        if moment.number % 2:
            self._look(hosts.there, name)  # so that the other host remembers what was
        if self._strike(moment, name):
            self.reached += 1
        else:
            self.unreached += 1
        self._look(hosts.there, name)
        if operation.kind == "remove":
            left, wanted = self._before, self._after
        else:
            left = self._points(self._near, name)
            self._compare_kept(left)
            wanted = self._let_machines_write(name, left, moment) if moment.machine else self._after
        if operation.kind == "make" and moment.other:
            wanted = self._after  # the other task removes it
        others = self._another_task(name, moment) if moment.other else None
        survivor = hosts.there if moment.survivor_is_there else self._near
        again = self._run_again(survivor, operation.module, operation.of(name))
        assert again.status == 0, f"the task fails when it is run again: {again.values['msg']}"
        self._compare(dict(zip(operation.names(name), zip(self._points(survivor, name), wanted))), others)
        for volume in operation.names(name):
            assert not survivor.look(volume)["problems"], survivor.look(volume)["problems"]
        left_over = [file for file in files_of(survivor.root, name) if ".vdisk-" in file or file.endswith(".journal")]
        assert not left_over, f"left {left_over}, {again.values['actions']}"
        if not others:
            now = state(survivor.root, name)
            assert now == self._state, f"left other files than an undisturbed run: {_difference(now, self._state)}"
        third = survivor.run(operation.module, operation.of(name), None)
        assert third.status == 0 and not third.values["changed"], f"the third run still has something to do: {third.values}"
        self._aftermath(survivor, name)
        self._clear(name)

    def _strike(self, moment: Moment, name: str) -> bool:
        """Run the operation, do the harm of a moment, and tell whether the moment was reached."""
        hosts, operation = self._hosts, self._operation
        ended = hosts.here.run(operation.module, operation.of(name), hosts.killer(moment.at, moment.after))
        assert ended.status in (0, -9), ended.values
        return ended.status == -9

    @property
    def _near(self) -> Host:
        """The host that the harm was done on, or another one while it is not there."""
        return self._hosts.here

    def _run_again(self, host: Host, module: str, options: dict[str, Any]) -> Ended:
        return host.run(module, options)

    def _aftermath(self, survivor: Host, name: str) -> None:
        """See to what comes of it later."""

    def _look(self, host: Host, name: str) -> None:
        ended = host.run("gluster_volume_file_info", {"name": self._operation.names(name)})
        assert ended.status == 0, f"the information module fails: {ended.values}"

    def _points(self, host: Host, name: str) -> list[Points | None]:
        return [points(host.root, volume, self._operation.base_format) for volume in self._operation.names(name)]

    def _compare_kept(self, left: list[Points | None]) -> None:
        """See that every point in time that is to stay reads as before to all who read the share now."""
        for now, before in zip(left, self._before):
            for snapshot in set(before or ()) - {"now", *self._operation.gone}:
                assert now is not None and now.get(snapshot) == before[snapshot], f"{snapshot} reads otherwise right after the kill"
            if self._operation.kind in ("take", "drop", "keep"):
                assert now["now"] == before["now"].ljust(len(now["now"]), b"\0"), "the disk reads otherwise right after the kill"

    def _let_machines_write(self, name: str, left: list[Points | None], moment: Moment) -> list[Points | None]:
        """Let a machine write to each volume on which one could start, and return what is to be read in the end."""
        wanted = []
        for volume, now, after in zip(self._operation.names(name), left, self._after):
            byte = 0xA0 + moment.number % 32
            root, base_format = self._near.root, self._operation.base_format
            if now is None or after is None or not write_as_machine(root, volume, len(now["now"]), byte, base_format):
                assert now is None, f"no machine can start on {volume}"
                wanted.append(after)
                continue
            disk = written(now["now"], byte).ljust(len(after["now"]), b"\0")
            if self._operation.kind == "revert":
                disk = after["now"]  # the next run reverts once more
            wanted.append({**after, "now": disk})
            if self._operation.kind == "take" and "s9" not in now:
                wanted[-1]["s9"] = disk
        return wanted

    def _another_task(self, name: str, moment: Moment) -> str | None:
        """Run another task on one of the volumes from the other host; return the volume of which it took a snapshot or that it grew."""
        volume = self._operation.names(name)[moment.number % self._operation.volumes]
        module, options = "gluster_snapshot", {"volume": [volume], "name": ["other"]}
        if self._operation.kind in ("make", "remove"):
            module, options = "gluster_volume_file", {"name": [volume], "state": "absent", "delete_snapshots": True}
        elif self._operation.kind == "revert":
            module, options = "gluster_volume_file", {"name": [volume], "size": "2M"}
        ended = self._run_again(self._hosts.there, module, options)
        message = ended.values["msg"]
        # a volume that is not adopted or not mended yet
        refused = ended.status == 1 and self._operation.kind == "keep" and ("adopt it first" in message or "is not changed" in message)
        assert ended.status == 0 or refused, f"another task fails: {message}"
        return None if refused or self._operation.kind in ("make", "remove") else volume

    def _compare(self, volumes: dict[str, tuple[Points | None, Points | None]], others: str | None) -> None:
        for volume, (have, undisturbed) in volumes.items():
            if have is None or undisturbed is None:
                assert have is undisturbed, f"the volume is {'absent' if have is None else 'there'}"
                continue
            want = undisturbed
            if volume == others and self._operation.kind == "revert":
                want = {**want, "now": want["now"].ljust(2 << 20, b"\0")}
            elif volume == others:
                assert "other" in have, "the snapshot that another task took meanwhile is lost"
                want = {**want, "other": want["now"][: len(have["other"])]}
            assert set(have) == set(want), f"there are {sorted(have)}, not {sorted(want)}"
            for snapshot, content in want.items():
                assert have[snapshot] == content, f"{snapshot} differs{_where(have[snapshot], content)}"

    def _lay_down(self) -> str:
        name = next(_names)
        self._template.lay_down(self._near.root, name)
        (self._near.root / ".vdisk").mkdir(mode=0o700, exist_ok=True)
        return name

    def _clear(self, name: str) -> None:
        root = self._near.root
        for file in [*root.glob("*"), *root.glob(".*"), *root.glob(".vdisk/*")]:
            if file.name != ".vdisk" and file.name.lstrip(".").startswith(name):
                file.unlink(missing_ok=True)


def moments(calls: list[str], sample: Sample, spread: int, of: str) -> list[Moment]:
    """Return the moments at which a task with these calls is killed: before and after each, or a sample.

    The sample has the first, the last, those that give or take names or empty a file that has one, those that write tables and headers
    of images in use, and so many others, drawn from strata.

    :param of: what makes the calls, so that samples of two operations differ.
    """
    everything = [(at, after) for at in range(1, len(calls) + 1) for after in (False, True)]
    pinned = {everything[0], everything[-1], everything[-2]}
    for at, call in enumerate(calls, 1):
        # a file that is opened to be made or written anew under the name that others know is empty then
        if _makes_a_known_name(call):
            pinned.add((at, True))
        elif call.startswith(("rename ", "link ", "unlink ", "pwrite64 NAME")):
            pinned.add((at, bool(at % 2)))
    return [_moment(of, at, after, calls[at - 1]) for at, after in sample.draw("moments", everything, spread, pinned, of)]


def _moment(of: str, at: int, after: bool, call: str) -> Moment:
    """Return a moment; what happens after the kill is the same in each sample that it is in."""
    chance = zlib.crc32(f"{of} {at} {after}".encode())
    return Moment(2 * at + after, at, after, call, chance % 3 == 0, chance // 3 % 2 == 0, chance // 6 % 2 == 0)


def _makes_a_known_name(call: str) -> bool:
    return call.startswith("open ") and ".vdisk-" not in call and not call.endswith(".lock")


def _where(one: bytes, other: bytes) -> str:
    if len(one) != len(other):
        return f": {len(one)} bytes, not {len(other)}"
    places = [index for index in range(0, len(one), 512) if one[index : index + 512] != other[index : index + 512]]
    return f" in {len(places)} sectors, first at {places[0]}"


def _difference(now: dict[str, Any], wanted: dict[str, Any]) -> str:
    return json.dumps({file: (now.get(file), wanted.get(file)) for file in {*now, *wanted} if now.get(file) != wanted.get(file)})
