# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of volumes becomes as few calls as bring it about, in an order that works, or sentences on what cannot be meant."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest
import yaml
from ansible_collections.vdisk.gluster.plugins.filter.provision_plan import provision_plan
from ansible_collections.vdisk.gluster.plugins.filter.provision_result import provision_result
from ansible_collections.vdisk.gluster.plugins.modules import gluster_volume_attachment, gluster_volume_file
from ansible_collections.vdisk.gluster.plugins.plugin_utils._plans.provision import KEYS, SHARED

ROLE = pathlib.Path(__file__).resolve().parents[5] / "roles/volume_provision"


def there(name: str, *snapshots: str, all_domains: tuple[str, ...] = ()) -> dict[str, Any]:
    taken = [{"name": snapshot} for snapshot in snapshots]
    return {"name": name, "exists": True, "snapshots": taken, "all_domains": list(all_domains), "path": f"/{name}"}


def calls(plan: dict[str, Any], kind: str) -> list[list[str]]:
    assert plan["errors"] == []
    return [batch["names"] for batch in plan[kind]]


def test_volumes_with_equal_options_are_one_call() -> None:
    volumes = [{"name": f"v{number}", "size": "1G"} for number in range(50)]
    volumes[7]["format"] = "qcow2"
    plan = provision_plan(volumes, {"share": "h:/v", "mode": "0600"})
    assert [len(names) for names in calls(plan, "creations")] == [49, 1]
    options = {"share": "h:/v", "size": "1G", "format": "qcow2", "mode": "0600"}
    assert plan["creations"][1] == {"names": ["v7"], "options": options, "deferred": False}
    assert calls(plan, "queries") == [[f"v{number}" for number in range(50)]]


def test_an_entry_overrules_the_defaults_and_its_share_all_of_theirs() -> None:
    plan = provision_plan([{"name": "a", "shares": ["h:/w"], "size": None}, {"name": "b", "size": "2G"}], {"share": "h:/v", "size": "1G"})
    assert [batch["options"] for batch in plan["creations"]] == [{"shares": ["h:/w"], "size": "1G"}, {"share": "h:/v", "size": "2G"}]
    assert calls(plan, "queries") == [["a"], ["b"]]


def test_copies_come_after_what_they_are_copies_of_however_the_list_is_ordered() -> None:
    volumes = [
        {"name": "c", "source_volume": "b"},
        {"name": "d", "source_volume": "a"},
        {"name": "b", "source_volume": "a"},
        {"name": "a", "size": "1G"},
        {"name": "e", "source_volume": "elsewhere"},
    ]
    plan = provision_plan(volumes)
    assert calls(plan, "creations") == [["a"], ["e"], ["d", "b"], ["c"]]
    assert [batch["deferred"] for batch in plan["creations"]] == [False, False, True, True]
    assert [entry["name"] for entry in plan["entries"]] == ["c", "d", "b", "a", "e"]
    # what is there is not made, and waits for nothing
    assert not any(batch["deferred"] for batch in provision_plan(volumes, {}, [there("a"), there("b")])["creations"])


def test_what_goes_is_detached_first_and_only_from_the_domain_that_was_named() -> None:
    volumes = [{"name": "a", "state": "absent", "domain": "web"}, {"name": "b", "state": "absent"}, {"name": "c", "state": "absent"}]
    plan = provision_plan(volumes, {}, [there("a", all_domains=("web",)), there("b")])
    assert [(call["name"], call["state"], call["options"]) for call in plan["detachments"]] == [("a", "absent", {"domain": "web"})]
    assert calls(plan, "removals") == [["a"], ["b", "c"]]
    assert plan["deferred"] == [{"name": "a", "message": "Remove a, after it is detached."}]
    assert provision_plan(volumes, {}, [there("a", all_domains=("web", "other")), there("b", "s1")])["errors"] == [
        "a is a disk of other; name the domain it is to be detached from before it is removed",
        "b has snapshots (s1); set delete_snapshots to remove them too",
    ]


def test_what_a_domain_of_another_host_has_is_not_removed_from_here() -> None:
    elsewhere = {**there("a", all_domains=("web",)), "attachments": [{"host": "hv1", "domain": "web"}, {"host": "hv2", "domain": "db"}]}
    entry = {"name": "a", "state": "absent", "domain": "web"}
    assert provision_plan([entry], {}, [elsewhere])["errors"] == ["a is a disk of domain db on hv2; remove it from there"]
    plan = provision_plan([{**entry, "attached_elsewhere": "ignore"}], {}, [elsewhere])
    assert plan["removals"][0]["options"] == {"attached_elsewhere": "ignore"} and plan["errors"] == []


def test_a_volume_can_be_detached_and_stay() -> None:
    volume = {"name": "a", "domain": "web", "attached": False}
    plan = provision_plan([volume], {}, [there("a", all_domains=("web",))])
    assert (len(plan["detachments"]), plan["attachments"]) == (1, [])
    assert provision_plan([volume], {}, [there("a")])["detachments"] == []
    plan = provision_plan([{**volume, "attached": True, "target": "vdb"}], {"cache": "none"}, [there("a", all_domains=("web",))])
    assert plan["attachments"] == [
        {"name": "a", "state": "present", "options": {"domain": "web", "target": "vdb", "cache": "none"}, "deferred": False}
    ]


def test_a_volume_that_is_moved_is_changed_in_nothing_else() -> None:
    defaults = {"share": "h:/v", "size": "1G", "format": "raw", "mode": "0600"}
    plan = provision_plan([{"name": "a", "move": True, "source_share": "h:/w"}], defaults)
    assert plan["creations"][0]["options"] == {"share": "h:/v", "source_share": "h:/w", "move": True}


@pytest.mark.parametrize(
    ("volumes", "told"),
    [
        ([], "the list of volumes is empty"),
        ([{"size": "1G"}], "entry 1 of the list has no name"),
        (["a"], "entry 1 of the list has no name"),
        ([{"name": "../a"}], "'../a' is not a volume name"),
        ([{"name": "a"}, {"name": "a"}], "a occurs twice in the list"),
        ([{"name": "a", "sise": 1}], "a has 'sise', which is no key of a volume"),
        ([{"name": "a", "state": "gone"}], "the state 'gone' is neither present nor absent"),
        ([{"name": "a", "size": "1X"}], "a: size: '1X' is not a size"),
        ([{"name": "a", "share": "h:/v", "shares": ["h:/w"]}], "a: share, shares are given"),
        ([{"name": "a", "source_volume": "b", "source_image": "/i", "source_format": "raw"}], "a volume has one source"),
        ([{"name": "a", "source_snapshot": "s"}], "source_snapshot is given without source_volume"),
        ([{"name": "a", "source_image": "/i"}], "source_image is given without source_format"),
        ([{"name": "a", "state": "absent", "source_volume": "b"}], "it is to be absent and has source_volume; leave that out"),
        ([{"name": "a", "state": "absent", "source_image": "/i", "source_format": "raw"}], "leave those out"),
        ([{"name": "a", "state": "absent", "domain": "d", "attached": True}], "absent and attached at the same time"),
        ([{"name": "a", "move": True, "source_share": "h:/v", "size": "1G"}], "move changes nothing but the share; leave size out"),
        ([{"name": "a", "move": True}], "move needs source_share"),
        ([{"name": "a", "target": "vdb"}], "a: target without a domain"),
        ([{"name": name, "domain": "d", "target": "vdb"} for name in "ab"], "a and b are both to be vdb of d"),
        ([{"name": "a", "source_volume": "b"}, {"name": "b", "state": "absent"}], "a is to be a copy of b, which is to be absent"),
        ([{"name": "a", "source_volume": "b"}, {"name": "b", "source_volume": "a"}], "b is, over others, to be a copy of itself"),
        ([{"name": "a", "source_volume": "a"}], "a is, over others, to be a copy of itself"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_told_and_there_are_no_calls(volumes: list[Any], told: str) -> None:
    plan = provision_plan(volumes)
    assert told in "; ".join(plan["errors"])
    assert not any(value for key, value in plan.items() if key != "errors")


@pytest.mark.parametrize(("defaults", "told"), [({"sise": 1}, "no key of a volume"), ({"serial": "x"}, "is for one volume")])
def test_defaults_that_cannot_be_meant_are_told(defaults: dict[str, Any], told: str) -> None:
    assert told in "; ".join(provision_plan([{"name": "a"}], defaults)["errors"])


def test_the_role_and_the_plan_know_every_option_of_the_modules_and_no_other() -> None:
    specs = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    modules = {**gluster_volume_file.OPTIONS, **gluster_volume_attachment.OPTIONS}
    # a domain of another host that has the volume no more is a case for the module itself
    options = {key: option for key, option in modules.items() if key not in ("volume", "host")}
    assert set(KEYS) == {*options, "attached"}
    entry = specs["volume_provision_volumes"]["options"]
    assert set(entry) == set(KEYS) and entry == specs["volume_provision_defaults"]["options"]
    for key, option in options.items():
        if key != "name":
            assert (entry[key]["type"], entry[key].get("choices")) == (option["type"], option.get("choices")), key
    # every option is handed on to the module that has it
    for file, module in (("make.yml", gluster_volume_file), ("attachments.yml", gluster_volume_attachment)):
        (task, *_more) = yaml.safe_load((ROLE / "tasks" / file).read_text())
        given = next(value for key, value in task.items() if key.startswith("vdisk.gluster."))
        kept = {"state", "delete_snapshots"} if file == "make.yml" else set()
        assert set(given) == set(module.OPTIONS) - {"host"} - kept
    assert set(SHARED) <= set(KEYS)


def test_the_result_has_each_volume_once_with_what_became_of_it() -> None:
    entries = [{"name": name, "state": "present"} for name in ("a", "b", "c")] + [{"name": "d", "state": "absent"}]
    after = [{**there("a"), "virtual_size": 2, "format": "raw", "share": "h:/v"}, {**there("b"), "virtual_size": 1}]
    made = {"changed": True, "volumes": after, "diff": {"before": {"a": 1, "b": 2}, "after": {"a": 1, "b": 3}}}
    gone = {"changed": True, "volumes": [{"name": "d", "exists": False}], "diff": {}}
    disk = {"volume": "a", "domain": "web", "target": "vdb"}
    found = provision_result(
        entries, [there("c")], [made, gone, {"skipped": True}], [{"changed": True, "attachment": disk}, {"skipped": True}], ["c"]
    )
    assert [entry["name"] for entry in found] == ["a", "b", "c", "d"]
    assert [entry["changed"] for entry in found] == [True, True, True, True]
    assert found[0] == {
        "name": "a",
        "state": "present",
        "share": "h:/v",
        "path": "/a",
        "format": "raw",
        "base_format": None,
        "size": 2,
        "changed": True,
        "attachment": disk,
    }
    assert found[3]["path"] is None and found[1]["attachment"] is None
    assert [entry["changed"] for entry in provision_result(entries, [], [made], [])] == [False, True, False, False]
