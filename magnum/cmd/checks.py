# SPDX-License-Identifier: Apache-2.0
"""What ``magnum-status upgrade check`` looks at.

Each check really does what the services will do, by their own code, and undoes it.  It returns
what it has seen, or raises :class:`Found` or an error of ours; :data:`CHECKS` says what an
operator can do about the latter.  No check tells a secret.
"""

import functools
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from oslo_config import cfg

from magnum import policies, policy
from magnum.certs import manager, passwords, x509
from magnum.clients.errors import scrub, translate
from magnum.clients.keystone import Keystone
from magnum.clients.sessions import Sessions
from magnum.db import migrate, session
from magnum.db.session import Database
from magnum.drivers import registry
from magnum.drivers.contract import StackRequest
from magnum.heat.stacks import Stack, Stacks
from magnum.rpc import transport

HEAT_SECONDS = 60.0
"""How long Heat may take for a stack of one resource, and again for its deletion."""

HEAT_PAUSE_SECONDS = 0.5

SKEW_SECONDS = 30.0
"""How far the clocks of this host and of Keystone's may be apart."""

SIGNAL_ALONE: dict[str, Any] = {
    "heat_template_version": "2015-04-30",
    "description": "Made by magnum-status upgrade check, and gone again within moments.",
    "resources": {
        "signal": {
            "type": "OS::Heat::WaitConditionHandle",
            "properties": {"signal_transport": "HEAT_SIGNAL"},
        }
    },
}
"""A stack for which Heat has to make a user in its stack domain, and nothing else."""


class Found(Exception):
    """A check has found something wrong; the text says what and what to do about it.

    :param is_serious: whether the service cannot work so.
    """

    def __init__(self, text: str, is_serious: bool = True) -> None:
        super().__init__(text)
        self.is_serious = is_serious


class Site:
    """What the checks look at, as the services would; connects at first use.

    :ivar name: of whatever a check makes for a moment; no other run has the same one.
    :param pause: waits for some seconds.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        sessions: Sessions,
        database: Database,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.conf = conf
        self.sessions = sessions
        self.database = database
        self.pause = pause
        self.name = f"magnum-status-{uuid.uuid4().hex[:12]}"

    @functools.cached_property
    def keystone(self) -> Keystone:
        """What the conductor wants of Keystone."""
        return Keystone(self.sessions)

    def new_ca(self) -> x509.Bundle:
        """Make a certificate and key as those of a bay."""
        return x509.create_ca(self.name, x509.KeyPolicy())


def check_policy(site: Site) -> str:
    """Read the policy files as the API does at its start."""
    try:
        policy.Enforcer(site.conf, policies.list_rules())
    except policy.Malformed as error:
        raise Found(f"{error}.  Correct that file, the API does not start with it.") from None
    return "All rules can be read."


def check_schema(site: Site) -> str:
    """Compare the database's revision with the one of this release."""
    engine = site.database.engine
    with session.translated():
        there, wanted = migrate.version(engine), migrate.head(engine)
    if there is None:
        raise Found("The database has no tables.  Make them: magnum-db-manage upgrade")
    if not migrate.is_known(engine, there):
        raise Found(
            f"The database is at revision {there}, which a newer release has made.  Install that "
            "release on this host too."
        )
    if there != wanted:
        raise Found(
            f"The database is at revision {there}, this release needs {wanted}.  Run: "
            "magnum-db-manage upgrade"
        )
    return f"The database is at revision {there}."


def check_drivers(site: Site) -> str:
    """Find the driver of each name in the list of enabled ones."""
    listed = site.conf.cluster.enabled_definitions
    if strange := registry.unknown_names(listed):
        raise Found(
            f"[cluster] enabled_definitions names {', '.join(strange)}, which no installed driver "
            "is called.  Remove it, or install the package with that driver; there are: "
            f"{', '.join(driver.name for driver in registry.drivers())}.",
            is_serious=False,
        )
    enabled = [one.name for one in registry.drivers() if registry.is_enabled(one, listed)]
    if not enabled:
        raise Found(
            "[cluster] enabled_definitions enables no driver, so no bay can be made.  Unset it, "
            "or run: magnum-template-manage list-templates"
        )
    return f"Enabled: {', '.join(enabled)}."


def check_broker(site: Site) -> str:
    """Log in at the message broker and hand it a message that it drops."""
    transport.reach(site.conf)
    return "The message broker takes messages."


def check_login(site: Site) -> str:
    """Log in as the service's own user."""
    own = site.sessions.service()
    with translate("Keystone"):
        own.get_token()
        project_id = own.get_project_id()
    if not project_id:
        raise Found(
            "The service's own user logs in without a project.  Set project_name and "
            "project_domain_name where its login is configured."
        )
    return f"The service's user is known, its project is {project_id}."


def check_granting(site: Site) -> str:
    """Have the service's user give itself a role that it has already."""
    if not site.conf.trust.roles:
        raise Found("[trust] roles is empty.  Unset it, or name the role of ordinary users.")
    site.keystone.try_granting()
    return f"The service's user may give itself {', '.join(site.conf.trust.roles)}."


def check_trustee_domain(site: Site) -> str:
    """Make a user as those of a bay's nodes, and delete it.

    As a bay would, it first makes the domain where the options name none; that one stays.
    """
    password = passwords.node_password(site.new_ca(), "master")
    try:
        site.keystone.ensure_node_user(site.name, password, "Made by magnum-status")
    finally:
        site.keystone.delete_node_user(site.name)
    return "Users of nodes can be made and deleted."


def check_heat(site: Site) -> str:
    """Make a stack whose one resource needs a user in Heat's stack domain, and delete it."""
    stacks = Stacks(site.sessions.service(), site.conf)
    request = StackRequest(site.name, SIGNAL_ALONE, {}, {}, ("magnum-status",), 1)
    stack_id = stacks.create(request)
    try:
        stack = _settled(site, stacks, "CREATE")
    finally:
        stacks.delete(stack_id)
    gone = _settled(site, stacks, "DELETE")
    if stack is None or stack.status != "CREATE_COMPLETE":
        raise Found(
            f"Heat cannot make what signals of nodes need: {_told(stack)}  Set "
            "stack_user_domain_id (or _name), stack_domain_admin and stack_domain_admin_password "
            "in heat.conf, as Heat's guide tells, and restart Heat's engines."
        )
    if gone is not None:
        raise Found(
            f"Heat could not delete the stack {site.name} of the service's project: "
            f"{_told(gone)}  Delete it by hand when Heat is well.",
            is_serious=False,
        )
    return "Heat makes users for the signals of nodes, and deletes them."


def _settled(site: Site, stacks: Stacks, action: str) -> Stack | None:
    """Wait for the end of what Heat does with the stack; None when there is no stack any more."""
    deadline = time.monotonic() + HEAT_SECONDS
    while True:
        stack = stacks.find(site.name)
        ended = stack is None or stack.status in {f"{action}_COMPLETE", f"{action}_FAILED"}
        if ended or time.monotonic() > deadline:
            return stack
        site.pause(HEAT_PAUSE_SECONDS)


def _told(stack: Stack | None) -> str:
    return f"{stack.status}, {scrub(stack.reason)}." if stack else "the stack has vanished."


def check_store(site: Site) -> str:
    """Store a certificate and key, read them again, delete them."""
    store = manager.open_store(site.conf, site.sessions, site.database)
    try:
        ref, made = store.ensure(site.name, site.new_ca)
        if store.load(ref) != made:
            raise Found("The certificate store gives back something else than it was given.")
    finally:
        store.delete(site.name)
    kind = site.conf.certificates.cert_manager_type
    return f"The store {kind} keeps, returns and deletes certificates."


def check_catalogue(site: Site) -> str:
    """Look at every endpoint of this API in the catalogue."""
    endpoints = site.keystone.magnum_endpoints()
    if not any(interface == "public" for _, interface, _ in endpoints):
        raise Found(
            "The catalogue has no public endpoint of this API.  Make a service of type "
            "container-infra with an endpoint such as http://controller:9511/v1"
        )
    for kind, interface, url in endpoints:
        if not url.rstrip("/").endswith("/v1"):
            raise Found(
                f"The {interface} endpoint of type {kind} is {scrub(url)}, clients need /v1 at its "
                f"end.  Run: openstack endpoint set --url {scrub(url.rstrip('/'))}/v1 ENDPOINT"
            )
    return f"{len(endpoints)} endpoints, each with /v1 at its end."


def check_clocks(site: Site) -> str:
    """Compare this host's clock with Keystone's."""
    apart = abs((datetime.now(UTC) - site.keystone.moment()).total_seconds())
    if apart > SKEW_SECONDS:
        raise Found(
            f"The clocks of this host and of Keystone are {apart:.0f} s apart, so certificates "
            "may be refused as not yet valid.  Have both follow a time server.",
            is_serious=False,
        )
    return f"The clocks of this host and of Keystone agree within {SKEW_SECONDS:.0f} s."


@dataclass(frozen=True)
class Check:
    """One check.

    :ivar fix: what to do when a service says no, or nothing, to what the check asks of it.
    """

    name: str
    run: Callable[[Site], str]
    fix: str


CHECKS = (
    Check("Policy files", check_policy, "Correct the files of [oslo_policy]."),
    Check("Database schema", check_schema, "Check [database] connection."),
    Check("Drivers", check_drivers, "Correct [cluster] enabled_definitions."),
    Check(
        "Message broker",
        check_broker,
        "Check [DEFAULT] transport_url, and the user and virtual host that it names; an "
        "'inequivalent arg' was declared by processes with other options of "
        "[oslo_messaging_rabbit].",
    ),
    Check(
        "Service user",
        check_login,
        "Check user, password, project and auth_url in [keystone_authtoken], or in "
        "[keystone_auth] if that has an auth_type.",
    ),
    Check(
        "Roles for the service user",
        check_granting,
        "Give the service's user the role admin on its project (openstack role add), or allow it "
        "identity:create_grant and identity:delete_grant in Keystone's policy; the roles of "
        "[trust] roles have to exist.",
    ),
    Check(
        "Trustee domain",
        check_trustee_domain,
        "Check the options of [trust]: the domain, and an admin of it who has the role admin on "
        "that domain (openstack role add --domain).  Where it names neither, the service's user "
        "needs a role by which it may make a domain, and users in it.",
    ),
    Check(
        "Heat's stack domain",
        check_heat,
        "See that Heat runs, is in the catalogue, and lets the service's user make stacks in its "
        "own project.",
    ),
    Check(
        "Certificate store",
        check_store,
        "Check [certificates] cert_manager_type; for barbican, that Barbican runs and the "
        "service's user may create and delete secrets (role creator or admin).",
    ),
    Check(
        "Catalogue",
        check_catalogue,
        "The catalogue comes with the token of the service's user, see to that check first.",
    ),
    Check("Clocks", check_clocks, "See that Keystone answers at the auth_url."),
)
