# SPDX-License-Identifier: Apache-2.0
"""Transactions: whole or not at all, again after a deadlock, and clear when nobody answers."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from oslo_config import cfg
from oslo_db import exception as db_exception, options as db_options
from sqlalchemy import event, exc, func, select
from sqlalchemy.orm import Session

from magnum.core import errors
from magnum.db.models import Quota
from magnum.db.session import RETRIES, Database


def quota(number: int = 1) -> Quota:
    return Quota(project_id=f"p{number}", resource="Cluster", hard_limit=1)


def count(database: Database) -> int:
    return database.read(lambda session: session.scalar(select(func.count(Quota.id)))) or 0


def test_work_that_raises_writes_nothing(database: Database) -> None:
    def work(session: Session) -> None:
        session.add(quota())
        session.flush()
        raise KeyError

    with pytest.raises(KeyError):
        database.write(work)
    assert count(database) == 0


def test_deadlock_runs_the_work_again_whole(database: Database) -> None:
    tries = []

    def work(session: Session) -> None:
        tries.append(1)
        session.add(quota())
        session.flush()
        if len(tries) < 3:
            raise db_exception.DBDeadlock

    database.write(work)
    assert (len(tries), count(database)) == (3, 1)


def test_deadlock_without_end_is_told_as_a_silent_database(database: Database) -> None:
    tries = []

    def work(_session: Session) -> None:
        tries.append(1)
        raise db_exception.DBDeadlock

    with pytest.raises(errors.Unavailable, match="The database does not answer"):
        database.write(work)
    assert len(tries) == RETRIES + 1


def test_connection_that_breaks_before_the_commit_runs_the_work_again(database: Database) -> None:
    tries = []

    def work(session: Session) -> None:
        tries.append(1)
        session.add(quota())
        session.flush()
        if len(tries) == 1:
            raise db_exception.DBConnectionError

    database.write(work)
    assert (len(tries), count(database)) == (2, 1)


def test_commit_whose_answer_is_lost_is_told_and_not_tried_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []
    genuine = Session.commit

    def work(session: Session) -> None:
        tries.append(1)
        session.add(quota())

    def commit(session: Session) -> None:
        genuine(session)
        raise db_exception.DBConnectionError

    monkeypatch.setattr(Session, "commit", commit)
    with pytest.raises(errors.Unavailable, match="the change may have been written"):
        database.write(work)
    assert (len(tries), count(database)) == (1, 1)


def test_pool_without_a_free_connection_is_told_as_a_silent_database(database: Database) -> None:
    @event.listens_for(database.engine, "engine_connect")
    def refuse(_connection: object) -> None:
        raise exc.TimeoutError("QueuePool limit of size 5 overflow 50 reached")

    with pytest.raises(errors.Unavailable):
        count(database)


def test_error_does_not_list_what_was_to_be_written(database: Database) -> None:
    row = Quota(project_id="p", resource=None, hard_limit=1)
    with pytest.raises(db_exception.DBError) as raised:
        database.write(lambda session: session.add(row))
    assert "SQL parameters hidden" in str(raised.value)


def test_database_that_is_away_is_told(conf: cfg.ConfigOpts) -> None:
    db_options.set_defaults(conf, connection="sqlite:////nowhere/at/all.sqlite")
    with pytest.raises(errors.Unavailable):
        Database().read(lambda session: session.scalar(select(func.count(Quota.id))))


def test_writers_wait_for_one_another(database: Database) -> None:
    def write(number: int) -> None:
        for row in [quota(10 * number + step) for step in range(5)]:
            database.write(partial(Session.add, instance=row))

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert count(database) == 20


def test_writers_that_read_first_wait_for_one_another_too(database: Database) -> None:
    def write(number: int) -> None:
        def work(session: Session) -> None:
            session.scalar(select(func.count(Quota.id)))
            time.sleep(0.05)
            session.add(quota(number))

        database.write(work)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert count(database) == 4
