# SPDX-License-Identifier: Apache-2.0
"""Everything a step works with: the table, the certificate store, Keystone, Heat, the engines.

One per process.  Tests put fakes in its place.
"""

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from oslo_config import cfg

from magnum.certs import manager
from magnum.certs.manager import CertStore
from magnum.clients import neutron
from magnum.clients.docker.pool import Engines
from magnum.clients.keystone import Keystone
from magnum.clients.neutron import Port
from magnum.clients.sessions import Sessions
from magnum.db.session import Database
from magnum.heat.stacks import Stacks
from magnum.rpc.notices import Notices

LOG = logging.getLogger(__name__)


class Network(Protocol):
    """What a deletion wants of Neutron."""

    def ports_on_network(self, project_id: str, network_id: str) -> list[Port]:
        """List the ports of a network, whoever made them."""

    def delete_port(self, project_id: str, port_id: str) -> None:
        """Delete a port, if it is there."""


class NeutronNetwork:
    """Neutron as the service's user sees it from inside a tenant's project."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def ports_on_network(self, project_id: str, network_id: str) -> list[Port]:
        """List the ports of a network, whoever made them."""
        return neutron.ports_on_network(self._sessions.service(project_id), network_id)

    def delete_port(self, project_id: str, port_id: str) -> None:
        """Delete a port, if it is there."""
        neutron.delete_port(self._sessions.service(project_id), port_id)


class Cloud:
    """The collaborators of all steps; safe for threads."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        database: Database,
        keystone: Keystone,
        store: CertStore,
        network: Network,
        stacks: Callable[[str], Stacks],
    ) -> None:
        self.conf = conf
        self.database = database
        self.keystone = keystone
        self.store = store
        self.network = network
        self.stacks = stacks
        self.notices = Notices(conf)
        self.engines = Engines(conf)
        self._entered: set[str] = set()
        self._lock = threading.Lock()

    def enter(self, project_id: str) -> None:
        """Have the roles to act in a project; asks Keystone only where that is not known.

        :raises ProjectGone: there is no such project any more.
        """
        with self._lock:
            if project_id in self._entered:
                return
        self.keystone.grant_service_user(project_id)
        with self._lock:
            self._entered.add(project_id)

    def doubt(self, project_id: str) -> None:
        """Forget that we have roles in a project, as when it said no to us."""
        with self._lock:
            self._entered.discard(project_id)

    def leave(self, project_id: str) -> None:
        """Give the roles in a project back."""
        self.doubt(project_id)
        self.keystone.revoke_service_user(project_id)


def connect(conf: cfg.ConfigOpts) -> Cloud:
    """Put the real collaborators together; connects to nothing yet."""
    sessions = Sessions(conf)
    database = Database()
    return Cloud(
        conf,
        database,
        Keystone(sessions),
        manager.load_store(conf, sessions, database),
        NeutronNetwork(sessions),
        lambda project_id: Stacks(sessions.service(project_id), conf),
    )
