# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The C(<disk>) element of a volume. It is written as text: xml.sax.saxutils would load http and ssl for it."""

from __future__ import annotations

from typing import Mapping

_QUOTED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})

DEFAULTS: Mapping[str, str | None] = {"bus": "virtio", "cache": "none", "discard": "unmap"}
"""C(discard='unmap') also keeps QEMU from zeroing by a call that GlusterFS answers without zeroing."""


def disk_element(path: str, image_format: str, target: str, options: Mapping[str, str | None] | None = None) -> str:
    """Return a disk element for a domain.

    :param options: C(bus), C(cache), C(io), C(discard) and C(serial), each left out where it is None; defaults to C(DEFAULTS).
    """
    options = DEFAULTS if options is None else options
    driver = {"name": "qemu", "type": image_format, **{key: options.get(key) for key in ("cache", "io", "discard")}}
    lines = [
        '<disk type="file" device="disk">',
        f"  <driver{_attributes(driver)}/>",
        f"  <source{_attributes({'file': path})}/>",
        f"  <target{_attributes({'dev': target, 'bus': options.get('bus') or 'virtio'})}/>",
    ]
    serial = options.get("serial")
    if serial is not None:
        lines.append(f"  <serial>{serial.translate(_QUOTED)}</serial>")
    return "\n".join([*lines, "</disk>", ""])


def _attributes(values: Mapping[str, str | None]) -> str:
    return "".join(f' {name}="{value.translate(_QUOTED)}"' for name, value in values.items() if value is not None)
