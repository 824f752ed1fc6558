# SPDX-License-Identifier: Apache-2.0
"""Glance: the image of a cluster template, and which distribution it says it holds.

Called by the API with the caller's session.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from glanceclient import client

from magnum.clients.errors import Missing, translate_for_caller
from magnum.clients.sessions import CloudSession
from magnum.core import errors

_NAME = "Glance"


@dataclass(frozen=True, slots=True)
class Image:
    """An image; sizes in GiB and MiB, 0 when it demands nothing."""

    id: str
    name: str
    os_distro: str
    min_disk_gib: int = 0
    min_ram_mib: int = 0


def find_image(session: CloudSession, name_or_id: str) -> Image:
    """Return the image of that id, else of that name, that the caller may use.

    :raises ReferencedMissing: there is none, or it does not say its distribution; HTTP 400.
    :raises Ambiguous: several have that name; HTTP 409.
    :raises Unavailable: Glance does not answer.
    """
    with translate_for_caller(_NAME):
        found = list(_candidates(_glance(session), name_or_id))
    if not found:
        raise errors.ReferencedMissing(
            f"There is no image {errors.first_sentence(name_or_id)} that you may use, "
            "name or id of one of those that Glance lists are right."
        )
    if len(found) > 1:
        raise errors.Ambiguous("image", name_or_id)
    return _image(found[0])


def _candidates(glance: Any, name_or_id: str) -> Iterator[Any]:
    if _is_uuid(name_or_id):
        try:
            with translate_for_caller(_NAME):
                yield glance.images.get(name_or_id)
            return
        except Missing:
            pass  # a name may look like an id
    for image in glance.images.list(filters={"name": name_or_id}):
        if image["name"] == name_or_id:  # Glance reads "in:a,b" as a list
            yield image


def _image(image: Any) -> Image:
    name = errors.first_sentence(image["name"] or image["id"])
    distro = image.get("os_distro")
    if not distro:
        raise errors.ReferencedMissing(
            f"Image {name} does not say which distribution it holds, its owner can with: "
            f"openstack image set --property os_distro=<distribution> {image['id']}."
        )
    return Image(
        id=image["id"],
        name=image["name"] or image["id"],
        os_distro=distro,
        min_disk_gib=image.get("min_disk") or 0,
        min_ram_mib=image.get("min_ram") or 0,
    )


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _glance(session: CloudSession) -> Any:
    return client.Client("2", session=session, **session.client_options("glance"))
