# SPDX-License-Identifier: Apache-2.0
"""Which store is chosen, and the cache before it."""

import pytest

from magnum.certs import manager
from magnum.certs.barbican import BarbicanStore
from magnum.certs.database import DatabaseStore
from magnum.certs.local import LocalStore
from magnum.certs.x509 import Bundle
from magnum.core.errors import Misconfigured, NotFound
from tests.unit.certs.shelves import BUNDLE

NAME = manager.ca_name("c1")
STORES = {
    "barbican": BarbicanStore,
    "database": DatabaseStore,
    "x509keypair": DatabaseStore,
    "local": LocalStore,
}


def test_names_are_deterministic():
    assert NAME == "magnum-c1-ca"
    assert manager.conductor_name("c1") == "magnum-c1-conductor"


@pytest.mark.parametrize("kind", STORES)
def test_store_is_chosen_by_the_option(kind, keys, conf, database, cloud):
    conf.set_override("cert_manager_type", kind, "certificates")
    store = manager.open_store(conf, cloud.sessions, database)
    assert type(store) is STORES[kind]
    assert isinstance(store, manager.SealedStore) == (kind != "barbican")


@pytest.mark.parametrize("kind", ["", "castellan", "Barbican"])
def test_unknown_store_is_told_with_the_known_ones(kind, conf, database, cloud):
    conf.set_override("cert_manager_type", kind, "certificates")
    with pytest.raises(Misconfigured, match=r"must be one of barbican, database, local, x509k"):
        manager.open_store(conf, cloud.sessions, database)


@pytest.mark.parametrize("kind", ["database", "local"])
def test_store_without_its_key_does_not_start(kind, keys, conf, database, cloud):
    keys.unlink()
    conf.set_override("cert_manager_type", kind, "certificates")
    with pytest.raises(Misconfigured, match="make one by: magnum-db-manage new-certificate-key"):
        manager.load_store(conf, cloud.sessions, database)


def test_without_seconds_there_is_no_cache(conf, database, cloud):
    assert isinstance(manager.load_store(conf, cloud.sessions, database), manager.CachingStore)
    conf.set_override("cache_seconds", 0, "certificates")
    assert isinstance(manager.load_store(conf, cloud.sessions, database), BarbicanStore)


def test_the_cache_spares_calls_and_forgets_what_is_deleted(cloud):
    cached = manager.CachingStore(BarbicanStore(cloud.conf, cloud.sessions), 300)
    ref, _ = cached.ensure(NAME, lambda: BUNDLE)
    before = len(cloud.barbican.calls)
    assert cached.load(ref) == BUNDLE
    assert len(cloud.barbican.calls) == before
    cached.delete(NAME)
    with pytest.raises(NotFound):
        cached.load(ref)


def test_the_cache_loads_what_others_stored(cloud):
    store = BarbicanStore(cloud.conf, cloud.sessions)
    ref, _ = store.ensure(NAME, lambda: BUNDLE)
    cached = manager.CachingStore(store, 300)
    assert cached.load(ref) == cached.load(ref) == BUNDLE
    assert cloud.barbican.count("GET", "/payload") == 1


def test_a_bundle_shows_no_key():
    assert "PRIVATE" not in repr(Bundle(BUNDLE.certificate_pem, BUNDLE.private_key_pem))
