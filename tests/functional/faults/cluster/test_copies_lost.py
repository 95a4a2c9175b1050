# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host loses its power in the middle of an export or of a move: there is an old copy or a new one, and one volume, whole."""

from __future__ import annotations

import pathlib

from ansible_collections.vdisk.gluster.tests.functional.faults.cluster.members import inside_of
from ansible_collections.vdisk.gluster.tests.functional.faults.cluster.trying import few_moments
from ansible_collections.vdisk.gluster.tests.functional.faults.operations import A, chain
from ansible_collections.vdisk.gluster.tests.functional.faults.states import files_of, points, state

OUT = pathlib.Path("/var/tmp/out")


def begin(members, module, options, moment, also):
    """Run a task on the first host until it stops at a moment, and cut the power there."""
    reached = members.here.begin_stopped(module, options, members.killer(moment.at, moment.after, also))
    assert reached, f"it has ended before: {members.here.end()}"
    members.here.lose_power()


def length(found):
    return sum(len(content) for content in found.values())


def test_power_lost_in_an_export(members, sample, record_property):
    chain(members)
    here, there = members.here, members.there
    volume, before = points(there.root, A), state(there.root, A)
    options = {"volume": A, "dest": str(OUT / "copy"), "snapshot": "s3", "format": "raw"}
    here.machine.run(["mkdir", str(OUT)])
    killer = members.killer(0, False, OUT)
    assert here.run("gluster_image_export", options, killer).values["changed"]
    chosen = few_moments(killer.calls, sample, 1, "export")
    compared = 0
    for moment in chosen:
        here.machine.run(["find", str(OUT), "-mindepth", "1", "-delete"])
        begin(members, "gluster_image_export", options, moment, OUT)
        assert points(there.root, A) == volume, f"{moment}: the volume reads otherwise"
        here.come_back()
        again = here.run_patiently("gluster_image_export", options)
        assert again.status == 0, f"{moment}: {again.values}"
        out = here.seen(OUT)
        assert sorted(path.name for path in out.iterdir()) == ["copy", "copy.manifest.json"], moment
        assert (out / "copy").read_bytes() == volume["s3"], f"{moment}: the copy reads otherwise"
        assert not here.ok("gluster_image_export", **options)["changed"]
        assert points(there.root, A) == volume and state(there.root, A) == before, f"{moment}: the volume was changed"
        compared += 2 * length(volume) + len(volume["s3"])
    record_property("counted", f"{len(chosen)} operations, {len(chosen)} faults, {compared} bytes compared, lost 0")


def test_power_lost_in_a_move(members, sample, record_property):
    chain(members)
    here, there = members.here, members.there
    old, new = members.share, members.second_share()
    volume, before = points(there.root, A), state(there.root, A)
    forth = {"name": [A], "share": new, "source_share": old, "move": True}
    back = {"name": [A], "share": old, "source_share": new, "move": True}
    killer = members.killer(0, False, inside_of(new))
    assert here.run("gluster_volume_file", forth, killer).values["changed"]
    here.ok("gluster_volume_file", **back)
    chosen = few_moments(killer.calls, sample, 1, "move")
    compared = 0
    for moment in chosen:
        begin(members, "gluster_volume_file", forth, moment, inside_of(new))
        if moment.survivor_is_there:
            survivor = there
        else:
            here.come_back()
            survivor = here
        again = survivor.run_patiently("gluster_volume_file", forth)
        assert again.status == 0, f"{moment}: {again.values}"
        assert points(there.root_of(new), A) == volume, f"{moment}: the volume reads otherwise"
        assert state(there.root_of(new), A) == before and not state(there.root, A), f"{moment}: {files_of(there.root, A)}"
        assert not survivor.ok("gluster_volume_file", **forth)["changed"]
        if survivor is there:
            here.come_back()
        there.ok("gluster_volume_file", **back)
        assert points(here.root, A) == volume and not state(here.root_of(new), A)
        compared += 2 * length(volume)
    record_property("counted", f"{len(chosen)} operations, {len(chosen)} faults, {compared} bytes compared, lost 0")
