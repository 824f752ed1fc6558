# SPDX-License-Identifier: Apache-2.0
"""What every store does, the same tests over all of them."""

import logging
import pathlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from cryptography.fernet import Fernet

from magnum.certs import manager, sealing
from magnum.certs.local import LocalStore
from magnum.certs.x509 import Bundle
from magnum.core.errors import NotFound, Unavailable
from tests.unit.certs import shelves
from tests.unit.certs.shelves import BUNDLE, OTHER, Shelf

NAME = manager.ca_name("c1")
SEALED = pytest.mark.parametrize("kind", ["database", "local"])


@pytest.fixture(params=shelves.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def shelf(kind, keys, conf, database) -> Iterator[Shelf]:
    with closing(shelves.make(kind, conf)) as shelf:
        yield shelf


@pytest.fixture
def store(shelf):
    return shelf.open()


def never() -> Bundle:
    raise AssertionError("made a second one")


def secrets_of(*bundles: Bundle) -> list[str]:
    """Return the lines that make up private keys."""
    lines = [line for bundle in bundles for line in bundle.private_key_pem.splitlines()]
    return ["PRIVATE KEY", *(line for line in lines if not line.startswith("-----"))]


def test_bundle_is_made_once_and_adopted_by_every_process(shelf, store):
    ref, bundle = store.ensure(NAME, lambda: BUNDLE)
    assert bundle == BUNDLE
    assert len(ref) <= 512
    other = shelf.open()
    assert other.ensure(NAME, never) == (ref, BUNDLE)
    assert other.load(ref) == BUNDLE


def test_names_have_bundles_of_their_own(store):
    ref, _ = store.ensure(NAME, lambda: BUNDLE)
    other, _ = store.ensure(manager.conductor_name("c1"), lambda: OTHER)
    assert ref != other
    assert (store.load(ref), store.load(other)) == (BUNDLE, OTHER)


def test_of_many_at_once_all_get_the_same(shelf):
    together = threading.Barrier(4, timeout=30)

    def ensure(bundle: Bundle) -> tuple[str, Bundle]:
        store = shelf.open()
        together.wait()

        def make() -> Bundle:
            together.wait()  # nobody has stored anything before all are about to
            return bundle

        return store.ensure(NAME, make)

    with ThreadPoolExecutor(4) as pool:
        (ref, bundle), *others = pool.map(ensure, [BUNDLE, OTHER, BUNDLE, OTHER])
    assert set(others) == {(ref, bundle)}
    assert shelf.open().load(ref) == bundle


def test_who_stores_second_takes_what_the_first_has_stored(shelf, store):
    def overtaken() -> Bundle:
        shelf.open().ensure(NAME, lambda: OTHER)
        return BUNDLE

    ref, bundle = store.ensure(NAME, overtaken)
    assert bundle == OTHER == store.load(ref)
    assert shelf.open().ensure(NAME, never) == (ref, OTHER)


def test_process_that_died_half_way_leaves_nothing_in_the_way(shelf, store):
    shelf.die_half_way(NAME)
    ref, bundle = store.ensure(NAME, lambda: BUNDLE)
    assert (bundle, store.load(ref)) == (BUNDLE, BUNDLE)
    store.delete(NAME)
    assert "magnum-c1" not in shelf.at_rest()


@pytest.mark.parametrize(
    "ref",
    [
        "http://barbican.test/v1/secrets/2f6a4d5c-0000-4000-8000-000000000000",
        "2f6a4d5c-0000-4000-8000-000000000000",
        f"{NAME}.{'0' * 64}",
        "nonsense",
        "..",
        "../../etc/passwd",
        "/etc/passwd",
        "",
    ],
)
def test_what_is_not_there_is_not_found(store, ref):
    store.ensure(NAME, lambda: BUNDLE)
    with pytest.raises(NotFound):
        store.load(ref)


def test_deleted_once_and_again_it_is_gone_and_others_stay(shelf, store):
    ref, _ = store.ensure(NAME, lambda: BUNDLE)
    kept, _ = store.ensure(manager.ca_name("c2"), lambda: OTHER)
    for _ in range(2):
        store.delete(NAME)
    with pytest.raises(NotFound):
        shelf.open().load(ref)
    assert store.load(kept) == OTHER


def test_what_is_made_anew_under_a_name_has_a_reference_of_its_own(store):
    """Or a cache would go on showing what was there before."""
    ref, _ = store.ensure(NAME, lambda: BUNDLE)
    store.delete(NAME)
    again, _ = store.ensure(NAME, lambda: OTHER)
    assert again != ref
    with pytest.raises(NotFound):
        store.load(ref)


def test_no_key_is_anywhere_in_clear(shelf, store, caplog):
    caplog.set_level(logging.DEBUG)
    ref, _ = store.ensure(NAME, lambda: BUNDLE)
    store.ensure(manager.conductor_name("c1"), lambda: OTHER)
    loaded = store.load(ref)
    shown = "\n".join([shelf.at_rest(), caplog.text, repr(store), repr(vars(store)), repr(loaded)])
    for secret in secrets_of(BUNDLE, OTHER):
        assert secret not in shown


def test_silent_store_is_unavailable_by_its_name(shelf, store):
    ref, _ = store.ensure(NAME, lambda: BUNDLE)
    shelf.fall_silent()
    for ask in (
        lambda: store.ensure(NAME, never),
        lambda: store.ensure(manager.ca_name("c2"), lambda: OTHER),
        lambda: store.load(ref),
        lambda: store.delete(NAME),
    ):
        with pytest.raises(Unavailable, match=f"^{shelf.name} does not answer"):
            ask()


@SEALED
def test_without_the_right_key_it_waits_for_that_and_shows_nothing(shelf, store, keys, caplog):
    ref, _ = store.ensure(NAME, lambda: BUNDLE)
    right = keys.read_text()
    for wrong in ("", f"{Fernet.generate_key().decode()}\n", "nonsense\n"):
        keys.write_text(wrong)
        for ask in (lambda: store.ensure(NAME, never), lambda: store.load(ref)):
            with pytest.raises(Unavailable) as caught:
                ask()
            assert caught.value.message.startswith("The certificate store does not answer")
            for secret in [*secrets_of(BUNDLE), *wrong.split(), str(keys)]:
                assert secret not in caught.value.message
    assert str(keys) in caplog.text
    assert not [line for line in wrong.split() if line in caplog.text]
    keys.write_text(right)
    assert store.load(ref) == BUNDLE


@SEALED
def test_new_key_counts_at_once_and_rotation_frees_of_the_old_one(shelf, store, keys):
    names = [manager.ca_name(f"c{number}") for number in range(5)]
    refs = [store.ensure(name, lambda: BUNDLE)[0] for name in names]
    old = keys.read_text()
    sealing.add_key(keys, standby=False)
    assert store.reseal() == sealing.Tally(changed=5)
    assert shelf.open().reseal() == sealing.Tally(current=5)
    keys.write_text(keys.read_text().removesuffix(old))
    assert [shelf.open().load(ref) for ref in refs] == [BUNDLE] * 5


@SEALED
def test_standby_key_opens_what_another_host_sealed_with_it(shelf, store, keys):
    sealing.add_key(keys, standby=True)
    here = keys.read_text()
    sealing.promote_key(keys)  # on the other host
    ref, _ = store.ensure(NAME, lambda: BUNDLE)
    keys.write_text(here)
    assert store.load(ref) == BUNDLE
    assert store.reseal().changed == 1


@SEALED
def test_rotation_goes_on_beside_what_no_key_opens_and_names_it(shelf, store, keys):
    store.ensure(NAME, lambda: BUNDLE)
    right = keys.read_text()
    keys.unlink()
    sealing.add_key(keys, standby=False)
    store.ensure(manager.ca_name("c2"), lambda: OTHER)
    before = shelf.at_rest()
    assert store.reseal() == sealing.Tally(current=1, lost=[NAME])
    assert shelf.at_rest() == before
    keys.write_text(keys.read_text() + right)
    assert store.reseal() == sealing.Tally(changed=1, current=1)


@SEALED
def test_rotation_can_be_stopped_and_run_again(kind, store, keys, monkeypatch):
    monkeypatch.setattr("magnum.certs.database._BATCH", 2)
    for number in range(5):
        store.ensure(manager.ca_name(f"c{number}"), lambda: BUNDLE)
    sealing.add_key(keys, standby=False)
    genuine = sealing.Sealer.reseal
    texts = iter(range({"database": 5, "local": 2}[kind]))  # the database has two for each

    def until_stopped(self: sealing.Sealer, sealed: str) -> str:
        if next(texts, None) is None:
            raise KeyboardInterrupt
        return genuine(self, sealed)

    with monkeypatch.context() as patch:
        patch.setattr(sealing.Sealer, "reseal", until_stopped)
        with pytest.raises(KeyboardInterrupt):
            store.reseal()
    assert store.reseal() == sealing.Tally(changed=3, current=2)


@SEALED
def test_certificate_deleted_while_keys_rotate_stays_deleted(kind, shelf, store, keys, monkeypatch):
    store.ensure(NAME, lambda: BUNDLE)
    sealing.add_key(keys, standby=False)
    genuine = sealing.Sealer.reseal
    deletion = threading.Thread(target=store.delete, args=(NAME,))

    def deleted_meanwhile(self: sealing.Sealer, sealed: str) -> str:
        if not deletion.ident:
            deletion.start()
        if kind == "database":  # which lets it through at once; files have a lock
            deletion.join()
        return genuine(self, sealed)

    monkeypatch.setattr(sealing.Sealer, "reseal", deleted_meanwhile)
    store.reseal()
    deletion.join()
    assert NAME not in shelf.at_rest()


def test_directory_holds_one_file_a_bundle_for_its_owner_only(conf, keys):
    folder = pathlib.Path(conf.certificates.storage_path)
    store = LocalStore(conf)

    def overtaken() -> Bundle:
        LocalStore(conf).ensure(NAME, lambda: OTHER)
        return BUNDLE

    store.ensure(NAME, overtaken)
    store.delete(manager.ca_name("c2"))
    assert {path.name for path in folder.iterdir()} == {f"{NAME}.sealed", ".lock"}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
