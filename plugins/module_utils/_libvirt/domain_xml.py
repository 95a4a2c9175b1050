# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions of libvirt domains as XML: read, changed and made (pure).

The formats: U(https://libvirt.org/formatdomain.html) and U(https://libvirt.org/formatsnapshot.html).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Mapping, Sequence
from xml.etree import ElementTree

from ansible_collections.vdisk.gluster.plugins.module_utils._volume.domain import Definition

_AGENT = "org.qemu.guest_agent.0"


@dataclass(frozen=True)
class Mirror:
    """The second image that a block job writes; C(ready) when it has all and follows."""

    job: str
    path: str | None
    ready: bool


def file_disks(xml: str) -> dict[str, Definition]:
    """Return the disks of a definition that are files, by target."""
    found = {}
    for disk in _disks(xml):
        source = disk.find("source")
        if disk.get("type") == "file" and source is not None and source.get("file"):
            found[_target(disk)] = _definition(disk, str(source.get("file")))
    return found


def targets(xml: str) -> set[str]:
    """Return the targets of all disks of a definition, of whatever kind."""
    return {_target(disk) for disk in _disks(xml)}


def mirrors(xml: str) -> dict[str, Mirror]:
    """Return the mirrors of running block jobs by target."""
    found = {}
    for disk in _disks(xml):
        mirror = disk.find("mirror")
        if mirror is not None:
            source = mirror.find("source")
            path = mirror.get("file") or (source.get("file") if source is not None else None)
            found[_target(disk)] = Mirror(str(mirror.get("job", "copy")), path, mirror.get("ready") in ("yes", "pivot"))
    return found


def host_uuid(capabilities: str) -> str | None:
    """Return the UUID of the host of which these are the capabilities."""
    return _root(capabilities).findtext("host/uuid")


def agent_connected(xml: str) -> bool:
    """Tell whether a running domain has a guest agent at the other end of its channel."""
    return any(target.get("name") == _AGENT and target.get("state") == "connected" for target in _root(xml).iter("target"))


def with_source(xml: str, target: str, path: str, image_format: str) -> str:
    """Return a definition whose disk has another file; what it knew of the files below is forgotten, so that libvirt reads the headers."""
    root = _root(xml)
    for disk in root.findall("./devices/disk"):
        if _target(disk) != target:
            continue
        source = disk.find("source")
        if source is not None:
            source.set("file", path)
            # a start's number of the file, and slices or seals of the one before, mean nothing for another file
            source.attrib.pop("index", None)
        driver = disk.find("driver")
        if driver is None:
            driver = ElementTree.Element("driver", {"name": "qemu"})
            disk.insert(0, driver)
        driver.set("type", image_format)
        for below in disk.findall("backingStore"):
            disk.remove(below)
    return ElementTree.tostring(root, encoding="unicode")


def snapshot(overlays: Mapping[str, str], others: Sequence[str]) -> str:
    """Return the request for external snapshots of some disks, target -> overlay that is there already; C(others) stay as they are."""
    root = ElementTree.Element("domainsnapshot")
    disks = ElementTree.SubElement(root, "disks")
    for target, path in overlays.items():
        disk = ElementTree.SubElement(disks, "disk", {"name": target, "snapshot": "external", "type": "file"})
        ElementTree.SubElement(disk, "driver", {"type": "qcow2"})
        ElementTree.SubElement(disk, "source", {"file": path})
    for target in others:
        ElementTree.SubElement(disks, "disk", {"name": target, "snapshot": "no"})
    return ElementTree.tostring(root, encoding="unicode")


def copy_target(path: str, image_format: str) -> str:
    """Return the element for an image that a disk is to be copied to."""
    root = ElementTree.Element("disk", {"type": "file"})
    # what the guest zeroes meanwhile has to be zeroed in the copy, and that only works by unmapping
    ElementTree.SubElement(root, "driver", {"name": "qemu", "type": image_format, "discard": "unmap"})
    ElementTree.SubElement(root, "source", {"file": path})
    return ElementTree.tostring(root, encoding="unicode")


def disk_of(xml: str, target: str) -> str | None:
    """Return the element of one disk of a definition as it stands there."""
    found = next((disk for disk in _disks(xml) if _target(disk) == target), None)
    return None if found is None else ElementTree.tostring(found, encoding="unicode")


def _root(xml: str) -> ElementTree.Element:
    return ElementTree.fromstring(xml)  # noqa: S314 - what libvirt wrote, which parses what it is given itself


def _disks(xml: str) -> list[ElementTree.Element]:
    return _root(xml).findall("./devices/disk")


def _target(disk: ElementTree.Element) -> str:
    target = disk.find("target")
    return str(target.get("dev")) if target is not None else ""


def _definition(disk: ElementTree.Element, path: str) -> Definition:
    driver = disk.find("driver")
    paths = [path]
    below = disk.find("backingStore")
    while below is not None:
        source = below.find("source")
        if source is None:
            break
        paths.append(os.fspath(source.get("file") or source.get("dev") or source.get("name") or ""))
        below = below.find("backingStore")
    # an element that is there and empty says that nothing lies below
    options = driver.attrib if driver is not None else {}
    return Definition(tuple(paths), options.get("type"), below is not None, options.get("discard") == "unmap")
