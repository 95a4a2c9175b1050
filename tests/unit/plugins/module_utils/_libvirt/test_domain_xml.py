# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions of domains: what is read from them, and what a changed one says."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from ansible_collections.vdisk.gluster.plugins.module_utils._libvirt import domain_xml
from ansible_collections.vdisk.gluster.plugins.module_utils._libvirt.disk_element import disk_element
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Definition

LIVE = """<domain type='qemu' id='3'><name>web</name><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none' discard='unmap'/>
  <source file='/mnt/v.b' index='5'/>
  <backingStore type='file' index='4'><format type='qcow2'/><source file='/mnt/v.a'/>
    <backingStore type='file' index='1'><format type='raw'/><source file='/mnt/v'/><backingStore/></backingStore></backingStore>
  <mirror type='file' job='active-commit' ready='yes'><format type='raw'/><source file='/mnt/v'/></mirror>
  <target dev='vda' bus='virtio'/></disk>
<disk type='block' device='disk'><source dev='/dev/sdb'/><target dev='vdb' bus='virtio'/></disk>
<disk type='file' device='cdrom'><target dev='hda' bus='ide'/></disk>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='connected'/></channel>
</devices></domain>"""
STORED = """<domain type='qemu'><name>web</name><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/mnt/v.b' index='2'/><backingStore type='file'>
<format type='raw'/><source file='/mnt/v'/></backingStore><target dev='vda'/><serial>s1</serial></disk></devices></domain>"""


def test_the_files_of_a_disk_are_read_from_the_active_one_down() -> None:
    assert domain_xml.file_disks(LIVE) == {"vda": Definition(("/mnt/v.b", "/mnt/v.a", "/mnt/v"), "qcow2", closed=True, unmaps=True)}
    assert domain_xml.file_disks(STORED) == {"vda": Definition(("/mnt/v.b", "/mnt/v"), "qcow2", closed=False)}
    assert domain_xml.targets(LIVE) == {"vda", "vdb", "hda"}


def test_a_mirror_is_seen_with_its_job_its_file_and_whether_it_is_ready() -> None:
    assert domain_xml.mirrors(LIVE) == {"vda": domain_xml.Mirror("active-commit", "/mnt/v", True)}
    assert not domain_xml.mirrors(LIVE.replace(" ready='yes'", ""))["vda"].ready
    assert domain_xml.mirrors(STORED) == {}


def test_an_agent_counts_only_while_it_is_connected() -> None:
    assert domain_xml.agent_connected(LIVE)
    assert not domain_xml.agent_connected(LIVE.replace("'connected'", "'disconnected'"))
    assert not domain_xml.agent_connected(STORED)


def test_another_source_forgets_what_lay_below_the_one_before_and_nothing_else() -> None:
    changed = domain_xml.with_source(STORED, "vda", "/mnt/v", "raw")
    assert domain_xml.file_disks(changed) == {"vda": Definition(("/mnt/v",), "raw", closed=False)}
    disk = ElementTree.fromstring(changed).find("./devices/disk")
    assert disk is not None and disk.findtext("serial") == "s1" and "index" not in disk.find("source").attrib
    assert domain_xml.with_source(STORED, "vdz", "/mnt/v", "raw").count("v.b") == STORED.count("v.b")


def test_a_disk_without_a_driver_gets_one_with_its_format() -> None:
    bare = STORED.replace("<driver name='qemu' type='qcow2'/>", "")
    assert domain_xml.file_disks(bare)["vda"].format is None
    assert domain_xml.file_disks(domain_xml.with_source(bare, "vda", "/mnt/v", "raw"))["vda"].format == "raw"


def test_a_snapshot_names_the_disks_that_are_taken_and_those_that_are_not() -> None:
    request = ElementTree.fromstring(domain_xml.snapshot({"vda": "/mnt/a&b"}, ["vdb"]))
    assert [(disk.get("name"), disk.get("snapshot")) for disk in request.iter("disk")] == [("vda", "external"), ("vdb", "no")]
    assert request.find(".//source").get("file") == "/mnt/a&b"
    assert request.find(".//driver").get("type") == "qcow2"


@pytest.mark.parametrize("serial", [None, "a<b"])
def test_a_disk_is_made_with_its_options_and_without_those_not_given(serial: str | None) -> None:
    options = {"bus": "scsi", "cache": "none", "io": None, "discard": "unmap", "serial": serial}
    disk = ElementTree.fromstring(disk_element("/mnt/v", "raw", "sda", options))
    assert disk.find("driver").attrib == {"name": "qemu", "type": "raw", "cache": "none", "discard": "unmap"}
    assert disk.find("target").attrib == {"dev": "sda", "bus": "scsi"}
    assert disk.findtext("serial") == serial


def test_the_element_of_a_disk_can_be_had_by_its_target() -> None:
    assert ElementTree.fromstring(str(domain_xml.disk_of(LIVE, "vdb"))).find("source").get("dev") == "/dev/sdb"
    assert domain_xml.disk_of(LIVE, "vdc") is None
