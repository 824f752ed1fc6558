# SPDX-License-Identifier: Apache-2.0
"""Glance: the image of a cluster template, and which distribution it says it holds.

Called by the API with the caller's session.
"""

from typing import Any

from glanceclient import client

from magnum.clients.errors import Missing, Rejected, translate_for_caller
from magnum.clients.sessions import CloudSession
from magnum.core import errors
from magnum.core.idents import is_uuid

_NAME = "Glance"


def os_distro(session: CloudSession, name_or_id: str) -> str:
    """Return the distribution of the image of that id, else of that name, that the caller may use.

    :raises ReferencedMissing: there is none, or it does not say its distribution; HTTP 400.
    :raises Ambiguous: several have that name; HTTP 409.
    :raises Unavailable: Glance does not answer.
    """
    found = _images(session, name_or_id)
    if not found:
        raise _wrong(name_or_id, "be name or id of an image that you may use")
    if len(found) > 1:
        raise errors.Ambiguous("image", name_or_id)
    image = found[0]
    if not image.get("os_distro"):
        raise _wrong(
            name_or_id,
            "have the property os_distro, which its owner can set with: openstack image set "
            f"--property os_distro=<distribution> {image['id']}",
        )
    return str(image["os_distro"])


def _wrong(name_or_id: str, rule: str) -> errors.ReferencedMissing:
    return errors.ReferencedMissing(errors.wrong("image_id", name_or_id, rule))


def _images(session: CloudSession, name_or_id: str) -> list[Any]:
    glance = client.Client("2", session=session, **session.client_options("glance"))
    if is_uuid(name_or_id):
        try:
            with translate_for_caller(_NAME):
                return [glance.images.get(name_or_id)]
        except Missing:
            pass  # a name may look like an id
    try:
        with translate_for_caller(_NAME):
            found = list(glance.images.list(filters={"name": name_or_id}))
    except Rejected:
        return []  # no name that any image could have
    # Glance reads "in:a,b" as a list of names.
    return [image for image in found if image["name"] == name_or_id]
