# SPDX-License-Identifier: Apache-2.0
"""What operators learn of a conductor."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from oslo_config import cfg
from sqlalchemy import update

from magnum.conductor import observation
from magnum.conductor.observation import Sampler
from magnum.core import errors
from magnum.core.states import Action
from magnum.db.models import Operation, utcnow
from magnum.metrics import instruments, listener
from tests import factories
from tests.unit.conductor.conftest import Bench


@pytest.fixture
def registry() -> Iterator[Any]:
    yield instruments.enable(instruments.CONDUCTOR)
    instruments.disable()


def families(sampler: Sampler) -> dict[str, dict[tuple[str, ...], float]]:
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples}
        for family in sampler.collect()
    }


def test_operations_are_told_by_action_state_and_step(bench: Bench, registry: Any) -> None:
    for action in (Action.CREATE, Action.CREATE, Action.DELETE):
        factories.add_cluster(bench.database, action)
    claimed = bench.leases.claim(1)
    age = utcnow().replace(year=utcnow().year - 1)
    bench.database.write(
        lambda session: session.execute(
            update(Operation)
            .where(Operation.uuid == claimed[0].claim.uuid)
            .values(step="stack", created_at=age)
        )
    )
    found = families(Sampler(bench.database, lambda: 5))
    assert found["magnum_operations"] == {
        ("CREATE", "RUNNING", "stack"): 1,
        ("CREATE", "PENDING", ""): 1,
        ("DELETE", "PENDING", ""): 1,
    }
    (oldest,) = found["magnum_operation_oldest_age_seconds"].values()
    assert 364 * 86400 < oldest < 367 * 86400
    assert found["magnum_database_up"] == {(): 1}
    assert found["magnum_conductor_operations_held"] == {(): 5}


def test_nothing_to_do_is_told_as_nothing(bench: Bench, registry: Any) -> None:
    found = families(Sampler(bench.database, lambda: 0))
    assert found["magnum_operations"] == {}
    assert found["magnum_operation_oldest_age_seconds"] == {(): 0}


def test_database_is_asked_rarely(
    bench: Bench, registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler, asked = Sampler(bench.database, lambda: 0), list[int]()
    genuine = bench.database.read

    def read(work: Any) -> Any:
        asked.append(1)
        return genuine(work)

    monkeypatch.setattr(bench.database, "read", read)
    for _ in range(3):
        families(sampler)
    assert len(asked) == 1
    monkeypatch.setattr(observation, "KEPT_SECONDS", 0.0)
    families(sampler)
    assert len(asked) == 2


@pytest.mark.parametrize("how", ["away", "hanging", "surprising"])
def test_database_that_does_not_answer_is_told_and_all_else_too(
    bench: Bench, registry: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    go_on = threading.Event()

    def read(_work: object) -> None:
        if how == "hanging":
            go_on.wait(20)
        raise errors.Unavailable("The database") if how == "away" else RuntimeError

    monkeypatch.setattr(bench.database, "read", read)
    monkeypatch.setattr(observation, "ANSWER_SECONDS", 0.1)
    registry.register(Sampler(bench.database, lambda: 2))
    page = listener.exposition(registry, "")
    go_on.set()
    assert page.status == 200
    assert b"\nmagnum_database_up 0.0\n" in page.body
    assert b"\nmagnum_conductor_operations_held 2.0\n" in page.body
    assert b"magnum_operations{" not in page.body


def test_what_a_conductor_does_is_counted(bench: Bench, registry: Any) -> None:
    factories.add_cluster(bench.database, Action.CREATE)
    bench.work()
    factories.add_cluster(bench.database, Action.CREATE)
    bench.work("FAILED")

    def ended(outcome: str) -> float | None:
        labels = {"action": "CREATE", "outcome": outcome}
        found: float | None = registry.get_sample_value("magnum_operations_finished_total", labels)
        return found

    assert (ended("COMPLETE"), ended("FAILED")) == (1, 1)


def test_only_what_a_dead_conductor_had_is_taken_over(bench: Bench, registry: Any) -> None:
    def takeovers() -> float | None:
        found: float | None = registry.get_sample_value("magnum_lease_takeovers_total")
        return found

    factories.add_cluster(bench.database, Action.CREATE)
    (held,) = bench.leases.claim(1)
    bench.runner.give_back(held)
    bench.new_conductor()
    bench.leases.claim(1)
    assert takeovers() == 0, "it was given back"
    bench.expire_leases()
    bench.leases.claim(1)
    assert takeovers() == 0, "from itself"
    bench.new_conductor()
    bench.expire_leases()
    (held,) = bench.leases.claim(1)
    assert held.claim.taken_over
    assert takeovers() == 1


def test_nothing_is_served_where_no_port_is_set(
    bench: Bench, conf: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Any] = []

    class Listener:
        def __init__(self, host: str, ports: Any, option: str, pages: Any) -> None:
            served.append((host, list(ports), set(pages)))

        def start(self) -> None:
            pass

    monkeypatch.setattr(listener, "Listener", Listener)
    observation.serve(conf, bench.cloud, lambda: 0)
    conf.set_override("conductor_ports", [9514, 9515], "metrics")
    conf.set_override("enabled", False, "metrics")
    observation.serve(conf, bench.cloud, lambda: 0)
    assert served == []
    conf.set_override("enabled", True, "metrics")
    observation.serve(conf, bench.cloud, lambda: 0)
    instruments.disable()
    assert served == [("127.0.0.1", [9514, 9515], {"/metrics", "/healthz"})]
