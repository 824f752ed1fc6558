# SPDX-License-Identifier: Apache-2.0
"""Keep certificates in Barbican, in this service's own project.

One secret for certificate and key together: it is stored by one call, so there is never half a
bundle.  Tenants neither see nor can delete it.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from barbicanclient import client
from oslo_config import cfg

from magnum.certs.x509 import Bundle
from magnum.clients.errors import Missing, translate
from magnum.clients.sessions import Sessions
from magnum.core.errors import NotFound, Unavailable

_NAME = "Barbican"
_PAGE = 100


class BarbicanStore:
    """A :class:`magnum.certs.manager.CertStore`; references are Barbican's URLs of secrets."""

    def __init__(self, conf: cfg.ConfigOpts, sessions: Sessions, _database: object = None) -> None:
        self._conf = conf
        self._sessions = sessions
        self._lock = threading.Lock()
        self._client: Any = None

    def ensure(self, name: str, make: Callable[[], Bundle]) -> tuple[str, Bundle]:
        """Return the oldest secret of that name, or store one.

        Barbican lets names repeat.  Should two conductors store at once, both take the older
        secret, and the younger one goes.
        """
        with translate(_NAME):
            there = self._oldest(name)
            if there is not None:
                return there
            made = make()
            secret = self._barbican().secrets.create(
                name=name,
                payload=made.to_pem(),
                payload_content_type="text/plain",
            )
            ref: str = secret.store()
            first = self._oldest(name, {ref: made}) or (ref, made)
            if first[0] != ref:
                self._delete_ref(ref)
            return first

    def load(self, ref: str) -> Bundle:
        """See :meth:`magnum.certs.manager.CertStore.load`."""
        try:
            with translate(_NAME):
                payload = self._barbican().secrets.get(ref).payload
            return Bundle.from_pem(payload or "")
        except (Missing, ValueError):
            raise NotFound("Barbican has no such certificate, it may have been deleted.") from None

    def delete(self, name: str) -> None:
        """See :meth:`magnum.certs.manager.CertStore.delete`."""
        for ref in self._refs(name):
            self._delete_ref(ref)

    def check(self) -> None:
        """See :meth:`magnum.certs.manager.CheckedStore.check`; whether Barbican lists secrets."""
        with translate(_NAME):
            self._barbican().secrets.list(limit=1)

    def _oldest(
        self, name: str, known: Mapping[str, Bundle] | None = None
    ) -> tuple[str, Bundle] | None:
        """Return the first secret of that name that can be read, or need not be: it is known."""
        known = known or {}
        for ref in self._refs(name):
            with suppress(NotFound):  # deleted meanwhile, or Barbican died while storing it
                return ref, known.get(ref) or self.load(ref)
        return None

    def _refs(self, name: str) -> list[str]:
        """Return the references of all secrets of that name, the oldest first."""
        with translate(_NAME):
            found = self._barbican().secrets.list(name=name, limit=_PAGE)
        found.sort(key=lambda secret: (secret.created, secret.secret_ref))
        return [secret.secret_ref for secret in found if secret.name == name]

    def _delete_ref(self, ref: str) -> None:
        with suppress(Missing), translate(_NAME):
            self._barbican().secrets.delete(ref)

    def _barbican(self) -> Any:
        """Return the client, made once: that costs a call, which asks for its versions.

        :raises Unavailable: Barbican, or its version, is not to be had.
        """
        with self._lock:
            if self._client is None:
                session = self._sessions.service()
                options = session.client_options("barbican")
                override = options.pop("endpoint_override")
                try:
                    self._client = client.Client(session=session, endpoint=override, **options)
                except ValueError as error:  # the library's word for versions that do not match
                    raise Unavailable(_NAME, str(error)) from error
            return self._client
