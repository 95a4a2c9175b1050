# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A move killed at any of its calls leaves one volume, whole, and the next task on either share ends it."""

from __future__ import annotations

import hashlib
import uuid

import pytest
from ansible_collections.vdisk.gluster.tests.functional.faults.operations import A, chain
from ansible_collections.vdisk.gluster.tests.functional.faults.states import files_of, points, state, write_as_machine, written
from ansible_collections.vdisk.gluster.tests.functional.faults.sweep import moments
from ansible_collections.vdisk.gluster.tests.harness.programs import command


@pytest.fixture(scope="module", params=["e", "g"], ids=["the new one leads", "the old one leads"])
def shares(hosts, servers, volume_name, request):
    """Two shares as two hosts see them: their names, and the roots of the second on each host.

    The plan of a move stands in the journal on the share whose name comes first; that of the hosts' begins with C(f).
    """
    name = request.param + uuid.uuid4().hex[:8]
    (servers.root(volume_name) / name).mkdir()
    share = f"localhost:/{volume_name}/{name}"
    roots = [host.base / hashlib.md5(share.encode()).hexdigest() for host in (hosts.here, hosts.there)]
    for root in roots:
        root.mkdir(parents=True)
        command("mount", "-t", "glusterfs", share, str(root))
    yield hosts.here.share, share, roots
    for root in roots:
        command("umount", "-l", str(root), check=False)


@pytest.mark.sample(1)
def test_a_killed_move_leaves_one_volume_and_the_next_task_ends_it(hosts, shares, sample, record_property):
    old, new, (new_here, new_there) = shares
    chain(hosts)
    volume, before = points(hosts.here.root, A), state(hosts.here.root, A)
    forth = {"name": [A], "share": new, "source_share": old, "move": True}
    back = {"name": [A], "share": old, "source_share": new, "move": True}
    empty = {}

    def check(root, other, wanted=volume):
        assert points(root, A) == wanted, "the volume reads otherwise"
        assert state(root, A) == before and state(other, A) == empty, (files_of(root, A), files_of(other, A))

    def try_moment(moment):
        killed = hosts.here.run("gluster_volume_file", forth, hosts.killer(moment.at, moment.after, new_here))
        assert killed.status in (-9, 0), killed.values
        host, root, new_root = (
            (hosts.there, hosts.there.root, new_there) if moment.survivor_is_there else (hosts.here, hosts.here.root, new_here)
        )
        moved, kept = (f"{A}.s4" in set(files_of(at, A)) for at in (new_root, root))
        assert moved or kept or any(name.endswith(".moved") for name in files_of(root, A)), "no volume is left"
        wanted = volume
        if moment.machine and kept:
            # a machine that is started on the old one because it is still there loses nothing of what it writes
            assert write_as_machine(root, A, len(volume["now"]), 0xAB)
            wanted = {**volume, "now": written(volume["now"], 0xAB)}
        if moment.other:
            # another task on either share ends what was begun, one way or the other, or is told that the volume is not there
            share = new if moment.number % 4 < 2 else old
            ended = host.run("gluster_snapshot", {"share": share, "volume": [A], "name": ["s1"]})
            assert not ended.values["changed"] or ended.values["actions"], ended.values
        done = host.ok("gluster_volume_file", **forth)
        assert done["volume"]["share"] == new
        check(new_root, root, wanted)
        assert not host.ok("gluster_volume_file", **forth)["changed"]
        if wanted is not volume:
            assert write_as_machine(new_root, A, len(volume["now"]), 0, "raw")
        hosts.here.ok("gluster_volume_file", **back)
        if wanted is not volume:
            restore(hosts.here)

    def restore(host):
        host.ok("gluster_volume_file", name=[A], state="absent", delete_snapshots=True)
        chain(hosts)

    hosts.here.ok("gluster_volume_file", **forth)
    hosts.here.ok("gluster_volume_file", **back)
    check(hosts.here.root, new_here)
    killer = hosts.killer(0, False, new_here)
    assert hosts.here.run("gluster_volume_file", forth, killer).values["changed"]
    calls = killer.calls
    hosts.here.ok("gluster_volume_file", **back)
    # more calls give and take names than a run has time for
    chosen, broken = sample.draw("moments", moments(calls, sample, 4, "move"), 12, of=f"move {new > old}"), []
    for moment in chosen:
        try:
            try_moment(moment)
        except AssertionError as error:
            broken.append(f"{moment}: {error}")
    record_property("counted", f"{len(calls)} calls, {len(chosen)} crash points tried, {len(chosen) - len(broken)} recovered")
    assert not broken, "\n".join(broken)
