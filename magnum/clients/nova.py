# SPDX-License-Identifier: Apache-2.0
"""Nova: the keypairs and flavors of the caller, looked up before a cluster is accepted.

Called by the API with the caller's session; never by the conductor, to which keypairs, which
belong to users, are invisible.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from novaclient import client

from magnum.clients.errors import Missing, Rejected, translate_for_caller
from magnum.clients.sessions import CloudSession
from magnum.core import errors

_NAME = "Nova"
_NO_SEGMENTS = frozenset({".", ".."})
"""Names that no path can end in."""


def keypair_public_key(session: CloudSession, name: str) -> str:
    """Return the public key of one of the caller's keypairs, as OpenSSH text.

    :raises KeypairNotFound: the caller has none of that name; HTTP 404, as suites of 2016 expect.
    :raises Unavailable: Nova does not answer.
    """
    try:
        if name in _NO_SEGMENTS:
            raise Missing(_NAME, 404, name)
        with translate_for_caller(_NAME):
            return str(_nova(session).keypairs.get(quote(name, safe="")).public_key)
    except (Missing, Rejected):
        rule = "be the name of a Nova keypair of yours"
        raise errors.KeypairNotFound(errors.wrong("keypair_id", name, rule)) from None


def check_flavors(session: CloudSession, wanted: Mapping[str, str]) -> None:
    """Check that the caller may use flavors.

    :param wanted: name or id of each, by the field that it comes from.
    :raises ReferencedMissing: there is none of that name or id; HTTP 400.
    :raises Unavailable: Nova does not answer.
    """
    missing = dict(wanted)
    with translate_for_caller(_NAME):
        for flavor in _flavors(session):
            known = (flavor.id, flavor.name)
            missing = {field: named for field, named in missing.items() if named not in known}
            if not missing:
                return
    for field, named in missing.items():
        rule = "be name or id of a flavor that you may use"
        raise errors.ReferencedMissing(errors.wrong(field, named, rule))


def _flavors(session: CloudSession) -> Iterator[Any]:
    """Yield all flavors, page by page; how long a page is, Nova decides."""
    flavors = _nova(session).flavors
    page = flavors.list(detailed=False)
    while page:
        yield from page
        page = flavors.list(detailed=False, marker=page[-1].id)


def _nova(session: CloudSession) -> Any:
    options = session.client_options("nova")
    endpoint_type = options.pop("interface")  # the library warns of the modern name
    return client.Client("2.1", session=session, endpoint_type=endpoint_type, **options)
