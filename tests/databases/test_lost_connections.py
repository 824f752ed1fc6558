# SPDX-License-Identifier: Apache-2.0
"""Connections that a real server ends, at every moment of a transaction."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from magnum.core import errors
from magnum.db.models import Quota
from magnum.db.session import Database
from tests.servers import Server

# PyMySQL leaves the socket of an attempt that was refused to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <:ResourceWarning")


def count(session: Session) -> int:
    return session.scalar(select(func.count(Quota.id))) or 0


def add(session: Session) -> None:
    session.add(Quota(project_id="a", resource="Cluster", hard_limit=1))
    session.flush()


def add_unless_there(session: Session) -> None:
    if not count(session):
        add(session)


class OnFirst:
    """Work that does something else after its first run, before its transaction ends."""

    def __init__(self, work: Callable[[Session], Any], then: Callable[[], None]) -> None:
        self.runs = 0
        self._work, self._then = work, then

    def __call__(self, session: Session) -> Any:
        self.runs += 1
        if self.runs == 1:
            self._work(session)
            self._then()
        return self._work(session)


def test_connections_that_broke_while_idle_are_not_noticed(
    server: Server, database: Database
) -> None:
    database.write(add)
    server.break_connections()
    assert database.read(count) == 1
    server.break_connections()
    database.write(lambda session: session.query(Quota).delete())
    assert database.read(count) == 0


def test_server_that_was_started_again_is_not_noticed(server: Server, database: Database) -> None:
    database.write(add)
    server.stop()
    server.start()
    assert database.read(count) == 1


def test_reading_is_done_again(server: Server, database: Database) -> None:
    work = OnFirst(count, server.break_connections)
    assert database.read(work) == 0
    assert work.runs == 2


def test_writing_is_done_again_whole_before_its_commit(server: Server, database: Database) -> None:
    work = OnFirst(add_unless_there, server.break_connections)
    database.write(work)
    assert work.runs == 2
    assert database.read(count) == 1


def test_lost_commit_is_not_tried_again(server: Server, database: Database) -> None:
    runs: list[int] = []

    def work(session: Session) -> None:
        runs.append(1)
        add(session)

    def lose(_connection: object) -> None:
        server.break_connections()

    event.listen(database.engine, "commit", lose)
    with pytest.raises(errors.Unavailable, match="the change may have been written"):
        database.write(work)
    event.remove(database.engine, "commit", lose)
    assert len(runs) == 1
    assert database.read(count) == 0


def test_lost_answer_of_a_commit_is_told_and_what_was_written_stays(
    server: Server, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialect: Any = database.engine.dialect
    genuine = dialect.do_commit

    def commit(connection: Any) -> None:
        genuine(connection)
        server.break_connections()
        genuine(connection)  # so that the driver notices by itself
        connection.cursor().execute("SELECT 1")

    monkeypatch.setattr(dialect, "do_commit", commit)
    with pytest.raises(errors.Unavailable, match="the change may have been written"):
        database.write(add)
    monkeypatch.undo()
    assert database.read(count) == 1
