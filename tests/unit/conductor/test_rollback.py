# SPDX-License-Identifier: Apache-2.0
"""The way back after an update that failed and was to be undone then."""

import pytest

from magnum.clients.errors import Clash, Rejected
from magnum.conductor.runner import Verdict
from magnum.core.states import Action
from magnum.db.models import Cluster
from tests import factories
from tests.unit.conductor.conftest import Bench

WORDS = "workers/1/server (OS::Nova::Server) failed: Went to status ERROR due to: No valid host"


@pytest.fixture
def bay(bench: Bench) -> Cluster:
    """A bay of one worker in a cloud that has room for no second one."""
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.work()
    bench.fakes.heat.room = 1
    return row


def resize(bench: Bench, row: Cluster, to: int, *, rollback: bool = True, **more: float) -> None:
    bench.database.write(
        lambda session: factories.add_resize(session, row, to, rollback=rollback, **more)
    )


def read(bench: Bench, row: Cluster) -> tuple[str, int, str]:
    seen = bench.read(row.uuid)
    assert seen is not None
    return seen.status, seen.node_count, seen.status_reason or ""


def fail_update(bench: Bench) -> None:
    """Carry an update on until Heat has failed, and no further."""
    (held,) = bench.leases.claim(1)
    assert bench.runner.begin(held) is Verdict.WAITING
    (stack,) = bench.fakes.heat.living()
    bench.fakes.heat.settle()
    assert bench.runner.resume(bench.fakes.heat.stacks[stack.id], held) is Verdict.OVER


def test_status_and_number_of_nodes_go_back_in_one_step(bench: Bench, bay: Cluster) -> None:
    resize(bench, bay, 3)
    assert read(bench, bay)[:2] == ("UPDATE_IN_PROGRESS", 3)
    fail_update(bench)
    seen = bench.read(bay.uuid)
    assert seen is not None
    assert seen.faults is None
    status, count, reason = read(bench, bay)
    assert (status, count) == ("ROLLBACK_IN_PROGRESS", 1)
    assert WORDS in reason
    failed, begun = bench.events()[-2:]
    assert (failed.severity, failed.text) == ("ERROR", reason)
    assert (begun.severity, begun.text) == ("INFO", "Goes back to 1 nodes")


def test_bay_that_went_back_is_whole_and_keeps_the_words_of_the_failure(
    bench: Bench, bay: Cluster
) -> None:
    resize(bench, bay, 3)
    bench.work()
    status, count, reason = read(bench, bay)
    assert (status, count) == ("ROLLBACK_COMPLETE", 1)
    assert WORDS in reason
    assert [(each.action, each.state) for each in bench.operations()][1:] == [
        ("UPDATE", "FAILED"),
        ("ROLLBACK", "COMPLETE"),
    ]
    assert bench.operations()[-1].request_id == "req-1"


def test_update_without_rollback_stays_failed(bench: Bench, bay: Cluster) -> None:
    resize(bench, bay, 3, rollback=False)
    bench.work()
    assert read(bench, bay)[:2] == ("UPDATE_FAILED", 3)


def test_update_that_heat_refuses_is_taken_back_too(bench: Bench, bay: Cluster) -> None:
    bench.fakes.refuse("update stack", Rejected("Heat", 400, "number_of_nodes (3) is too much"))
    resize(bench, bay, 3)
    bench.work()
    status, count, reason = read(bench, bay)
    assert (status, count) == ("ROLLBACK_COMPLETE", 1)
    assert "number_of_nodes (3) is too much" in reason


def test_update_that_is_out_of_time_is_taken_back_with_time_of_its_own(
    bench: Bench, bay: Cluster
) -> None:
    resize(bench, bay, 3, timeout_seconds=0.0)
    bench.work()
    status, count, reason = read(bench, bay)
    assert (status, count) == ("ROLLBACK_COMPLETE", 1)
    assert reason.startswith("The update was not done in the time it had")
    update, rollback = bench.operations()[1:]
    minutes = bench.conf.cluster_heat.update_timeout
    assert rollback.deadline - update.deadline == pytest.approx(60.0 * minutes, abs=30)


def test_rollback_waits_for_a_heat_that_is_still_busy_with_the_update(
    bench: Bench, bay: Cluster
) -> None:
    resize(bench, bay, 3)
    fail_update(bench)
    bench.fakes.refuse("update stack", *[Clash("Heat", 409, "has an action in progress")] * 9)
    bench.work()
    assert read(bench, bay)[:2] == ("ROLLBACK_COMPLETE", 1)


def test_rollback_that_fails_tells_both_reasons_and_can_be_tried_again(
    bench: Bench, bay: Cluster
) -> None:
    bench.fakes.heat.room = 0  # what is there cannot be made again either
    resize(bench, bay, 3)
    bench.work()
    status, count, reason = read(bench, bay)
    assert (status, count) == ("ROLLBACK_FAILED", 1)
    own, _, before = reason.partition(" The failure before it: ")
    assert "-node-0: workers/0/server" in own
    assert "-node-0: workers/0/server" in before
    seen = bench.read(bay.uuid)
    assert seen is not None
    assert seen.faults is not None
    assert seen.faults.keys() == {"workers/0/server"}
    bench.fakes.heat.room = 1
    resize(bench, bay, 1)
    bench.work()
    assert read(bench, bay) == ("UPDATE_COMPLETE", 1, "")


def test_delete_supersedes_a_rollback(bench: Bench, bay: Cluster) -> None:
    resize(bench, bay, 3)
    fail_update(bench)
    bench.database.write(lambda session: factories.add_operation(session, bay, Action.DELETE))
    bench.work()
    assert bench.read(bay.uuid) is None
    assert bench.fakes.is_clean
    assert [each.state for each in bench.operations()][1:] == ["FAILED", "SUPERSEDED", "COMPLETE"]


def test_bay_that_is_deleted_while_its_update_fails_does_not_go_back(
    bench: Bench, bay: Cluster
) -> None:
    resize(bench, bay, 3)
    (held,) = bench.leases.claim(1)
    bench.runner.begin(held)
    bench.database.write(lambda session: factories.add_operation(session, bay, Action.DELETE))
    bench.fakes.heat.settle()
    (stack,) = bench.fakes.heat.living()
    bench.runner.resume(bench.fakes.heat.stacks[stack.id], held)
    assert read(bench, bay)[0] == "DELETE_IN_PROGRESS"
    assert [each.action for each in bench.operations()] == ["CREATE", "UPDATE", "DELETE"]
