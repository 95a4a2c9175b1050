# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes of a live test: made and changed by modules while a machine writes to them, and judged at every step."""

from __future__ import annotations

import dataclasses
from typing import Any

from ansible_collections.vdisk.gluster.tests.functional.live.lab import Lab
from ansible_collections.vdisk.gluster.tests.harness.guests.machine import Disk, Machine


def volume(lab: Lab, name: str = "v1", image_format: str = "raw", discard: str | None = "unmap", size: str = "64M") -> Disk:
    """Make a volume and return it as a disk."""
    lab.here.ok("gluster_volume_file", name=[name], size=size, format=image_format)
    return Disk(lab.here.path(name), image_format, discard)


@dataclasses.dataclass
class Watched:
    """Volumes of one machine, disk by disk, with the windows in which their snapshots were taken."""

    lab: Lab
    machine: Machine
    names: tuple[str, ...] = ("v1",)
    windows: dict[str, tuple[int, int]] = dataclasses.field(default_factory=dict)

    def change(self, module: str, **options: Any) -> dict[str, Any]:
        """Check mode, run and run again while the machine writes: the prediction holds, and the second run changes nothing."""
        predicted = self.lab.here.ok(module, _ansible_check_mode=True, **options)
        made = self.lab.here.ok(module, **options)
        again = self.lab.here.ok(module, **options)
        self.lab.counts.add("operations under load")
        assert predicted["changed"] and made["changed"] and not again["changed"], (predicted, made, again)
        assert [_bare(action) for action in predicted["actions"]] == [_bare(action) for action in made["actions"]]
        return made

    def take(self, snapshot: str, acks: int = 60, **options: Any) -> dict[str, Any]:
        """Take a snapshot of all volumes, with writing before and after it."""
        before = self.machine.wait_acks(acks)
        made = self.change("gluster_snapshot", volume=list(self.names), name=[snapshot], **options)
        self.windows[snapshot] = (before, self.machine.wait_acks(5))
        return made

    def drop(self, *snapshots: str) -> dict[str, Any]:
        """Delete snapshots of all volumes while the machine writes."""
        made = self.change("gluster_snapshot", volume=list(self.names), name=list(snapshots), state="absent")
        for snapshot in snapshots:
            del self.windows[snapshot]
        return made

    def judge(self) -> None:
        """See that every snapshot is what it was, that all definitions fit, and that nothing lies around."""
        oracle = self.machine.oracle
        chains = {}
        for name in self.names:
            found = self.lab.here.look(name)
            assert found["problems"] == [] and sorted(entry["name"] for entry in found["snapshots"]) == sorted(self.windows), found
            chains[name] = {entry["file"]: entry["format"] for entry in found["chain"]}
            target = f"vd{'abcdefgh'[self.names.index(name)]}"
            files = [self.lab.here.path(file) for file in chains[name]]
            if self.machine.is_running():
                assert found["domains"] == [self.machine.name]
                assert self.machine.sources(target) == files
            if self.machine.persistent:
                stored = self.machine.sources(target, stored=True)
                assert stored == files[: len(stored)]
        for snapshot, window in self.windows.items():
            points = []
            for lane, name in enumerate(self.names):
                entry = next(entry for entry in self.lab.here.look(name)["snapshots"] if entry["name"] == snapshot)
                file = entry["point_in_time_file"]
                points.append(oracle.point_in_time(self.lab.here.path(file), chains[name][file], lane))
            assert window[0] <= oracle.assert_one_instant(points) <= window[1], (snapshot, points, window)
            self.lab.counts.add("acknowledged records checked", window[0])

    def judge_at_rest(self) -> None:
        """Start the machine anew, let it look at its disks, shut it off and see that nothing that was acknowledged is lost."""
        if self.machine.persistent:
            self.machine.restart()
        self.machine.shut_off()
        acknowledged = self.machine.acked()
        oracle, points = self.machine.oracle, []
        for lane, name in enumerate(self.names):
            found = self.lab.here.look(name)
            points.append(oracle.point_in_time(self.lab.here.path(found["active_file"]), found["format"], lane))
        if len(points) > 1:
            assert oracle.assert_one_instant(points) >= acknowledged
        else:
            points[0].assert_nothing_lost(acknowledged)
        self.judge()
        files = {entry["file"] for name in self.names for entry in self.lab.here.look(name)["chain"]}
        there = {path.name for path in self.lab.here.root.iterdir()} - {".vdisk"} - {f"{name}.info" for name in self.names}
        assert there == files
        assert not [path for path in (self.lab.here.root / ".vdisk").iterdir() if path.suffix not in (".json", ".lock")]


def _bare(action: str) -> str:
    """Return a sentence without the sizes, which are estimates where a machine goes on writing."""
    before, about, after = action.partition(" (about ")
    return before + after.partition(")")[2] if about else action
