# SPDX-License-Identifier: Apache-2.0
"""Leases on containers that are to be made: who may make one, and who may write."""

import pytest
from sqlalchemy import update

from magnum.core import errors
from magnum.core.placement import Engine
from magnum.db import containers, creations
from magnum.db.creations import Creation
from magnum.db.models import Container, ContainerCreation
from magnum.db.session import Database
from tests import factories

ENGINES = (Engine("node-1", "10.0.0.1", 2**30),)


@pytest.fixture
def uuid(database: Database) -> str:
    """A container that is to be made."""
    bay = factories.add_cluster(database, status="CREATE_COMPLETE")
    row = factories.container(bay, memory_bytes=7 * 2**20)
    database.write(lambda session: containers.add(session, row, ENGINES, 60.0, "req-1"))
    return row.uuid


def claim(database: Database, owner: str = "one", only: str | None = None) -> list[Creation]:
    return database.write(lambda session: creations.claim(session, owner, 20.0, 9, only))


def expire(database: Database) -> None:
    over = update(ContainerCreation).values(lease_expires=0.0)
    database.write(lambda session: session.execute(over))


def row(database: Database, uuid: str) -> Container | None:
    found = database.read(lambda session: containers.by_uuids(session, [uuid]))
    return found[0] if found else None


def is_open(database: Database, uuid: str) -> bool:
    return database.read(lambda session: creations.is_open(session, uuid))


def test_creation_is_claimed_by_one_only(database: Database, uuid: str) -> None:
    (held,) = claim(database, "one")
    assert claim(database, "two") == []
    assert (held.container_id, held.request_id, held.attempts) == (uuid, "req-1", 0)
    assert (held.project_id, held.user_id) == (factories.PROJECT, factories.USER)
    assert 50 < held.seconds_left <= 60
    assert not held.taken_over


def test_one_container_can_be_asked_for(database: Database, uuid: str) -> None:
    assert claim(database, only="other") == []
    assert [held.container_id for held in claim(database, only=uuid)] == [uuid]


def test_creation_that_is_left_is_taken_over_and_its_holder_writes_no_more(
    database: Database, uuid: str
) -> None:
    (first,) = claim(database, "one")
    expire(database)
    (second,) = claim(database, "two")
    assert second.taken_over
    for work in (
        lambda session: creations.made(session, first, "d1"),
        lambda session: creations.failed(session, first, "No."),
        lambda session: creations.say(session, first, "Pulls."),
        lambda session: creations.gone(session, first),
        lambda session: creations.release(session, first, 0.0, "No."),
    ):
        with pytest.raises(errors.LeaseLost):
            database.write(work)
    found = row(database, uuid)
    assert found is not None
    assert (found.status, found.status_reason) == ("Unknown", "It is being created.")


def test_lease_is_renewed_by_its_holder_alone(database: Database, uuid: str) -> None:
    (first,) = claim(database, "one")
    expire(database)
    (second,) = claim(database, "two")

    def renew(held: Creation) -> dict[str, bool]:
        return database.write(lambda session: creations.renew(session, held.owner, 20.0, [held]))

    assert renew(first) == {}
    assert renew(second) == {uuid: False}


def test_creation_that_is_done_leaves_a_stopped_container(database: Database, uuid: str) -> None:
    (held,) = claim(database)
    database.write(lambda session: creations.say(session, held, "Pulls busybox."))
    assert row(database, uuid).status_reason == "Pulls busybox."  # type: ignore[union-attr]
    assert database.write(lambda session: creations.made(session, held, "d1"))
    found = row(database, uuid)
    assert found is not None
    assert (found.status, found.status_reason, found.docker_id) == ("Stopped", None, "d1")
    assert found.memory_bytes == 7 * 2**20
    assert not is_open(database, uuid)


def test_creation_that_fails_leaves_the_reason_and_no_reservation(
    database: Database, uuid: str
) -> None:
    (held,) = claim(database)
    assert database.write(lambda session: creations.failed(session, held, "No such image."))
    found = row(database, uuid)
    assert found is not None
    assert (found.status, found.status_reason) == ("Error", "No such image.")
    assert found.memory_bytes == 0
    assert not is_open(database, uuid)


def test_creation_that_is_given_back_waits_and_counts(database: Database, uuid: str) -> None:
    (held,) = claim(database)
    database.write(lambda session: creations.release(session, held, 60.0, "It is silent."))
    assert claim(database) == []
    assert row(database, uuid).status_reason == "It is silent. Trying again."  # type: ignore[union-attr]
    database.write(lambda session: session.execute(update(ContainerCreation).values(not_before=0)))
    (again,) = claim(database)
    assert (again.attempts, again.taken_over) == (1, False)


def test_cancelled_creation_ends_with_nothing_left(database: Database, uuid: str) -> None:
    (held,) = claim(database)
    assert database.write(lambda session: creations.cancel(session, uuid))
    assert database.write(lambda session: creations.renew(session, "one", 20.0, [held])) == {
        uuid: True
    }
    assert not database.write(lambda session: creations.made(session, held, "d1"))
    assert not database.write(lambda session: creations.failed(session, held, "No."))
    assert row(database, uuid).docker_id is None  # type: ignore[union-attr]
    database.write(lambda session: creations.gone(session, held))
    assert row(database, uuid) is None
    assert not is_open(database, uuid)


def test_cancelled_creation_of_a_dead_conductor_is_taken_up(database: Database, uuid: str) -> None:
    claim(database, "one")
    database.write(lambda session: creations.cancel(session, uuid))
    expire(database)
    (held,) = claim(database, "two")
    assert held.cancelled


def test_nothing_is_cancelled_of_what_is_made(database: Database, uuid: str) -> None:
    (held,) = claim(database)
    assert database.read(lambda session: creations.pending(session, [uuid])) == {
        uuid: "It is being created."
    }
    database.write(lambda session: creations.made(session, held, "d1"))
    assert database.read(lambda session: creations.pending(session, [uuid])) == {}
    assert not database.write(lambda session: creations.cancel(session, uuid))
