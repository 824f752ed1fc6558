# SPDX-License-Identifier: Apache-2.0
"""The domain that the users of nodes live in: which one it is, and as whom we act in it.

Where ``[trust]`` names a domain and its admin, those are used.  Where it names neither, the domain
:data:`NAME` is, made if it is not there, and the service's own user acts in it: its role
``admin``, by which it takes roles in tenants' projects, lets it do that too.  So there is no
second password to be kept, and conductors that start at the same time have nothing to agree on.
"""

import logging
import threading
from typing import Any

from keystoneauth1.adapter import Adapter
from oslo_config import cfg

from magnum.clients.errors import Clash, translate
from magnum.clients.sessions import CloudSession, Sessions
from magnum.core.errors import Misconfigured

LOG = logging.getLogger(__name__)

NAME = "magnum"
_KEYSTONE = "Keystone"
_NEEDED = (
    ("trustee_domain_id", "trustee_domain_name"),
    ("trustee_domain_admin_id", "trustee_domain_admin_name"),
    ("trustee_domain_admin_password",),
)
_OTHERS = ("trustee_domain_admin_domain_id", "trustee_domain_admin_domain_name")


class TrusteeDomain:
    """The domain of node users; safe for threads.

    :raises Misconfigured: ``[trust]`` says some of what is needed, and not all.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._is_given = _is_given(sessions.conf)
        self._found: str | None = None
        self._lock = threading.Lock()

    def adapter(self) -> Adapter:
        """Return the client of Keystone that may manage users in the domain.

        :raises keystoneauth1.exceptions.ClientException: no token, or no endpoint.
        """
        return self._session().adapter("keystone", "v3")

    def id(self) -> str:
        """Return the domain's id.

        :raises Unavailable: Keystone does not answer.
        :raises ServiceRefused: it does not let us in, or lets us make no domain.
        """
        configured = self._sessions.conf.trust.trustee_domain_id
        if configured:
            return str(configured)
        with self._lock:
            if self._found is None:
                self._found = self._id_of_admins_domain() if self._is_given else self._ensure()
            return self._found

    def forget(self) -> None:
        """Look for the domain again at its next use, as it seems to be gone."""
        with self._lock:
            self._found = None

    def _session(self) -> CloudSession:
        return self._sessions.domain_admin() if self._is_given else self._sessions.service()

    def _id_of_admins_domain(self) -> str:
        session = self._session()
        auth: Any = session.auth
        with translate(_KEYSTONE):
            return str(auth.get_access(session).domain_id)

    def _ensure(self) -> str:
        """Find the domain, or make it; another conductor may do the same at this moment."""
        found, did = self._find(), "Uses"
        if found is None:
            try:
                found, did = self._create(), "Made"
            except Clash:
                found = self._find()
                if found is None:
                    raise
        LOG.info(
            "%s the domain %s (%s) for the users of nodes and acts in it as the service's own "
            "user, as [trust] names no trustee domain.  To have another one, or another user act "
            "in it, set trustee_domain_id, trustee_domain_admin_id and "
            "trustee_domain_admin_password.",
            did,
            NAME,
            found,
        )
        return found

    def _find(self) -> str | None:
        with translate(_KEYSTONE):
            found = self.adapter().get("/domains", params={"name": NAME}).json()["domains"]
        return str(found[0]["id"]) if found else None

    def _create(self) -> str:
        domain = {"name": NAME, "description": "Users of the nodes of Magnum's bays"}
        with translate(_KEYSTONE):
            made = self.adapter().post("/domains", json={"domain": domain}).json()
        return str(made["domain"]["id"])


def _is_given(conf: cfg.ConfigOpts) -> bool:
    """Whether ``[trust]`` names a domain and its admin.

    :raises Misconfigured: it says some of what is needed, and not all.
    """
    trust = conf.trust
    missing = [" or ".join(names) for names in _NEEDED if not any(trust[name] for name in names)]
    if not missing:
        return True
    said = [name for names in (*_NEEDED, _OTHERS) for name in names if trust[name]]
    if said:
        raise Misconfigured(
            f"[trust] has {', '.join(said)} but lacks {' and '.join(missing)}; set all of them, "
            "or none for a domain that the service makes itself."
        )
    return False
