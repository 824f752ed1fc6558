# SPDX-License-Identifier: Apache-2.0
"""Keep certificates in the service's own database, encrypted.

The keys are in a file (:mod:`magnum.certs.sealing`), so a copy of the database opens nothing.
"""

import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from oslo_config import cfg
from oslo_db.exception import DBDuplicateEntry
from sqlalchemy import ColumnElement, Update, delete, select, update
from sqlalchemy.orm import Session

from magnum.certs.sealing import Sealer, Tally, Unopened
from magnum.certs.x509 import Bundle
from magnum.core.errors import NotFound
from magnum.db.models import Certificate
from magnum.db.session import Database

_BATCH = 100
_SEALED = ("certificate", "private_key")
_GONE = "The database has no such certificate, it may have been deleted."


class DatabaseStore:
    """A :class:`magnum.certs.manager.CertStore`; references are the rows' uuids.

    :raises Misconfigured: there is no key.
    """

    def __init__(self, conf: cfg.ConfigOpts, _sessions: object, database: Database) -> None:
        self._sealer = Sealer(conf.certificates.encryption_key_file)
        self._database = database

    def ensure(self, name: str, make: Callable[[], Bundle]) -> tuple[str, Bundle]:
        """Return the row of that name, or write one; what the table then has is in force."""
        row = self._find(Certificate.name == name)
        if row is None:
            made = make()
            new = Certificate(
                uuid=str(uuid.uuid4()),
                name=name,
                certificate=self._sealer.seal(made.certificate_pem),
                private_key=self._sealer.seal(made.private_key_pem),
            )
            with suppress(DBDuplicateEntry):  # another conductor was faster
                self._database.write(partial(Session.add, instance=new))
            row = self._find(Certificate.name == name)
        return self._open(row)

    def load(self, ref: str) -> Bundle:
        """See :meth:`magnum.certs.manager.CertStore.load`."""
        return self._open(self._find(Certificate.uuid == ref))[1]

    def delete(self, name: str) -> None:
        """See :meth:`magnum.certs.manager.CertStore.delete`."""
        self._database.write(
            lambda session: session.execute(delete(Certificate).where(Certificate.name == name))
        )

    def check(self) -> None:
        """See :meth:`magnum.certs.manager.CheckedStore.check`; whether the keys can be read."""
        self._sealer.check()

    def reseal(self) -> Tally:
        """See :meth:`magnum.certs.manager.SealedStore.reseal`; some rows at a time."""
        tally, last = Tally(), 0
        while rows := self._database.read(partial(_rows_after, last)):
            changes = [self._resealed(row, tally) for row in rows]
            self._database.write(partial(_apply, changes))
            last = rows[-1].id
        return tally

    def _resealed(self, row: Certificate, tally: Tally) -> Update | None:
        """Return the statement by which the newest key opens a row, unless it does or none can."""
        try:
            sealed = {name: self._sealer.reseal(getattr(row, name)) for name in _SEALED}
        except Unopened:
            tally.lost.append(row.name)
            return None
        if all(getattr(row, name) == text for name, text in sealed.items()):
            tally.current += 1
            return None
        tally.changed += 1
        # By uuid: SQLite gives the id of a row deleted meanwhile to the next one.
        return update(Certificate).where(Certificate.uuid == row.uuid).values(**sealed)

    def _find(self, condition: ColumnElement[bool]) -> Certificate | None:
        return self._database.read(
            lambda session: session.scalars(select(Certificate).where(condition)).one_or_none()
        )

    def _open(self, row: Certificate | None) -> tuple[str, Bundle]:
        """Return a row's reference and what it holds.

        :raises NotFound: there is no row.
        """
        if row is None:
            raise NotFound(_GONE)
        texts = (row.certificate, row.private_key)
        return row.uuid, Bundle(*(self._sealer.unseal(text, row.name) for text in texts))


def _rows_after(last: int, session: Session) -> Sequence[Certificate]:
    rows = select(Certificate).where(Certificate.id > last).order_by(Certificate.id)
    return session.scalars(rows.limit(_BATCH)).all()


def _apply(changes: Sequence[Update | None], session: Session) -> None:
    for change in changes:
        if change is not None:
            session.execute(change)
