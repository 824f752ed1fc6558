# SPDX-License-Identifier: Apache-2.0
"""What a user can ask for, whichever API it came by.

Each module is a noun.  Its functions check what was asked against the cloud and the table, write
the intent in one transaction and wake a conductor; none waits for Heat.  Called by the API, which
has parsed and authorised the request; knows nothing of HTTP.
"""

from dataclasses import dataclass

from oslo_config import cfg

from magnum import health
from magnum.certs import manager
from magnum.clients.keystone import Keystone
from magnum.clients.sessions import Sessions
from magnum.db.session import Database
from magnum.health import Health
from magnum.rpc.calls import ContainerCalls
from magnum.rpc.client import ConductorClient
from magnum.service.certificates import Certificates
from magnum.service.clusters import Clusters
from magnum.service.conductors import Conductors
from magnum.service.containers import Containers
from magnum.service.preflight import Preflight
from magnum.service.templates import Templates


@dataclass(frozen=True, slots=True)
class Services:
    """All the nouns, as the API is given them, and how what they need is doing."""

    templates: Templates
    clusters: Clusters
    certificates: Certificates
    containers: Containers
    conductors: Conductors
    health: Health


def build(conf: cfg.ConfigOpts) -> Services:
    """Put the real collaborators together; connects to nothing yet."""
    database = Database()
    sessions = Sessions(conf)
    preflight = Preflight(sessions)
    store = manager.load_store(conf, sessions, database)
    return Services(
        templates=Templates(conf, database, preflight),
        clusters=Clusters(conf, database, preflight, ConductorClient(conf)),
        certificates=Certificates(conf, database, sessions, store),
        containers=Containers(conf, database, ContainerCalls(conf)),
        conductors=Conductors(database),
        health=health.build(conf, database, Keystone(sessions), store),
    )
