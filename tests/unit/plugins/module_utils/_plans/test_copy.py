# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of copies and moves: what they decide, without a disk."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import interleaved
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.copy import plan_copy
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.move import plan_move
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import VolumeRequest
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.registry import from_json, to_json
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.backing_chain import Chain, ChainFile
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume, absent
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.record_file import Record, dump, parse
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import CopySource, Identity
from ansible_collections.vdisk.gluster.tests.harness.images import MiB
from ansible_collections.vdisk.gluster.tests.harness.shares import kinds

ORIGINAL = CopySource("v on gl1:/vms", "/mnt/v", "qcow2", 8 * MiB, "qcow2", (), {"volume": "v"})


def there(share="gl1:/vms", **more):
    """Return a raw volume of 8 MiB."""
    chain = Chain((ChainFile("v", "raw", None, None, 8 * MiB, 0),), {}, ())
    return Volume("v", share, f"/{share}", True, "v", chain, Record("v", "raw", 8 * MiB, "sparse"), **more)


def nowhere(share="gl1:/fast", **more):
    return absent("v", share, f"/{share}", **more)


def test_a_copy_is_as_its_original_where_nothing_else_is_said():
    plan = plan_copy(nowhere(), VolumeRequest(), ORIGINAL)
    (step,) = plan.steps
    assert (step.size, step.file_format, step.allocation) == (8 * MiB, "qcow2", "sparse")
    assert plan.after.record == Record("v", "qcow2", 8 * MiB, "sparse", origin={"volume": "v"}) == parse(dump(plan.after.record))
    plan = plan_copy(nowhere(), VolumeRequest(size=9 * MiB, format="raw", allocation="full"), ORIGINAL)
    assert (plan.steps[0].size, plan.steps[0].file_format, plan.steps[0].allocation) == (9 * MiB, "raw", "full")


def test_a_copy_is_never_smaller_and_never_takes_the_place_of_what_is_there():
    with pytest.raises(Refused, match="never smaller"):
        plan_copy(nowhere(), VolumeRequest(size=8 * MiB - 512), ORIGINAL)
    assert plan_copy(there(), VolumeRequest(), ORIGINAL).steps == ()


def test_a_volume_that_went_away_meanwhile_is_not_made_blank():
    with pytest.raises(Refused, match="was removed while this task ran"):
        plan_copy(nowhere(), VolumeRequest(size=8 * MiB), None)


def test_a_move_decides_between_copying_and_removing():
    plans = plan_move(there(), nowhere(), [Identity("/gl1:/vms/v", 7, 8 * MiB, 99)], "abc")
    order = [(plan.before.share, type(step).__name__) for plan, step in interleaved(plans)]
    assert order == [("gl1:/vms", "WithdrawVolume"), ("gl1:/fast", "ReceiveVolume"), ("gl1:/vms", "RemoveSourceFiles")]
    assert all(plan.journaled for plan in plans)
    for plan in plans:
        for step in plan.steps:
            assert from_json(to_json(step)) == step, "whoever finishes it has the same step"
    assert kinds(plans[0].steps)[0] == "WithdrawVolume" and plans[1].after.share == "gl1:/fast" and not plans[0].after.exists


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (nowhere("gl1:/vms"), nowhere(), "does not exist"),
        (there(), there("gl1:/fast"), "no unfinished move"),
        (there(locked_files=frozenset(["v"])), nowhere(), "is in use"),
        (dataclasses.replace(there(), record=None), nowhere(), "adopt it first"),
        (there(problems=("it is broken",)), nowhere(), "it is broken"),
        (there(strays=("v.s",)), nowhere(), "v.s is a stray file beside"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_moved(old, new, told):
    with pytest.raises(Refused, match=told):
        plan_move(old, new, (), "abc")


def test_what_was_moved_is_not_moved_again():
    assert [plan.steps for plan in plan_move(nowhere("gl1:/vms"), there("gl1:/fast"), (), "abc")] == [(), ()]
