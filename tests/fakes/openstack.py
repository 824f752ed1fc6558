# SPDX-License-Identifier: Apache-2.0
"""All the HTTP fakes together, and a configuration and sessions that lead to them.

Where :mod:`tests.fakes.cloud` stands in for our own clients, this stands in for the network below
them: real libraries, real sessions, real exceptions.
"""

import requests
from keystoneauth1 import loading
from oslo_config import cfg

from magnum.clients.sessions import CloudSession, Sessions
from magnum.conf import opts
from tests.fakes.barbican import FakeBarbican
from tests.fakes.glance import FakeGlance
from tests.fakes.heat import FakeHeat
from tests.fakes.keystone import TRUSTEE_DOMAIN, FakeKeystone
from tests.fakes.neutron import FakeNeutron
from tests.fakes.nova import FakeNova

_LOGIN = {
    "auth_url": "http://keystone.test",
    "username": "magnum",
    "password": "servicepass",
    "project_name": "service",
    "user_domain_id": "default",
    "project_domain_id": "default",
}


def make_conf(group: str = "keystone_authtoken") -> cfg.ConfigOpts:
    """Return a configuration of its own, with a login in ``group``."""
    conf = cfg.ConfigOpts()
    for name, options in opts.list_opts():
        conf.register_opts(options, group=None if name == "DEFAULT" else name)
    conf([], default_config_files=[])
    loading.register_auth_conf_options(conf, group)
    conf.register_opts(loading.get_auth_plugin_conf_options("password"), group)
    conf.set_override("auth_type", "password", group)
    for name, value in _LOGIN.items():
        conf.set_override(name, value, group)
    conf.set_override("trustee_domain_id", TRUSTEE_DOMAIN, "trust")
    conf.set_override("trustee_domain_admin_name", "admin-of-nodes", "trust")
    conf.set_override("trustee_domain_admin_password", "domainpass", "trust")
    return conf


class FakeOpenStack:
    """An OpenStack in the process.

    :ivar sessions: real ones, that lead to the fakes.
    """

    def __init__(self, conf: cfg.ConfigOpts | None = None) -> None:
        self.conf = conf or make_conf()
        self.keystone, self.barbican, self.heat = FakeKeystone(), FakeBarbican(), FakeHeat()
        self.nova, self.neutron, self.glance = FakeNova(), FakeNeutron(), FakeGlance()
        self.keystone.catalog |= {
            "orchestration": "http://heat.test/v1/%(project_id)s",
            "image": self.glance.url,
            "compute": self.nova.url,
            "network": self.neutron.url,
            "key-manager": self.barbican.url,
            "container-infra": "http://magnum.test:9511/v1",
        }
        services = (
            self.keystone,
            self.barbican,
            self.heat,
            self.nova,
            self.neutron,
            self.glance,
        )
        transport = requests.Session()
        transport.trust_env = False
        for service in services:
            transport.mount(service.url, service)
        self.sessions = Sessions(self.conf, transport)

    def tenant(self) -> tuple[str, CloudSession]:
        """Make a project in which the service's user has its role; return id and session."""
        project_id = self.keystone.add_project()
        self.keystone.grants.add((project_id, self.keystone.service_user, "member"))
        return project_id, self.sessions.service(project_id)
