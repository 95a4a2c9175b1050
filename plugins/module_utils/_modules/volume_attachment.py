# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gluster_volume_attachment does: find the volume and the domain, then change it in a session."""

from __future__ import annotations

from typing import Any, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._common.result import Result
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import shares_of
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import Task
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.attachment import (
    AttachmentRequest,
    own_disk,
    plan_attached,
    plan_detached,
    plan_forgotten,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.base import Plan
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.session import Session
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Domain
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.hypervisor import Hypervisor, NoDomain, NoHypervisor
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.locator import Shares
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume, with_host


def work(task: Task) -> Result:
    """Attach a volume to a domain, or detach it."""
    params = task.params
    name = layout.check_volume(params["volume"])
    present = params["state"] == "present"
    if not params["domain"]:
        raise BadInput("domain: it is empty; give the name or the UUID of a domain")
    hypervisor = task.hypervisor()
    host = params["host"]
    if host is not None and present:
        raise BadInput(
            "host: it requires state: absent, to remove the entry of a host that no longer exists; to attach a volume, run the task on "
            "its host"
        )
    if host is None and isinstance(hypervisor, NoHypervisor):
        raise Unavailable(
            f"libvirt_uri: {params['libvirt_uri']} has no domains: libvirt is not installed on this host, or disabled; run the "
            "task on the host of the domain"
        )
    shares = Shares(shares_of(params, task.warn))
    listings = shares.list()
    where = shares.locate([name], listings)
    request = AttachmentRequest(params["target"], {key: params[key] for key in ("bus", "cache", "io", "discard", "serial")})
    # asked before anything is looked at, so that a name that is misspelt is told first
    domain = _domain(hypervisor, params["domain"], present) if host is None else None

    def planner(found: Sequence[Volume]) -> list[Plan]:
        volumes = [with_host(volume, hypervisor.host) for volume in found]
        if host is not None:
            return [plan_forgotten(volume, params["domain"], host, hypervisor.host) for volume in volumes]
        now = _domain(hypervisor, params["domain"], present)
        return [plan_attached(volume, now, request) if present and now else plan_detached(volume, now) for volume in volumes]

    session = Session(
        QemuImg(task.runner), task.check_mode, params["lock_timeout"], hypervisor=hypervisor, respects_other_hosts=task.respects_other_hosts
    )
    outcome = session.change(where, planner, listings=listings)
    if domain is None:
        before, after = (
            _object_on_record(volumes[0], params["domain"], host or hypervisor.host.name) for volumes in (outcome.before, outcome.after)
        )
    else:
        before, after = (_object(volumes[0], domain, hypervisor.host.name) for volumes in (outcome.before, outcome.after))
    domain_label = f"{params['domain']} on {host}" if host is not None else domain.name if domain is not None else params["domain"]
    return Result(
        _sentence(name, domain_label, present, outcome.changed, task.check_mode),
        outcome.changed,
        outcome.actions,
        {"attachment": after},
        before,
        after,
    )


def _domain(hypervisor: Hypervisor, name: str, present: bool) -> Domain | None:
    """Return a domain of this host; one that is not there has no disk, and need not be told so."""
    try:
        return None if isinstance(hypervisor, NoHypervisor) else hypervisor.domain(name)
    except NoDomain:
        if present:
            raise
        return None


def _object_on_record(volume: Volume, domain: str, host: str) -> dict[str, Any]:
    """Return the C(attachment) object of a domain that is not on this host."""
    recorded = volume.record.attachments if volume.record is not None else ()
    entry = next((entry for entry in recorded if entry.host == host and entry.is_of(domain)), None)
    return {
        "domain": domain,
        "host": host,
        "volume": volume.name,
        "target": entry.target if entry is not None else None,
        "path": None,
        "format": None,
        "live": False,
        "persistent": entry is not None and entry.stored,
    }


def _object(volume: Volume, domain: Domain, host: str) -> dict[str, Any]:
    """Return the C(attachment) object of results; of a volume that the domain does not have, only the domain's name."""
    disk = own_disk(volume, domain)
    part = (disk.live or disk.stored) if disk is not None else None
    return {
        "domain": domain.name,
        "host": host,
        "volume": volume.name,
        "target": disk.target if disk is not None else None,
        "path": part.paths[0] if part is not None else None,
        "format": part.format if part is not None else None,
        "live": disk is not None and disk.live is not None,
        "persistent": disk is not None and disk.stored is not None,
    }


def _sentence(volume: str, domain: str, present: bool, changed: bool, check_mode: bool) -> str:
    done = f"{'attached to' if present else 'detached from'} domain {domain}"
    if not changed:
        return f"{volume} is {done} already."
    return f"{volume} would be {done}." if check_mode else f"{volume} was {done}."
