# SPDX-License-Identifier: Apache-2.0
"""Sessions towards the cloud: as this service, as the caller of a request, as domain admin.

The API process uses :meth:`Sessions.caller` for the checks at POST, the conductor
:meth:`Sessions.service` for everything it does in a tenant's project.  Nothing here retries: the
API answers 503 at once, and the conductor repeats whole steps.
"""

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus, cookiejar
from typing import Any

import requests
from cachetools import LRUCache
from keystoneauth1 import access, exceptions, loading, plugin, session
from keystoneauth1.adapter import Adapter
from keystoneauth1.identity import generic
from keystoneauth1.identity.access import AccessInfoPlugin
from os_service_types import ServiceTypes
from oslo_config import cfg

from magnum import context as contexts
from magnum.clients.errors import Missing, Rejected, translate
from magnum.conf import clients as options
from magnum.context import RequestContext
from magnum.core import errors
from magnum.core.urls import versioned
from magnum.metrics import instruments

SERVICE_TYPES: Mapping[str, str] = {
    "keystone": "identity",
    "heat": "orchestration",
    "glance": "image",
    "nova": "compute",
    "neutron": "network",
    "cinder": "volumev3",
    "barbican": "key-manager",
    "magnum": "container-infra",
}
"""Service by service, its type in the catalogue."""

REQUEST_ID_HEADER = "X-OpenStack-Request-Id"

_BY_TYPE = {kind: service for service, kind in SERVICE_TYPES.items()}
_CATALOGUED = frozenset(
    alias for kind in _BY_TYPE for alias in (kind, *ServiceTypes().get_all_types(kind))
)
"""Types under which a catalogue may have a service of ours: of some, names have changed."""

LOG = logging.getLogger(__name__)

_AUTH_GROUPS = ("keystone_auth", "keystone_authtoken")
_PROJECTS_KEPT = 1000
_CONNECTIONS_KEPT = 32  # a host; more are opened and closed as needed


class CloudSession(session.Session):
    """A keystoneauth session that minds the options in ``[<service>_client]``.

    Time-out and TLS options are applied by the type of service a request is meant for; what
    is meant for none (fetching a token, discovery) follows ``[keystone_client]``.  Bodies are
    never logged: they hold private keys, passwords and tokens.  Every request carries the id of
    the one that it is made for.

    :param deadline: the moment, by :func:`time.monotonic`, after which it waits for nobody any
        more, whatever the options say; None for no such moment.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        auth: plugin.BaseAuthPlugin,
        transport: requests.Session,
        deadline: float | None = None,
    ) -> None:
        super().__init__(auth=auth, session=transport, user_agent="magnum")
        self.conf = conf
        self._deadline = deadline

    def client_options(self, service: str) -> dict[str, Any]:
        """Return where to find a service, as arguments that all client libraries take.

        :param service: a key of :data:`SERVICE_TYPES`.
        """
        group = self.conf[options.group(service)]
        return {
            "service_type": SERVICE_TYPES[service],
            "interface": group.endpoint_type.removesuffix("URL"),
            "region_name": group.region_name,
            "endpoint_override": group.endpoint_override,
        }

    def adapter(self, service: str, version: str) -> Adapter:
        """Return the plain REST client of one service.

        :param service: a key of :data:`SERVICE_TYPES`.
        :param version: of the API, the last part of its URL, for example ``v2.0``; paths start
            below it, whether or not the catalogue's URL names a version.
        :raises keystoneauth1.exceptions.ClientException: no token, or no endpoint.
        """
        options = self.client_options(service)
        url = options.pop("endpoint_override") or self.endpoint(**options)
        if url is None and service == "keystone":
            url = self._auth_url()
        if not url:
            self.invalidate()  # the catalogue is as old as the token
            raise exceptions.EndpointNotFound(f"no endpoint of {service}")
        return Adapter(self, **{**options, "endpoint_override": versioned(url, version)})

    def endpoint(self, **wanted: Any) -> str | None:
        """Return the catalogue's URL for a service type, interface and region, None for none.

        :raises keystoneauth1.exceptions.ClientException: no token could be fetched.
        """
        with suppress(exceptions.EndpointNotFound, exceptions.EmptyCatalog):
            return self.get_endpoint(**wanted)
        return None

    def _auth_url(self) -> str:
        return str(getattr(self.auth, "auth_url", None) or "")

    def request(  # type: ignore[override]  # its 27 arguments pass through by name
        self, url: str, method: str, **kwargs: Any
    ) -> requests.Response:
        """Send a request with the time-out and TLS options of the service it is meant for."""
        wanted = (kwargs.get("endpoint_filter") or {}).get("service_type")
        service = _BY_TYPE.get(str(wanted), "keystone")
        group = self.conf[options.group(service)]
        kwargs.setdefault("timeout", self._seconds_for(group.timeout))
        kwargs.setdefault("verify", False if group.insecure else group.ca_file or True)
        if group.cert_file:
            client = (group.cert_file, group.key_file) if group.key_file else group.cert_file
            kwargs.setdefault("cert", client)
        kwargs["log"] = False
        if request_id := contexts.global_id():
            kwargs["headers"] = {REQUEST_ID_HEADER: request_id, **(kwargs.get("headers") or {})}
        began = time.monotonic()
        try:
            answer = super().request(url, method, **kwargs)
        except exceptions.ClientException as error:
            failed = getattr(error, "response", None)
            _count(service, method, failed, time.monotonic() - began)
            self._doubt_token(failed)
            raise
        _count(service, method, answer, 0.0)
        self._doubt_token(answer)
        LOG.debug("%s %s: %d", method, answer.url.partition("?")[0], answer.status_code)
        return answer

    def _doubt_token(self, answer: requests.Response | None) -> None:
        """Have the next request log in anew after a failure that our token may be the cause of.

        A service remembers for minutes that a token was good, and hands it on to Keystone, which
        knows that it was revoked: Heat then answers 500, to every try with that token.  A caller's
        token stays: it cannot be exchanged for another one.
        """
        if answer is not None and answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
            self.invalidate()

    def _seconds_for(self, configured: float) -> float:
        if self._deadline is None:
            return configured
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise exceptions.ConnectTimeout("no time is left")
        return min(configured, left)


class Sessions:
    """Makes sessions and keeps the service's own ones; one for a process, safe for threads.

    :param transport: what carries the requests; tests give one that is wired to fakes.
    """

    def __init__(self, conf: cfg.ConfigOpts, transport: requests.Session | None = None) -> None:
        self.conf = conf
        self._transport = transport or _new_transport()
        self._lock = threading.Lock()
        self._kept: LRUCache[str | None, CloudSession] = LRUCache(_PROJECTS_KEPT)
        self._domain_admin: CloudSession | None = None
        self._auth_group = register_auth_options(conf)

    def service(self, project_id: str | None = None) -> CloudSession:
        """Return the session of the service's own user.

        Nothing is sent yet.  A token is fetched at the first use, and again when a service
        answers 401.

        :param project_id: a tenant's project, in which the user needs a role first (see
            :meth:`magnum.clients.keystone.Keystone.grant_service_user`); None for its own.
        """
        with self._lock:
            if project_id not in self._kept:
                self._kept[project_id] = self._new(self._service_auth(project_id))
            return self._kept[project_id]

    def caller(self, context: RequestContext, deadline: float | None = None) -> CloudSession:
        """Return a session with the token the caller sent, without logging in anew.

        A token got with an application credential cannot be exchanged for another one, so this
        never tries: the token is used as it is, with the catalogue the token middleware was
        given (``context.token_info``, the WSGI environment's ``keystone.token_info``).  Where
        that has none, Keystone is asked once, as this service, what the token is.

        :param deadline: of the session, see :class:`CloudSession`.
        :raises Unauthorized: Keystone does not know the token (any more).
        :raises Unavailable: that question could not be answered.
        """
        info: dict[str, Any] | None = getattr(context, "token_info", None)
        if not info or not info.get("token", {}).get("catalog"):
            info = self._describe_token(context.auth_token)
        known = access.AccessInfoV3(_shortened(info), auth_token=context.auth_token)
        auth = AccessInfoPlugin(known, auth_url=self._auth_url())
        return CloudSession(self.conf, auth, self._transport, deadline)

    def domain_admin(self) -> CloudSession:
        """Return the session of the trustee domain's admin, scoped to that domain.

        Source: the group ``[trust]``, ids or names.
        """
        with self._lock:
            if self._domain_admin is None:
                self._domain_admin = self._new(self._domain_admin_auth())
            return self._domain_admin

    def _new(self, auth: plugin.BaseAuthPlugin) -> CloudSession:
        return CloudSession(self.conf, auth, self._transport)

    def _service_auth(self, project_id: str | None) -> Any:
        scope: dict[str, Any] = {}
        if project_id is not None:
            others = ("project_name", "project_domain_id", "project_domain_name")
            wider = ("domain_id", "domain_name", "system_scope", "trust_id")
            scope = {"project_id": project_id, **dict.fromkeys(others + wider)}
        return loading.load_auth_from_conf_options(self.conf, self._auth_group, **scope)

    def _auth_url(self) -> str | None:
        url: str | None = getattr(self.service().auth, "auth_url", None)
        return url

    def _domain_admin_auth(self) -> plugin.BaseAuthPlugin:
        trust = self.conf.trust
        own_domain = trust.trustee_domain_admin_domain_id or trust.trustee_domain_admin_domain_name
        # The service's session has been made before, or is made without our lock.
        auth_url: Any = getattr(self._service_auth(None), "auth_url", None)
        return generic.Password(
            auth_url=auth_url,
            user_id=trust.trustee_domain_admin_id,
            username=None if trust.trustee_domain_admin_id else trust.trustee_domain_admin_name,
            password=trust.trustee_domain_admin_password,
            user_domain_id=trust.trustee_domain_admin_domain_id
            if own_domain
            else trust.trustee_domain_id,
            user_domain_name=trust.trustee_domain_admin_domain_name
            if own_domain
            else trust.trustee_domain_name,
            domain_id=trust.trustee_domain_id,
            domain_name=None if trust.trustee_domain_id else trust.trustee_domain_name,
        )

    def _describe_token(self, token: str | None) -> dict[str, Any]:
        asked = {"X-Subject-Token": token or ""}
        try:
            with translate("Keystone"):
                answer = self.service().adapter("keystone", "v3").get("/auth/tokens", headers=asked)
        except (Missing, Rejected):
            raise errors.Unauthorized("Keystone does not know your token, log in again.") from None
        described: dict[str, Any] = answer.json()
        return described


def _count(
    service: str, method: str, answer: requests.Response | None, waited_seconds: float
) -> None:
    """Count a call, by its answer if there was one."""
    if answer is None:
        instruments.CALLS.observe(waited_seconds, service, method, "unanswered")
        return
    status = answer.status_code
    outcome = "success" if status < 400 else "refused" if status < 500 else "error"
    # Without the time in which a token was fetched for it: that was a call of its own.
    instruments.CALLS.observe(answer.elapsed.total_seconds(), service, method, outcome)


def _shortened(info: dict[str, Any]) -> dict[str, Any]:
    """Leave those services out of a token's catalogue that nobody here asks for.

    The library copies the whole catalogue each time that it looks for an endpoint.
    """
    token = info["token"]
    catalog = [entry for entry in token.get("catalog", ()) if entry["type"] in _CATALOGUED]
    return {**info, "token": {**token, "catalog": catalog}}


def register_auth_options(conf: cfg.ConfigOpts) -> str:
    """Register the options of the service's own login; return the group that holds it.

    ``[keystone_auth]`` when it names an ``auth_type`` or an ``auth_section``, else
    ``[keystone_authtoken]``.
    """
    for group in _AUTH_GROUPS:
        loading.register_auth_conf_options(conf, group)
    first, second = _AUTH_GROUPS
    return first if conf[first].auth_type or conf[first].auth_section else second


def _new_transport() -> requests.Session:
    """Return one pool of connections for all sessions; what it carries shares no state."""
    transport = requests.Session()
    transport.cookies.set_policy(cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        transport.mount(scheme, session.TCPKeepAliveAdapter(pool_maxsize=_CONNECTIONS_KEPT))
    return transport
