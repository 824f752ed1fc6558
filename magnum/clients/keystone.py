# SPDX-License-Identifier: Apache-2.0
"""Keystone: our roles in tenants' projects, the users nodes log in as, and public endpoints.

Used by the conductor's identity and cleanup steps.  Every verb is idempotent, so that another
conductor can repeat a step.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from keystoneauth1.adapter import Adapter

from magnum.clients.errors import Clash, Missing, translate
from magnum.clients.sessions import Sessions
from magnum.clients.trustee_domain import TrusteeDomain
from magnum.core import errors
from magnum.core.urls import versioned

_NAME = "Keystone"
MAGNUM_TYPES = ("container-infra", "container")
"""Types under which catalogues have this API, today's and that of 2015."""

_NODE_USER_OPTIONS = {
    "lock_password": True,
    "ignore_password_expiry": True,
    "ignore_lockout_failure_attempts": True,
    # Where passwords have to be changed at the first login: a node cannot.
    "ignore_change_password_upon_first_use": True,
}


class ProjectGone(Missing):
    """Keystone itself says that there is no such project; a 404 for any other reason is not it."""


class Keystone:
    """What the conductor wants of Keystone; safe for threads.

    :raises Misconfigured: ``[trust]`` says some of what is needed, and not all.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._trustees = TrusteeDomain(sessions)
        self._conf = sessions.conf
        self._role_ids: dict[str, str] = {}

    def grant_service_user(self, project_id: str) -> None:
        """Give the service's user the roles of ``[trust] roles`` on a project.

        Its next request there logs in anew: a token from before a role was taken is worthless,
        and services remember it as good for minutes.

        :raises ProjectGone: there is no such project any more.
        :raises Missing: one of the roles does not exist.
        :raises Unavailable: Keystone does not answer.
        """
        for role in self._conf.trust.roles:
            path = self._assignment(project_id, role)
            try:
                with translate(_NAME):
                    self._service().put(path)
            except Missing as error:
                if f"project: {project_id}" in error.words:
                    raise ProjectGone(error.service, error.status, error.words) from error
                self._role_ids.pop(role, None)  # made anew under its name, perhaps
                raise
        self._sessions.service(project_id).invalidate()

    def revoke_service_user(self, project_id: str) -> None:
        """Take those roles back; also when they, or the project, are gone already.

        The roles on the service's own project stay: they are the operator's.

        :raises Unavailable: Keystone does not answer.
        """
        with translate(_NAME):
            if project_id == self._sessions.service().get_project_id():
                return
        for role in self._conf.trust.roles:
            with suppress(Missing):
                path = self._assignment(project_id, role)
                with translate(_NAME):
                    self._service().delete(path)

    def try_granting(self) -> None:
        """See whether the service's user may give itself roles; nothing is different afterwards.

        On its own project it is given a role that it has there, which Keystone allows or forbids
        like any other.  Where it has none of its own (but by a group, say) it is given the first
        of ``[trust] roles``, which is taken back.

        :raises Missing: one of those roles does not exist.
        :raises NotPermitted: it may not.
        :raises Unavailable: Keystone does not answer.
        """
        with translate(_NAME):
            token = self._token()
        project_id, had = token.project_id, token.role_ids
        wanted = [self._role_id(role) for role in self._conf.trust.roles]
        paths = [self._assignment_of(str(project_id), role_id) for role_id in (*wanted, *had)]
        there = next(filter(self._is_there, paths), None)
        with translate(_NAME):
            self._service().put(there or paths[0])
            if there is None:
                self._service().delete(paths[0])

    def ensure_node_user(self, name: str, password: str, description: str) -> str:
        """Have a user of that name and password in the trustee domain, without any role.

        :returns: its id.
        :raises Unavailable: Keystone does not answer.
        :raises ServiceRefused: it accepts neither name nor password.
        """
        user_id = self._find_user(name)
        if user_id is None:
            try:
                return self._create_user(name, password, description)
            except Clash:
                user_id = self._find_user(name)
                if user_id is None:
                    raise
        # Somebody died after making it, or its options were changed since.
        body = {"password": password, "enabled": True, "options": _NODE_USER_OPTIONS}
        with translate(_NAME):
            self._trustees.adapter().patch(f"/users/{user_id}", json={"user": body})
        return user_id

    def delete_node_user(self, name: str, known_id: str | None = None) -> None:
        """Delete the user of that name from the trustee domain, if there is one.

        :param known_id: its id where that was recorded: a search that does not find a user who is
            there, as of a replica that lags behind, leaves nobody then.  Who died between making a
            user and recording it has left the name alone.
        :raises Unavailable: Keystone does not answer.
        """
        if known_id is not None:
            self._delete_user(known_id)
        user_id = self._find_user(name)
        if user_id not in {None, known_id}:
            self._delete_user(str(user_id))

    def check(self) -> None:
        """Ask Keystone something, logged in as the service's user.

        :raises Unavailable: it does not answer.
        :raises ServiceRefused: it does not know us.
        """
        with translate(_NAME):
            self._service().get("/")

    def auth_url(self) -> str:
        """Return Keystone's public URL for nodes, ending in ``/v3``.

        :raises Unavailable: the catalogue has none.
        """
        return versioned(self._public_endpoint("keystone", "identity"), "v3")

    def magnum_url(self) -> str:
        """Return this API's public URL for nodes, ending in ``/v1``.

        ``[magnum_client] endpoint_override``, else the catalogue's ``container-infra``, else its
        ``container``.

        :raises Unavailable: there is none.
        """
        override = self._conf.magnum_client.endpoint_override
        return versioned(override or self._public_endpoint("magnum", *MAGNUM_TYPES), "v1")

    def magnum_endpoints(self) -> list[tuple[str, str, str]]:
        """Return type, interface and URL of each of this API's endpoints in the catalogue.

        :raises Unavailable: Keystone does not answer.
        """
        region = self._conf.magnum_client.region_name
        with translate(_NAME):
            # The library's own search lets names of a type stand for each other.
            catalogue = self._token().service_catalog.normalize_catalog()
        return [
            (service["type"], endpoint["interface"], str(endpoint["url"]))
            for service in catalogue
            for endpoint in service["endpoints"]
            if service["type"] in MAGNUM_TYPES and region in {None, endpoint["region_name"]}
        ]

    def moment(self) -> datetime:
        """Return the time by Keystone's clock, which it tells with a new token.

        :raises Unavailable: Keystone does not answer.
        """
        with translate(_NAME):
            self._sessions.service().invalidate()
            issued: datetime = self._token().issued
        return issued

    def _public_endpoint(self, service: str, *types: str) -> str:
        """Return the public endpoint of the first of the types that the catalogue has.

        Always the public one, whatever this service itself uses: nodes are outside.
        """
        region = self._conf[f"{service}_client"].region_name
        session = self._sessions.service()
        with translate(_NAME):
            for kind in types:
                url = session.endpoint(service_type=kind, interface="public", region_name=region)
                if url:
                    return url
        session.invalidate()  # the catalogue is as old as the token
        raise errors.Unavailable(
            service.capitalize(), f"the catalogue has no public endpoint of type {types[0]}"
        )

    def _service(self) -> Adapter:
        return self._sessions.service().adapter("keystone", "v3")

    def _token(self) -> Any:
        """Return all that Keystone tells with the token of the service's user."""
        session = self._sessions.service()
        session.get_token()  # logs in, or says why not
        auth: Any = session.auth
        return auth.get_access(session)

    def _is_there(self, path: str) -> bool:
        with suppress(Missing), translate(_NAME):
            self._service().head(path)
            return True
        return False

    def _assignment(self, project_id: str, role: str) -> str:
        return self._assignment_of(project_id, self._role_id(role))

    def _assignment_of(self, project_id: str, role_id: str) -> str:
        with translate(_NAME):
            user_id = self._sessions.service().get_user_id()
        return f"/projects/{project_id}/users/{user_id}/roles/{role_id}"

    def _role_id(self, name: str) -> str:
        if name not in self._role_ids:
            with translate(_NAME):
                found = self._service().get("/roles", params={"name": name}).json()["roles"]
            if not found:
                raise Missing(_NAME, 404, f"there is no role {name}, named in [trust] roles")
            self._role_ids[name] = str(found[0]["id"])
        return self._role_ids[name]

    def _find_user(self, name: str) -> str | None:
        query = {"name": name, "domain_id": self._trustees.id()}
        with self._in_domain() as keystone:
            found = keystone.get("/users", params=query).json()["users"]
        return str(found[0]["id"]) if found else None

    def _create_user(self, name: str, password: str, description: str) -> str:
        user = {
            "name": name,
            "password": password,
            "description": description,
            "domain_id": self._trustees.id(),
            "enabled": True,
            "options": _NODE_USER_OPTIONS,
        }
        with self._in_domain() as keystone:
            made = keystone.post("/users", json={"user": user}).json()
        return str(made["user"]["id"])

    def _delete_user(self, user_id: str) -> None:
        with suppress(Missing), translate(_NAME):
            self._trustees.adapter().delete(f"/users/{user_id}")

    @contextmanager
    def _in_domain(self) -> Iterator[Adapter]:
        """Ask for something in the trustee domain, which may be gone."""
        try:
            with translate(_NAME):
                yield self._trustees.adapter()
        except Missing:
            self._trustees.forget()  # made anew under its name, perhaps
            raise
