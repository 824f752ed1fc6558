# SPDX-License-Identifier: Apache-2.0
"""The process as a whole: it finds work, ends it, lets nothing hang, and stops well."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import oslo_messaging
import pytest
from oslo_config import cfg

from magnum.conductor import service
from magnum.conductor.leases import Held
from magnum.conductor.runner import Runner, Verdict
from magnum.conductor.service import BINARY, Conductor
from magnum.core import errors
from magnum.core.states import Action
from magnum.db import claims, repository
from magnum.heat.stacks import Stack
from magnum.rpc import transport
from magnum.rpc.messages import OperationReady
from tests import factories
from tests.fakes.cloud import FakeStacks
from tests.unit.conductor.conftest import Bench


class SilentBus:
    """A bus whose messages are all lost."""

    names: ClassVar[list[str]] = []

    def __init__(self, _conf: cfg.ConfigOpts, name: str, _on_ready: object, _verbs: object) -> None:
        self.names.append(name)

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass


class Running:
    """A conductor that runs in a thread until it is stopped."""

    def __init__(self, conf: cfg.ConfigOpts, bench: Bench) -> None:
        self.conductor = Conductor(conf, bench.cloud)
        self._thread = threading.Thread(target=self.conductor.run)
        self._thread.start()

    def stop(self) -> None:
        self.conductor.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def start(
    conf: cfg.ConfigOpts, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Running]]:
    """Return what starts conductors, on a bus that carries nothing; all are stopped after."""
    monkeypatch.setattr(service, "ConductorServer", SilentBus)
    conf.set_override("sweep_interval", 0.1, group="conductor")
    conf.set_override("watch_interval", 0.1, group="conductor")
    running: list[Running] = []

    def start_one() -> Running:
        running.append(Running(conf, bench))
        return running[-1]

    yield start_one
    for one in running:
        one.stop()


def until(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def status_of(bench: Bench, uuid: str) -> str | None:
    row = bench.read(uuid)
    return row.status if row else None


def test_operation_is_found_without_a_message_and_ended(
    bench: Bench, start: Callable[[], Running]
) -> None:
    start()
    row = factories.add_cluster(bench.database, Action.CREATE)
    until(bench.fakes.heat.living)
    bench.fakes.heat.settle()
    until(lambda: status_of(bench, row.uuid) == "CREATE_COMPLETE")


def test_message_is_acted_upon_before_the_next_sweep(
    conf: cfg.ConfigOpts, bench: Bench, start: Callable[[], Running]
) -> None:
    conf.set_override("sweep_interval", 60.0, group="conductor")
    running = start()
    until(lambda: bench.database.read(repository.conductors))
    factories.add_cluster(bench.database, Action.CREATE)
    running.conductor._on_ready(OperationReady("any"))
    until(bench.fakes.heat.living, seconds=10)


def test_messages_that_repeat_and_come_in_any_order_make_nothing_twice(
    bench: Bench, start: Callable[[], Running]
) -> None:
    running = [start(), start()]
    row = factories.add_cluster(bench.database, Action.CREATE)
    (create,) = bench.operations()
    messages = [OperationReady(uuid) for uuid in (create.uuid, "unknown", create.uuid) * 30]

    def tell() -> None:
        for message in messages:
            for one in running:
                one.conductor._on_ready(message)

    tell()
    until(bench.fakes.heat.living)
    bench.database.write(
        lambda session: factories.add_operation(session, row, Action.DELETE, 1800.0)
    )
    tell()  # of the creation, after it was superseded
    until(lambda: [o for o in bench.operations() if o.action == Action.DELETE and o.step])
    bench.fakes.heat.settle()
    until(lambda: bench.read(row.uuid) is None)
    assert bench.fakes.heat.created == 1
    until(lambda: bench.fakes.is_clean)


def test_worker_that_is_free_again_takes_the_next_at_once(
    conf: cfg.ConfigOpts, bench: Bench, start: Callable[[], Running]
) -> None:
    conf.set_override("sweep_interval", 60.0, group="conductor")
    conf.set_override("workers", 1, group="conductor")
    for _ in range(4):
        factories.add_cluster(bench.database, Action.CREATE)
    start()
    until(lambda: len(bench.fakes.heat.living()) == 4, seconds=10)


def test_operation_whose_pass_broke_is_not_held_for_ever(
    bench: Bench, start: Callable[[], Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = threading.Event()
    genuine = Runner.begin

    def begin(self: Runner, held: Held) -> Verdict:
        if broken.is_set():
            return genuine(self, held)
        broken.set()
        raise RuntimeError("odd")

    monkeypatch.setattr(Runner, "begin", begin)
    row = factories.add_cluster(bench.database, Action.CREATE)
    running = start()
    assert broken.wait(20)
    until(lambda: not running.conductor._leases.held())
    bench.expire_leases()
    until(bench.fakes.heat.living)
    bench.fakes.heat.settle()
    until(lambda: status_of(bench, row.uuid) == "CREATE_COMPLETE")


def test_operation_that_cannot_be_given_back_is_not_held_for_ever(
    bench: Bench, start: Callable[[], Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_back(_self: Runner, _held: Held) -> Verdict:
        raise RuntimeError("odd")

    def watchers(_session: object, projects: list[str]) -> dict[str, str]:
        return dict.fromkeys(projects, "another")

    factories.add_cluster(bench.database, Action.CREATE)
    running = start()
    until(running.conductor._watch.projects)
    monkeypatch.setattr(Runner, "give_back", give_back)
    monkeypatch.setattr(claims, "watchers", watchers)
    until(lambda: not running.conductor._leases.held())


def test_conductor_started_again_leaves_no_other_queue_on_the_bus(
    start: Callable[[], Running],
) -> None:
    SilentBus.names.clear()
    first, second = start(), start()
    assert first.conductor.name != second.conductor.name
    assert len(set(SilentBus.names)) == 1


def test_conductor_tells_the_bus_what_is_to_be_told(
    conf: cfg.ConfigOpts,
    bench: Bench,
    start: Callable[[], Running],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[tuple[str, str]] = []

    def info(_self: object, _context: object, kind: str, event: dict[str, Any]) -> None:
        told.append((kind, event["outcome"]))

    monkeypatch.setattr(oslo_messaging.Notifier, "info", info)
    transport.open_notification_transport(conf)  # registers the option
    conf.set_override("driver", ["test"], "oslo_messaging_notifications")
    start()
    factories.add_cluster(bench.database, Action.CREATE)
    until(bench.fakes.heat.living)
    bench.fakes.heat.settle()
    until(lambda: told)
    assert told == [("magnum.bay.create", "success")]


def test_conductor_reports_itself_by_one_row(bench: Bench, start: Callable[[], Running]) -> None:
    start()
    until(lambda: bench.database.read(repository.conductors))
    (row,) = bench.database.read(repository.conductors)
    assert (row.binary, row.report_count) == (BINARY, 1)


def test_stop_gives_back_what_is_waited_for(bench: Bench, start: Callable[[], Running]) -> None:
    running = start()
    factories.add_cluster(bench.database, Action.CREATE)
    until(lambda: [o for o in bench.operations() if o.step == "stack"])
    running.stop()
    bench.new_conductor()
    (taken,) = bench.leases.claim(1)  # at once, no lease has to run out
    assert taken.claim.step == "stack"


def test_project_whose_heat_hangs_delays_no_other(
    bench: Bench, start: Callable[[], Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    hung = factories.add_cluster(bench.database, Action.CREATE, project_id="h" * 32)
    hanging = threading.Event()
    released = threading.Event()
    real = FakeStacks.status_of

    def status_of_stacks(self: FakeStacks, ids: list[str]) -> dict[str, Stack]:
        row = bench.read(hung.uuid)
        if row and row.stack_id in [*ids]:
            hanging.set()
            released.wait(20)
        return real(self, ids)

    monkeypatch.setattr(FakeStacks, "status_of", status_of_stacks)
    start()
    assert hanging.wait(20)
    other = factories.add_cluster(bench.database, Action.CREATE)
    until(lambda: len(bench.fakes.heat.living()) == 2)
    bench.fakes.heat.settle()
    until(lambda: status_of(bench, other.uuid) == "CREATE_COMPLETE")
    assert status_of(bench, hung.uuid) == "CREATE_IN_PROGRESS"
    released.set()
    until(lambda: status_of(bench, hung.uuid) == "CREATE_COMPLETE")


def test_database_that_is_away_for_a_while_costs_nothing(
    bench: Bench, start: Callable[[], Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    start()
    away = threading.Event()
    real = bench.database.write

    def write(work: Any) -> Any:
        if away.is_set():
            raise errors.Unavailable("The database")
        return real(work)

    monkeypatch.setattr(bench.database, "write", write)
    row = factories.add_cluster(bench.database, Action.CREATE)
    until(lambda: [o for o in bench.operations() if o.step == "stack"])
    away.set()
    bench.fakes.heat.settle()
    time.sleep(0.5)
    away.clear()
    bench.expire_leases()
    until(lambda: status_of(bench, row.uuid) == "CREATE_COMPLETE")


def holders(bench: Bench) -> list[str | None]:
    """Return who holds the operations that wait for their stacks."""
    return [row.lease_owner for row in bench.operations() if row.waiting and row.lease_owner]


def test_project_is_watched_by_one_of_two_conductors(
    conf: cfg.ConfigOpts, bench: Bench, start: Callable[[], Running]
) -> None:
    conf.set_override("workers", 1, group="conductor")  # so that each takes some
    first, second = start(), start()
    rows = [factories.add_cluster(bench.database, Action.CREATE) for _ in range(6)]
    until(lambda: len(holders(bench)) == 6 and len(set(holders(bench))) == 1)
    (watcher,) = set(holders(bench))
    busy, idle = (first, second) if first.conductor.name == watcher else (second, first)
    assert idle.conductor._watch.projects() == [] or idle.conductor._leases.held() == []
    busy.stop()
    until(lambda: holders(bench) == [idle.conductor.name] * 6)
    bench.fakes.heat.settle()
    until(lambda: {status_of(bench, row.uuid) for row in rows} == {"CREATE_COMPLETE"})
