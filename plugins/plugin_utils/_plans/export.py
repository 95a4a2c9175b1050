# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which volumes and snapshots are exported under which names, which old exports go, and the file of checksums (pure)."""

from __future__ import annotations

import datetime
import os
import re
from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.plugin_utils._plans.naming import chosen, timed_name
from ansible_collections.vdisk.gluster.plugins.plugin_utils._retention.policy import Point, Rules, decide, parse_time

MARK = "# Written by vdisk.gluster.image_export. Check the files with sha256sum -c or sha512sum -c."
"""First line of a file of checksums that is a role's own; the programs that check such files pass over it."""

_FILE_NAME = re.compile(r"\A[A-Za-z0-9_][A-Za-z0-9._+-]*\Z")
_KEYS = ("volume", "snapshot", "label")


def plan(
    requested: Sequence[Any],
    volumes: Sequence[Mapping[str, Any]],
    defaults: Mapping[str, str],
    names: Mapping[str, str],
    dest: str,
    image_format: str,
    now: datetime.datetime,
) -> dict[str, Any]:
    """Return what is to be exported, or sentences on what cannot be, and then nothing.

    :param requested: names and shell patterns of volumes, or mappings of C(volume) with C(snapshot) or C(label).
    :param volumes: volume objects.
    :param defaults: C(snapshot) or C(label) for those that have neither.
    :param names: patterns of names, C(file) and C(image); an empty one makes none.
    """
    refused: list[str] = []
    exports: list[dict[str, Any]] = []
    there = {volume["name"]: volume for volume in volumes if volume["exists"]}
    if defaults.get("snapshot") and defaults.get("label"):
        refused.append("a snapshot and a label are given for all; give one of them")
    for entry in requested:
        found, wrong = _points(entry, there, defaults)
        refused += wrong
        for volume, snapshot in found:
            try:
                exports.append(_export(volume, snapshot, names, dest, image_format, now))
            except ValueError as error:
                refused.append(str(error))
    for key in ("dest", "image_name"):
        named = [entry[key] for entry in exports if entry[key]]
        refused += [f"two exports would be {name}; put {{volume}} or {{snapshot}} into the pattern" for name in _twice(named)]
    if not exports and not refused:
        refused.append("no volume is named")
    return {"errors": refused, "exports": [] if refused else exports}


def _twice(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _points(
    entry: Any, there: Mapping[str, Mapping[str, Any]], defaults: Mapping[str, str]
) -> tuple[list[tuple[Mapping[str, Any], Mapping[str, Any] | None]], list[str]]:
    """Return the volumes that an entry means, each with its snapshot or none."""
    given = {"volume": entry} if isinstance(entry, str) else entry
    if not isinstance(given, Mapping) or not isinstance(given.get("volume"), str):
        return [], [f"{entry!r} names no volume; write a name, or a mapping with at least volume"]
    if set(given) - set(_KEYS):
        return [], [f"{given['volume']} has {', '.join(sorted(set(given) - set(_KEYS)))}; an export has volume and snapshot or label"]
    own = {key: given[key] for key in ("snapshot", "label") if given.get(key)}
    wish = own or {key: defaults[key] for key in ("snapshot", "label") if defaults.get(key)}
    if len(wish) > 1:
        return [], [f"{given['volume']} has a snapshot and a label; give one of them"]
    names, wrong = chosen([given["volume"]], list(there))
    found: list[tuple[Mapping[str, Any], Mapping[str, Any] | None]] = []
    for name in names:
        snapshots = there[name]["snapshots"]
        if "snapshot" in wish:
            fitting = [one for one in snapshots if one["name"] == wish["snapshot"]]
        elif "label" in wish:
            fitting = sorted((one for one in snapshots if one["label"] == wish["label"] and one["created"]), key=lambda one: one["created"])
        else:
            found.append((there[name], None))
            continue
        if fitting:
            found.append((there[name], fitting[-1]))
        else:
            wrong.append(f"{name} has no snapshot {wish['snapshot'] if 'snapshot' in wish else 'with the label ' + wish['label']}")
    return found, wrong


def _export(
    volume: Mapping[str, Any],
    snapshot: Mapping[str, Any] | None,
    names: Mapping[str, str],
    dest: str,
    image_format: str,
    now: datetime.datetime,
) -> dict[str, Any]:
    """Return one export.

    :raises ValueError: it cannot be named.
    """
    time = now if snapshot is None else parse_time(snapshot["created"])
    fields = {"volume": volume["name"], "snapshot": snapshot["name"] if snapshot else "now", "format": image_format}
    made = {}
    for kind, pattern in names.items():
        if time is None and re.search(r"%[^%]", pattern):
            raise ValueError(f"when snapshot {fields['snapshot']} of {volume['name']} was taken is not on record; name it without a time")
        made[kind] = timed_name(pattern, time or now, fields) if pattern else None
    file, image = made.get("file") if dest else None, made.get("image")
    if file is not None and (not _FILE_NAME.match(file) or file.endswith(".manifest.json")):
        raise ValueError(f"{file!r} is not a name for an export; use letters, digits, '_', '.', '+' and '-'")
    return {
        "volume": volume["name"],
        "share": volume["share"],
        "snapshot": snapshot["name"] if snapshot else None,
        "time": _iso_time(time) if time else None,
        "dest": os.path.join(dest, file) if file else None,
        "image_name": image,
    }


def _iso_time(time: datetime.datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def rotate(
    exports: Sequence[Mapping[str, Any]], requested: Sequence[Mapping[str, Any]], rules: Rules, now: datetime.datetime
) -> dict[str, list[dict[str, Any]]]:
    """Return which exports of volumes are kept and which go, each volume for itself, the newest first; without rules, all are kept.

    :param exports: as gluster_image_export_info has them; one without its file is left of one whose removal was cut off.
    :param requested: exports of a plan, made or still to be made; they stay, and exports of other volumes are not looked at.
    """
    decided: dict[str, list[dict[str, Any]]] = {"kept": [], "removed": []}
    for share, volume in dict.fromkeys((entry["share"], entry["volume"]) for entry in requested):
        news = {entry["dest"]: entry for entry in requested if (entry["share"], entry["volume"]) == (share, volume) and entry.get("dest")}
        olds = [entry for entry in exports if (entry["share"], entry["volume"]) == (share, volume) and entry["dest"] not in news]
        points = [Point(dest, parse_time(entry["time"]), "it is requested now") for dest, entry in news.items()]
        points += [Point(entry["dest"], _time_of(entry), _held(entry)) for entry in olds if entry["exists"]]
        for point, kept, reason in _verdicts(points, rules, now):
            time = _iso_time(point.time) if point.time else None
            decided["kept" if kept else "removed"].append({"dest": point.name, "volume": volume, "time": time, "reason": reason})
        decided["removed"] += [
            {"dest": entry["dest"], "volume": volume, "time": None, "reason": "its file no longer exists"}
            for entry in olds
            if not entry["exists"] and not rules.keeps_nothing
        ]
    return decided


def _time_of(entry: Mapping[str, Any]) -> datetime.datetime | None:
    return parse_time(entry["snapshot_created"] or entry["created"])


def _held(entry: Mapping[str, Any]) -> str | None:
    return None if entry["unmodified"] else "it was changed after it was exported"


def _verdicts(points: Sequence[Point], rules: Rules, now: datetime.datetime) -> Iterator[tuple[Point, bool, str]]:
    if rules.keeps_nothing:
        for point in sorted(points, key=lambda point: (str(point.time), point.name), reverse=True):
            yield point, True, "no retention is set"
        return
    for verdict in decide(points, rules, now):
        yield verdict.point, verdict.kept, verdict.reason


_OF_RESULT = ("dest", "image_id", "format", "virtual_size", "size_bytes", "checksum", "verified")


def results(exports: Sequence[Mapping[str, Any]], calls: Sequence[Mapping[str, Any]], image_format: str) -> list[dict[str, Any]]:
    """Return what became of each export of a plan; a call that was skipped, or is not there, is still to be made.

    :param calls: results of gluster_image_export, in the order of the plan.
    """
    decided = []
    for index, entry in enumerate(exports):
        call = calls[index] if index < len(calls) else {}
        made = call.get("export") or {"dest": entry["dest"], "format": image_format}
        decided.append(
            {
                "volume": entry["volume"],
                "share": entry["share"],
                "snapshot": entry["snapshot"],
                "time": entry["time"],
                "image_name": entry["image_name"],
                **{key: made.get(key) for key in _OF_RESULT},
                "changed": bool(call.get("changed", False)) if "export" in call else True,
            }
        )
    return decided


def checksums(exports: Sequence[Mapping[str, Any]], algorithm: str, removed: Sequence[str]) -> str:
    """Return the file of checksums of the exports in a directory, in the form of sha256sum(1)."""
    lines = [
        f"{str(entry['checksum']).partition(':')[2]}  {os.path.basename(entry['dest'])}"
        for entry in exports
        if entry["exists"] and entry["dest"] not in removed and str(entry["checksum"]).startswith(f"{algorithm}:")
        # a name with a line feed or a backslash would need another form
        if _FILE_NAME.match(os.path.basename(entry["dest"]))
    ]
    return "\n".join([MARK, *lines]) + "\n"
