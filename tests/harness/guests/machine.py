# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual machine that writes records to its disks while something is done to them."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import pathlib
import re
import signal
import time
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import libvirt
import libvirt_qemu
from ansible_collections.vdisk.gluster.tests.harness.guests.counting import Counts
from ansible_collections.vdisk.gluster.tests.harness.guests.guest_image import GuestImage
from ansible_collections.vdisk.gluster.tests.harness.guests.hypervisor import Hypervisor
from ansible_collections.vdisk.gluster.tests.harness.guests.oracle import Layout, Oracle, Wipe
from ansible_collections.vdisk.gluster.tests.harness.processes import wait_until
from ansible_collections.vdisk.gluster.tests.harness.waiting import slowness

_PATIENCE = 90
"""Seconds that a guest without KVM may take for anything, on a machine that does other work too."""
_WIPED = r"LIVE wiping=(\d+) first=(\d+) count=(\d+) how=(\w+)\r?\n"


@dataclasses.dataclass(frozen=True)
class Disk:
    """A disk of a machine: an image and how QEMU is to use it."""

    path: pathlib.Path
    format: str
    discard: str | None = "unmap"
    serial: str | None = None

    def xml(self, target: str) -> str:
        """Return it as libvirt wants it."""
        discard = f" discard={quoteattr(self.discard)}" if self.discard else ""
        serial = f"<serial>{self.serial}</serial>" if self.serial else ""
        return (
            f"<disk type='file' device='disk'><driver name='qemu' type={quoteattr(self.format)} cache='none'{discard}/>"
            f"<source file={quoteattr(str(self.path))}/><target dev='{target}' bus='virtio'/>{serial}</disk>"
        )


class Machine:
    """A domain with the test guest; C(mode) is C(raw) for records on bare disks, C(fs) for ones in ext4, C(idle) for none."""

    def __init__(
        self,
        hypervisor: Hypervisor,
        image: GuestImage,
        name: str,
        disks: list[Disk],
        counts: Counts,
        mode: str = "raw",
        agent: bool = True,
        persistent: bool = True,
        slots: int = 4096,
        pause: int = 3000,
        memory: int = 128,
    ) -> None:
        """Describe it; C(pause) are microseconds between records, C(memory) is in MiB. Nothing runs yet.

        Without a pause a guest would keep a processor busy by writing alone, while tasks are waited for.
        """
        self.hypervisor = hypervisor
        self.image = image
        self.name = name
        self.disks = disks
        self.counts = counts
        self.mode = mode
        self.agent = agent
        self.persistent = persistent
        self.slots = slots
        self.lanes = 1 if mode == "fs" else len(disks)
        self.pause_between_records = pause
        self.memory = memory
        self._console = hypervisor.directory / f"{name}.console"

    def xml(self) -> str:
        """Return the definition."""
        words = f"live.mode={self.mode} live.agent={self.agent:d} live.slots={self.slots} live.lanes={self.lanes}"
        words += f" live.pause={self.pause_between_records}"
        disks = "".join(disk.xml(f"vd{letter}") for letter, disk in zip("abcdefgh", self.disks))
        channel = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>" if self.agent else ""
        return f"""<domain type='qemu'>
            <name>{self.name}</name><memory unit='MiB'>{self.memory}</memory><vcpu>1</vcpu>
            <os>
                <type arch='x86_64' machine='pc'>hvm</type>
                <kernel>{self.image.kernel}</kernel><initrd>{self.image.initrd}</initrd>
                <cmdline>console=ttyS0 quiet panic=-1 mitigations=off {words}</cmdline>
            </os>
            <features><acpi/></features><on_crash>destroy</on_crash>
            <devices>
                <emulator>/usr/bin/qemu-system-x86_64</emulator>{disks}
                <serial type='file'><source path='{self._console}' append='on'/><target port='0'/></serial>{channel}
                <controller type='usb' model='none'/><memballoon model='none'/>
            </devices>
        </domain>"""

    @property
    def domain(self) -> libvirt.virDomain:
        """It, as libvirt knows it now."""
        return self.hypervisor.connection.lookupByName(self.name)

    def define(self) -> None:
        """Make a stored definition, or a new one in the place of that."""
        self.hypervisor.connection.defineXML(self.xml())

    def start(self) -> Machine:
        """Start it and wait until it has written records, in mode C(idle) until it is up."""
        told = len(self.console())
        self._create()
        self.counts.add("machines started")
        wait_until(lambda: re.search(r"LIVE (ack|idle|failed|error)", self.console()[told:]), f"{self.name} to boot", _PATIENCE)
        assert "LIVE failed" not in self.console()[told:], self.console()[told:]
        return self

    def start_paused(self) -> Machine:
        """Start it with its processor stopped, which takes no time: QEMU has its disks open, and nobody needs a guest."""
        self._create(libvirt.VIR_DOMAIN_START_PAUSED)
        return self

    def _create(self, flags: int = 0) -> None:
        if not self.persistent:
            self.hypervisor.connection.createXML(self.xml(), flags)
            return
        if not self.is_defined():
            self.define()
        self.domain.createWithFlags(flags)

    def shut_off(self) -> None:
        """Switch it off."""
        self.domain.destroy()

    def restart(self) -> None:
        """Switch it off and start it from its stored definition, and see that it finds its disks in order."""
        acknowledged = self.acked()
        self.shut_off()
        self.start()
        self.assert_rescanned(acknowledged)

    def assert_rescanned(self, acknowledged: int) -> None:
        """See that the guest found all that was acknowledged on its disks when it last started."""
        last, bad = (int(number) for number in re.findall(r"LIVE scan last=(\d+) used=\d+ bad=(\d+)", self.console())[-1])
        assert last >= acknowledged and not bad, f"{self.name} found record {last} and {bad} bad ones; {acknowledged} was acknowledged"

    def kill(self, noticed: bool = True) -> None:
        """Kill its QEMU, as a crash would; not C(noticed) where no libvirtd runs that could see it."""
        pid = self.hypervisor.qemu_pid(self.name)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), f"the QEMU of {self.name} to be gone")
        if noticed:
            wait_until(lambda: not self.is_running(), f"libvirtd to see that {self.name} is gone", _PATIENCE)

    def suspend(self) -> None:
        """Stop its processor."""
        self.domain.suspend()

    def resume(self) -> None:
        """Let its processor run again."""
        self.domain.resume()

    def is_defined(self) -> bool:
        """Tell whether libvirt knows it, running or stored."""
        return any(domain.name() == self.name for domain in self.hypervisor.connection.listAllDomains())

    def is_running(self) -> bool:
        """Tell whether it runs."""
        active = self.hypervisor.connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
        return any(domain.name() == self.name for domain in active)

    def remove(self) -> None:
        """Take it away, running or not."""
        if self.is_running():
            self.shut_off()
        if self.is_defined():
            self.domain.undefine()

    def console(self) -> str:
        """Return all that the guest has said, over all its starts."""
        return self._console.read_text(errors="replace") if self._console.exists() else ""

    def log(self) -> str:
        """Return what its QEMU has said, over all its starts."""
        path = self.hypervisor.directory / f"log/qemu/{self.name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def acked(self) -> int:
        """Return the last record that the guest knows to be on its disk."""
        told = re.findall(r"LIVE ack=(\d+)\r?\n", self.console())
        return int(told[-1]) if told else 0

    def wait_acks(self, number: int = 100) -> int:
        """Wait until so many more records are acknowledged and return the last of them."""
        wanted = self.acked() + number
        wait_until(lambda: self.acked() >= wanted, f"{self.name} to acknowledge record {wanted}", _PATIENCE)
        return self.acked()

    def wait_until_silent(self) -> int:
        """Wait until it acknowledges nothing for a second, more where this machine is slow now, and return the last record."""
        wait_until(self._is_silent, f"{self.name} to stand still", _PATIENCE)
        return self.acked()

    def _is_silent(self) -> bool:
        before = self.acked()
        time.sleep(slowness())
        return self.acked() == before

    def sources(self, target: str = "vda", stored: bool = False) -> list[pathlib.Path]:
        """Return the files of a disk as libvirt knows them, active file first: of the running machine, or of the stored definition."""
        xml = self.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE if stored else 0)
        disk = next(found for found in ElementTree.fromstring(xml).iter("disk") if found.find("target").get("dev") == target)
        return [pathlib.Path(source.get("file")) for source in disk.iterfind(".//source[@file]") if not _of_a_mirror(disk, source)]

    @property
    def oracle(self) -> Oracle:
        """What judges its images, with all it has cleared so far."""
        wipes = (Wipe(int(after), int(first), int(count)) for after, first, count, _how in re.findall(_WIPED, self.console()))
        return Oracle(Layout(self.slots, self.lanes, tuple(wipes)), self.counts)

    def ask_agent(self, command: str, timeout: int = 60, **arguments: object) -> object:
        """Give the guest agent a command and return its answer."""
        answer = libvirt_qemu.qemuAgentCommand(self.domain, json.dumps({"execute": command, "arguments": arguments}), timeout, 0)
        return json.loads(answer)["return"]

    def wait_for_agent(self) -> None:
        """Wait until the guest agent answers."""
        wait_until(self.agent_answers, f"the agent in {self.name} to answer", _PATIENCE)

    def agent_answers(self) -> bool:
        """Tell whether the guest agent answers."""
        try:
            self.ask_agent("guest-ping", timeout=5)
        except libvirt.libvirtError:
            return False
        return True

    def frozen(self) -> bool:
        """Tell whether the guest agent holds the file systems frozen."""
        return self.ask_agent("guest-fsfreeze-status") == "frozen"

    def execute(self, script: str) -> str:
        """Run a script of the shell in the guest, through the agent, and return what it says."""
        pid = self.ask_agent("guest-exec", path="/bin/sh", arg=["-c", script], **{"capture-output": True})["pid"]
        states: list[dict] = []
        wait_until(lambda: self._has_ended(pid, states), f"{script!r} in {self.name} to end", _PATIENCE)
        output = base64.b64decode(states[-1].get("out-data", "")).decode()
        assert states[-1].get("exitcode") == 0, f"{script!r} in {self.name}: {states[-1]} {output}"
        return output

    def _has_ended(self, pid: int, states: list[dict]) -> bool:
        states.append(self.ask_agent("guest-exec-status", pid=pid))
        return states[-1]["exited"]

    def wipe(self, how: str) -> None:
        """Let the guest clear half of its slots between two records: by C(zero), C(punch) or C(discard)."""
        told = len(self.console())
        self.execute(f"echo {how} >/run/wipe.new && mv /run/wipe.new /run/wipe")
        wait_until(lambda: re.search(r"LIVE wiped=\d+ result=.*\n", self.console()[told:]), f"{self.name} to wipe", _PATIENCE)
        assert re.search(r"LIVE wiped=\d+ result=done\r?\n", self.console()[told:]), self.console()[told:]


def _of_a_mirror(disk: ElementTree.Element, source: ElementTree.Element) -> bool:
    return any(source is found for found in disk.iterfind("./mirror//source"))
