# SPDX-License-Identifier: Apache-2.0
"""What a look at a bay's nodes finds, tells and leaves, and that no bay waits for another."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import update

from magnum.clients.docker.errors import EngineDistrusted, EngineFailed
from magnum.conductor.health import HealthChecks, judge
from magnum.conductor.swarm import SwarmNode
from magnum.core import errors
from magnum.core.states import Action, Health
from magnum.db.models import Cluster
from magnum.metrics import instruments
from tests import factories
from tests.fakes.cloud import MASTER_NAME, worker_name
from tests.fakes.swarm import MANAGER_ADDRESS, FakeEngine
from tests.unit.conductor.conftest import Bench

MASTER, WORKER = f"{MASTER_NAME}.Ready", f"{worker_name('0')}.Ready"
GOOD = {"api": "ok", MASTER: "True", WORKER: "True"}


@pytest.fixture
def checks(bench: Bench) -> Iterator[HealthChecks]:
    made = HealthChecks(bench.cloud)
    yield made
    made.stop()


@pytest.fixture
def bay(bench: Bench) -> Cluster:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.work()
    return row


def look(bench: Bench, checks: HealthChecks) -> None:
    """Let the time pass until the next look is due, and make it."""
    bench.database.write(lambda session: session.execute(update(Cluster).values(health_due=0.0)))
    for one in checks._claim(10):
        checks.look(one)


def seen(bench: Bench, row: Cluster) -> tuple[str | None, dict[str, str] | None]:
    found = bench.read(row.uuid)
    assert found is not None
    return found.health_status, found.health_status_reason


def told(bench: Bench) -> list[tuple[str, str, str]]:
    return [
        (event.severity, event.resource, event.text)
        for event in bench.events()
        if event.operation_id is None
    ]


def test_bay_whose_nodes_are_ready_is_healthy_and_that_is_no_news(
    bench: Bench, checks: HealthChecks, bay: Cluster
) -> None:
    before = bench.read(bay.uuid)
    look(bench, checks)
    assert seen(bench, bay) == ("HEALTHY", GOOD)
    assert told(bench) == []
    assert bench.fakes.swarm.closed == 1  # a connection for each bay would be too many
    after = bench.read(bay.uuid)
    assert before is not None
    assert after is not None
    assert (after.updated_at, after.status) == (before.updated_at, before.status)


def test_node_that_is_lost_is_named_once_and_again_when_it_is_back(
    bench: Bench, checks: HealthChecks, bay: Cluster
) -> None:
    name = worker_name("0")
    for state in ("ready", "down", "down"):
        bench.fakes.swarm.set(name, state=state)
        look(bench, checks)
    assert seen(bench, bay) == ("UNHEALTHY", {**GOOD, WORKER: "False"})
    assert told(bench) == [
        ("WARNING", name, f"{name} is down"),
        ("WARNING", "health", f"The bay is UNHEALTHY, {name}.Ready: False"),
    ]
    bench.fakes.swarm.set(name, state="ready")
    look(bench, checks)
    assert seen(bench, bay) == ("HEALTHY", GOOD)
    assert told(bench)[2:] == [
        ("INFO", name, f"{name} is ready again"),
        ("INFO", "health", "The bay is HEALTHY"),
    ]


def test_manager_that_takes_no_part_is_told(
    bench: Bench, checks: HealthChecks, bay: Cluster
) -> None:
    bench.fakes.swarm.join("bay-master-0", "192.0.2.5", is_manager=True)
    bench.fakes.swarm.set("bay-master-0", is_reachable=False)
    look(bench, checks)
    assert seen(bench, bay) == ("UNHEALTHY", {**GOOD, "bay-master-0.Ready": "False"})
    assert told(bench)[0] == ("WARNING", "bay-master-0", "bay-master-0 is unreachable")


def test_node_that_left_the_swarm_is_missed(
    bench: Bench, checks: HealthChecks, bay: Cluster
) -> None:
    del bench.fakes.swarm.listed[worker_name("0")]
    look(bench, checks)
    reason = {"api": "ok", MASTER: "True", "workers": "0 of 1 are in the swarm"}
    assert seen(bench, bay) == ("UNHEALTHY", reason)
    (event,) = told(bench)
    assert event[2] == "The bay is UNHEALTHY, workers: 0 of 1 are in the swarm"


def test_node_that_joined_anew_is_not_held_to_be_lost() -> None:
    nodes = [SwarmNode("a", "m", "ready", is_manager=True), SwarmNode("b", "w", "ready")]
    former = SwarmNode("c", "w", "down")
    for listed in ([*nodes, former], [former, *nodes]):
        assert judge(listed, 1, 1).status is Health.HEALTHY


def test_bay_that_was_never_reached_is_unknown_and_one_that_was_is_unhealthy(
    bench: Bench, checks: HealthChecks, bay: Cluster
) -> None:
    bench.fakes.swarm.silent = {MANAGER_ADDRESS}
    look(bench, checks)
    words = f"The Docker engine cannot be reached: no route to host, {MANAGER_ADDRESS}."
    assert seen(bench, bay) == ("UNKNOWN", {"api": words})
    assert told(bench) == [("WARNING", "health", f"The bay is UNKNOWN, api: {words}")]
    bench.fakes.swarm.silent.clear()
    look(bench, checks)
    bench.fakes.swarm.silent = {MANAGER_ADDRESS}
    look(bench, checks)
    assert seen(bench, bay) == ("UNHEALTHY", {"api": words})


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (EngineFailed("The swarm does not have a leader"), "UNHEALTHY"),
        (EngineDistrusted("its certificate is not the bay's"), "UNHEALTHY"),
        (errors.Unavailable("Barbican"), "UNKNOWN"),
    ],
)
def test_bay_that_says_no_is_ill_and_one_that_we_cannot_ask_is_not(
    bench: Bench, checks: HealthChecks, bay: Cluster, trouble: errors.MagnumError, status: str
) -> None:
    bench.fakes.refuse("swarm nodes", trouble)
    look(bench, checks)
    assert seen(bench, bay) == (status, {"api": trouble.message})


def test_bay_that_is_being_changed_is_not_looked_at(
    bench: Bench, checks: HealthChecks, bay: Cluster
) -> None:
    (one,) = checks._claim(10)
    bench.database.write(lambda session: factories.add_operation(session, bay, Action.UPDATE))
    checks.look(one)  # it was claimed before
    assert seen(bench, bay) == (None, None)
    look(bench, checks)
    assert seen(bench, bay) == (None, None)


def test_bay_that_is_deleted_meanwhile_is_no_trouble(
    bench: Bench, checks: HealthChecks, bay: Cluster
) -> None:
    (one,) = checks._claim(10)
    bench.database.write(lambda session: factories.add_operation(session, bay, Action.DELETE))
    bench.work()
    checks.look(one)
    assert told(bench) == []


def until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def test_bay_that_hangs_delays_no_other(
    bench: Bench, bay: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.conf.set_override("health_workers", 2, group="conductor")
    bench.conf.set_override("sweep_interval", 0.1, group="conductor")
    others = [factories.add_cluster(bench.database, Action.CREATE) for _ in range(6)]
    bench.work()
    go_on, genuine, hanging = threading.Event(), FakeEngine.nodes, threading.Lock()

    def hang_once(engine: FakeEngine) -> Any:
        if hanging.acquire(blocking=False):
            go_on.wait(20)
        return genuine(engine)

    monkeypatch.setattr(FakeEngine, "nodes", hang_once)
    checks = HealthChecks(bench.cloud)

    def seen_so_far() -> int:
        checks.sweep()
        return sum(seen(bench, row)[0] is not None for row in (bay, *others))

    until(lambda: seen_so_far() == 6)
    go_on.set()
    until(lambda: seen_so_far() == 7)
    checks.stop()


def test_surprise_is_logged_and_frees_its_place(
    bench: Bench, bay: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    bench.conf.set_override("health_workers", 1, group="conductor")
    bench.conf.set_override("sweep_interval", 0.1, group="conductor")
    bench.fakes.refuse("swarm nodes", RuntimeError("odd"))
    checks = HealthChecks(bench.cloud)
    checks.sweep()
    until(lambda: f"The health of bay {bay.uuid} is not told" in caplog.text)
    bench.database.write(lambda session: session.execute(update(Cluster).values(health_due=0.0)))

    def swept() -> bool:
        checks.sweep()
        return seen(bench, bay)[0] == "HEALTHY"

    until(swept)
    checks.stop()


def test_nobody_looks_where_no_interval_is_set(bench: Bench, bay: Cluster) -> None:
    bench.conf.set_override("health_interval", 0, group="conductor")
    checks = HealthChecks(bench.cloud)
    checks.sweep()
    checks.stop()
    assert bench.fakes.calls.count("swarm nodes") == 0


def test_looks_are_counted_by_what_they_find(
    bench: Bench, checks: HealthChecks, bay: Cluster
) -> None:
    registry = instruments.enable(instruments.CONDUCTOR)
    look(bench, checks)
    bench.fakes.swarm.lose(worker_name("0"))
    look(bench, checks)
    look(bench, checks)
    instruments.disable()
    name = "magnum_health_checks_total"
    assert registry.get_sample_value(name, {"outcome": "healthy"}) == 1
    assert registry.get_sample_value(name, {"outcome": "unhealthy"}) == 2
