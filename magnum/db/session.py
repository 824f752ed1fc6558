# SPDX-License-Identifier: Apache-2.0
"""Transactions: how every other module reaches the database.

A piece of work is a function of a session.  It runs in one transaction, and may be run again
whole, so it must do nothing but talk to the session.  It is run again when that can do no harm:

* the database undid the transaction because another one was in its way: a deadlock, a row locked
  for too long, a conflict of two nodes of a Galera cluster, which shows at the commit;
* the connection broke before the commit was sent, so that the server undid all of it.

A commit whose answer is lost may have been carried out or not.  Running the work again could then
do twice what was asked for once, so the caller is told that the database does not answer.  If
the commit was carried out, nothing is lost: what was asked for is in the table of operations
like any other.  A conductor that cannot tell whether its record was written does that step
again, and steps adopt what they find; a claim that nobody knows of ends with its lease.

A connection that broke while nobody used it is noticed when it is taken from the pool, and a new
one takes its place (oslo.db asks the server first).  When none can be made, nothing is tried again
here: the client or the next beat of the conductor does that.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar, cast

from oslo_db import api as oslo_db_api
from oslo_db.sqlalchemy import enginefacade
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session
from sqlalchemy.orm.session import JoinTransactionMode

from magnum.core import errors
from magnum.db import connections, trouble

LOG = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[Session], T]

RETRIES = 5


class Database:
    """One process's way to the database, by the options of ``[database]``.

    Connects at first use, so that a process may start, and fork, before the database is there.

    :param patient: whether statements may take their time, as those of a migration do.
    """

    def __init__(self, patient: bool = False) -> None:
        self._facade = enginefacade.transaction_context()
        # oslo.db would let another thread go first with each connection that is given back.
        self._facade.configure(sqlite_fk=True, max_retries=0, thread_checkin=False)
        self._patient = patient
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    @property
    def engine(self) -> Engine:
        """The engine, made at first use."""
        with self._lock:
            if self._engine is None:
                engine: Engine = self._facade.writer.get_engine()
                connections.set_up(engine, self._patient)
                self._engine = engine
            return self._engine

    def read(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction that only reads.

        :raises Unavailable: the database does not answer.
        """

        def transaction() -> T:
            with self._session() as session:
                return work(session)

        return _run(transaction)

    def look(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` like :meth:`read`, with no session: for plain rows, which need none of it.

        :raises Unavailable: the database does not answer.
        """

        def transaction() -> T:
            with _connection(self.engine, writes=False) as connection:
                return work(connection)

        return _run(transaction)

    def write(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction and commit it.

        :raises Invalid: a text has a character that the database cannot store.
        :raises Unavailable: the database does not answer; nothing was written, or the commit's
            answer was lost.
        """

        def transaction() -> T:
            with self._session(writes=True) as session:
                result = work(session)
                session.flush()
                _commit(session)
                return result

        return _run(transaction)

    @contextlib.contextmanager
    def _session(self, writes: bool = False) -> Iterator[Session]:
        """Begin a transaction, which is undone unless it is committed.

        What is only read is undone by the connection, for a session would do so once more.
        """
        mode: JoinTransactionMode = "control_fully" if writes else "rollback_only"
        with (
            _connection(self.engine, writes) as connection,
            Session(connection, expire_on_commit=False, join_transaction_mode=mode) as session,
        ):
            yield session


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn the database's errors into ours.

    :raises Invalid: it cannot store a character.
    :raises Unavailable: it does not answer.
    """
    try:
        yield
    except trouble.DATABASE_ERRORS as error:
        told = trouble.told(error)
        if told is None:
            raise
        if isinstance(told, errors.Unavailable):
            LOG.warning("The database does not answer: %s", trouble.reason(error))
        raise told from error


def _run(transaction: Callable[[], T]) -> T:
    with translated():
        return cast("T", _retrying(transaction)())


_retrying = oslo_db_api.wrap_db_retry(
    max_retries=RETRIES,
    exception_checker=lambda error: trouble.is_conflict(error) or trouble.is_lost(error),
    retry_interval=0.05,
    inc_retry_interval=True,
    max_retry_interval=1,
    jitter=True,
)


def _connection(engine: Engine, writes: bool) -> Connection:
    """Take a connection from the pool and begin a transaction.

    :raises Unavailable: there is none to be had, for whatever reason.
    """
    try:
        connection = engine.connect()
        if writes:
            connection = connection.execution_options(writes=True)
        connection.begin()
    except trouble.DATABASE_ERRORS as error:
        LOG.warning("The database cannot be reached: %s", trouble.reason(error))
        raise errors.Unavailable(trouble.NAME) from error
    return connection


def _commit(session: Session) -> None:
    """Commit, once.

    :raises Unavailable: the connection broke meanwhile.
    """
    try:
        session.commit()
    except trouble.DATABASE_ERRORS as error:
        if not trouble.is_lost(error):
            raise
        LOG.warning("The answer to a commit is lost: %s", trouble.reason(error))
        raise errors.Unavailable(trouble.NAME, "the change may have been written") from error
