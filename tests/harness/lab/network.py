# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of a lab: one bridge in a namespace of its own, a cable from it to each host, and one to the machine itself.

The bridge has its own name space so that packet filters of the machine do not see its frames. No host has a default route, so that
nothing ever leaves the addresses of the lab.
"""

from __future__ import annotations

import ipaddress
import json
import pathlib
import zlib

from ansible_collections.vdisk.gluster.tests.harness.lab.plan import LabError, Plan, PlannedHost, link_of
from ansible_collections.vdisk.gluster.tests.harness.lab.programs import call, tried

_BLOCK = ipaddress.ip_network("10.192.0.0/10")
"""Networks are taken from here; few sites use the upper half of 10.0.0.0/8."""
_OUTSIDE = "outside"


def free_network(name: str) -> str:
    """Return the first three numbers of a /24 of which the machine knows nothing; the same name gets the same one while it is free."""
    routes = json.loads(call("ip", "-json", "-4", "route", "show", "table", "all") or "[]")
    destinations = {route["dst"] for route in routes if route["dst"] != "default"}
    taken = [ipaddress.ip_network(destination, strict=False) for destination in destinations]
    networks = list(_BLOCK.subnets(new_prefix=24))
    first = zlib.crc32(name.encode()) % len(networks)
    for network in networks[first:] + networks[:first]:
        if not any(network.overlaps(other) for other in taken):
            return str(network.network_address).rpartition(".")[0]
    raise LabError(f"each /24 of {_BLOCK} is in use on this machine; take away a lab or a route")


class Network:
    """The cables of a lab; C(directory) holds the files that keep its name spaces."""

    def __init__(self, directory: pathlib.Path, planned: Plan) -> None:
        self._directory = directory
        self._plan = planned
        self._hub = directory / "hub.net"

    def space(self, host: str) -> pathlib.Path:
        """Return the file that keeps the name space of a host; the mount on it is there while the host has power."""
        return self._directory / host / "net"

    def lay(self) -> None:
        """Make the bridge and the cable to the machine itself."""
        _make_space(self._hub)
        link = link_of(self._directory)
        call("ip", "link", "add", "name", link, "type", "veth", "peer", "name", _OUTSIDE, "netns", str(self._hub))
        call("ip", "address", "add", f"{self._plan.outside_address}/24", "dev", link)
        call("ip", "link", "set", link, "up")
        self._in_hub(f"link add name lab type bridge\nlink set dev {_OUTSIDE} master lab up\nlink set dev lab up\n")

    def plug(self, host: PlannedHost) -> None:
        """Give a host a name space with one interface."""
        space = self.space(host.name)
        _make_space(space)
        end = f"link add name eth0 address {host.link_address} netns {space} type veth peer name {host.name}\n"
        self._in_hub(f"{end}link set dev {host.name} master lab up\n")
        _in(space, f"link set lo up\naddress add {host.address}/24 dev eth0\nlink set eth0 up\n")

    def unplug(self, host: str) -> None:
        """Take the interface and the name space of a host away; the latter has to be empty."""
        # by itself it would go some time after the name space
        self._in_hub(f"link delete dev {host}\n")
        tried("umount", "--lazy", str(self.space(host)))

    def cut(self, host: str) -> None:
        """Pull the cable of a host: both ends see that the link is down, and every frame is lost."""
        self._in_hub(f"link set dev {host} down\n")

    def join(self, host: str) -> None:
        """Put the cable of a host back."""
        self._in_hub(f"link set dev {host} up\n")

    def is_cut(self, host: str) -> bool:
        """Tell whether the cable of a host is pulled."""
        told = call("nsenter", f"--net={self._hub}", "ip", "-json", "link", "show", host)
        return "UP" not in json.loads(told)[0]["flags"]

    def _in_hub(self, batch: str) -> None:
        _in(self._hub, batch)


def remove_link(link: str) -> None:
    """Take away the cable between the machine and a lab, if it is there."""
    if pathlib.Path("/sys/class/net", link).exists():
        call("ip", "link", "delete", link)


def _make_space(file: pathlib.Path) -> None:
    file.touch()
    call("unshare", f"--net={file}", "true")


def _in(space: pathlib.Path, batch: str) -> None:
    call("nsenter", f"--net={space}", "ip", "-batch", "-", told=batch)
