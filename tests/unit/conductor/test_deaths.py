# SPDX-License-Identifier: Apache-2.0
"""A conductor killed between an outside call and its record, at every such place.

Another conductor has to come to the same end, with one stack, one pair of users, one authority.
"""

import contextlib

import pytest

from magnum.core.states import Action
from magnum.db.models import Cluster
from tests import factories
from tests.fakes.cloud import Killed
from tests.unit.conductor.conftest import Bench

CREATE_CHANGES = 6  # grant, two bundles, two users, one stack
UPDATE_CHANGES = 2  # grant (by a new process), one stack update
ROLLBACK_CHANGES = 3  # grant (by a new process), two stack updates
ROLLBACK_RECORDS = 10  # claims, steps, waits and ends of both operations, a claim of nothing
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
