# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx makes the site of the guides in docs/ and of the reference that antsibull-docs writes; C(make docs) calls it."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]

project = "vdisk.gluster"
author = "the vdisk.gluster authors"
project_copyright = "2026 the vdisk.gluster authors"
version = release = str(yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"])
html_title = f"vdisk.gluster {release}"

extensions = ["myst_parser", "sphinx.ext.intersphinx", "sphinx_antsibull_ext"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
# a link to a heading of another page is checked like one to a page
myst_heading_anchors = 3

# What the reference refers to in Ansible's own documentation. Sphinx would fetch the list of all its labels; the site is made without a
# network, so these stand here.
_ANSIBLE = "https://docs.ansible.com/projects/ansible/latest/"
_LABELS = {
    "action_plugins": ("plugins/action.html#action-plugins", "Action plugins"),
    "ansible_configuration_settings": ("reference_appendices/config.html#ansible-configuration-settings", "Ansible Configuration Settings"),
    "common_return_values": ("reference_appendices/common_return_values.html#common-return-values", "Return Values"),
}


def _inventory() -> str:
    head = b"# Sphinx inventory version 2\n# Project: Ansible\n# Version: \n# The remainder of this file is compressed using zlib.\n"
    lines = "".join(f"{label} std:label -1 {place} {title}\n" for label, (place, title) in _LABELS.items())
    path = ROOT / ".cache/docs/ansible.inv"
    path.write_bytes(head + zlib.compress(lines.encode()))
    return str(path)


intersphinx_mapping = {"ansible": (_ANSIBLE, _inventory())}

html_theme = "furo"
html_static_path = [str(Path(__file__).with_name("static"))]
html_css_files = ["site.css"]
html_show_sphinx = False
pygments_style = "ansible"

_FENCE = re.compile(r"^(```.*?^```$)", re.M | re.S)
_NAMED = re.compile(r"(?<!\[)`(gluster_\w+|share_client|snapshot_rotate|image_export|volume_\w+)`")
_REFERENCE = "collections"


def _link_names(app, docname: str, source: list[str]) -> None:
    """Let the name of a module or role in a guide lead to its reference, where there is one."""
    if docname.startswith(f"{_REFERENCE}/") or not (Path(app.srcdir) / f"{docname}.md").exists():
        return

    def link(match: re.Match) -> str:
        for kind in ("module", "role"):
            page = f"{_REFERENCE}/{match[1]}_{kind}"
            if (Path(app.srcdir) / f"{page}.rst").exists():
                return f"[`{match[1]}`]({page}.rst)"
        return match[0]

    parts = _FENCE.split(source[0])
    source[0] = "".join(part if part.startswith("```") else _NAMED.sub(link, part) for part in parts)


def _fit_reference(_app, docname: str, source: list[str]) -> None:
    """Take from a page of the reference its table of contents, which the theme has at the side, and give it a short name there."""
    if docname == f"{_REFERENCE}/index":
        source[0] = re.sub(r"^( +)((\w+)_(?:module|role|filter|inventory|callback|lookup))$", r"\1\3 <\2>", source[0], flags=re.M)
    elif docname.startswith(f"{_REFERENCE}/"):
        source[0] = re.sub(r"^\.\. contents::\n(?: +:.*\n)+", "", source[0], flags=re.M)


def setup(app) -> dict[str, bool]:
    """Register what is done to each page."""
    app.connect("source-read", _link_names)
    app.connect("source-read", _fit_reference)
    return {"parallel_read_safe": True}
