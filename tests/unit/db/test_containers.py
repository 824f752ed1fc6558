# SPDX-License-Identifier: Apache-2.0
"""Containers find their engines, and no engine is promised more than it has."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from magnum.core import errors
from magnum.core.container import Seen
from magnum.core.placement import Engine
from magnum.core.states import Action, Outcome
from magnum.db import containers, creations, operations, pages, repository
from magnum.db.claims import claim
from magnum.db.models import Cluster, Container, ContainerCreation, Event
from magnum.db.pages import Page
from magnum.db.repository import Scope
from magnum.db.session import Database
from tests import factories

MIB = 2**20
SCOPE = Scope(factories.PROJECT)
ENGINES = tuple(Engine(f"node-{n}", f"10.0.0.{n}", 100 * MIB) for n in (1, 2, 3))


@pytest.fixture
def bay(database: Database) -> Cluster:
    return factories.add_cluster(database, status="CREATE_COMPLETE")


def add(database: Database, bay: Cluster, **values: object) -> Container:
    row = factories.container(bay, **values)
    database.write(lambda session: containers.add(session, row, ENGINES, 60.0))
    return row


def get(database: Database, uuid: str) -> Container | None:
    found = database.read(lambda session: containers.by_uuids(session, [uuid]))
    return found[0] if found else None


def test_container_is_written_with_its_engine_and_its_creation(
    database: Database, bay: Cluster
) -> None:
    row = add(database, bay, name="c1")
    found = database.read(lambda session: repository.container(session, "c1", SCOPE))
    assert (found.uuid, found.host, found.host_id) == (row.uuid, "10.0.0.1", "node-1")
    assert (found.status, found.status_reason) == ("Unknown", "It is being created.")
    assert database.read(lambda session: creations.is_open(session, row.uuid))


def test_containers_are_spread(database: Database, bay: Cluster) -> None:
    hosts = [add(database, bay).host_id for _ in range(6)]
    assert sorted(map(str, hosts)) == ["node-1", "node-1", "node-2", "node-2", "node-3", "node-3"]


def test_parallel_creations_never_get_the_same_memory(database: Database, bay: Cluster) -> None:
    together = threading.Barrier(20)

    def create(_number: int) -> str:
        row = factories.container(bay, memory_bytes=30 * MIB)
        together.wait()
        try:
            database.write(lambda session: containers.add(session, row, ENGINES, 60.0))
        except errors.Invalid as error:
            return error.message
        return "made"

    with ThreadPoolExecutor(20) as pool:
        outcomes = Counter(pool.map(create, range(20)))
    assert outcomes.pop("made") == 9  # three times three of 30 MiB in 100 MiB
    ((refusal, count),) = outcomes.items()
    assert count == 11
    assert "has 30 MiB of memory left, the most that one has is 10 MiB" in refusal
    reserved = select(Container.host_id, func.sum(Container.memory_bytes)).group_by(
        Container.host_id
    )
    sums = database.read(lambda session: dict(session.execute(reserved).all()))
    assert sums == {f"node-{n}": 90 * MIB for n in (1, 2, 3)}


def test_memory_of_a_container_that_is_gone_is_free_again(database: Database, bay: Cluster) -> None:
    rows = [add(database, bay, memory_bytes=100 * MIB) for _ in range(3)]
    with pytest.raises(errors.Invalid):
        add(database, bay, memory_bytes=6 * MIB)
    held = database.write(lambda session: creations.claim(session, "one", 20.0, 9))
    assert database.write(lambda session: creations.failed(session, held[1], "No image."))
    assert add(database, bay, memory_bytes=6 * MIB).host_id == rows[1].host_id


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "CREATE_FAILED", "DELETE_IN_PROGRESS"])
def test_bay_that_is_not_complete_takes_none(database: Database, status: str) -> None:
    bay = factories.add_cluster(database, status=status)
    with pytest.raises(errors.WrongStatus, match=status):
        add(database, bay)


def test_bay_that_is_being_resized_takes_some(database: Database) -> None:
    bay = factories.add_cluster(database, status="UPDATE_IN_PROGRESS")
    assert add(database, bay).host_id


def test_name_is_given_once_in_a_bay(database: Database, bay: Cluster) -> None:
    add(database, bay, name="c1")
    with pytest.raises(errors.Conflict, match="has a container c1 already"):
        add(database, bay, name="c1")
    add(database, bay, name="C1")
    for _ in range(2):
        add(database, bay, name=None)
    other = factories.add_cluster(database, status="CREATE_COMPLETE")
    add(database, other, name="c1")
    with pytest.raises(errors.Ambiguous, match="More than one container is called c1"):
        database.read(lambda session: repository.container(session, "c1", SCOPE))


def test_pages_of_one_bay_have_its_containers_alone(database: Database, bay: Cluster) -> None:
    other = factories.add_cluster(database, status="CREATE_COMPLETE")
    mine = [add(database, bay).uuid for _ in range(3)]
    add(database, other)

    def listed(page: Page) -> list[str]:
        rows = database.read(lambda session: pages.page(session, Container, page, SCOPE))
        return [row.uuid for row in rows]

    assert listed(Page(limit=9, cluster_id=bay.uuid)) == mine
    assert listed(Page(limit=2, marker=mine[0], cluster_id=bay.uuid)) == mine[1:]
    assert len(listed(Page(limit=9))) == 4
    assert (
        database.read(lambda session: pages.page(session, Container, Page(limit=9), Scope("other")))
        == []
    )


def test_what_engines_tell_is_written_of_what_is_made(database: Database, bay: Cluster) -> None:
    one, other = add(database, bay), add(database, bay)
    (held, _) = database.write(lambda session: creations.claim(session, "one", 20.0, 9))
    database.write(lambda session: creations.made(session, held, "d1"))
    seen = {uuid: Seen("Error", "Its node is gone.") for uuid in (one.uuid, other.uuid)}
    database.write(lambda session: containers.record(session, seen))
    rows = database.read(lambda session: containers.by_uuids(session, seen))
    assert [row.status for row in rows] == ["Error", "Unknown"]
    assert rows[0].status_reason == "Its node is gone."


def test_row_goes_only_when_nobody_makes_the_container(database: Database, bay: Cluster) -> None:
    row = add(database, bay)
    assert not database.write(lambda session: containers.remove(session, row.uuid))
    (held,) = database.write(lambda session: creations.claim(session, "one", 20.0, 9))
    database.write(lambda session: creations.made(session, held, "d1"))
    assert database.write(lambda session: containers.remove(session, row.uuid))
    assert get(database, row.uuid) is None


def test_containers_go_with_their_bay(database: Database, bay: Cluster) -> None:
    add(database, bay)
    kept = add(database, factories.add_cluster(database, status="CREATE_COMPLETE"))
    database.write(lambda session: factories.add_operation(session, bay, Action.DELETE) and None)
    (deletion,) = database.write(lambda session: claim(session, "one", 20.0, 1))
    database.write(lambda session: operations.finish_delete(session, deletion))
    found = database.read(lambda session: session.scalars(select(Container.uuid)).all())
    left = database.read(
        lambda session: session.scalars(select(ContainerCreation.container_id)).all()
    )
    assert (found, left) == ([kept.uuid], [kept.uuid])


def test_creation_keeps_no_bay_from_being_changed(database: Database, bay: Cluster) -> None:
    add(database, bay)
    database.write(lambda session: creations.claim(session, "one", 20.0, 9))
    database.write(lambda session: factories.add_operation(session, bay, Action.UPDATE) and None)
    (update,) = database.write(lambda session: claim(session, "two", 20.0, 1))
    database.write(lambda session: operations.finish(session, update, Outcome.COMPLETE, None, {}))


def test_event_of_a_container_is_among_those_of_its_bay(database: Database, bay: Cluster) -> None:
    row = add(database, bay, name="c1")
    database.write(lambda session: containers.tell(session, row, "WARNING", "Node is drained"))
    (told,) = database.read(lambda session: session.scalars(select(Event)).all())
    assert (told.cluster_id, told.resource, told.text) == (
        bay.uuid,
        "container c1",
        "Node is drained",
    )
