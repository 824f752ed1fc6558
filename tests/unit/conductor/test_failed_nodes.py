# SPDX-License-Identifier: Apache-2.0
"""Workers that fail while a bay grows: who goes and who stays when that is asked for again."""

import pytest

from magnum.clients.docker.errors import EngineSilent
from magnum.conductor import nodes
from magnum.conductor.runner import Verdict
from magnum.db.models import Cluster
from magnum.drivers import sources
from magnum.heat.stacks import StackResource
from tests import factories
from tests.fakes.cloud import MASTER_NAME, MOMENT, worker_name
from tests.unit.conductor.conftest import Bench
from tests.unit.conductor.test_nodes import bay, resize, sent, status, warnings, workers_of

FAILED = "WaitConditionFailure: resources.ready: docker: no"


def condition(member: str, status: str, reason: str = "") -> StackResource:
    """Return what tells that a worker is ready, or not."""
    path = f"workers/{member}/ready"
    return StackResource("ready", path, "OS::Heat::WaitCondition", status, reason, "", MOMENT)


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the driver name workers as the fake does."""
    monkeypatch.setattr(sources, "node_prefix", lambda _spec: "bay")


def fail_to_grow(bench: Bench, row: Cluster, *seen: StackResource) -> None:
    """Have an update to one more worker fail in Heat."""
    (stack,) = bench.fakes.heat.living()
    to = len(workers_of(bench)) + 1
    bench.database.write(lambda session: factories.add_resize(session, row, to, rollback=False))
    (held,) = bench.leases.claim(1)
    assert bench.runner.begin(held) is Verdict.WAITING
    bench.fakes.heat.settle("FAILED", "a step failed")
    bench.fakes.heat.resources_of[stack.id] = [*seen]
    bench.runner.resume(bench.fakes.heat.stacks[stack.id], held)


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize(("again", "left"), [(3, {"0", "1", "3"}), (2, {"0", "1"}), (1, {"1"})])
def test_worker_that_has_never_been_ready_goes_when_the_update_is_asked_for_again(
    bench: Bench, again: int, left: set[str]
) -> None:
    row = bay(bench, 2)
    before = workers_of(bench)
    fail_to_grow(
        bench,
        row,
        condition("1", "CREATE_COMPLETE"),
        condition("2", "CREATE_FAILED", FAILED),
    )
    assert status(bench, row) == "UPDATE_FAILED"
    stillborn = workers_of(bench)["2"]
    bench.fakes.swarm.tasks = {worker_name("1"): 1}

    resize(bench, row, again)

    assert status(bench, row) == "UPDATE_COMPLETE"
    now = workers_of(bench)
    assert now.keys() == left
    assert all(now[member] == before[member] for member in left & before.keys())
    assert stillborn in sent(bench)["nodes_to_remove"]
    assert bench.fakes.swarm.listed.keys() == {MASTER_NAME, *map(worker_name, left)}
    told = [event.text for event in bench.events() if event.resource == worker_name("2")]
    assert f"{worker_name('2')} has never been ready and is to go" in told


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize(("joined", "left"), [(True, {"0", "1"}), (False, {"0", "2"})])
def test_worker_of_which_nothing_was_heard_stays_where_the_swarm_has_it(
    bench: Bench, joined: bool, left: set[str]
) -> None:
    row = bay(bench, 1)
    silent = "WaitConditionTimeout: resources.ready: 0 of 1 received"
    fail_to_grow(bench, row, condition("1", "CREATE_FAILED", silent))
    if not joined:
        bench.fakes.swarm.lose(worker_name("1"))
    resize(bench, row, 2)
    assert status(bench, row) == "UPDATE_COMPLETE"
    assert workers_of(bench).keys() == left


@pytest.mark.usefixtures("named")
def test_worker_of_which_nothing_was_heard_goes_though_managers_are_busy(bench: Bench) -> None:
    row = bay(bench, 1)
    fail_to_grow(bench, row, condition("1", "CREATE_FAILED", "WaitConditionTimeout: 0 of 1"))
    bench.fakes.swarm.lose(worker_name("1"))
    bench.fakes.refuse("swarm nodes", EngineSilent("busy"), EngineSilent("busy"))
    resize(bench, row, 2)
    assert workers_of(bench).keys() == {"0", "2"}
    assert not [text for text in warnings(bench) if "stay" in text]


@pytest.mark.usefixtures("named")
def test_failure_is_held_back_while_other_nodes_go_on_starting(bench: Bench) -> None:
    row = bay(bench, 1)
    (stack,) = bench.fakes.heat.living()
    given = bench.fakes.swarm.token("worker")
    failed = condition("1", "CREATE_FAILED", FAILED)
    fail_to_grow(bench, row, failed, condition("2", "CREATE_IN_PROGRESS"))
    assert status(bench, row) == "UPDATE_IN_PROGRESS"
    assert bench.fakes.swarm.token("worker") == given
    (told,) = warnings(bench)
    assert "workers/1/ready (OS::Heat::WaitCondition) failed: docker: no." in told
    assert told.endswith("Nodes that are still starting are waited for: 1.")

    bench.fakes.heat.resources_of[stack.id] = [failed, condition("2", "CREATE_COMPLETE")]
    bench.skip_pauses()
    bench.work()
    assert status(bench, row) == "UPDATE_FAILED"
    assert bench.fakes.swarm.token("worker") != given


@pytest.mark.usefixtures("named")
def test_failure_is_not_held_back_for_ever(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "STRAGGLERS_SECONDS", -1.0)
    row = bay(bench, 1)
    failed = condition("1", "CREATE_FAILED", FAILED)
    fail_to_grow(bench, row, failed, condition("2", "CREATE_IN_PROGRESS"))
    bench.skip_pauses()
    bench.work()
    assert status(bench, row) == "UPDATE_FAILED"
