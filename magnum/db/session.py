# SPDX-License-Identifier: Apache-2.0
"""Transactions: how every other module reaches the database.

A piece of work is a function of a session.  It runs in one transaction, and is run again whole
when the database chose it as the victim of a deadlock, so it must do nothing but talk to the
session.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar, cast

from oslo_db import api as oslo_db_api, exception as db_exception
from oslo_db.sqlalchemy import enginefacade
from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

from magnum.core import errors

T = TypeVar("T")
Work = Callable[[Session], T]

NAME = "The database"
"""What it is called when it does not answer."""

DEADLOCK_RETRIES = 5


class Database:
    """One process's way to the database, by the options of ``[database]``.

    Connects at first use, so that a process may start, and fork, before the database is there.
    """

    def __init__(self) -> None:
        self._facade = enginefacade.transaction_context()
        self._facade.configure(sqlite_fk=True, max_retries=0)
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The engine, made at first use."""
        if self._engine is None:
            engine: Engine = self._facade.writer.get_engine()
            if engine.dialect.name == "sqlite" and not event.contains(
                engine, "begin", _take_write_lock
            ):
                event.listen(engine, "begin", _take_write_lock)
            self._engine = engine
        return self._engine

    def read(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction that only reads.

        :raises Unavailable: the database does not answer.
        """
        with translated(), Session(self.engine, expire_on_commit=False) as session:
            return work(session)

    def write(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction and commit it.

        :raises Unavailable: the database does not answer; nothing was written, or the commit's
            answer was lost.
        """

        def transaction() -> T:
            engine = self.engine.execution_options(writes=True)
            with Session(engine, expire_on_commit=False) as session, session.begin():
                return work(session)

        with translated():
            return cast("T", _retry_deadlocks(transaction)())


_retry_deadlocks = oslo_db_api.wrap_db_retry(
    max_retries=DEADLOCK_RETRIES,
    retry_on_deadlock=True,
    retry_interval=0.05,
    inc_retry_interval=True,
    max_retry_interval=1,
    jitter=True,
)


def _take_write_lock(connection: Connection) -> None:
    """Let a writing SQLite transaction begin as a writer.

    One that begins as a reader cannot wait for another writer: SQLite refuses it at once.
    oslo.db begins transactions itself and marks that it did; SQLAlchemy lets no listener go
    before that one, so what it began, and has not used yet, is ended again.
    """
    if not connection.get_execution_options().get("writes"):
        return
    if connection.info.pop("in_transaction", False):
        connection.exec_driver_sql("ROLLBACK")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    connection.info["in_transaction"] = True


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn the database's silence into ours.

    :raises Unavailable: it does not answer.
    """
    try:
        yield
    except (
        db_exception.DBConnectionError,
        db_exception.DBDeadlock,
        db_exception.DBNonExistentDatabase,
        db_exception.CantStartEngineError,
    ) as error:
        raise errors.Unavailable(NAME) from error
