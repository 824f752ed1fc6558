# SPDX-License-Identifier: Apache-2.0
"""Where certificates and their keys are kept: the interface, its choice, and a small cache.

A store is an entry point of ``magnum.cert_manager.backend``, made with ``(conf, sessions,
database)``, of which it takes what it needs.  No store writes a private key anywhere in clear.
"""

import threading
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, Protocol, runtime_checkable

from cachetools import TTLCache
from oslo_config import cfg
from stevedore import driver
from stevedore.exception import NoMatches

from magnum.certs.sealing import Tally
from magnum.certs.x509 import Bundle
from magnum.clients.sessions import Sessions
from magnum.core.errors import Misconfigured
from magnum.db.session import Database

_GROUP = "magnum.cert_manager.backend"
_BUNDLES_KEPT = 256


class CertStore(Protocol):
    """Keeps bundles of certificate and key under names that the caller can always tell again."""

    def ensure(self, name: str, make: Callable[[], Bundle]) -> tuple[str, Bundle]:
        """Return the bundle of that name; only if there is none, make and store one.

        Whoever repeats this, on whatever host, gets the same bundle.

        :param name: for example :func:`ca_name`; at most 255 characters.
        :param make: called at most once, without arguments.
        :returns: (reference, bundle in force); the reference has at most 512 characters.
        :raises Unavailable: the store does not answer; HTTP 503.
        """
        ...

    def load(self, ref: str) -> Bundle:
        """Return a stored bundle.

        :param ref: what :meth:`ensure` returned.
        :raises NotFound: the store has no such bundle (any more).
        :raises Unavailable: the store does not answer; HTTP 503.
        """
        ...

    def delete(self, name: str) -> None:
        """Delete everything of that name; fine when there is nothing.

        :raises Unavailable: the store does not answer; HTTP 503.
        """
        ...


@runtime_checkable
class SealedStore(CertStore, Protocol):
    """A store that encrypts what it keeps with the keys of :mod:`magnum.certs.sealing`."""

    def reseal(self) -> Tally:
        """Encrypt everything under the newest key; may be stopped anywhere and run again.

        :raises Unavailable: the store, or its keys, cannot be read.
        """
        ...


@runtime_checkable
class CheckedStore(CertStore, Protocol):
    """A store that can tell whether it is usable now."""

    def check(self) -> None:
        """Look whether bundles could be stored and loaded.

        :raises Unavailable: the store, or its keys, cannot be reached.
        """
        ...


def ca_name(cluster_uuid: str) -> str:
    """Return the name under which a cluster's CA is stored."""
    return f"magnum-{cluster_uuid}-ca"


def conductor_name(cluster_uuid: str) -> str:
    """Return the name under which our own client certificate for a cluster is stored."""
    return f"magnum-{cluster_uuid}-conductor"


def open_store(conf: cfg.ConfigOpts, sessions: Sessions, database: Database) -> CertStore:
    """Return the store of ``[certificates] cert_manager_type``; asks no service anything yet.

    :raises Misconfigured: there is no store of that type, or it lacks what it needs.
    """
    wanted = conf.certificates.cert_manager_type
    try:
        chosen: Any = driver.DriverManager(_GROUP, wanted)
    except NoMatches:
        known = ", ".join(sorted(entry_points(group=_GROUP).names))
        raise Misconfigured(
            f"[certificates] cert_manager_type is {wanted} but must be one of {known}."
        ) from None
    store: CertStore = chosen.driver(conf, sessions, database)
    return store


def load_store(conf: cfg.ConfigOpts, sessions: Sessions, database: Database) -> CertStore:
    """Return the store as :func:`open_store` does, behind a cache."""
    store = open_store(conf, sessions, database)
    seconds = conf.certificates.cache_seconds
    return CachingStore(store, seconds) if seconds else store


class CachingStore:
    """Keeps what was loaded for some seconds in this process's memory; safe for threads.

    A bundle never changes under its reference, so what is kept cannot be wrong, only gone.
    """

    def __init__(self, store: CertStore, seconds: int) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._kept: TTLCache[str, Bundle] = TTLCache(_BUNDLES_KEPT, seconds)
        self._refs: TTLCache[str, str] = TTLCache(_BUNDLES_KEPT, seconds)

    def ensure(self, name: str, make: Callable[[], Bundle]) -> tuple[str, Bundle]:
        """See :meth:`CertStore.ensure`; always asks the store, keeps its answer."""
        ref, bundle = self._store.ensure(name, make)
        with self._lock:
            self._kept[ref] = bundle
            self._refs[name] = ref
        return ref, bundle

    def load(self, ref: str) -> Bundle:
        """See :meth:`CertStore.load`."""
        with self._lock:
            kept = self._kept.get(ref)
        if kept is None:
            kept = self._store.load(ref)
            with self._lock:
                self._kept[ref] = kept
        return kept

    def check(self) -> None:
        """See :meth:`CheckedStore.check`; a store that has no such check is taken for usable."""
        if isinstance(self._store, CheckedStore):
            self._store.check()

    def delete(self, name: str) -> None:
        """See :meth:`CertStore.delete`; this process forgets it too, if it stored it."""
        self._store.delete(name)
        with self._lock:
            self._kept.pop(self._refs.pop(name, name), None)
