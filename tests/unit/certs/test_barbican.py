# SPDX-License-Identifier: Apache-2.0
"""What only Barbican can do to a store; :mod:`test_store` has what all stores do."""

import pytest
from keystoneauth1.exceptions import ConnectFailure

from magnum.certs import manager
from magnum.certs.barbican import BarbicanStore
from magnum.certs.x509 import Bundle
from magnum.core.errors import Unavailable
from tests.fakes.http import Answer
from tests.fakes.keystone import SERVICE_PROJECT

NAME = manager.ca_name("c1")
BUNDLE = Bundle(
    "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n",
    "-----BEGIN PRIVATE KEY-----\nB\n-----END PRIVATE KEY-----\n",
)
OTHER = Bundle(BUNDLE.certificate_pem.replace("\nA\n", "\nC\n"), BUNDLE.private_key_pem)


@pytest.fixture
def store(cloud):
    return BarbicanStore(cloud.conf, cloud.sessions)


def never() -> Bundle:
    raise AssertionError("made a second one")


def test_what_is_stored_by_one_call_is_adopted_afterwards(cloud, store):
    ref, bundle = store.ensure(NAME, lambda: BUNDLE)
    assert store.ensure(NAME, never) == (ref, bundle)
    assert store.load(ref) == bundle == BUNDLE
    assert cloud.barbican.count("POST") == 1
    assert len(cloud.barbican.secrets) == 1


def test_secrets_are_in_our_own_project(cloud, store):
    store.ensure(NAME, lambda: BUNDLE)
    token = cloud.barbican.calls[-1].headers["X-Auth-Token"]
    assert cloud.keystone.tokens[token]["token"]["project"]["id"] == SERVICE_PROJECT


def test_of_two_the_older_one_is_in_force(cloud, store):
    cloud.barbican.put(NAME, OTHER.to_pem(), "2026-02-02T00:00:00")
    older = cloud.barbican.put(NAME, BUNDLE.to_pem(), "2026-01-01T00:00:00")
    assert store.ensure(NAME, never) == (older, BUNDLE)


def test_who_stores_second_takes_the_first_ones_and_cleans_up(cloud, store):
    def overtaken() -> Bundle:
        cloud.barbican.put(NAME, OTHER.to_pem(), "2025-01-01T00:00:00")
        return BUNDLE

    ref, bundle = store.ensure(NAME, overtaken)
    assert bundle == OTHER
    assert list(cloud.barbican.secrets) == [ref]


def test_half_a_secret_does_not_count(cloud, store):
    cloud.barbican.put(NAME, None, "2025-01-01T00:00:00")
    cloud.barbican.put(NAME, "nonsense", "2025-01-01T00:00:00")
    assert store.ensure(NAME, lambda: BUNDLE)[1] == BUNDLE


@pytest.mark.parametrize("trouble", [Answer(503, {"title": "x"}), ConnectFailure("refused")])
@pytest.mark.parametrize("warm", [False, True], ids=["at first", "later"])
def test_barbican_down_is_unavailable(cloud, store, trouble, warm):
    ref = store.ensure(NAME, lambda: BUNDLE)[0] if warm else f"http://x/{'0' * 32}"
    cloud.barbican.trouble = trouble
    for ask in (
        lambda: store.ensure(NAME, lambda: BUNDLE),
        lambda: store.load(ref),
        lambda: store.delete(NAME),
    ):
        with pytest.raises(Unavailable, match="Barbican does not answer"):
            ask()


def test_a_lost_answer_does_not_make_a_second_one(cloud, store):
    store.ensure("warm", lambda: OTHER)
    genuine = cloud.barbican._store

    def stored_but_not_told(call):
        genuine(call)
        raise ConnectFailure("connection reset")

    cloud.barbican.routes.insert(0, ("POST", "/v1/secrets/", stored_but_not_told))
    with pytest.raises(Unavailable):
        store.ensure(NAME, lambda: BUNDLE)
    cloud.barbican.routes.pop(0)
    assert store.ensure(NAME, never)[1] == BUNDLE


def test_all_of_a_name_are_deleted_halves_too(cloud, store):
    for payload in (BUNDLE.to_pem(), None):
        cloud.barbican.put(NAME, payload, "2026-01-01T00:00:00")
    kept, _ = store.ensure(manager.ca_name("c2"), lambda: OTHER)
    store.delete(NAME)
    assert list(cloud.barbican.secrets) == [kept]
