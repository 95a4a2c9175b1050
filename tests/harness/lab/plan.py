# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of a lab as data: their names, addresses and groups, and the files that tell of them. Nothing here touches the machine."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re

SERVERS = "gluster_servers"
HYPERVISORS = "hypervisors"
STATES = pathlib.Path("/run")
"""Below it each lab has a directory of its own."""
_NAME = re.compile(r"[a-z0-9]{1,8}")
_FIRST = {SERVERS: 11, HYPERVISORS: 101}
_OUTSIDE = 254
_MOST = 80


class LabError(Exception):
    """Something that a person has to know of; the message is a sentence."""


@dataclasses.dataclass(frozen=True)
class PlannedHost:
    """A host that is to be."""

    name: str
    group: str
    address: str
    link_address: str

    @property
    def has_bricks(self) -> bool:
        """Tell whether it has a disk for bricks."""
        return self.group == SERVERS


@dataclasses.dataclass(frozen=True)
class Plan:
    """A lab that is to be; C(network) is the first three numbers of its addresses."""

    name: str
    network: str
    hosts: tuple[PlannedHost, ...]

    @property
    def outside_address(self) -> str:
        """The address of the machine itself on this network."""
        return f"{self.network}.{_OUTSIDE}"


def directory_of(name: str) -> pathlib.Path:
    """Return the directory in which a lab keeps all its files.

    :raises LabError: no lab can have this name.
    """
    if not _NAME.fullmatch(name):
        raise LabError(f"'{name}' cannot be the name of a lab: take one to eight of a-z and 0-9")
    return STATES / f"vdisk-lab-{name}"


def link_of(directory: pathlib.Path) -> str:
    """Return the name of the network interface by which the machine itself reaches the lab of a directory."""
    return f"vdl-{directory.name.rpartition('-')[2]}"


def plan(name: str, network: str, servers: int, hypervisors: int) -> Plan:
    """Plan the hosts gs1, gs2, ... and hv1, hv2, ...

    :raises LabError: there are too many or none of them.
    """
    if min(servers, hypervisors) < 0 or not 0 < servers + hypervisors or max(servers, hypervisors) > _MOST:
        raise LabError(f"a lab has at least one host and at most {_MOST} of each kind, not {servers} servers and {hypervisors} hypervisors")
    second, third = (int(number) for number in network.split(".")[1:])
    hosts = []
    for group, prefix, count in ((SERVERS, "gs", servers), (HYPERVISORS, "hv", hypervisors)):
        for number in range(count):
            last = _FIRST[group] + number
            # fixed, so that nobody has to ask anew for the address of a host that was off
            link_address = f"02:0a:{second:02x}:{third:02x}:00:{last:02x}"
            hosts.append(PlannedHost(f"{prefix}{number + 1}", group, f"{network}.{last}", link_address))
    return Plan(name, network, tuple(hosts))


def written(planned: Plan) -> str:
    """Return C(hosts.json): of each host its C(address) and its C(group)."""
    return json.dumps({host.name: {"address": host.address, "group": host.group} for host in planned.hosts}, indent=1) + "\n"


def read(name: str, text: str) -> Plan:
    """Return the plan that was written."""
    hosts = json.loads(text)
    network = next(iter(hosts.values()))["address"].rpartition(".")[0]
    groups = [host["group"] for host in hosts.values()]
    return plan(name, network, groups.count(SERVERS), groups.count(HYPERVISORS))


def known_hosts(planned: Plan, public_key: str) -> str:
    """Return the C(known_hosts) of ssh; all hosts of a lab have one key."""
    kind, key = public_key.split()[:2]
    return "".join(f"{host.name},{host.address} {kind} {key}\n" for host in planned.hosts)


def etc_hosts(planned: Plan) -> str:
    """Return the C(/etc/hosts) of each host."""
    return "127.0.0.1 localhost\n" + "".join(f"{host.address} {host.name}\n" for host in planned.hosts)


def inventory(planned: Plan) -> str:
    """Return the inventory for Ansible, as YAML."""
    directory = directory_of(planned.name)
    # what a host that is switched off or cut off leaves hanging is told after 15 s
    patience = "-o ConnectTimeout=10 -o ServerAliveInterval=5 -o ServerAliveCountMax=3"
    strict = f"-o UserKnownHostsFile={directory}/known_hosts -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    lines = [
        "---",
        "all:",
        "  vars:",
        "    ansible_user: root",
        f"    ansible_ssh_private_key_file: {directory}/id",
        f"    ansible_ssh_common_args: {strict} {patience}",
        # connections that are kept open must not be taken for those of a later lab with the same addresses
        f"    ansible_control_path_dir: {directory}/connections",
        "    ansible_python_interpreter: /usr/bin/python3",
        "  children:",
    ]
    for group in (SERVERS, HYPERVISORS):
        members = [host for host in planned.hosts if host.group == group]
        lines += [f"    {group}:", "      hosts:" if members else "      hosts: {}"]
        for host in members:
            lines += [f"        {host.name}:", f"          ansible_host: {host.address}"]
    return "\n".join([*lines, ""])
