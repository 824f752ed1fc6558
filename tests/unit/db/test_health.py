# SPDX-License-Identifier: Apache-2.0
"""Looks at clusters are shared: each is made once, and only its maker may write what it saw."""

import pytest
from sqlalchemy import update

from magnum.core.states import Action, Health
from magnum.db import health
from magnum.db.health import Look
from magnum.db.models import Cluster
from magnum.db.session import Database
from tests import factories

SEEN = (Health.HEALTHY, {"api": "ok"}, [("INFO", "health", "x")])


def claim(database: Database, limit: int = 10, coes: tuple[str, ...] = ("swarm",)) -> list[Look]:
    return database.write(lambda session: health.claim(session, coes, 40.0, limit))


def record(database: Database, look: Look) -> bool:
    return database.write(lambda session: health.record(session, look, 30.0, *SEEN))


def pass_time(database: Database, seconds: float) -> None:
    database.write(
        lambda session: session.execute(
            update(Cluster).values(health_due=Cluster.health_due - seconds)
        )
    )


def test_each_cluster_is_looked_at_by_one_and_again_when_it_is_time(database: Database) -> None:
    rows = [factories.add_cluster(database, status="CREATE_COMPLETE") for _ in range(3)]
    looks = [*claim(database, 2), *claim(database, 2)]
    assert {look.cluster_id for look in looks} == {row.uuid for row in rows}
    assert claim(database) == []
    assert all(record(database, look) for look in looks)
    pass_time(database, 25)
    assert claim(database) == []
    pass_time(database, 6)
    assert len(claim(database)) == 3


def test_look_of_a_conductor_that_died_is_made_by_another_a_little_later(
    database: Database,
) -> None:
    factories.add_cluster(database, status="CREATE_COMPLETE")
    (first,) = claim(database)
    pass_time(database, 41)
    (second,) = claim(database)
    assert not record(database, first)
    assert record(database, second)


@pytest.mark.parametrize(
    ("status", "is_due"),
    [
        ("CREATE_COMPLETE", True),
        ("UPDATE_COMPLETE", True),
        ("ROLLBACK_COMPLETE", True),
        ("UPDATE_FAILED", True),
        ("CREATE_IN_PROGRESS", False),
        ("UPDATE_IN_PROGRESS", False),
        ("CREATE_FAILED", False),
        ("DELETE_FAILED", False),
    ],
)
def test_only_clusters_that_are_there_and_still_are_looked_at(
    database: Database, status: str, is_due: bool
) -> None:
    factories.add_cluster(database, status=status)
    assert bool(claim(database)) is is_due


def test_clusters_of_other_kinds_are_left_alone(database: Database) -> None:
    factories.add_cluster(database, status="CREATE_COMPLETE")
    assert claim(database, coes=("kubernetes",)) == []


def test_what_was_seen_of_a_cluster_that_is_being_changed_is_not_written(
    database: Database,
) -> None:
    row = factories.add_cluster(database, status="CREATE_COMPLETE")
    (look,) = claim(database)
    database.write(lambda session: factories.add_operation(session, row, Action.UPDATE))
    assert not record(database, look)
