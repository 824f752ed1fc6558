# SPDX-License-Identifier: Apache-2.0
"""How many statements a request takes: the API is as fast as they are few."""

from collections.abc import Callable
from typing import Any

import pytest
import webtest

from magnum.db.session import Database
from tests import factories
from tests.fakes.services import World
from tests.queries import QueryRecorder

BAY = {"name": "b", "baymodel_id": "m"}

READS = {
    "/v1/bays/b": 1,  # with its node groups
    "/v1/bays": 1,  # which counts the nodes
    "/v1/bays/detail": 2,
    "/v1/bays/b/events": 2,
    "/v1/certificates/b": 1,
    "/v1/baymodels/m": 1,
    "/v1/baymodels": 1,
    "/v1/baymodels/detail": 1,
    "/v1/mservices": 1,
    "/v1/containers/c1": 1,
    "/v1/containers": 1,
    "/v1/containers?bay_ident=b": 2,
    "/v1/containers/detail": 1,
    "/v1/containers/c1/logs": 1,
}

CHANGES: dict[str, tuple[Callable[[webtest.TestApp], Any], int]] = {
    "create baymodel": (
        lambda api: api.post_json("/v1/baymodels", {**factories.BAYMODEL, "name": "n"}),
        1,
    ),
    # The template; bay, node groups (one statement where the database can), event, operation.
    "create bay": (lambda api: api.post_json("/v1/bays", {**BAY, "name": "c"}), 7),
    # The baymodel; again and locked, its bays counted, changed.
    "patch baymodel": (lambda api: api.patch_json("/v1/baymodels/unused", _set("name", "x")), 4),
    "delete baymodel": (lambda api: api.delete("/v1/baymodels/unused"), 4),
    # The bay; again and locked, with its groups; its baymodel; bay, group, event, operation.
    "patch bay": (lambda api: api.patch_json("/v1/bays/b", _set("node_count", 3)), 8),
    # Likewise, without the group; is it being deleted already, supersede what else is done to it.
    "delete bay": (lambda api: api.delete("/v1/bays/b"), 8),
}


def _set(name: str, value: object) -> list[dict[str, object]]:
    return [{"op": "replace", "path": f"/{name}", "value": value}]


@pytest.fixture
def queries(database: Database) -> QueryRecorder:
    return QueryRecorder(database.engine)


@pytest.fixture
def furnished(api: webtest.TestApp, world: World) -> webtest.TestApp:
    """The API with a finished bay, its baymodel and one that no bay uses; called by its owner."""
    api.post_json("/v1/baymodels", factories.BAYMODEL)
    api.post_json("/v1/baymodels", {**factories.BAYMODEL, "name": "unused"})
    api.post_json("/v1/bays", BAY)
    world.conductor.finish()
    bay = api.get("/v1/bays/b").json["uuid"]
    api.post_json("/v1/containers", {"name": "c1", "image": "busybox", "bay_uuid": bay})
    return api


@pytest.mark.parametrize(("path", "number"), READS.items())
def test_reading_takes_so_many_statements_in_one_transaction(
    furnished: webtest.TestApp, queries: QueryRecorder, path: str, number: int
) -> None:
    with queries.recording():
        furnished.get(path, headers={"X-Auth-Token": "alice:blue:admin"})
    assert len(queries.statements) == number, "\n".join(queries.statements)
    transactions = 2 if path.endswith(("events", "bay_ident=b")) else 1
    assert queries.transactions == ["rollback"] * transactions


@pytest.mark.parametrize("what", CHANGES)
def test_changing_takes_so_many_statements_and_one_commit(
    furnished: webtest.TestApp, queries: QueryRecorder, what: str
) -> None:
    change, number = CHANGES[what]
    with queries.recording():
        change(furnished)
    if what == "create bay" and queries.server != "sqlite":
        number -= 1
    assert len(queries.statements) == number, "\n".join(queries.statements)
    assert queries.transactions.count("commit") == 1
    assert len(queries.transactions) <= 2


@pytest.mark.parametrize("path", ["/v1/containers/c1", "/v1/containers"])
def test_state_of_a_container_is_written_when_it_has_changed(
    furnished: webtest.TestApp, world: World, queries: QueryRecorder, path: str
) -> None:
    (box,) = world.room.boxes.values()
    box.state = "running"
    for transactions in (["rollback", "commit"], ["rollback"]):
        with queries.recording():
            furnished.get(path)
        assert len(queries.statements) == len(transactions), "\n".join(queries.statements)
        assert queries.transactions == transactions


def test_list_of_containers_reads_no_more_than_it_shows_and_needs(
    furnished: webtest.TestApp, queries: QueryRecorder
) -> None:
    with queries.recording():
        furnished.get("/v1/containers")
    (statement,) = queries.statements
    assert "docker_id" in statement
    for name in ("user_id", "memory_bytes", "created_at"):
        assert name not in statement


def test_creation_of_a_container_takes_one_commit(
    furnished: webtest.TestApp, world: World, queries: QueryRecorder
) -> None:
    world.room.slow = True  # so that only the API's own statements are counted
    bay = furnished.get("/v1/bays/b").json["uuid"]
    with queries.recording():
        furnished.post_json("/v1/containers", {"name": "c2", "image": "busybox", "bay_uuid": bay})
    # The bay with its baymodel; again and locked, with its groups, what is reserved on it, is the
    # name taken; container, creation.  The fake conductor looks at the row; what has become of it.
    assert len(queries.statements) == 9, "\n".join(queries.statements)
    assert queries.transactions.count("commit") == 1


@pytest.mark.parametrize("path", ["/v1/bays", "/v1/bays/detail", "/v1/baymodels"])
def test_long_list_takes_as_many_statements_as_a_short_one(
    api: webtest.TestApp, database: Database, queries: QueryRecorder, path: str
) -> None:
    counts = set()
    for rows in (1, 49):
        for _ in range(rows):
            factories.add_cluster(database, project_id="blue")
        with queries.recording():
            answer = api.get(path)
        counts.add(len(queries.statements))
    (found,) = (value for value in answer.json.values() if isinstance(value, list))
    assert len(found) == 50
    assert len(counts) == 1


def test_marker_of_a_page_costs_one_statement(
    furnished: webtest.TestApp, queries: QueryRecorder
) -> None:
    uuid = furnished.get("/v1/baymodels").json["baymodels"][0]["uuid"]
    with queries.recording():
        furnished.get(f"/v1/baymodels?marker={uuid}")
    assert len(queries.statements) == 2


def test_list_in_the_usual_order_is_sorted_by_the_key_alone(
    furnished: webtest.TestApp, queries: QueryRecorder
) -> None:
    with queries.recording():
        furnished.get("/v1/bays")
    assert "ORDER BY cluster.id ASC" in " ".join(queries.statements[0].split())
