# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An export killed at any of its calls leaves the old copy or the new one, whole, and the volume as it is."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest
from ansible_collections.vdisk.gluster.tests.functional.faults.operations import A, chain
from ansible_collections.vdisk.gluster.tests.functional.faults.states import points, state
from ansible_collections.vdisk.gluster.tests.functional.faults.sweep import moments
from ansible_collections.vdisk.gluster.tests.harness.programs import command


@pytest.fixture(scope="module")
def volume(hosts):
    """A volume with snapshots, and what each of them reads as."""
    chain(hosts)
    return points(hosts.here.root, A)


@pytest.mark.sample(2)
@pytest.mark.parametrize("over", [None, "s1"], ids=["where nothing was", "over another export"])
@pytest.mark.parametrize("snapshot", [None, "s3"], ids=["now", "from a snapshot"])
def test_a_killed_export_leaves_no_half_copy_and_the_next_one_ends_it(hosts, volume, sample, record_property, snapshot, over):
    kill_everywhere(hosts, volume, sample, record_property, snapshot, over, "raw")


@pytest.mark.sample(1)
@pytest.mark.parametrize("image_format", ["qcow2", "vmdk", "vdi", "vhdx", "vpc"])
def test_a_killed_export_in_another_format(hosts, volume, sample, record_property, image_format):
    kill_everywhere(hosts, volume, sample, record_property, "s3", "s1", image_format)


def read(path, image_format):
    """Return what an image reads as."""
    raw = path.parent.with_name("read.raw")
    command("qemu-img", "convert", "-f", image_format, "-O", "raw", str(path), str(raw))
    return raw.read_bytes()


def kill_everywhere(hosts, volume, sample, record_property, snapshot, over, image_format):
    """Kill an export at its calls, and see each time that the copy is the old one or the new one, and the next run makes the new one."""
    out = hosts.tmp / "out"
    options = {"volume": A, "dest": str(out / "copy"), "snapshot": snapshot, "format": image_format}
    wanted, old, before = volume[snapshot or "now"], volume.get(over), state(hosts.here.root, A)

    def begin():
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        if over:
            hosts.here.ok("gluster_image_export", **{**options, "snapshot": over})

    def try_moment(moment):
        begin()
        killed = hosts.here.run("gluster_image_export", options, hosts.killer(moment.at, moment.after, out))
        assert killed.status in (-9, 0), killed.values
        left = read(out / "copy", image_format) if (out / "copy").exists() else None
        assert left in (old, wanted), "the copy is neither the old one nor the new one"
        survivor = hosts.there if moment.survivor_is_there else hosts.here
        made = survivor.ok("gluster_image_export", **options)["export"]
        assert read(out / "copy", image_format) == wanted
        assert sorted(path.name for path in out.iterdir()) == ["copy", "copy.manifest.json"]
        checksum = json.loads((out / "copy.manifest.json").read_bytes())["checksum"]
        assert checksum == made["checksum"] == f"sha256:{hashlib.sha256((out / 'copy').read_bytes()).hexdigest()}"
        assert not hosts.here.ok("gluster_image_export", **options)["changed"]
        assert points(hosts.here.root, A) == volume and state(hosts.here.root, A) == before, "the volume was changed"

    begin()
    killer = hosts.killer(0, False, out)
    assert hosts.here.run("gluster_image_export", options, killer).values["changed"]
    calls = killer.calls
    chosen, broken = moments(calls, sample, 4, f"export {snapshot} {over} {image_format}"), []
    for moment in chosen:
        try:
            try_moment(moment)
        except AssertionError as error:
            broken.append(f"{moment}: {error}")
    record_property("counted", f"{len(calls)} calls, {len(chosen)} crash points tried, {len(chosen) - len(broken)} recovered")
    assert not broken, "\n".join(broken)
