# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in for AWX, which cannot be had here: the part of its REST interface that the modules of awx.awx use, over plain storage.

It believes what it is given: that an object fits is seen by the modules, which are real, and by nobody else.
"""

from __future__ import annotations

import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

UNIFIED = ("job_templates", "workflow_job_templates", "projects")
RELATED = (
    *("credentials", "labels", "instance_groups", "survey_spec", "workflow_nodes", "success_nodes", "always_nodes", "failure_nodes"),
    *(f"notification_templates_{when}" for when in ("started", "success", "error", "approvals")),
)


class StandIn:
    """Objects by their kind and number, and what was done to them."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.objects: dict[str, dict[int, dict[str, Any]]] = {}
        self.related: dict[tuple[str, int, str], Any] = {}
        self.changes: list[tuple[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def make(self, kind: str, /, **fields: Any) -> dict[str, Any]:
        """Make an object and return it as the interface shows it."""
        number = next(self._numbers)
        url = f"/api/v2/{kind}/{number}/"
        made = {
            **fields,
            "id": number,
            "type": kind.rstrip("s"),
            "url": url,
            "summary_fields": {},
            "scm_revision": "1",
            "status": "successful",
        }
        made["related"] = {name: f"{url}{name}/" for name in RELATED}
        self.objects.setdefault(kind, {})[number] = made
        return made

    def named(self, kind: str, name: str) -> dict[str, Any]:
        """Return the one object of a kind that has this name."""
        (found,) = (one for one in self.objects.get(kind, {}).values() if one.get("name") == name)
        return found

    def linked(self, kind: str, one: dict[str, Any], relation: str) -> list[dict[str, Any]]:
        """Return the objects that another one is linked to."""
        every = {number: found for objects in self.objects.values() for number, found in objects.items()}
        return [every[number] for number in self.related.get((kind, one["id"], relation), [])]

    def get(self, parts: list[str], query: dict[str, str]) -> tuple[int, Any]:
        """Answer a GET of /api/v2/...; C(parts) are those after v2."""
        if not parts:
            return 200, {"current_version": "/api/v2/", "available_versions": {"v2": "/api/v2/"}}
        kind = parts[0]
        if kind in ("ping", "config"):
            return 200, {"version": "24.6.1"}
        every = [one for each in (UNIFIED if kind == "unified_job_templates" else (kind,)) for one in self.objects.get(each, {}).values()]
        if len(parts) == 1:
            asked = {key: value for key, value in query.items() if key not in ("page_size", "order_by")}
            return 200, _page([one for one in every if all(str(one.get(key)) == value for key, value in asked.items())])
        found = [one for one in every if parts[1] in (str(one["id"]), one.get("name"))]
        if not found:
            return 404, {"detail": "Not found."}
        if len(parts) == 2:
            return 200, found[0]
        if parts[2] == "survey_spec":
            return 200, self.related.get((kind, found[0]["id"], "survey_spec"), {})
        return 200, _page(self.linked(kind, found[0], parts[2]))

    def change(self, method: str, parts: list[str], given: dict[str, Any]) -> tuple[int, Any]:
        """Answer a POST or PATCH."""
        self.changes.append((method, "/".join(parts)))
        if method == "PATCH":
            one = self.objects[parts[0]][int(parts[1])]
            one.update(given)
            return 200, one
        if len(parts) == 1:
            return 201, self.make(parts[0], **given)
        key = (parts[0], int(parts[1]), parts[2])
        if parts[2] == "survey_spec":
            self.related[key] = given
            return 200, {}
        links = self.related.setdefault(key, [])
        links.remove(given["id"]) if given.get("disassociate") else links.append(given["id"])
        return 204, None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_arguments: Any) -> None:
                pass

            def _parts(self) -> list[str]:
                return urlsplit(self.path).path.strip("/").split("/")[2:]

            def _answer(self, code: int, content: Any) -> None:
                body = b"" if content is None else json.dumps(content).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("X-API-Product-Name", "AWX")
                self.send_header("X-API-Product-Version", "24.6.1")
                if body:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                self._answer(*stand_in.get(self._parts(), dict(parse_qsl(urlsplit(self.path).query))))

            def do_POST(self) -> None:
                self._change()

            def do_PATCH(self) -> None:
                self._change()

            def _change(self) -> None:
                given = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
                self._answer(*stand_in.change(self.command, self._parts(), given))

        return Handler


def _page(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"count": len(found), "next": None, "previous": None, "results": found}
