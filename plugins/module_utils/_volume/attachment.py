# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which domains of which hosts have a volume: what is on record, and what the hypervisor of this host says (pure).

A hypervisor knows its own domains only. What others have is kept in the volume's record by the tasks that ran there. Only a task on
that host, or the word of an operator, takes it from there again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Disk

_MORE = ("target", "uuid", "host_uuid")


@dataclass(frozen=True)
class Host:
    """A hypervisor: its name, and the UUID that libvirt gives the host; C(asked) where this task asks it about its domains."""

    name: str
    uuid: str | None = None
    asked: bool = True

    def is_host_of(self, attachment: Attachment) -> bool:
        """Tell whether an attachment is one of this host.

        Cloned machines share names or UUIDs, so one that is known to differ is another host: taken for another one, a host is
        refused something; taken for this one, it would be forgotten.
        """
        names = (self.name.lower(), attachment.host.lower())
        if self.uuid is None or attachment.host_uuid is None:
            return names[0] == names[1]
        if self.uuid != attachment.host_uuid:
            return False
        # one of them may be told with its domain
        return names[0] == names[1] or names[0].startswith(f"{names[1]}.") or names[1].startswith(f"{names[0]}.")


@dataclass(frozen=True)
class Attachment:
    """A volume as a disk of a domain; C(stored) where the definition names it, so that the domain can start on it again."""

    host: str
    domain: str
    target: str | None = None
    uuid: str | None = None
    host_uuid: str | None = None
    stored: bool = True

    @property
    def label(self) -> str:
        """It in a sentence."""
        return f"{f'disk {self.target}' if self.target else 'a disk'} of domain {self.domain} on {self.host}"

    def is_of(self, domain: str) -> bool:
        """Tell whether it is one of a domain given by its name or UUID."""
        return domain in (self.domain, self.uuid)


def is_sound(entries: Any) -> bool:
    """Tell whether a JSON value is a list of attachments."""
    return isinstance(entries, list) and all(
        isinstance(entry, dict)
        and all(layout.is_label(entry.get(key)) for key in ("host", "domain"))
        and all(layout.is_label(entry[key]) for key in _MORE if isinstance(entry.get(key), str))
        for entry in entries
    )


def from_json(entries: Mapping[str, Any]) -> Attachment:
    """Return the attachment that a JSON object stands for; what is not known to be gone may be started."""
    more = {key: entries[key] if isinstance(entries.get(key), str) else None for key in _MORE}
    return Attachment(entries["host"], entries["domain"], stored=entries.get("stored") is not False, **more)


def to_json(attachment: Attachment) -> dict[str, Any]:
    """Return an attachment as the record keeps it."""
    return {
        "host": attachment.host,
        "host_uuid": attachment.host_uuid,
        "domain": attachment.domain,
        "uuid": attachment.uuid,
        "target": attachment.target,
        "stored": attachment.stored,
    }


def merged(recorded: Sequence[Attachment], host: Host, disks: Sequence[Disk]) -> tuple[Attachment, ...]:
    """Return what is on record of other hosts with what this one has, if it was asked."""
    others = [attachment for attachment in recorded if not (host.asked and host.is_host_of(attachment))]
    own = [Attachment(host.name, disk.domain, disk.target, disk.uuid, host.uuid, disk.stored is not None) for disk in disks]
    return tuple(sorted({*others, *own}, key=lambda entry: (entry.host, entry.domain, entry.target or "", entry.uuid or "")))
