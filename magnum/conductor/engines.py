# SPDX-License-Identifier: Apache-2.0
"""The engines of a bay: reached at its nodes' addresses, trusted by its own authority."""

from collections.abc import Callable
from typing import TypeVar

from magnum.clients.docker.engine import Engine
from magnum.clients.docker.errors import (
    EngineDistrusted,
    EngineError,
    EngineFailed,
    EngineSilent,
    EngineUnreachable,
)
from magnum.clients.docker.tls import Trust
from magnum.conductor.cloud import Cloud
from magnum.core import errors
from magnum.db.models import Cluster

T = TypeVar("T")

NOT_OF_USE = (EngineUnreachable, EngineSilent, EngineFailed, EngineDistrusted)
"""What a manager is passed over for."""


def engine_at(cloud: Cloud, cluster: Cluster, address: str) -> Engine:
    """Return the engine of the node at an address; connects to nothing yet.

    :raises NotFound: the certificate store has no certificate of the bay.
    :raises Unavailable: the certificate store does not answer.
    """
    template = cluster.template
    its = trust(cloud, template.tls_disabled, cluster.ca_cert_ref, cluster.magnum_cert_ref)
    return cloud.engines.engine(address, its)


def trust(
    cloud: Cloud, tls_disabled: bool, ca_ref: str | None, own_ref: str | None
) -> Trust | None:
    """Return who a bay's engines have to be and who we are to them; None without TLS.

    :param ca_ref: where the certificate store has the bay's authority.
    :param own_ref: where it has our certificate by that authority.
    :raises NotFound: the certificate store has no certificate of the bay.
    :raises Unavailable: the certificate store does not answer.
    """
    if tls_disabled:
        return None
    if ca_ref is None or own_ref is None:
        raise errors.NotFound("The bay has no certificates yet.")
    authority, ours = cloud.store.load(ca_ref), cloud.store.load(own_ref)
    return Trust(authority.certificate_pem, ours.certificate_pem, ours.private_key_pem)


def ask_manager(cloud: Cloud, cluster: Cluster, act: Callable[[Engine], T]) -> T:
    """Have the first manager that answers do something; one after the other is tried.

    A manager that hangs costs the whole time of a call.  One that is none any more, or has lost the
    others, says so as a failure of its own.  What a manager refuses is not tried elsewhere.

    :param act: given the engine of a manager; repeated with the next one, so what it asks for
        must bear being done twice.
    :raises EngineError: what the last one that is there answered, or did not; none is there, what
        the last one did.
    """
    failure: EngineError = EngineUnreachable("no manager of the bay has an address")
    for address in cluster.master_addresses or ():
        try:
            return act(engine_at(cloud, cluster, address))
        except EngineUnreachable as error:
            if isinstance(failure, EngineUnreachable):  # who is there can say more
                failure = error
        except NOT_OF_USE as error:
            failure = error
    raise failure
