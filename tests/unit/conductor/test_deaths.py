# SPDX-License-Identifier: Apache-2.0
"""A conductor killed between an outside call and its record, at every such place.

Another conductor has to come to the same end, with one stack, one pair of users, one authority.
"""

import contextlib

import pytest
from sqlalchemy.orm import Session

from magnum.core.states import Action
from magnum.db import repository
from magnum.db.models import Cluster
from tests import factories
from tests.fakes.cloud import MASTER_NAME, Killed, worker_name
from tests.unit.conductor.conftest import Bench

CREATE_CHANGES = 8  # grant, two bundles, two users, one stack, two tokens
UPDATE_CHANGES = 4  # grant, one stack update, two tokens
SHRINK_CHANGES = 8  # grant, two nodes drained, a stack update, two nodes forgotten, two tokens
SHRINK_RECORDS = 13  # three claims, seven steps, a pause and its release, a wait
ROLLBACK_CHANGES = 6  # two grants, two stack updates, two tokens
ROLLBACK_RECORDS = 16  # claims, steps, waits and ends of both operations, a claim of nothing
DELETE_CHANGES = 7  # grant, one stack, two users, two bundles, revoke


def after_each(changes: int) -> pytest.MarkDecorator:
    """Run a test once for a death after each change, and once for none at all."""
    return pytest.mark.parametrize("change", range(1, changes + 2))


def _ask(bench: Bench, row: Cluster, action: Action) -> None:
    bench.database.write(lambda session: factories.add_operation(session, row, action))


def _assert_complete(bench: Bench, uuid: str, status: str) -> Cluster:
    row = _assert_whole(bench, uuid)
    assert (row.status, row.status_reason) == (status, None)
    return row


def _assert_whole(bench: Bench, uuid: str) -> Cluster:
    row = bench.read(uuid)
    assert row is not None
    fakes = bench.fakes
    assert fakes.heat.created == len(fakes.heat.living()) == 1
    assert fakes.store.made == len(fakes.store.bundles) == 2
    assert {user_id for user_id, _ in fakes.keystone.users.values()} == {
        row.master_user_id,
        row.worker_user_id,
    }
    return row


@after_each(CREATE_CHANGES)
def test_create_survives_a_death_after_any_change(bench: Bench, change: int) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    died = bench.work_through_deaths(change)
    assert died is (change <= CREATE_CHANGES)
    _assert_complete(bench, row.uuid, "CREATE_COMPLETE")
    (request,) = bench.fakes.heat.requests.values()
    sent = str(dict(request.parameters))
    for _, password in bench.fakes.keystone.users.values():
        assert password in sent  # what nodes are told is what Keystone knows


@after_each(UPDATE_CHANGES)
def test_update_survives_a_death_after_any_change(bench: Bench, change: int) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.work()
    _ask(bench, row, Action.UPDATE)
    bench.new_conductor()
    died = bench.work_through_deaths(change)
    assert died is (change <= UPDATE_CHANGES)
    _assert_complete(bench, row.uuid, "UPDATE_COMPLETE")


def _bay_to_shrink(bench: Bench) -> tuple[Cluster, dict[str, str | None]]:
    """Have a bay of four workers asked to keep two, of which the second and third have work."""
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.database.write(lambda session: _count(session, row, 4))
    bench.work()
    (stack,) = bench.fakes.heat.living()
    bench.fakes.swarm.tasks = {worker_name("1"): 3, worker_name("2"): 2, worker_name("3"): 1}
    servers = dict(bench.fakes.heat.workers[stack.id])
    bench.database.write(lambda session: factories.add_resize(session, row, 2, rollback=False))
    bench.new_conductor()
    return row, servers


def _count(session: Session, row: Cluster, count: int) -> None:
    present = repository.lock(session, Cluster, row.uuid)
    (workers,) = (group for group in present.node_groups if group.role == "worker")
    workers.node_count = count


def _assert_shrunk(bench: Bench, row: Cluster, servers: dict[str, str | None]) -> None:
    _assert_complete(bench, row.uuid, "UPDATE_COMPLETE")
    (left,) = bench.fakes.heat.workers.values()
    assert left == {"1": servers["1"], "2": servers["2"]}  # their servers were not made anew
    assert bench.fakes.swarm.listed.keys() == {MASTER_NAME, worker_name("1"), worker_name("2")}
    (sent,) = bench.fakes.heat.parameters.values()
    assert sent["nodes_to_remove"] == [servers["0"], servers["3"]]


@after_each(SHRINK_CHANGES)
def test_shrinking_survives_a_death_after_any_change(bench: Bench, change: int) -> None:
    row, servers = _bay_to_shrink(bench)
    died = bench.work_through_deaths(change)
    assert died is (change <= SHRINK_CHANGES)
    _assert_shrunk(bench, row, servers)


@after_each(SHRINK_RECORDS)
def test_shrinking_survives_a_death_after_any_record(bench: Bench, change: int) -> None:
    row, servers = _bay_to_shrink(bench)
    died = bench.work_through_deaths(record=change)
    assert died is (change <= SHRINK_RECORDS)
    _assert_shrunk(bench, row, servers)


@after_each(ROLLBACK_CHANGES)
def test_rollback_survives_a_death_after_any_change(bench: Bench, change: int) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.work()
    bench.fakes.heat.room = 1
    bench.database.write(lambda session: factories.add_resize(session, row, 3, rollback=True))
    bench.new_conductor()
    died = bench.work_through_deaths(change)
    assert died is (change <= ROLLBACK_CHANGES)
    seen = _assert_whole(bench, row.uuid)
    assert (seen.status, seen.node_count) == ("ROLLBACK_COMPLETE", 1)
    assert "No valid host" in (seen.status_reason or "")
    (sent,) = bench.fakes.heat.parameters.values()
    assert sent["number_of_nodes"] == 1


@after_each(ROLLBACK_RECORDS)
def test_rollback_survives_a_death_after_any_record(bench: Bench, change: int) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.work()
    bench.fakes.heat.room = 1
    bench.database.write(lambda session: factories.add_resize(session, row, 3, rollback=True))
    bench.new_conductor()
    died = bench.work_through_deaths(record=change)
    assert died is (change <= ROLLBACK_RECORDS)
    seen = _assert_whole(bench, row.uuid)
    assert (seen.status, seen.node_count) == ("ROLLBACK_COMPLETE", 1)
    assert "No valid host" in (seen.status_reason or "")
    assert [each.state for each in bench.operations()] == ["COMPLETE", "FAILED", "COMPLETE"]


@after_each(DELETE_CHANGES)
def test_delete_survives_a_death_after_any_change(bench: Bench, change: int) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.work()
    _ask(bench, row, Action.DELETE)
    bench.new_conductor()
    died = bench.work_through_deaths(change)
    assert died is (change <= DELETE_CHANGES)
    assert bench.read(row.uuid) is None
    assert bench.fakes.is_clean


@after_each(CREATE_CHANGES)
def test_delete_of_a_create_that_died_anywhere_leaves_nothing(bench: Bench, change: int) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.fakes.die_after = change
    with contextlib.suppress(Killed):
        bench.work()
    bench.fakes.die_after = None
    _ask(bench, row, Action.DELETE)
    bench.new_conductor()
    bench.expire_leases()
    bench.work()
    assert bench.read(row.uuid) is None
    assert bench.fakes.is_clean
