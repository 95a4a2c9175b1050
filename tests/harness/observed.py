# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gluster_volume_file_info tells of shares that tests think up, the same for the same arguments."""

from __future__ import annotations

import datetime
import random
from typing import Any

NOW = "2026-11-24T03:00:00Z"
KIB, MIB, GIB, TIB = (1 << power for power in (10, 20, 30, 40))


def ago(**span: float) -> str:
    """Return a time so long before NOW."""
    now = datetime.datetime(2026, 11, 24, 3, tzinfo=datetime.timezone.utc)
    return (now - datetime.timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def share(name: str = "gl1:/vms", total: int = 4 * TIB, used: int = 1 * TIB, **more: Any) -> dict[str, Any]:
    """Return a share object."""
    told = {
        "share": name,
        "mount_point": f"/var/lib/vdisk/mnt/{name.encode().hex()[-32:]:0>32}",
        "options": "",
        "mounted": True,
        "writable": True,
        "total_bytes": total,
        "available_bytes": total - used,
        "event_threads": 8,
    }
    return {**told, **more}


def unmounted(name: str, error: str) -> dict[str, Any]:
    """Return the object of a share that cannot be read."""
    return {
        **share(name),
        "mounted": False,
        "writable": None,
        "total_bytes": None,
        "available_bytes": None,
        "event_threads": None,
        "error": error,
    }


def volume(name: str = "web-1", on: str = "gl1:/vms", points: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """Return a volume object; C(points) are its snapshots, oldest first, each with what its overlay takes as C(size)."""
    points = points or []
    base, virtual = more.pop("base", 6 * GIB), more.pop("virtual_size", 20 * GIB)
    files = [
        {"file": name, "format": more.pop("base_format", "qcow2"), "backing_file": None, "backing_format": None, "allocated_size": base}
    ]
    snapshots = []
    for point in points:
        below = files[-1]
        file = f"{name}.{point['name']}"
        size = point.get("size", 700 * MIB)
        files.append(
            {"file": file, "format": "qcow2", "backing_file": below["file"], "backing_format": below["format"], "allocated_size": size}
        )
        snapshots.append(
            {
                "volume": name,
                "name": point["name"],
                "file": file,
                "point_in_time_file": below["file"],
                "virtual_size": virtual,
                "created": point.get("created"),
                "label": point.get("label"),
                "description": point.get("description"),
                "quiesced": point.get("quiesced"),
            }
        )
    chain = [{"virtual_size": virtual, **file} for file in reversed(files)]
    mount_point = share(on)["mount_point"]
    told = {
        "name": name,
        "share": on,
        "mount_point": mount_point,
        "exists": True,
        "path": f"{mount_point}/{chain[0]['file']}",
        "format": chain[0]["format"],
        "base_format": chain[-1]["format"],
        "virtual_size": virtual,
        "allocated_size": sum(file["allocated_size"] for file in files),
        "active_file": chain[0]["file"],
        "in_use": False,
        "domains": [],
        "all_domains": [],
        "managed": True,
        "origin": None,
        "snapshots": snapshots,
        "chain": chain,
        "problems": [],
    }
    return {**told, **more}


def days(count: int, name: str = "daily", size: int = 700 * MIB, label: str | None = "nightly") -> list[dict[str, Any]]:
    """Return one snapshot a day for so many days."""
    return [
        {
            "name": f"{name}-{number:03}",
            "created": ago(days=count - number, hours=1),
            "size": size + 37 * MIB * (number % 5),
            "label": label,
            "quiesced": True,
        }
        for number in range(count)
    ]


def sound() -> dict[str, Any]:
    """Return a small deployment in which nothing is wrong."""
    return {
        "hv1": {
            "shares": [share(used=1600 * GIB)],
            "volumes": [
                volume(
                    "db-1",
                    points=days(6, size=2 * GIB),
                    base=180 * GIB,
                    virtual_size=500 * GIB,
                    in_use=True,
                    domains=["db-1"],
                    all_domains=["db-1"],
                ),
                volume(
                    "mail",
                    points=[
                        {
                            "name": "before-upgrade",
                            "created": ago(days=12),
                            "label": "manual",
                            "description": "Before Debian 13",
                            "size": 9 * GIB,
                        }
                    ],
                    base=64 * GIB,
                    virtual_size=200 * GIB,
                    base_format="raw",
                    all_domains=["mail"],
                ),
                volume("web-1", points=days(3), in_use=True, domains=["web-1"], all_domains=["web-1"]),
                volume("web-2", base=7 * GIB, in_use=True, domains=["web-2"], all_domains=["web-2"]),
            ],
        }
    }


def troubled() -> dict[str, Any]:
    """Return two shares, three hosts and much to look at."""
    hostile = "<script>alert(1)</script>"
    fast, vms, old = "gl1:/fast", "gl1:/vms", "gl9:/archive"
    long = volume("ci-runner", fast, days(90, "build", 300 * MIB, None), base=40 * GIB, virtual_size=80 * GIB)
    broken = volume(
        "erp",
        vms,
        days(4),
        base=90 * GIB,
        virtual_size=250 * GIB,
        problems=["erp.daily-002 on gl1:/vms names erp.daily-00X as its backing file, and erp.info names erp.daily-001"],
    )
    unfinished = volume(
        "shop",
        vms,
        days(5),
        problems=[
            "an operation on shop on gl1:/vms is unfinished (.vdisk/shop.journal); the next task that changes the volume finishes it first"
        ],
    )
    nothing = {
        **volume("lost", vms),
        "chain": [],
        "snapshots": [],
        "virtual_size": None,
        "problems": ["lost.info on gl1:/vms cannot be used: it is empty"],
    }
    odd = volume(
        "web-1",
        vms,
        [{"name": "x", "created": ago(days=400), "label": hostile, "description": "{{ 7 * 7 }} & \u202egnp.exe", "size": 3 * GIB}],
        in_use=True,
        domains=[f"web-1{hostile}"],
        all_domains=[f"web-1{hostile}"],
    )
    cinder = [
        volume(f"volume-{number:08x}-83cb-4d2f-9a5e-{number * 7919:012x}", vms, managed=False, base_format="raw") for number in range(9)
    ]
    here = [share(vms, 2 * TIB, 1900 * GIB, event_threads=2), share(fast, 1 * TIB, 300 * GIB)]
    return {
        "hv1": {
            "shares": [*here, unmounted(old, f"{old} is not mounted at /var/lib/vdisk/mnt/0123; gluster_share_mount mounts it")],
            "volumes": [broken, unfinished, nothing, odd, *cinder, long, volume("scratch", fast, virtual_size=3 * TIB, base=2 * GIB)],
        },
        "hv2": {
            "shares": [here[0], share(fast, 1 * TIB, 300 * GIB, writable=False)],
            "volumes": [
                {**broken, "in_use": True, "domains": ["erp"], "all_domains": ["erp"]},
                {**unfinished, "all_domains": ["shop"]},
                long,
            ],
        },
        "hv3": {"unreachable": True, "msg": "Failed to connect to the host via ssh: ssh: connect to host hv3 port 22: No route to host"},
        "hv4": {"failed": True, "msg": "qemu:///system does not answer: Failed to connect socket to '/var/run/libvirt/libvirt-sock'"},
    }


def huge(volumes: int = 500, files: int = 200) -> dict[str, Any]:
    """Return five shares with many volumes, of which every tenth has a chain of the full length, or all where C(files) is negative."""
    dice = random.Random(7)
    names = [f"gl{number}:/vms-{number}" for number in range(1, 6)]
    made = []
    for number in range(volumes):
        length = -files if files < 0 else files if number % 10 == 0 else dice.randrange(0, 20)
        points = [
            {
                "name": f"auto-{context:04}",
                "created": ago(days=(length - context) * 0.9),
                "size": dice.randrange(10 * MIB, 4 * GIB),
                "label": "nightly",
            }
            for context in range(length - 1)
        ]
        running = number % 3 != 0
        made.append(
            volume(
                f"vm-{number:04}",
                names[number % 5],
                points,
                base=dice.randrange(2 * GIB, 80 * GIB),
                virtual_size=100 * GIB,
                in_use=running,
                domains=[f"vm-{number:04}"] if running else [],
                all_domains=[f"vm-{number:04}"],
            )
        )
    told = [share(name, 80 * TIB, (30 + 9 * context) * TIB) for context, name in enumerate(names)]
    return {
        "hv1": {"shares": told, "volumes": made},
        "hv2": {"shares": told, "volumes": [{**one, "domains": [], "all_domains": []} for one in made[::2]]},
    }
