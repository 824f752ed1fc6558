# SPDX-License-Identifier: Apache-2.0
"""The domain of node users where [trust] names none, and where it names half of one."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from oslo_config import cfg

from magnum.clients.errors import Missing, NotPermitted
from magnum.clients.keystone import Keystone
from magnum.clients.trustee_domain import TrusteeDomain
from magnum.core.errors import Misconfigured
from tests.fakes.http import Answer
from tests.fakes.openstack import FakeOpenStack

OPTIONS = ("trustee_domain_id", "trustee_domain_admin_name", "trustee_domain_admin_password")


@pytest.fixture
def unset(cloud: FakeOpenStack, caplog: pytest.LogCaptureFixture) -> FakeOpenStack:
    """A cloud without such a domain, and a configuration that says nothing of one."""
    for name in OPTIONS:
        cloud.conf.set_override(name, None, "trust")
    cloud.keystone.domains.clear()
    caplog.set_level(logging.INFO)
    return cloud


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line.getMessage() for line in caplog.records if "[trust]" in line.getMessage()]


def test_a_domain_is_made_once_and_node_users_in_it_by_our_own_user(
    unset: FakeOpenStack, caplog: pytest.LogCaptureFixture
) -> None:
    keystone = Keystone(unset.sessions)
    made = [keystone.ensure_node_user(name, "p", "") for name in ("masters", "workers")]
    ((domain_id, name),) = unset.keystone.domains.items()
    assert name == "magnum"
    assert {unset.keystone.users[user]["domain_id"] for user in made} == {domain_id}
    assert unset.keystone.count("POST", "/auth/tokens") == 1  # nobody else has logged in
    (line,) = said(caplog)
    assert line.startswith(f"Made the domain magnum ({domain_id})")
    assert "set trustee_domain_id" in line


def test_a_restart_finds_the_domain(unset: FakeOpenStack, caplog: pytest.LogCaptureFixture) -> None:
    first = TrusteeDomain(unset.sessions).id()
    assert TrusteeDomain(unset.sessions).id() == first
    assert said(caplog)[1].startswith(f"Uses the domain magnum ({first})")


def test_conductors_that_race_end_at_the_same_domain(unset: FakeOpenStack) -> None:
    genuine = unset.keystone._create_domain

    def overtaken(call):
        genuine(call)
        return Answer(409, {"error": {"message": "duplicate"}})

    unset.keystone.routes.insert(0, ("POST", "/v3/domains", overtaken))
    with ThreadPoolExecutor(8) as pool:
        domains = [TrusteeDomain(unset.sessions) for _ in range(8)]
        found = set(pool.map(TrusteeDomain.id, domains))
    assert found == set(unset.keystone.domains)
    assert len(found) == 1


def test_a_domain_that_is_gone_is_made_anew(unset: FakeOpenStack) -> None:
    keystone = Keystone(unset.sessions)
    keystone.ensure_node_user("masters", "p", "")
    unset.keystone.domains.clear()
    with pytest.raises(Missing, match="Could not find domain"):
        keystone.ensure_node_user("workers", "p", "")
    user_id = keystone.ensure_node_user("workers", "p", "")  # as the step is tried again
    assert unset.keystone.users[user_id]["domain_id"] in unset.keystone.domains


def test_a_user_that_may_make_no_domain_is_told_in_keystones_words(unset: FakeOpenStack) -> None:
    words = "You are not authorized to perform the requested action: identity:create_domain."
    forbidden = ("POST", "/v3/domains", lambda _call: Answer(403, {"error": {"message": words}}))
    unset.keystone.routes.insert(0, forbidden)
    with pytest.raises(NotPermitted, match="identity:create_domain"):
        Keystone(unset.sessions).ensure_node_user("masters", "p", "")


def test_a_domain_that_is_named_is_used_and_nothing_said(
    cloud: FakeOpenStack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    Keystone(cloud.sessions).ensure_node_user("masters", "p", "")
    assert not cloud.keystone.count("GET", "/domains")
    assert not said(caplog)


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        (("trustee_domain_id",), ["trustee_domain_admin_id or", "trustee_domain_admin_password"]),
        (("trustee_domain_name", "trustee_domain_admin_id"), ["trustee_domain_admin_password"]),
        (("trustee_domain_admin_domain_name",), ["trustee_domain_id or trustee_domain_name"]),
    ],
)
def test_half_a_domain_is_refused_with_what_is_missing(
    unset: FakeOpenStack, given: tuple[str, ...], lacking: list[str]
) -> None:
    conf: cfg.ConfigOpts = unset.conf
    for name in given:
        conf.set_override(name, "x", "trust")
    with pytest.raises(Misconfigured) as caught:
        Keystone(unset.sessions)
    for words in (*given, *lacking):
        assert words in caught.value.message
