# SPDX-License-Identifier: Apache-2.0
import logging
import time
from types import SimpleNamespace

import pytest

from magnum.clients import neutron, nova
from magnum.core.errors import Unauthorized, Unavailable
from magnum.heat.stacks import Stacks
from tests.fakes.http import Answer
from tests.fakes.openstack import FakeOpenStack, make_conf


def test_the_service_logs_in_to_its_own_project_by_default(cloud):
    session = cloud.sessions.service()
    assert session.get_user_id() == cloud.keystone.service_user
    assert session is cloud.sessions.service()


def test_keystone_auth_goes_before_keystone_authtoken():
    cloud = FakeOpenStack(make_conf("keystone_auth"))
    assert cloud.sessions.service().get_user_id() == cloud.keystone.service_user


def test_one_token_serves_all_calls_in_a_project(cloud):
    project_id, session = cloud.tenant()
    neutron.ports_on_network(session, "n")
    neutron.ports_on_network(cloud.sessions.service(project_id), "n")
    assert session.get_project_id() == project_id
    assert cloud.keystone.count("POST", "/auth/tokens") == 1


def test_an_expired_token_is_fetched_anew(cloud):
    _, session = cloud.tenant()
    neutron.ports_on_network(session, "n")
    refused = [Answer(401, {"error": {"message": "expired"}})]
    genuine = cloud.neutron._answer
    cloud.neutron._answer = lambda call: refused.pop() if refused else genuine(call)
    assert neutron.ports_on_network(session, "n") == []
    assert cloud.keystone.count("POST", "/auth/tokens") == 2


@pytest.mark.parametrize(
    ("service", "ask"),
    [  # whose libraries raise, or hand out, what failed
        ("neutron", lambda cloud, session: neutron.ports_on_network(session, "n")),
        ("heat", lambda cloud, session: Stacks(session, cloud.conf).find("bay")),
    ],
)
def test_a_token_is_fetched_anew_after_a_failure_it_may_have_caused(cloud, service, ask):
    _, session = cloud.tenant()
    revoked = session.get_token()
    fake = getattr(cloud, service)
    genuine = fake._answer
    fake._answer = lambda call: (
        Answer(500) if call.headers["X-Auth-Token"] == revoked else genuine(call)
    )
    with pytest.raises(Unavailable):
        ask(cloud, session)
    assert not ask(cloud, session)


def test_the_domain_admin_is_scoped_to_the_trustee_domain(cloud):
    session = cloud.sessions.domain_admin()
    assert session.get_user_id() == cloud.keystone.domain_admin
    assert session.get_project_id() is None


def caller(cloud, **info):
    token = cloud.keystone.issue(cloud.keystone.service_user, "p1")
    return SimpleNamespace(auth_token=token, **info), cloud.keystone.tokens[token]


def test_a_caller_is_not_logged_in_again(cloud):
    context, info = caller(cloud)
    context.token_info = info
    nova.check_flavors(cloud.sessions.caller(context), {"flavor_id": "m1.nano"})
    assert cloud.nova.calls[0].headers["X-Auth-Token"] == context.auth_token
    assert cloud.keystone.calls == []


@pytest.mark.parametrize("info", [{}, {"token_info": None}, {"token_info": {"token": {}}}])
def test_a_caller_without_catalogue_is_looked_up_as_the_service(cloud, info):
    context, _ = caller(cloud, **info)
    session = cloud.sessions.caller(context)
    nova.check_flavors(session, {"flavor_id": "m1.nano"})
    assert cloud.nova.calls[0].headers["X-Auth-Token"] == context.auth_token
    assert cloud.keystone.count("GET", "/auth/tokens") == 1


def test_an_unknown_token_is_401(cloud):
    with pytest.raises(Unauthorized):
        cloud.sessions.caller(SimpleNamespace(auth_token="made up"))


def test_keystone_down_is_unavailable(cloud):
    cloud.keystone.trouble = Answer(503)
    with pytest.raises(Unavailable, match="Keystone does not answer"):
        cloud.sessions.caller(SimpleNamespace(auth_token="t"))


def test_each_service_has_its_own_timeout_and_tls_options(cloud):
    cloud.conf.set_override("timeout", 7.0, "neutron_client")
    cloud.conf.set_override("insecure", True, "neutron_client")
    cloud.conf.set_override("ca_file", "/ca.pem", "keystone_client")
    cloud.conf.set_override("cert_file", "/c.pem", "neutron_client")
    cloud.conf.set_override("key_file", "/k.pem", "neutron_client")
    _, session = cloud.tenant()
    neutron.ports_on_network(session, "n")
    (call,) = cloud.neutron.calls
    assert (call.timeout, call.verify, call.cert) == (7.0, False, ("/c.pem", "/k.pem"))
    assert {(c.timeout, c.verify) for c in cloud.keystone.calls} == {(30.0, "/ca.pem")}


def test_an_override_goes_before_the_catalogue(cloud):
    cloud.conf.set_override("endpoint_override", "http://neutron.test/v2.0/", "neutron_client")
    del cloud.keystone.catalog["network"]
    _, session = cloud.tenant()
    assert neutron.ports_on_network(session, "n") == []


def test_a_service_that_is_not_in_the_catalogue_is_unavailable_until_it_is(cloud):
    url = cloud.keystone.catalog.pop("network")
    _, session = cloud.tenant()
    with pytest.raises(Unavailable, match="the catalogue has no endpoint"):
        neutron.ports_on_network(session, "n")
    cloud.keystone.catalog["network"] = url
    assert neutron.ports_on_network(session, "n") == []


def test_no_secret_is_logged_even_when_debugging(cloud, caplog):
    caplog.set_level(logging.DEBUG)
    _, session = cloud.tenant()
    neutron.ports_on_network(session, "n")
    assert "GET http://neutron.test/v2.0/ports: 200" in caplog.text
    assert "servicepass" not in caplog.text
    assert not [token for token in cloud.keystone.tokens if token in caplog.text]


def test_a_session_waits_for_nobody_beyond_its_deadline(cloud):
    context, info = caller(cloud)
    context.token_info = info
    cloud.conf.set_override("timeout", 7.0, "nova_client")
    for left, longest in ((60.0, 7.0), (2.0, 2.0)):
        session = cloud.sessions.caller(context, time.monotonic() + left)
        nova.check_flavors(session, {"flavor_id": "m1.nano"})
        assert longest - 1 < cloud.nova.calls[-1].timeout <= longest
    cloud.nova.calls.clear()
    session = cloud.sessions.caller(context, time.monotonic())
    with pytest.raises(Unavailable, match=r"Nova does not answer.*timed out"):
        nova.check_flavors(session, {"flavor_id": "m1.nano"})
    assert cloud.nova.calls == []
