# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of wanted volumes as the module calls that bring it about (pure)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import parse_virtual_size
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.layout import check_volume

LOCATION = ("share", "shares", "shares_file")
SHARED = (*LOCATION, "mount_point_base", "libvirt_uri", "response_timeout", "lock_timeout", "stall_timeout", "progress_interval")
"""Options that all modules take."""
CHANGING = (*SHARED, "attached_elsewhere")
"""Options that all modules take that change something."""
SOURCES = ("source_volume", "source_image", "source_image_name")
OF_SOURCE = (*SOURCES, "source_snapshot", "source_share", "source_format", "source_checksum", "cloud", "scratch_dir")
MAKING = ("size", "format", "allocation", "owner", "group", "mode")
"""Options of a volume that a move leaves as they are."""
VOLUME = (*MAKING, *OF_SOURCE, "move", "reserved_percentage", "max_over_subscription_ratio", "repair", "confirm_format")
REMOVAL = ("delete_snapshots",)
DISK = ("target", "bus", "cache", "io", "discard", "serial")
ATTACHMENT = ("domain", "attached", *DISK)
KEYS = ("name", "state", *CHANGING, *VOLUME, *REMOVAL, *ATTACHMENT)
_CALLS = ("entries", "queries", "detachments", "removals", "creations", "attachments", "deferred")
_OF_ONE = ("name", "target", "serial", "move")
"""Keys that mean one volume, so that they are no defaults for all."""


@dataclass(frozen=True)
class ProvisionEntry:
    """A volume that is wanted, or is to be gone, with the defaults filled in; C(own) are the keys it was given itself."""

    name: str
    values: Mapping[str, Any]
    own: frozenset[str]

    @property
    def present(self) -> bool:
        """Whether it is to be there."""
        return bool(self.values.get("state", "present") == "present")

    def of(self, keys: Iterable[str]) -> dict[str, Any]:
        """Return those of its values that are set."""
        return {key: self.values[key] for key in keys if self.values.get(key) is not None}


def plan(volumes: Sequence[Any], defaults: Mapping[str, Any], there: Sequence[Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """Return the module calls for a list of volumes, or sentences on what in it cannot be meant, and then no calls.

    :param there: volume objects of these volumes, once they were looked at; without them nothing is refused for their sake.
    """
    entries, refused = _entries(volumes, defaults)
    refused += [sentence for entry in entries for sentence in _wrong_with(entry)]
    refused += _wrong_together(entries)
    if not entries and not refused:
        refused.append("the list of volumes is empty; name at least one")
    now = {volume["name"]: volume for volume in there or [] if volume["exists"]}
    if not refused:
        refused = [sentence for entry in entries if not entry.present for sentence in _wrong_now(entry, now.get(entry.name))]
    if refused:
        return {"errors": refused, **{key: [] for key in _CALLS}}
    levels = _levels(entries)
    present = sorted((entry for entry in entries if entry.present), key=lambda entry: levels[entry.name])
    made = {entry.name for entry in present} - set(now)
    disks = [entry for entry in entries if entry.values.get("domain")]
    detachments = [
        _disk(entry, "absent", False)
        for entry in disks
        if entry.name in now and entry.values["domain"] in now[entry.name]["all_domains"] and not (entry.present and _attached(entry))
    ]
    detached = {call["name"] for call in detachments}
    removals = _batches((entry, entry.of((*CHANGING, *REMOVAL)), entry.name in detached) for entry in entries if not entry.present)
    makes: list[dict[str, Any]] = []
    for level in sorted(set(levels.values())):
        # what a copy is to be made of may be made by the same list
        makes += _batches(
            (entry, _making(entry), entry.name in made and entry.values.get("source_volume") in made)
            for entry in present
            if levels[entry.name] == level
        )
    attachments = [_disk(entry, "present", entry.name in made) for entry in disks if entry.present and _attached(entry)]
    return {
        "errors": [],
        "entries": [{"name": entry.name, "state": "present" if entry.present else "absent"} for entry in entries],
        "queries": _batches((entry, entry.of(SHARED), False) for entry in entries),
        "detachments": detachments,
        "removals": removals,
        "creations": makes,
        "attachments": attachments,
        "deferred": [
            *({"name": name, "message": f"Remove {name}, after it is detached."} for name in _waiting(removals)),
            *({"name": name, "message": f"Create {name}, after its source exists."} for name in _waiting(makes)),
            *({"name": call["name"], "message": f"Attach {call['name']}, after it exists."} for call in attachments if call["deferred"]),
        ],
    }


def _waiting(batches: Iterable[Mapping[str, Any]]) -> list[str]:
    return [name for batch in batches if batch["deferred"] for name in batch["names"]]


def _attached(entry: ProvisionEntry) -> bool:
    return entry.values.get("attached") is not False


def _disk(entry: ProvisionEntry, state: str, deferred: bool) -> dict[str, Any]:
    """Return the call that attaches a volume or detaches it."""
    return {"name": entry.name, "state": state, "options": entry.of((*CHANGING, "domain", *DISK)), "deferred": deferred}


def _making(entry: ProvisionEntry) -> dict[str, Any]:
    """Return the options that make a volume; a volume that is moved is changed in nothing else, whatever the defaults are."""
    return entry.of((*CHANGING, *(key for key in VOLUME if key not in MAKING or not entry.values.get("move"))))


def _batches(requested: Iterable[tuple[ProvisionEntry, Mapping[str, Any], bool]]) -> list[dict[str, Any]]:
    """Return volumes with equal options as one call each, in order; C(deferred) are those that an earlier call has to come before."""
    found: dict[str, dict[str, Any]] = {}
    for entry, options, deferred in requested:
        key = json.dumps([options, deferred], sort_keys=True, default=str)
        found.setdefault(key, {"names": [], "options": dict(options), "deferred": deferred})["names"].append(entry.name)
    return list(found.values())


def _entries(volumes: Sequence[Any], defaults: Mapping[str, Any]) -> tuple[list[ProvisionEntry], list[str]]:
    wrong = [f"the defaults have {key!r}, which is no key of a volume" for key in defaults if key not in KEYS]
    wrong += [f"the defaults have {key}, which is for one volume; give it to that one" for key in defaults if key in _OF_ONE]
    entries: list[ProvisionEntry] = []
    for number, given in enumerate(volumes, 1):
        if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
            wrong.append(f"entry {number} of the list has no name; write a mapping with at least name")
            continue
        own = {key: value for key, value in given.items() if value is not None}
        name = own.pop("name")
        wrong += [f"{name} has {key!r}, which is no key of a volume" for key in own if key not in KEYS]
        placed = any(key in own for key in LOCATION)
        base = {key: value for key, value in defaults.items() if not (placed and key in LOCATION)}
        entries.append(ProvisionEntry(name, {**base, **own}, frozenset(own)))
    return entries, wrong


def _wrong_with(entry: ProvisionEntry) -> list[str]:
    """Return what cannot be meant of one entry by itself."""
    name, values, own = entry.name, entry.values, entry.own
    wrong: list[str] = []
    try:
        check_volume(name)
        if values.get("size") is not None:
            parse_virtual_size(str(values["size"]), f"{name}: size")
    except VdiskError as error:
        wrong.append(error.message)
    if values.get("state", "present") not in ("present", "absent"):
        wrong.append(f"{name}: the state {values['state']!r} is neither present nor absent")
    if len(entry.of(LOCATION)) > 1:
        wrong.append(f"{name}: {', '.join(entry.of(LOCATION))} are given; give one of them")
    sources = list(entry.of(SOURCES))
    if len(sources) > 1:
        wrong.append(f"{name}: {', '.join(sources)} are given; a volume has one source")
    if values.get("source_snapshot") is not None and values.get("source_volume") is None:
        wrong.append(f"{name}: source_snapshot is given without source_volume")
    if values.get("source_image") is not None and values.get("source_format") is None:
        wrong.append(f"{name}: source_image is given without source_format; the format of an image is never guessed")
    if not entry.present:
        given = [key for key in (*OF_SOURCE, "move") if key in own]
        if given:
            wrong.append(f"{name}: it is to be absent and has {', '.join(given)}; leave {'that' if len(given) == 1 else 'those'} out")
        if "attached" in own and values["attached"]:
            wrong.append(f"{name}: it is to be absent and attached at the same time")
    elif values.get("move"):
        changes = [key for key in (*MAKING, *SOURCES, "source_snapshot") if key in own]
        if changes:
            wrong.append(f"{name}: move changes nothing but the share; leave {', '.join(changes)} out, or move in another run")
        if values.get("source_share") is None:
            wrong.append(f"{name}: move needs source_share, the share it is on")
    if values.get("domain") is None:
        given = [key for key in ATTACHMENT if key in own and key != "domain"]
        if given:
            wrong.append(f"{name}: {', '.join(given)} without a domain; name the domain it is a disk of")
    return wrong


def _wrong_together(entries: Sequence[ProvisionEntry]) -> list[str]:
    """Return what cannot be meant of entries beside one another."""
    by_name: dict[str, ProvisionEntry] = {}
    disks: dict[tuple[Any, Any], str] = {}
    wrong: list[str] = []
    for entry in entries:
        if entry.name in by_name:
            wrong.append(f"{entry.name} occurs twice in the list")
        by_name[entry.name] = entry
        disk = (entry.values.get("domain"), entry.values.get("target"))
        if entry.present and None not in disk and entry.values.get("attached") is not False:
            if disk in disks:
                wrong.append(f"{disks[disk]} and {entry.name} are both to be {disk[1]} of {disk[0]}")
            disks[disk] = entry.name
    for entry in entries:
        source = by_name.get(str(entry.values.get("source_volume")))
        if source is not None and entry.present and not source.present:
            wrong.append(f"{entry.name} is to be a copy of {source.name}, which is to be absent; remove that one in another run")
    return wrong or [f"{name} is, over others, to be a copy of itself" for name in _in_a_circle(by_name)]


def _source_of(entry: ProvisionEntry, by_name: Mapping[str, ProvisionEntry]) -> ProvisionEntry | None:
    return by_name.get(str(entry.values.get("source_volume"))) if entry.present else None


def _in_a_circle(by_name: Mapping[str, ProvisionEntry]) -> list[str]:
    found = []
    for entry in by_name.values():
        seen, at = {entry.name}, _source_of(entry, by_name)
        while at is not None and at.name not in seen:
            seen.add(at.name)
            at = _source_of(at, by_name)
        if at is not None and at.name == entry.name:
            found.append(entry.name)
    return found


def _levels(entries: Sequence[ProvisionEntry]) -> dict[str, int]:
    """Return how many volumes of the list have to be made one after another before each; a copy comes after its source."""
    by_name = {entry.name: entry for entry in entries}

    def level(entry: ProvisionEntry) -> int:
        source = _source_of(entry, by_name)
        return 0 if source is None else 1 + level(source)

    return {entry.name: level(entry) for entry in entries}


def _wrong_now(entry: ProvisionEntry, volume: Mapping[str, Any] | None) -> list[str]:
    """Return what a volume that is to be absent has against it: a machine that was not named would lose its disk."""
    if volume is None:
        return []
    wrong = []
    others = [domain for domain in volume["all_domains"] if domain != entry.values.get("domain")]
    if others:
        wrong.append(f"{entry.name} is a disk of {', '.join(others)}; name the domain it is to be detached from before it is removed")
    if entry.values.get("attached_elsewhere") != "ignore":
        wrong += [
            f"{entry.name} is a disk of domain {other['domain']} on {other['host']}; remove it from there"
            for other in volume.get("attachments", [])
            if other["domain"] not in volume["all_domains"]
        ]
    if volume["snapshots"] and not entry.values.get("delete_snapshots"):
        names = ", ".join(snapshot["name"] for snapshot in volume["snapshots"])
        wrong.append(f"{entry.name} has snapshots ({names}); set delete_snapshots to remove them too")
    return wrong


def result(
    entries: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]],
    calls: Sequence[Mapping[str, Any]],
    attachments: Sequence[Mapping[str, Any]],
    waiting: Sequence[str],
) -> list[dict[str, Any]]:
    """Return what became of each volume, or would, in the order of the list.

    :param before: volume objects from before the first change.
    :param calls: results of gluster_volume_file.
    :param attachments: results of gluster_volume_attachment.
    :param waiting: names of volumes whose making check mode could not foresee.
    """
    first = {volume["name"]: volume for volume in before}
    now = {volume["name"]: volume for call in calls for volume in call.get("volumes", [])}
    changed = {name for call in calls for name in _changed_by(call)} | set(waiting)
    disks: dict[str, Mapping[str, Any]] = {}
    for done in attachments:
        disk = done.get("attachment")
        if disk:
            disks[disk["volume"]] = disk
            changed |= {disk["volume"]} if done.get("changed") else set()
    return [_outcome(entry, now.get(entry["name"], first.get(entry["name"], {})), disks, changed) for entry in entries]


def _changed_by(call: Mapping[str, Any]) -> set[str]:
    if not call.get("changed"):
        return set()
    names = [volume["name"] for volume in call.get("volumes", [])]
    difference = call.get("diff", {})
    if len(names) == 1 or not difference:
        return set(names)
    return {name for name in names if difference["before"].get(name) != difference["after"].get(name)}


def _outcome(
    entry: Mapping[str, Any], volume: Mapping[str, Any], disks: Mapping[str, Mapping[str, Any]], changed: set[str]
) -> dict[str, Any]:
    disk = disks.get(entry["name"])
    there = bool(volume.get("exists"))
    return {
        "name": entry["name"],
        "state": entry["state"],
        "share": volume.get("share"),
        "path": volume.get("path"),
        "format": volume.get("format"),
        "base_format": volume.get("base_format"),
        "size": volume.get("virtual_size"),
        "changed": entry["name"] in changed,
        "attachment": dict(disk) if disk and there and disk.get("target") else None,
    }
