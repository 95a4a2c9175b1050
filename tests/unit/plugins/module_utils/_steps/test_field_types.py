# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each field of each step that a journal may hold is looked at, and holds nothing but what a task of its volume could have written."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Damaged
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import field_types, registry
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.base import Step
from ansible_collections.vdisk.gluster.tests.harness.journal_steps import AT, SHARES, STEPS, GiB, hostile

SCOPE = field_types.Scope("v", [("v", share) for share in SHARES])
FIELDS = [(step, field) for step in STEPS for field in dataclasses.fields(step)]


def with_field(step: Step, name: str, value: Any) -> Step:
    """Return what a journal with another value for a field is read as."""
    return registry.from_json({**registry.to_json(step), name: value})


@pytest.mark.parametrize("step", STEPS, ids=lambda step: type(step).__name__)
def test_what_a_task_writes_is_taken(step: Step) -> None:
    field_types.check(registry.from_json(registry.to_json(step)), SCOPE)


def test_no_kind_of_step_and_no_kind_of_field_is_forgotten() -> None:
    assert {type(step) for step in STEPS} == set(registry.classes().values())
    for kind in registry.classes().values():
        for field in dataclasses.fields(kind):
            assert str(field.type).replace("tuple[", "").replace(", ...]", "").replace(" | None", "") in field_types.RULES, (kind, field)


@pytest.mark.parametrize(("step", "field"), FIELDS, ids=lambda value: type(value).__name__ if isinstance(value, Step) else value.name)
def test_what_no_task_writes_is_refused(step: Step, field: dataclasses.Field[Any]) -> None:
    taken = []
    for value in hostile(str(field.type)):
        try:
            field_types.check(with_field(step, field.name, value), SCOPE)
            taken.append(value)
        except Damaged as error:
            assert field.name in error.message or "belong together" in error.message
    assert not taken


def test_a_file_of_another_volume_of_the_plan_is_none_of_a_step_of_this_one() -> None:
    scope = field_types.Scope("v", [("v", "gl1:/vms"), ("w", "gl1:/vms")])
    overlays = {
        target: {"path": f"{AT}/{name}.a", "below": name, "format": "raw", "size": GiB} for target, name in (("vda", "v"), ("vdb", "w"))
    }
    switch = next(step for step in STEPS if type(step).__name__ == "SwitchDomain")
    field_types.check(with_field(switch, "overlays", overlays), scope)
    overlays["vdb"]["below"] = "v"
    with pytest.raises(Damaged, match="overlays"):
        field_types.check(with_field(switch, "overlays", overlays), scope)
    merge = next(step for step in STEPS if type(step).__name__ == "Commit")
    with pytest.raises(Damaged, match="base"):
        field_types.check(with_field(merge, "base", "w"), scope)


def test_lists_that_belong_together_are_of_one_length() -> None:
    withdraw = next(step for step in STEPS if type(step).__name__ == "WithdrawVolume")
    with pytest.raises(Damaged, match="belong together"):
        field_types.check(with_field(withdraw, "inodes", [1]), SCOPE)
