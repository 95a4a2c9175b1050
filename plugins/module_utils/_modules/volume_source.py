# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new volume is to be copied from: found, judged, and held while it is read."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import stat
from dataclasses import dataclass, replace
from typing import Any, Callable, ContextManager, Iterator, Mapping, Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.checksum import checksum
from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import BadInput, Damaged, Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._common.scratch import scratch_path
from ansible_collections.vdisk.gluster.plugins.module_utils._common.space import check_space
from ansible_collections.vdisk.gluster.plugins.module_utils._common.units import human
from ansible_collections.vdisk.gluster.plugins.module_utils._glusterfs.share import Share, capacity, check_base, check_share, mount_point_of
from ansible_collections.vdisk.gluster.plugins.module_utils._modules.image_download import DownloadedImage, ServiceImage, downloaded
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.placement import PlacementLimits
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.source import source_of
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.temporary import plan_temporary
from ansible_collections.vdisk.gluster.plugins.module_utils._plans.volume import VolumeRequest
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.magic import HEAD, TAIL, looks_like
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.qemu_img import QemuImg
from ansible_collections.vdisk.gluster.plugins.module_utils._qemu.untrusted_image import complete_image_size, sound_format
from ansible_collections.vdisk.gluster.plugins.module_utils._steps import frozen_read
from ansible_collections.vdisk.gluster.plugins.module_utils._steps.copy import check_digest
from ansible_collections.vdisk.gluster.plugins.module_utils._transaction.session import Session
from ansible_collections.vdisk.gluster.plugins.module_utils._volume import layout
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.locator import Shares
from ansible_collections.vdisk.gluster.plugins.module_utils._volume.source import CopySource, Source

_CHECKSUM = re.compile(r"\A(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})\Z")


@dataclass(frozen=True)
class SourceRequest:
    """What a task says of a source: a volume, at a snapshot or now, maybe on another share; an image file; an image of a service.

    C(fetched) gives what comes from elsewhere as a file, as a backup does.
    """

    volume: str | None = None
    snapshot: str | None = None
    share: Share | None = None
    image: str | None = None
    image_format: str | None = None
    checksum: str | None = None
    service_image: ServiceImage | None = None
    confirm_format: bool = False
    fetched: Callable[[], ContextManager[DownloadedImage]] | None = None


def source_request_of(params: Mapping[str, Any], names: Sequence[str]) -> SourceRequest | None:
    """Return what a task says of a source, or None where it names none.

    :raises BadInput: its options do not go together, or one of them is malformed.
    """
    volume, snapshot, share = params["source_volume"], params["source_snapshot"], params["source_share"]
    image, image_format, digest = params["source_image"], params["source_format"], params["source_checksum"]
    for option, needed in (
        ("source_snapshot", "source_volume"),
        ("source_share", "source_volume"),
        ("source_format", "source_image"),
        ("source_checksum", "source_image"),
        ("cloud", "source_image_name"),
    ):
        if params[option] is not None and params[needed] is None:
            raise BadInput(f"{option} requires {needed}; give both")
    service_image = _service_image(params, names)
    given = [option for option in ("source_volume", "source_image", "source_image_name") if params[option] is not None]
    if not given:
        return None
    if params["state"] != "present":
        raise BadInput("a source requires state: present; omit it")
    if len(given) > 1:
        raise BadInput(f"{' and '.join(given)} are {len(given)} sources; name one")
    if image is not None and image_format is None:
        raise BadInput(f"source_format: the format of {image} is never guessed; name it")
    if image is not None and not image.startswith("/"):
        raise BadInput(f"source_image: {image!r} is not an absolute path")
    if volume is not None:
        layout.check_volume(volume)
    if snapshot is not None:
        layout.check_snapshot(snapshot)
    if volume in names and share is None:
        raise BadInput(f"source_volume: {volume} is to be a copy of itself; name another source or another volume")
    digest = digest.strip().lower() if digest is not None else None
    if digest is not None and not _CHECKSUM.match(digest):
        raise BadInput(f"source_checksum: {digest!r} is not a checksum; write sha256: or sha512: and the digest in hexadecimal")
    return SourceRequest(
        volume, snapshot, _share(share, params), image, image_format, digest, service_image, bool(params["confirm_format"])
    )


def _service_image(params: Mapping[str, Any], names: Sequence[str]) -> ServiceImage | None:
    name, cloud = params["source_image_name"], params["cloud"]
    if name is None:
        return None
    return ServiceImage(name, cloud, scratch_path(params["scratch_dir"], f"{cloud}:{name}:{','.join(names)}"))


def _share(name: str | None, params: Mapping[str, Any]) -> Share | None:
    if name is None:
        return None
    return Share(check_share(name), mount_point_of(check_base(params["mount_point_base"]), name))


@contextlib.contextmanager
def opened(wish: SourceRequest, session: Session, shares: Shares, qemu_img: QemuImg, check_mode: bool) -> Iterator[CopySource]:
    """Find a source, judge it, and hold it; in check mode it is only looked at.

    :raises Refused: it is not there, or cannot be read safely.
    """
    fetched = wish.fetched
    if wish.service_image is not None:
        fetched = functools.partial(downloaded, wish.service_image, qemu_img, check_mode)
    if fetched is not None:
        with contextlib.ExitStack() as holding:
            found = holding.enter_context(fetched())
            yield holding.enter_context(_image_found(wish, found, qemu_img))
        return
    if wish.image is not None:
        with _image(wish, qemu_img, check_mode) as original:
            yield original
        return
    name = str(wish.volume)
    among = Shares([wish.share]) if wish.share else shares
    share = among.share_of(name, among.list())
    if share is None:
        raise Refused(f"source_volume: {name} does not exist on {', '.join(among.usable)}, so it cannot be copied")
    if wish.snapshot is None and session.read({name: share})[name].running_disks:
        with session.frozen(name, share, lambda volume: plan_temporary(volume, "copy")) as volume:
            yield original_of(Source(volume, None, None, volume.chain.files, running=True))
        return
    if check_mode:
        yield original_of(source_of(session.read({name: share})[name], wish.snapshot, "copied"))
        return
    with contextlib.ExitStack() as holding:
        with session.locked(name, share, lambda volume: source_of(volume, wish.snapshot, "copied")) as volume:
            source = source_of(volume, wish.snapshot, "copied")
            holding.enter_context(frozen_read.hold_readable(source.paths))
            original = original_of(source)
        # the lock of the source is free again: its files are held, and two locks at once could wait for one another
        yield original


def check_room(shares: Sequence[Share], new: VolumeRequest, original: CopySource, qemu_img: QemuImg, limits: PlacementLimits) -> None:
    """Refuse copies whose data do not fit, where their whole size may be provisioned but is not available."""
    for share in {share.name: share for share in shares}.values():
        space = capacity(share)
        available = max(0, space.available - space.total * limits.reserved_percentage // 100)
        count = sum(1 for other in shares if other.name == share.name)
        most = available // count
        one = frozen_read.space_needed(qemu_img, original.path, original.format, original.virtual_size, most) if new.thin else new.size or 0
        check_space(share.name, available, one * count, f"the copy of {original.label}")


def original_of(source: Source) -> CopySource:
    """Return a frozen chain as what a new volume is made of; whoever asks holds it, or only predicts."""
    origin = {"share": source.volume.share, "volume": source.volume.name, "snapshot": source.snapshot}
    identities = tuple(frozen_read.identity(path, private=False) for path in source.paths)
    base_format = str(source.volume.chain.files[-1].format)
    return CopySource(source.label, source.path, source.format, source.virtual_size, base_format, identities, origin)


@contextlib.contextmanager
def _image_found(wish: SourceRequest, found: DownloadedImage, qemu_img: QemuImg) -> Iterator[CopySource]:
    """Judge the file of a service's image as any image; in check mode there is none, and C(path) is empty."""
    if found.path is not None:
        with _image(replace(wish, image=found.path, image_format=found.format), qemu_img, check_mode=False) as original:
            yield replace(original, label=found.label, base_format=found.base_format, origin=found.origin)
        return
    if found.virtual_size is None:
        raise Refused(f"source_image_name: the service does not report the virtual size of {found.label}; check mode cannot predict it")
    yield CopySource(found.label, "", found.format, found.virtual_size, found.base_format, (), found.origin)


@contextlib.contextmanager
def _image(wish: SourceRequest, qemu_img: QemuImg, check_mode: bool) -> Iterator[CopySource]:
    """Open an image once, judge it by its own header and by qemu-img, and hold it open.

    What was judged is what is copied: it is read through the descriptor that was opened here, whatever its name means later.
    """
    path = os.path.realpath(str(wish.image))
    label, image_format = f"the image {wish.image}", str(wish.image_format)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(f"source_image: {wish.image} cannot be opened: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Refused(f"source_image: {wish.image} is not a regular file; name an image file")
        before = frozen_read.identity(path)
        if before.inode != status.st_ino:
            raise Refused(f"source_image: {wish.image} was replaced while it was opened; run the task again")
        try:
            size = complete_image_size(image_format, lambda offset, length: os.pread(descriptor, length, offset), status.st_size)
        except Damaged as error:
            raise Refused(f"source_image: {wish.image} is not accepted as {image_format}, because {error.message}") from error
        _refuse_other_format(wish, descriptor, status.st_size)
        # a name for other processes that means this open file and no other
        through = f"/proc/{os.getpid()}/fd/{descriptor}"
        reported = qemu_img.foreign_info(through, image_format, f"source_image: {wish.image}")
        size = _agreed(wish, reported, size, through)
        origin = {"image": wish.image, "format": image_format, "checksum": wish.checksum}
        original = CopySource(label, through, image_format, size, "raw", (before,), origin, wish.checksum)
        if check_mode and wish.checksum is not None:
            check_digest(original, checksum(through, wish.checksum.partition(":")[0]))
        yield original
    finally:
        os.close(descriptor)


def _refuse_other_format(wish: SourceRequest, descriptor: int, size: int) -> None:
    """See that what is to be read as raw is not by all that its content shows an image of another format.

    :raises Refused: it is, and the task does not say that this is meant.
    """
    if wish.image_format != "raw" or wish.confirm_format or wish.fetched is not None or wish.service_image is not None:
        return

    def read(offset: int, length: int) -> bytes:
        return os.pread(descriptor, length, offset)

    found = sound_format(looks_like(read(0, HEAD), read(max(0, size - TAIL), TAIL)), read, size)
    if found is not None:
        raise Refused(
            f"source_image: {wish.image} is not accepted as raw, because its content is a sound {found} image, whose header a guest would "
            f"get as its disk; give source_format: {found}, or set confirm_format: true if a guest wrote that"
        )


def _agreed(wish: SourceRequest, reported: Mapping[str, Any], size: int, path: str) -> int:
    """Return the size of an image on which its header as it is read here and qemu-img agree.

    :raises Refused: qemu-img sees another image in it, or one that needs more files.
    """
    reported_size = int(reported["virtual-size"])
    extents = (reported.get("format-specific") or {}).get("data", {}).get("extents", [])
    # QEMU counts a VPC image in whole cylinders, unless it knows that the program that made it does not
    agrees = reported_size == size or wish.image_format == "vpc" and reported_size > 0
    alone = "backing-filename" not in reported and all(extent.get("filename") == path for extent in extents)
    if reported.get("format") != wish.image_format or not agrees or not alone:
        raise Refused(
            f"source_image: {wish.image} is not accepted as {wish.image_format}, because qemu-img reads it differently from its header "
            f"({reported.get('format')}, {human(reported_size)}, not {human(size)} in one file)"
        )
    return reported_size
