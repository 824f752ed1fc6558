# SPDX-License-Identifier: Apache-2.0
"""Nova: the keypairs and flavors of the caller, looked up before a cluster is accepted.

Called by the API with the caller's session; never by the conductor, to which keypairs, which
belong to users, are invisible.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from novaclient import client

from magnum.clients.errors import Missing, Rejected, translate_for_caller
from magnum.clients.sessions import CloudSession
from magnum.core import errors

_NAME = "Nova"


@dataclass(frozen=True, slots=True)
class Flavor:
    """A size of servers; memory and disk in MiB and GiB."""

    id: str
    name: str
    vcpus: int
    ram_mib: int
    disk_gib: int


def keypair_public_key(session: CloudSession, name: str) -> str:
    """Return the public key of one of the caller's keypairs, as OpenSSH text.

    :raises KeypairNotFound: the caller has none of that name; HTTP 404, as suites of 2016 expect.
    :raises Unavailable: Nova does not answer.
    """
    try:
        with translate_for_caller(_NAME):
            return str(_nova(session).keypairs.get(quote(name, safe="")).public_key)
    except (Missing, Rejected):
        shown = errors.first_sentence(name)
        raise errors.KeypairNotFound(
            f"keypair_id is {shown} but you have no Nova keypair of that name."
        ) from None


def find_flavor(session: CloudSession, name_or_id: str) -> Flavor:
    """Return the flavor of that id, else of that name, among those the caller may use.

    :raises ReferencedMissing: there is none; HTTP 400.
    :raises Unavailable: Nova does not answer.
    """
    with translate_for_caller(_NAME):
        for flavor in _flavors(_nova(session)):
            if name_or_id in {flavor.id, flavor.name}:
                return Flavor(flavor.id, flavor.name, flavor.vcpus, flavor.ram, flavor.disk)
    raise errors.ReferencedMissing(
        f"There is no flavor {errors.first_sentence(name_or_id)} that you may use, "
        "name or id of one of those that Nova lists are right."
    )


def _flavors(nova: Any) -> Iterator[Any]:
    """Yield all flavors, page by page; how long a page is, Nova decides."""
    page = nova.flavors.list()
    while page:
        yield from page
        page = nova.flavors.list(marker=page[-1].id)


def _nova(session: CloudSession) -> Any:
    options = session.client_options("nova")
    endpoint_type = options.pop("interface")  # the library warns of the modern name
    return client.Client("2.1", session=session, endpoint_type=endpoint_type, **options)
