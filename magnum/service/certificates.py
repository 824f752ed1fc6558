# SPDX-License-Identifier: Apache-2.0
"""A cluster's certificate authority, for its users and for its own nodes.

Nodes come with a token of a user that has no role anywhere, hence no project: such a caller is
nobody except for the one cluster whose row names its user, and there it may have only what the
driver's rule for its role allows.  All nodes of a role share that user; which of them asks is told
by the id of its port, which no other node knows.
"""

from oslo_config import cfg

from magnum.certs import x509
from magnum.certs.manager import CertStore
from magnum.certs.policy import SigningPolicy, challenge_password, check_node_request
from magnum.clients import neutron
from magnum.clients.sessions import Sessions
from magnum.context import RequestContext
from magnum.core import errors
from magnum.core.cluster import Role
from magnum.core.idents import is_uuid
from magnum.db import repository
from magnum.db.models import Cluster
from magnum.db.repository import AnyCluster
from magnum.db.session import Database
from magnum.drivers import registry
from magnum.metrics import instruments


class Certificates:
    """Shows and uses the authority of a cluster; its key never leaves the process."""

    def __init__(
        self, conf: cfg.ConfigOpts, database: Database, sessions: Sessions, store: CertStore
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._store = store
        self._policy = SigningPolicy.from_conf(conf)

    def cluster(self, context: RequestContext, ident: str) -> AnyCluster:
        """Find the cluster that a certificate call is about.

        :raises NotFound: it does not exist for the caller's project.
        :raises Forbidden: the caller has no project and is no node of it.
        """
        if context.has_project:
            scope = repository.Scope(context.own_project)
            return self._database.look(
                lambda connection: repository.cluster(connection, ident, scope)
            )
        found = self._database.read(lambda session: repository.by_uuid(session, Cluster, ident))
        if found is None or _node_role(context, found) is None:
            raise errors.Forbidden(
                "The token has no project, and its user is no node of this bay. Ask for a token "
                "scoped to the bay's project."
            )
        return found

    def authority(self, context: RequestContext, cluster: AnyCluster) -> str:
        """Return the authority's certificate in PEM.

        :raises Conflict: the creation has not come so far yet.
        :raises Unavailable: the certificate store does not answer.
        """
        return self._store.load(self._reference(cluster)).certificate_pem

    def sign(self, context: RequestContext, cluster: AnyCluster, csr: str) -> str:
        """Sign a request and return the certificate in PEM.

        :raises Invalid: ``csr`` is no signing request, or asks for what is never given.
        :raises Forbidden: a node asks for more than its role may have.
        """
        if not context.has_project:
            self._check_node_request(context, cluster, csr)
        authority = self._store.load(self._reference(cluster))
        signed = x509.sign(csr, authority, self._policy)
        instruments.CERTIFICATES_SIGNED.inc("user" if context.has_project else "node")
        return signed

    def _reference(self, cluster: AnyCluster) -> str:
        if cluster.ca_cert_ref is None:
            shown = errors.first_sentence(cluster.name)
            raise errors.Conflict(
                f"Bay {shown} has no certificate authority yet, try again in a few seconds."
            )
        return cluster.ca_cert_ref

    def _check_node_request(self, context: RequestContext, cluster: AnyCluster, csr: str) -> None:
        role = _node_role(context, cluster)
        if role is None:
            raise errors.Forbidden("The token's user is no node of this bay.")
        template = cluster.template
        driver = registry.driver_for(template.server_type, template.cluster_distro, template.coe)
        request = x509.parse_request(csr)
        addresses = self._addresses(cluster, role, challenge_password(request))
        check_node_request(request, driver.node_certificate_rule(role), addresses)

    def _addresses(self, cluster: AnyCluster, role: Role, port_id: str | None) -> set[str]:
        """Return the addresses of the node that knows the id of its port."""
        session = self._sessions.service(cluster.project_id)
        found = (
            neutron.addresses_of_node(session, cluster.uuid, role, port_id)
            if port_id is not None and is_uuid(port_id)
            else set()
        )
        if not found:
            raise errors.Forbidden(
                "A node has to give the id of its own port, as challengePassword of the request."
            )
        return found


def _node_role(context: RequestContext, cluster: AnyCluster) -> Role | None:
    """Tell which of a cluster's nodes the caller is, if any."""
    users: dict[str | None, Role] = {
        cluster.master_user_id: "master",
        cluster.worker_user_id: "worker",
    }
    users.pop(None, None)
    return users.get(context.user_id)
