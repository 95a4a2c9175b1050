# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gluster_volume_attachment does: find the volume and the domain, then walk the corridor."""

from __future__ import annotations

from typing import Any, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils import _names
from ansible_collections.vdisk.gluster.plugins.module_utils._corridor import Corridor
from ansible_collections.vdisk.gluster.plugins.module_utils._disk import Domain
from ansible_collections.vdisk.gluster.plugins.module_utils._errors import BadInput, Unavailable
from ansible_collections.vdisk.gluster.plugins.module_utils._hypervisor import Hypervisor
from ansible_collections.vdisk.gluster.plugins.module_utils._locating import Shares
from ansible_collections.vdisk.gluster.plugins.module_utils._module import Result, Task
from ansible_collections.vdisk.gluster.plugins.module_utils._plan import Plan
from ansible_collections.vdisk.gluster.plugins.module_utils._plan_attachment import (
    Wanted,
    own_disk,
    plan_attached,
    plan_detached,
)
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._share import shares_of
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import Volume


def work(task: Task) -> Result:
    """Attach a volume to a domain, or detach it."""
    params = task.params
    name = _names.check_volume(params["volume"])
    present = params["state"] == "present"
    if not params["domain"]:
        raise BadInput("domain: it is empty; give the name or the UUID of a domain")
    hypervisor = task.hypervisor()
    if not isinstance(hypervisor, Hypervisor):
        raise Unavailable(
            f"libvirt_uri: {params['libvirt_uri']} has no domains: libvirt is not installed on this host, or not to be asked; run the "
            "task on the host of the domain"
        )
    shares = Shares(shares_of(params, task.warn))
    listings = shares.list()
    where = shares.locate([name], listings)
    wanted = Wanted(params["target"], {key: params[key] for key in ("bus", "cache", "io", "discard", "serial")})
    domain = hypervisor.domain(params["domain"])

    def planner(volumes: Sequence[Volume]) -> list[Plan]:
        now = hypervisor.domain(params["domain"])
        return [plan_attached(volume, now, wanted) if present else plan_detached(volume, now) for volume in volumes]

    corridor = Corridor(QemuImg(task.runner), task.check_mode, params["lock_timeout"], hypervisor=hypervisor)
    outcome = corridor.change(where, planner, listings=listings)
    before, after = (_object(volumes[0], domain) for volumes in (outcome.before, outcome.after))
    return Result(
        _sentence(name, domain, present, outcome.changed, task.check_mode),
        outcome.changed,
        outcome.actions,
        {"attachment": after},
        before,
        after,
    )


def _object(volume: Volume, domain: Domain) -> dict[str, Any]:
    """Return the C(attachment) object of results; of a volume that the domain does not have, only the domain's name."""
    disk = own_disk(volume, domain)
    part = (disk.live or disk.stored) if disk is not None else None
    return {
        "domain": domain.name,
        "volume": volume.name,
        "target": disk.target if disk is not None else None,
        "path": part.paths[0] if part is not None else None,
        "format": part.format if part is not None else None,
        "live": disk is not None and disk.live is not None,
        "stored": disk is not None and disk.stored is not None,
    }


def _sentence(volume: str, domain: Domain, present: bool, changed: bool, check_mode: bool) -> str:
    done = f"{'attached to' if present else 'detached from'} domain {domain.name}"
    if not changed:
        return f"{volume} is {done} already."
    return f"{volume} would be {done}." if check_mode else f"{volume} was {done}."
