# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image says of its origin, in properties of its own, and what that means for the next export under its name (pure)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Sequence

from ansible_collections.vdisk.gluster.plugins.module_utils._common.errors import Refused
from ansible_collections.vdisk.gluster.plugins.module_utils._glance.image import Image

PREFIX = "vdisk_gluster_"
"""Properties that begin so are this collection's own."""
HASH = PREFIX + "hash"
"""The hash of the data as it was sent; only an image that was read back and is complete has it."""


@dataclass(frozen=True)
class Marker:
    """What an image is a copy of, all as text and empty for none; C(state) tells whether a volume was written to since."""

    share: str
    volume: str
    snapshot: str
    created: str
    format: str
    compressed: str
    verified: str
    checksum: str
    state: str
    host: str

    def same_point(self, other: Marker) -> bool:
        """Tell whether both are the same point in time of the same volume in the same form."""
        names = ("share", "volume", "snapshot", "created", "format", "compressed")
        return all(getattr(self, name) == getattr(other, name) for name in names)


def dump(marker: Marker) -> dict[str, str]:
    """Return a marker as the properties of an image."""
    return {PREFIX + field.name: getattr(marker, field.name) for field in fields(Marker)}


def parse(image: Image) -> Marker | None:
    """Return what an image says of its origin, or None for an image of somebody else."""
    values = {field.name: image.properties.get(PREFIX + field.name) for field in fields(Marker)}
    if any(value is None for value in values.values()):
        return None
    return Marker(**{name: str(value) for name, value in values.items()})


def is_complete(image: Image) -> bool:
    """Tell whether the image was read back after its upload; an image that copies its properties has other data."""
    return image.status == "active" and image.hash is not None and image.properties.get(HASH) == image.hash


@dataclass(frozen=True)
class Decision:
    """What is to become of the images of one name: one that may be what is wanted, those it or a new one replaces, half-made ones."""

    there: Image | None
    replaced: tuple[Image, ...]
    half_made: tuple[Image, ...]


def decide(name: str, images: Sequence[Image], requested: Marker, force: bool) -> Decision:
    """Return what is to become of the images of a name; C(force) is for those that another host left, or is still making.

    :raises Refused: one of them is not an export of this volume: such are never touched.
    """
    markers = {image.id: parse(image) for image in images}
    foreign = [image for image in images if not _is_ours(markers[image.id], requested)]
    if foreign:
        what = f"the images {', '.join(sorted(image.id for image in foreign))} are" if len(foreign) > 1 else f"image {foreign[0].id} is"
        raise Refused(
            f"image_name: {what} named {name} and not an export of {requested.volume} on {requested.share}; "
            "rename or delete it, or choose another image_name"
        )
    half_made = [image for image in images if not is_complete(image)]
    for image in half_made:
        marker = markers[image.id]
        if image.status == "deactivated":
            raise Refused(f"image_name: image {name} ({image.id}) was deactivated; reactivate or delete it, or choose another image_name")
        if marker is not None and marker.host != requested.host and not force:
            raise Refused(
                f"image_name: host {marker.host} is uploading image {name} ({image.id}), or left it incomplete; "
                "wait until it ends, run the task there, or set force to replace it"
            )
    complete = sorted((image for image in images if is_complete(image)), key=lambda image: image.created, reverse=True)
    there = next((image for image in complete if (marker := markers[image.id]) is not None and marker.same_point(requested)), None)
    return Decision(there, tuple(image for image in complete if image is not there), tuple(half_made))


def _is_ours(marker: Marker | None, requested: Marker) -> bool:
    return marker is not None and (marker.share, marker.volume) == (requested.share, requested.volume)
