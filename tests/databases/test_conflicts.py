# SPDX-License-Identifier: Apache-2.0
"""Two transactions in each other's way, on a real server: both are carried out, once each."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from magnum.db import trouble
from magnum.db.models import Quota
from magnum.db.session import Database
from tests.servers import Server

PATIENCE = 20


def add_quotas(database: Database, *projects: str) -> None:
    rows = [Quota(project_id=name, resource="Cluster", hard_limit=0) for name in projects]
    database.write(lambda session: session.add_all(rows))


def limits(database: Database) -> dict[str, int]:
    query = select(Quota.project_id, Quota.hard_limit)
    return database.read(
        lambda session: {row.project_id: row.hard_limit for row in session.execute(query)}
    )


def raise_limit(session: Session, project: str) -> None:
    values = {"hard_limit": Quota.hard_limit + 1}
    session.execute(update(Quota).where(Quota.project_id == project).values(values))


@pytest.fixture
def conflicts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the server says, from now on, of conflicts that are to be tried again."""
    seen: list[str] = []
    genuine = trouble.is_conflict

    def note(error: BaseException) -> bool:
        found = genuine(error)
        seen.extend([trouble.reason(error)] if found else [])
        return found

    monkeypatch.setattr(trouble, "is_conflict", note)
    return seen


def test_victim_of_a_deadlock_is_run_again_whole(
    server: Server, database: Database, conflicts: list[str]
) -> None:
    add_quotas(database, "a", "b")
    both_hold_one = threading.Barrier(2)
    tries: list[str] = []

    def change(first: str, second: str) -> None:
        def work(session: Session) -> None:
            tries.append(first)
            raise_limit(session, first)
            if tries.count(first) == 1:
                both_hold_one.wait(PATIENCE)
            raise_limit(session, second)

        database.write(work)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(change, "a", "b"), pool.submit(change, "b", "a")]:
            done.result()
    assert limits(database) == {"a": 2, "b": 2}
    assert len(tries) > 2
    assert "eadlock" in conflicts[0]


def test_row_that_is_locked_for_too_long_is_tried_again(
    server: Server, database: Database, conflicts: list[str]
) -> None:
    add_quotas(database, "a")
    impatience = {
        "mysql": "SET SESSION innodb_lock_wait_timeout = 1",
        "postgresql": "SET LOCAL lock_timeout = '200ms'",
    }[database.engine.dialect.name]
    held, released = threading.Event(), threading.Event()
    tries: list[int] = []

    def hold(session: Session) -> None:
        raise_limit(session, "a")
        held.set()
        assert released.wait(PATIENCE)

    def change(session: Session) -> None:
        tries.append(1)
        if len(tries) > 1:
            released.set()
        session.execute(text(impatience))
        raise_limit(session, "a")

    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(database.write, hold)
        assert held.wait(PATIENCE)
        database.write(change)
        holder.result()
    assert limits(database) == {"a": 2}
    assert "timeout" in conflicts[0]


def test_row_that_changed_since_it_was_read_is_read_again(
    server: Server, database: Database, conflicts: list[str]
) -> None:
    add_quotas(database, "a")
    strict = {
        "mysql": "SET SESSION innodb_snapshot_isolation = ON",
        "postgresql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    }[database.engine.dialect.name]
    tries: list[int] = []

    def work(session: Session) -> None:
        tries.append(1)
        session.execute(text(strict))
        row = session.scalars(select(Quota)).one()
        if len(tries) == 1:
            database.write(lambda other: raise_limit(other, "a"))
        row.hard_limit += 10

    database.write(work)
    assert limits(database) == {"a": 11}
    assert len(tries) == 2
    assert len(conflicts) == 1
