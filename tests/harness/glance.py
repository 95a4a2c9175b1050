# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real OpenStack Image service for the tests: SQLite, files, no identity service, on a free port of the loopback address."""

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from ansible_collections.vdisk.gluster.tests.harness.installed import venv

SIZE_CAP = 40 << 20
"""No image of this service is larger than this, in bytes."""

CONFIGURATION = """\
[DEFAULT]
log_file = {directory}/api.log
enabled_backends = file:file
image_size_cap = {size_cap}
[oslo_concurrency]
lock_path = {directory}/lock
[database]
connection = sqlite:///{directory}/glance.sqlite
[glance_store]
default_backend = file
[file]
filesystem_store_datadir = {directory}/images
[os_glance_staging_store]
filesystem_store_datadir = {directory}/staging
[os_glance_tasks_store]
filesystem_store_datadir = {directory}/tasks
[paste_deploy]
config_file = {directory}/glance-api-paste.ini
[oslo_policy]
policy_file = {directory}/policy.json
enforce_scope = false
enforce_new_defaults = false
"""

POLICIES = """\
import json
from glance import policies
names = [rule.name for rule in policies.list_rules() if rule.name not in ("default", "metadef_default")]
# without an identity service nobody has a project or a role, so everybody may do everything but publish
print(json.dumps({name: "!" if name == "publicize_image" else "@" for name in names}))
"""


# it has packages of its own, whatever those are with which the tests run
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

CLOUD = f"test-{os.getpid()}"
"""A name of this process: exports to one image of one cloud wait for one another on a host, and several runs share one."""


def _prepared(venv_: pathlib.Path) -> pathlib.Path:
    """Return a directory with an empty database and the policies, made by the first who asks: the migrations take a processor for 15 s."""
    place = venv_ / "prepared"
    with open(venv_ / "prepared.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            new = venv_ / "prepared.new"
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            argv = [venv_ / "bin" / "python", "-c", POLICIES]
            (new / "policy.json").write_text(subprocess.run(argv, capture_output=True, text=True, check=True, env=ENVIRONMENT).stdout)
            (new / "glance-api.conf").write_text(CONFIGURATION.format(directory=new, size_cap=SIZE_CAP))
            manage = [venv_ / "bin" / "glance-manage", "--config-file", new / "glance-api.conf", "db_sync"]
            subprocess.run(manage, capture_output=True, check=True, env=ENVIRONMENT)
            new.rename(place)
    return place


class Glance:
    """The service, its data and its C(clouds.yaml) below a directory."""

    def __init__(self, directory: pathlib.Path, size_cap: int = SIZE_CAP) -> None:
        """Make it; C(size_cap) bytes is the largest image that it takes."""
        self._venv = venv("glance")
        self.directory = directory
        with socket.create_server(("127.0.0.1", 0)) as free, socket.create_server(("127.0.0.1", 0)) as other:
            self.port, self.dead_port = free.getsockname()[1], other.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen | None = None
        for name in ("images", "staging", "tasks", "lock"):
            (directory / name).mkdir()
        shutil.copy(self._venv / "etc" / "glance" / "glance-api-paste.ini", directory)
        (directory / "glance-api.conf").write_text(CONFIGURATION.format(directory=directory, size_cap=size_cap))
        for name in ("policy.json", "glance.sqlite"):
            shutil.copy(_prepared(self._venv) / name, directory)
        self.clouds = directory / "clouds.yaml"
        self._write_clouds()

    def _write_clouds(self) -> None:
        def without_identity(url: str) -> dict:
            return {"auth_type": "none", "auth": {"endpoint": url}, "image_endpoint_override": url, "region_name": ""}

        secret = {"username": "u", "password": "correct-horse", "project_name": "p", "user_domain_name": "d", "project_domain_name": "d"}
        clouds = {
            CLOUD: without_identity(self.url),
            "down": without_identity(f"http://user:battery-staple@127.0.0.1:{self.dead_port}"),
            "password": {"auth": {"auth_url": f"http://127.0.0.1:{self.dead_port}/v3", **secret}},
        }
        self.clouds.write_text(json.dumps({"clouds": clouds}))

    def start(self) -> None:
        """Start the service and wait until it answers."""
        argv = [self._venv / "bin" / "gunicorn", "-b", f"127.0.0.1:{self.port}", "-w", "1", "--threads", "4", "--worker-class", "gthread"]
        with open(self.directory / "gunicorn.log", "a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [*argv, "--timeout", "300", "glance.wsgi.api:application"],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**ENVIRONMENT, "OS_GLANCE_CONFIG_DIR": str(self.directory)},
            )
        end = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/v2/images", timeout=5):
                    return
            except OSError as error:
                assert self._process.poll() is None and time.monotonic() < end, (self.directory / "gunicorn.log").read_text() + str(error)
            time.sleep(0.1)

    def stop(self) -> None:
        """End the service at once, with what it is in the middle of."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(30)
            self._process = None

    def request(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
        """Make a request as any client does."""
        request = urllib.request.Request(f"{self.url}/v2{path}", data=body, method=method, headers={"Content-Type": kind})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def images(self) -> list[dict]:
        """Return all images, those of the community too."""
        found = [json.loads(self.request("GET", f"/images{which}"))["images"] for which in ("", "?visibility=community")]
        return list({image["id"]: image for images in found for image in images}.values())

    def image(self, image_id: str) -> dict:
        return json.loads(self.request("GET", f"/images/{image_id}"))

    def data(self, image_id: str) -> bytes:
        """Return the data of an image."""
        return self.request("GET", f"/images/{image_id}/file")

    def make(self, name: str, data: bytes | None = None, disk_format: str = "raw", **properties: str) -> dict:
        """Make an image as somebody else would."""
        entries = {"name": name, "disk_format": disk_format, "container_format": "bare", "visibility": "private", **properties}
        made = json.loads(self.request("POST", "/images", json.dumps(entries).encode()))
        if data is not None:
            self.request("PUT", f"/images/{made['id']}/file", data, "application/octet-stream")
        return self.image(made["id"])

    def clear(self) -> None:
        """Delete all images; a list has only so many of them."""
        while True:
            images = self.images()
            for image in images:
                self.request("DELETE", f"/images/{image['id']}")
            if not images:
                return

    def stored(self) -> list[str]:
        """Return the names of the files in which the service keeps data."""
        return sorted(os.listdir(self.directory / "images"))
