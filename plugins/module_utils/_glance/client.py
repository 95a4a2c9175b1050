# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place that talks to an OpenStack Image service (Glance, API version 2), through openstacksdk.

The SDK finds and authenticates; requests are the API's own, because the SDK's calls hide what an upload was answered
(a refused one leaves the image C(queued) and raises nothing). U(https://docs.openstack.org/api-ref/image/v2/)
"""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import time
from typing import Any, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.dependencies import load
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, Damaged, Refused, Unavailable, VdiskError
from ansible_collections.vdisk.gluster.plugins.module_utils._common.progress import ProgressStep
from ansible_collections.vdisk.gluster.plugins.module_utils._common.sparse import write_all
from ansible_collections.vdisk.gluster.plugins.module_utils._glance.image import Image, image_of
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs import files

_PART = 1 << 20
_UNSETTLED = ("saving", "importing", "uploading")
_PATCH = "application/openstack-images-v2.1-json-patch"
_REDIRECTION, _CLIENT_ERROR = 300, 400
"""The HTTP status codes at which these classes begin."""
_SECRET = re.compile("password|secret|token|passcode")


class _Body:
    """The data of an upload, hashed while they are read; with a length, so that they are sent as they are and not in chunks."""

    def __init__(self, descriptor: int, size: int, algorithms: Sequence[str], step: ProgressStep) -> None:
        self.digests = {algorithm: hashlib.new(algorithm) for algorithm in algorithms}
        self.done = 0
        self._descriptor = descriptor
        self._size = size
        self._step = step

    def __len__(self) -> int:
        return self._size

    def read(self, _count: int = -1) -> bytes:
        """Return the next MiB: more than is asked for is taken too, and small parts cost time."""
        part = os.pread(self._descriptor, min(_PART, self._size - self.done), self.done)
        for digest in self.digests.values():
            digest.update(part)
        self.done += len(part)
        self._step.update(self.done)
        return part


class ImageService:
    """The image service of one cloud."""

    def __init__(self, label: str, adapter: Any, failures: tuple[type[BaseException], ...], secrets: Sequence[str], timeout: float) -> None:
        """Take the SDK's way to the service; C(timeout): seconds that a request may stand still."""
        self.label = label
        self._adapter = adapter
        self._failures = failures
        self._secrets = secrets
        self._timeout = timeout

    def images(self, name: str) -> list[Image]:
        """Return the images of exactly this name that the project can see."""
        found: dict[str, Image] = {}
        # those of the community, the project's own among them, are only listed when they are asked for
        for more in ({}, {"visibility": "community"}):
            path: str | None = "/images"
            params: Mapping[str, str] | None = {"name": name, **more}
            while path:
                answer = self._ask("get", path, f"list the images named {name}", params=params).json()
                found.update({entry["id"]: image_of(entry) for entry in answer["images"] if entry.get("name") == name})
                # C(next) is an absolute path that begins with the version, which is part of the endpoint already
                path, params = (re.sub(r"\A/v2(?=/)", "", answer["next"]) if answer.get("next") else None), None
        return list(found.values())

    def image(self, image_id: str) -> Image:
        """Return an image as it is now."""
        return image_of(self._ask("get", f"/images/{image_id}", f"look at image {image_id}").json())

    def find(self, name: str) -> Image:
        """Return the one image with data of this name or id.

        :raises Refused: there is none, or more than one, or it has no data yet.
        """
        found = self.images(name)
        if not found and re.match(r"\A[0-9a-f-]{32,36}\Z", name):
            found = [self.image(name)]
        if not found:
            raise Refused(f"{self.label} has no image {name} that the project can see; see: openstack image list")
        if len(found) > 1:
            ids = ", ".join(sorted(image.id for image in found))
            raise Refused(f"{self.label} has {len(found)} images named {name}; give the id of one of them ({ids})")
        if found[0].status != "active":
            raise Refused(f"image {name} of {self.label} is {found[0].status} and has no data to read; wait until it is active")
        return found[0]

    def create(self, name: str, disk_format: str, visibility: str, properties: Mapping[str, str]) -> Image:
        """Make an image that has no data yet."""
        entries = {**properties, "name": name, "disk_format": disk_format, "container_format": "bare", "visibility": visibility}
        return image_of(self._ask("post", "/images", f"create image {name}", json=entries).json())

    def upload(self, image: Image, path: str, algorithms: Sequence[str], step: ProgressStep) -> dict[str, str]:
        """Send a file as the data of an image and return the hashes, by algorithm, of what was sent.

        :raises Unavailable: the service refused it, or cut the connection.
        """
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            body = _Body(descriptor, os.fstat(descriptor).st_size, algorithms, step)
            doing, headers = f"upload the data of image {image.name}", {"Content-Type": "application/octet-stream"}
            # a second try would find the body read
            self._ask("put", f"/images/{image.id}/file", doing, data=body, headers=headers, connect_retries=0)
        finally:
            os.close(descriptor)
        if body.done != len(body):
            raise Unavailable(f"{path} became shorter while it was uploaded; find out what else writes to it")
        return {algorithm: digest.hexdigest() for algorithm, digest in body.digests.items()}

    def settled(self, image: Image) -> Image:
        """Return an image when its service is through with its data, or when that takes longer than a request may."""
        end = time.monotonic() + self._timeout
        while True:
            now = self.image(image.id)
            if now.status not in _UNSETTLED or time.monotonic() > end:
                return now
            time.sleep(0.5)

    def amend(self, image: Image, visibility: str | None, properties: Mapping[str, str]) -> Image:
        """Set properties and visibility of an image; what is not named stays."""
        changes: list[dict[str, str]] = [{"op": "add", "path": _pointer(name), "value": value} for name, value in properties.items()]
        if visibility is not None:
            changes.append({"op": "replace", "path": "/visibility", "value": visibility})
        doing = f"set properties of image {image.name}"
        return image_of(self._ask("patch", f"/images/{image.id}", doing, json=changes, headers={"Content-Type": _PATCH}).json())

    def delete(self, image: Image) -> None:
        """Delete an image that may already be gone."""
        self._ask("delete", f"/images/{image.id}", f"delete image {image.name} ({image.id})", sound=(404,))

    def delete_half_made(self, image: Image) -> None:
        """Delete an image on the way out of another failure."""
        try:
            self.delete(image)
        except VdiskError:
            pass  # the failure that is under way says more; the next run finds the image by its properties

    def download(self, image: Image, path: str, step: ProgressStep) -> None:
        """Write the data of an image to a new private file, sparse where they are zero, durably, and check their hash.

        :raises Damaged: they are not what the service says they are; no file is left.
        """
        descriptor = files.create_temporary(path)
        try:
            try:
                self._receive(image, descriptor, step)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except BaseException as error:
            files.remove(path, quietly=True)
            if isinstance(error, OSError) and not isinstance(error, self._failures):
                raise files.explain(error, path, "write") from error
            raise

    def _receive(self, image: Image, descriptor: int, step: ProgressStep) -> None:
        if image.hash is None:
            raise Refused(f"{self.label} has no hash of image {image.name}, so a download cannot be verified; export and upload it again")
        doing = f"read the data of image {image.name}"
        digest, done = hashlib.new(str(image.hash_algorithm)), 0
        answer = self._ask("get", f"/images/{image.id}/file", doing, stream=True)
        try:
            for part in answer.iter_content(_PART):
                digest.update(part)
                if part.count(0) != len(part):
                    write_all(descriptor, part, done)
                done += len(part)
                step.update(done)
        except self._failures as error:
            raise self._explain(error, doing) from None
        finally:
            answer.close()
        os.ftruncate(descriptor, done)
        if digest.hexdigest() != image.hash_value:
            raise Damaged(
                f"the data of image {image.name} that {self.label} sent do not match its hash; run the task again, or upload it again"
            )

    def _ask(self, method: str, path: str, doing: str, sound: Sequence[int] = (), **more: Any) -> Any:
        """Make one request and return the answer.

        :raises VdiskError: it was not granted; the sentence says by whom, what, and the next step.
        """
        try:
            answer = getattr(self._adapter, method)(path, timeout=self._timeout, raise_exc=False, **more)
        except self._failures as error:
            raise self._explain(error, doing) from None
        if answer.status_code < _REDIRECTION or answer.status_code in sound:
            return answer
        raise self._refusal(answer.status_code, _plain(answer.text), doing)

    def _refusal(self, status: int, reason: str, doing: str) -> VdiskError:
        advice = {
            401: "check the credentials of this cloud in clouds.yaml",
            403: "request the permission or a larger quota, or use another project or visibility",
            404: "check whether the image still exists",
            409: "check whether the image is in use or protected",
            413: "check the limits and quotas of the project, and delete what is not needed",
            503: "check whether the service has space left, then run the task again",
        }.get(status, "check the log of the service, then run the task again")
        kind = Refused if status in (401, 403, 404, 409, 413) else Unavailable
        return kind(self._clean(f"{self.label} did not {doing}: {reason or 'no reason given'} (HTTP status {status}); {advice}"))

    def _explain(self, error: BaseException, doing: str) -> VdiskError:
        status = getattr(error, "http_status", None) or getattr(error, "status_code", None)
        if isinstance(status, int) and status >= _CLIENT_ERROR:
            return self._refusal(status, _plain(str(error)), doing)
        return Unavailable(
            self._clean(
                f"{self.label} cannot be reached to {doing}: {_plain(str(error))}; check the address in clouds.yaml and the network"
            )
        )

    def _clean(self, text: str) -> str:
        """Return a text without credentials, wherever they came from."""
        for secret in self._secrets:
            text = text.replace(secret, "********")
        return re.sub(r"//[^/@\s]*@", "//", text)


def _plain(text: str) -> str:
    """Return the first words of an answer that may be HTML."""
    text = re.sub(r"(?s)<(title|head|h1)>.*?</\1>|<[^>]*>", " ", text)
    return " ".join(text.split())[:300].rstrip(". ")


def connect(cloud: str | None, timeout: float) -> ImageService:
    """Return the image service of a cloud of C(clouds.yaml), or of the environment's; to be called before anything is changed.

    :raises Unavailable: this host has no openstacksdk, or the service cannot be reached.
    :raises BadInput: the SDK knows no such cloud.
    """
    openstack = load(
        "openstack", "the image service", "install openstacksdk there (package python3-openstacksdk on Debian), or leave image_name out"
    )
    identity = importlib.import_module("keystoneauth1.exceptions")
    failures = (identity.ClientException, openstack.exceptions.SDKException, importlib.import_module("requests").RequestException)
    label = f"the image service of {cloud}" if cloud else "the image service"
    service = ImageService(label, None, failures, (), timeout)
    try:
        connection = openstack.connect(cloud=cloud, app_name="vdisk.gluster")
        auth = dict(connection.config.config.get("auth") or {})
        secrets = [value for name, value in auth.items() if _SECRET.search(name) and isinstance(value, str) and value]
        service = ImageService(label, None, failures, secrets, timeout)
        return ImageService(label, connection.image, failures, secrets, timeout)
    except (openstack.exceptions.ConfigException, identity.OptionError) as error:
        which = f"cloud {cloud} cannot be used" if cloud else "no cloud is named and the environment names none"
        raise BadInput(
            service._clean(
                f"cloud: {which}: {_plain(str(error))}; name one of the clouds.yaml of this host "
                "(in the working directory, ~/.config/openstack or /etc/openstack, or the path in OS_CLIENT_CONFIG_FILE)"
            )
        ) from None
    except failures as error:
        raise service._explain(error, "find out its version") from None


def _pointer(name: str) -> str:
    """Return the JSON pointer to a property (RFC 6901): a slash in its name is no step down."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
