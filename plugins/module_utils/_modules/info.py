# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the information modules do: read, and nothing else."""

from __future__ import annotations

from typing import Any

from ansible_collections.vdisk.gluster.plugins.module_utils._common import parallel
from ansible_collections.vdisk.gluster.plugins.module_utils._common.result import Result
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share, capacity, check_base, shares_of
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share_state import is_writable, share_object
from ansible_collections.vdisk.gluster.plugins.module_utils._libvirt.disk_element import disk_element
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.runtime import Task
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu import image_lock
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Disk
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.locator import Shares
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.model import Volume, absent, provisioned, volume_object
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.reader import (
    Listing,
    list_share,
    read_volume,
    read_volumes,
    with_domains,
)


def share_info(task: Task) -> Result:
    """Return the share objects of a task's shares with what is on them."""
    shares = Shares(shares_of(task.params, task.warn))
    objects = [_share_facts(share, shares) for share in shares.named]
    mounted = sum(entry["mounted"] for entry in objects)
    return Result(f"{mounted} of {len(objects)} shares are mounted and respond.", values={"shares": objects})


def _share_facts(share: Share, shares: Shares) -> dict[str, Any]:
    nothing = {"volumes": None, "provisioned_bytes": None, "allocated_bytes": None}
    if share.name not in shares.usable:
        return {**share_object(share, mounted=False), **nothing, "error": shares.unusable[share.name].message}
    listing = list_share(share)
    volumes = read_volumes([(listing, name) for name in listing.volumes()])
    space = capacity(share)
    return {
        **share_object(share, True, is_writable(share), space.total, space.available),
        "volumes": len(volumes),
        "provisioned_bytes": provisioned(volumes),
        "allocated_bytes": sum(entry.allocated_size for volume in volumes for entry in volume.chain.files),
    }


def volume_info(task: Task) -> Result:
    """Return the volume objects of the named volumes, or of all on the shares, with what a hypervisor needs to connect."""
    hypervisor = task.hypervisor()
    shares = Shares(shares_of(task.params, task.warn))
    base = check_base(task.params["mount_point_base"])
    listings = shares.list()
    names = layout.check_volumes(task.params["name"]) if task.params["name"] is not None else None
    if names is None:
        found = read_volumes([(listing, name) for listing in listings.values() for name in listing.volumes()])
    else:
        found = [volume for volumes in parallel.each(lambda name: _look_for(name, shares, listings), names) for volume in volumes]
    found = [with_domains(volume, hypervisor) for volume in found]
    states = parallel.each(_with_state, found)
    objects = [{**state, "connection": _connection(volume, shares, base)} for state, volume in zip(states, found)]
    there = sum(volume.exists for volume in found)
    return Result(
        f"{there} volume{'' if there == 1 else 's'} found.",
        values={"volumes": objects, "shares": [_mounted_object(share, shares) for share in shares.named]},
    )


def _mounted_object(share: Share, shares: Shares) -> dict[str, Any]:
    if share.name in shares.usable:
        space = capacity(share)
        return share_object(share, True, is_writable(share), space.total, space.available)
    return {**share_object(share, mounted=False), "error": shares.unusable[share.name].message}


def _look_for(name: str, shares: Shares, listings: dict[str, Listing]) -> list[Volume]:
    """Return a volume from each share that has it, or as absent from the first."""
    having = [listing for listing in listings.values() if listing.has(name)]
    if having:
        return [read_volume(listing, name) for listing in having]
    if listings:
        return [read_volume(next(iter(listings.values())), name)]
    first = shares.named[0]
    return [absent(name, first.name, first.mount_point, problems=(shares.unusable[first.name].message,))]


def _with_state(volume: Volume) -> dict[str, Any]:
    """Return the volume object with what only an observer is told: unfinished operations, and which snapshots are being read."""
    entry = volume_object(volume)
    read = parallel.each(lambda snapshot: _is_read(volume, snapshot["point_in_time_file"]), entry["snapshots"])
    for snapshot, in_use in zip(entry["snapshots"], read):
        snapshot["in_use"] = in_use
    if volume.unfinished:
        entry["problems"].append(
            f"an operation on {volume.label} is unfinished ({layout.journal(volume.name)}); "
            "the next task that changes the volume finishes it first"
        )
    entry["problems"] += [problem for disk in volume.disks for problem in _old_definition(volume, disk)]
    entry["problems"] += [
        f"{volume.label} has the temporary snapshot {name} of a task that was killed; the next task that changes the volume merges it back"
        for name in volume.abandoned
    ]
    return entry


def _old_definition(volume: Volume, disk: Disk) -> list[str]:
    """Return what is wrong with a definition of this host that names other files of a volume than those it has now."""
    names = [entry.file for entry in volume.chain.files]
    if volume.problems or not names or disk.stored is None or disk.stored.fits(names, volume.active.format):
        return []
    has = disk.stored.names[0]
    what = (
        "write to a file that other files are based on, which destroys them"
        if has in names[1:]
        else "not start, or not with the content of the volume"
    )
    remedy = "undefine it" if disk.running is False and volume.in_use else "run gluster_volume_attachment with state: present"
    return [
        f"the definition of {disk.label} on this host names {has}, and the active file of {volume.label} is {names[0]}: the domain would, "
        f"at its next start, {what}; {remedy} on this host"
    ]


def _is_read(volume: Volume, file: str) -> bool:
    """Tell whether anybody is known to read a point in time.

    A machine that runs on the volume has the files below its active one open too, so that then only readers of this
    collection can be told from it.
    """
    if file not in volume.facts or volume.facts[file].kind != "file":
        return False
    path = f"{volume.mount_point}/{file}"
    return image_lock.is_being_read(path) if volume.in_use else image_lock.is_open_in_qemu(path, patient=False)


def _connection(volume: Volume, shares: Shares, base: str) -> dict[str, Any] | None:
    """Return what Cinder handed a hypervisor to connect a volume, and a disk element for libvirt."""
    if not volume.exists or not volume.chain.files:
        return None
    share = next(share for share in shares.named if share.name == volume.share)
    image_format = volume.active.format
    # the driver handed on the words of its shares file, -o included
    options = f"-o {share.options}" if share.options else None
    return {
        "driver_volume_type": "glusterfs",
        "data": {"export": volume.share, "name": volume.active_file, "format": image_format, "options": options},
        "mount_point_base": base,
        "libvirt_disk": disk_element(volume.path, image_format, "vda") if image_format and not volume.problems else None,
    }
