# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore in the place of what a volume holds, killed at any of its calls: the volume is the old one or the new one, whole."""

from __future__ import annotations

from ansible_collections.vdisk.gluster.tests.functional.faults.operations import A, chain
from ansible_collections.vdisk.gluster.tests.functional.faults.states import Template, points
from ansible_collections.vdisk.gluster.tests.functional.faults.sweep import moments

MODULE = "gluster_volume_restore"


def test_a_killed_restore_leaves_the_old_content_or_the_new(hosts, tmp_path, sample, record_property):
    chain(hosts)
    root = hosts.here.root
    template = Template(root)
    before = points(root, A)
    after = {**before, "before-restore": before["now"], "now": before["s2"]}
    options = {
        "volume": A,
        "repository": str(tmp_path / "repository"),
        "passphrase": "a b c",
        "scratch_dir": str(tmp_path),
        "secret_env": {"BORG_BASE_DIR": str(tmp_path / "base-of-borg")},
    }
    hosts.here.ok("gluster_volume_backup", snapshot="s2", archive="a", init=True, verify="none", **options)

    def laid_down(number):
        name = f"c{number:03}"
        template.lay_down(root, name)
        return name + A[4:]

    def try_moment(moment):
        name = laid_down(moment.number)
        wanted = {**options, "name": name, "replace": True}
        killed = hosts.here.run(MODULE, wanted, hosts.killer(moment.at, moment.after))
        assert killed.status in (-9, 0), killed.values
        survivor = hosts.there if moment.survivor_is_there else hosts.here
        # a task that knows nothing of the repository finishes what was begun, or clears it away
        survivor.ok("gluster_volume_file", name=[name], mode="0640")
        assert points(root, name) in (before, after), "a point in time is neither what it was nor what it is to be"
        assert not [path.name for path in root.glob(f".{name}*")]
        if sample.everything or moment is chosen[0]:
            survivor.ok(MODULE, **wanted)
            assert points(root, name) == after
            assert not survivor.ok(MODULE, **wanted)["changed"]

    killer = hosts.killer(0, False)
    assert hosts.here.run(MODULE, {**options, "name": laid_down(999), "replace": True}, killer).values["changed"]
    chosen, broken = moments(killer.calls, sample, 4, "restore"), []
    if not sample.everything:
        # what qemu-img writes into a file that nothing names yet decides nothing
        chosen = sample.draw("moments", [moment for moment in chosen if not moment.call.startswith("pwrite64")], 5, of="restore")
    for moment in chosen:
        try:
            try_moment(moment)
        except AssertionError as error:
            broken.append(f"{moment}: {error}")
    record_property("counted", f"{len(killer.calls)} calls, {len(chosen)} crash points tried, {len(chosen) - len(broken)} recovered")
    assert not broken, "\n".join(broken)
