# SPDX-License-Identifier: Apache-2.0
"""Cinder: whether there is one, asked before a cluster whose nodes get volumes is accepted.

Called by the API with the caller's session.  The volumes themselves are Heat's to make.
"""

from magnum.clients.errors import translate_for_caller
from magnum.clients.sessions import CloudSession
from magnum.core import errors


def check_volumes(session: CloudSession, size_gb: int) -> None:
    """Check that the cloud has a service that makes volumes; a look at the catalogue only.

    :param size_gb: what was asked for, for the error.
    :raises InvalidField: it has none; HTTP 400.
    """
    wanted = session.client_options("cinder")
    override = wanted.pop("endpoint_override")
    with translate_for_caller("Keystone"):
        is_there = override or session.endpoint(**wanted)
    if not is_there:
        rule = "be left out, because this cloud has no volume service (volumev3, Cinder)"
        raise errors.InvalidField("docker_volume_size", size_gb, rule)
