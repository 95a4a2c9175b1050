# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a report: one HTML file that needs nothing else.

Jinja runs here with autoescaping, and not in Ansible's template module: there it is off, and turning it on within a template has
no effect. What is on a share was named by somebody else; none of it may become markup.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import jinja2
from ansible_collections.vdisk.gluster.plugins.plugin_utils._report.memory import MARK, OPENS_JINJA, Memory, embed
from markupsafe import Markup


def page(view: dict[str, Any], memory: Memory, directory: str) -> str:
    """Return the page.

    :param directory: holds C(page.html.j2), C(page.css) and C(page.js).
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(directory),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    script, style = _read(directory, "page.js"), _read(directory, "page.css")
    text = environment.get_template("page.html.j2").render(
        **view,
        mark=MARK,
        # the files of this role, and JSON that was escaped for its place
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        memory=Markup(embed(memory)),  # noqa: S704
        script_hash=_content_security_policy_hash(script),
    )
    text = OPENS_JINJA.sub("&#123;", text)
    return text.encode("utf-8", "replace").decode("utf-8")


def sources(directory: str) -> list[str]:
    """Return the files that a page is made of: another one makes another page of the same shares."""
    return [_read(directory, name) for name in ("page.html.j2", "page.css", "page.js")]


def inert(text: str) -> str:
    """Return a sentence in which Ansible finds nothing to fill in."""
    return OPENS_JINJA.sub("{ ", text)


def _read(directory: str, name: str) -> str:
    return (Path(directory) / name).read_text(encoding="utf-8")


def _content_security_policy_hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
