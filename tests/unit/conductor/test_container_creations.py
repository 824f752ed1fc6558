# SPDX-License-Identifier: Apache-2.0
"""Containers are made once and only once, whatever dies or fails."""

import threading
import time
from collections.abc import Iterator

import pytest
from oslo_config import cfg

from magnum.clients.docker.errors import (
    EngineConflict,
    EngineDistrusted,
    EngineError,
    EngineUnreachable,
    ImageMissing,
)
from magnum.conductor.containers import creations as creations_held, located
from magnum.core import errors
from magnum.db import creations
from magnum.db.session import Database
from tests.fakes.docker import SILENT
from tests.unit.conductor.containers_bench import ContainersBench

STRANGER = EngineDistrusted("its certificate is not the bay's")


@pytest.fixture
def bench(conf: cfg.ConfigOpts, database: Database) -> ContainersBench:
    return ContainersBench(conf, database)


def test_container_is_made_where_it_was_placed(bench: ContainersBench) -> None:
    uuid = bench.created(name="web", command="sleep 9", environment={"A": "b"})
    row = bench.row(uuid)
    assert row is not None
    (box,) = bench.docker.boxes(uuid)
    assert (row.docker_id, row.status, row.status_reason) == (box.id, "Stopped", None)
    assert bench.machine(uuid).boxes == {box.id: box}
    assert box.spec is not None
    assert (box.name, box.spec.command, box.spec.environment) == ("web", ("sleep", "9"), {"A": "b"})


def test_container_that_has_its_image_costs_one_call(bench: ContainersBench) -> None:
    uuid = bench.created()
    assert bench.machine(uuid).calls == ["create"]


def test_image_that_lacks_is_pulled(bench: ContainersBench) -> None:
    uuid = bench.created(image="app:1")
    assert bench.machine(uuid).calls == ["create", "pull", "create"]


def test_image_that_nobody_has_fails_it_in_the_registrys_words(bench: ContainersBench) -> None:
    uuid = bench.write(image="app:9", memory_bytes=2**20)
    with pytest.raises(ImageMissing, match="manifest unknown"):
        bench.call("create", uuid)
    row = bench.row(uuid)
    assert row is not None
    assert (row.status, row.memory_bytes) == ("Error", 0)
    assert any("manifest unknown" in text for _, text in bench.told())
    bench.call("delete", uuid)
    assert bench.row(uuid) is None


def test_name_that_another_container_has_fails_it(bench: ContainersBench) -> None:
    uuid = bench.write(name="web")
    spec = bench.machine(bench.created()).boxes  # any box will do as a stranger
    stranger = next(iter(spec.values()))
    bench.machine(uuid).boxes["x"] = type(stranger)("x", None, "web")
    with pytest.raises(EngineConflict):
        bench.call("create", uuid)
    assert bench.docker.boxes(uuid) == []


@pytest.mark.parametrize("name", ["web", None])
def test_answer_that_is_lost_makes_no_second_one(bench: ContainersBench, name: str | None) -> None:
    uuid = bench.write(name=name)
    bench.machine(uuid).lost.append(SILENT)
    bench.sweep()
    row = bench.row(uuid)
    assert row is not None
    assert row.docker_id is None
    assert str(row.status_reason).endswith("Trying again.")
    bench.sweep()
    (box,) = bench.docker.boxes(uuid)
    row = bench.row(uuid)
    assert row is not None
    assert row.docker_id == box.id


def test_container_renamed_by_docker_before_it_was_recorded_is_found(
    bench: ContainersBench,
) -> None:
    uuid = bench.write()
    bench.machine(uuid).lost.append(SILENT)
    bench.sweep()
    bench.docker.boxes(uuid)[0].name = "renamed"
    bench.sweep()
    assert len(bench.docker.boxes(uuid)) == 1


def test_other_conductor_goes_on_where_one_has_died(bench: ContainersBench) -> None:
    uuid = bench.write()
    bench.database.write(lambda session: creations.claim(session, "dead", 60, 1))
    bench.sweep()
    assert len(bench.docker.boxes(uuid)) == 1


def test_engine_that_is_away_is_tried_until_the_end_of_its_time(bench: ContainersBench) -> None:
    uuid = bench.write()
    bench.machine(uuid).fault = EngineUnreachable("refused")
    bench.sweep()
    assert bench.statuses_in_table(uuid) == ["Unknown"]
    bench.out_of_time(uuid)
    bench.sweep()
    row = bench.row(uuid)
    assert row is not None
    assert row.status == "Error"
    assert "not made in the time it had" in str(row.status_reason)
    assert "refused" in str(row.status_reason)


def test_engine_that_is_not_trusted_is_believed_at_once(bench: ContainersBench) -> None:
    uuid = bench.write()
    bench.machine(uuid).fault = STRANGER
    with pytest.raises(EngineDistrusted):
        bench.call("create", uuid)
    assert bench.statuses_in_table(uuid) == ["Error"]


@pytest.mark.parametrize("fault", [EngineUnreachable("refused"), STRANGER])
def test_node_that_has_left_is_left_for_another(bench: ContainersBench, fault: EngineError) -> None:
    uuid = bench.write()
    left = bench.machine(uuid)
    left.fault = fault
    del bench.docker.members[left.node_id]
    bench.sweep()
    bench.sweep()
    assert bench.machine(uuid) is not left
    assert len(bench.docker.boxes(uuid)) == 1


def test_registry_that_is_away_is_believed_after_some_tries(bench: ContainersBench) -> None:
    uuid = bench.write(image="app:1")
    bench.machine(uuid).registry_is_away = True
    for _ in range(3):
        assert bench.statuses_in_table(uuid) == ["Unknown"]
        bench.sweep()
    row = bench.row(uuid)
    assert row is not None
    assert row.status == "Error"
    assert "connection refused" in str(row.status_reason)


def test_surprise_fails_it_without_its_words(
    bench: ContainersBench, caplog: pytest.LogCaptureFixture
) -> None:
    uuid = bench.write(image="app:1")

    def surprise() -> None:
        raise RuntimeError("secret")

    bench.machine(uuid).on_pull = surprise
    for _ in range(6):
        bench.sweep()
    row = bench.row(uuid)
    assert row is not None
    assert (row.status, "secret" in str(row.status_reason)) == ("Error", False)
    assert "RuntimeError" in str(row.status_reason)


def test_container_deleted_while_its_image_comes_leaves_nothing(bench: ContainersBench) -> None:
    uuid = bench.write(image="app:1")
    machine = bench.machine(uuid)
    machine.on_pull = lambda: bench.database.write(lambda session: creations.cancel(session, uuid))
    bench.sweep()
    assert bench.row(uuid) is None
    assert bench.docker.boxes(uuid) == []


def test_cancelled_container_goes_though_its_engine_is_gone(
    bench: ContainersBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(located, "FRESH_SECONDS", 0.0)
    uuid = bench.write()
    machine = bench.machine(uuid)
    machine.fault = EngineUnreachable("refused")
    bench.sweep()
    bench.database.write(lambda session: creations.cancel(session, uuid))
    bench.sweep()
    assert bench.row(uuid) is not None  # it may only be restarting
    del bench.docker.members[machine.node_id]
    bench.sweep()
    assert bench.row(uuid) is None


def test_cancelled_container_goes_at_its_deadline_whatever_fails(
    bench: ContainersBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    uuid = bench.write()
    machine = bench.machine(uuid)
    machine.lost.append(SILENT)
    bench.sweep()
    bench.database.write(lambda session: creations.cancel(session, uuid))

    def surprise(_uuid: str) -> None:
        raise RuntimeError("secret")

    with monkeypatch.context() as patch:
        patch.setattr(machine, "find", surprise)
        bench.sweep()
        row = bench.row(uuid)
        assert row is not None
        assert row.status_reason == (
            "The service failed (RuntimeError), its log tells more. Trying again."
        )
        assert bench.attempts(uuid) == 2
        bench.out_of_time(uuid)
        bench.sweep()
    assert bench.row(uuid) is None


def test_delete_of_what_is_being_made_waits_for_its_end(bench: ContainersBench) -> None:
    uuid = bench.write()
    bench.machine(uuid).lost.append(SILENT)
    bench.sweep()
    bench.call("delete", uuid)
    assert bench.row(uuid) is None
    assert bench.docker.boxes(uuid) == []


def test_lease_that_was_lost_leaves_the_table_alone(bench: ContainersBench) -> None:
    uuid = bench.write(image="app:1")

    def take_over() -> None:
        bench.let_time_pass()
        bench.database.write(lambda session: creations.claim(session, "other", 60, 1))
        bench.creations.leases.renew()

    bench.machine(uuid).on_pull = take_over
    bench.creations.sweep()
    bench.wait()
    assert bench.docker.boxes(uuid) == []
    row = bench.row(uuid)
    assert row is not None
    assert row.docker_id is None


def test_images_come_once_at_a_time_and_hold_up_nobody(bench: ContainersBench) -> None:
    first, second = bench.write(image="app:1"), bench.write(image="app:1")
    machine = bench.machine(first)
    bench.move(second, machine)
    come, begun = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        assert come.wait(10)

    machine.on_pull = wait
    bench.creations.sweep()
    assert begun.wait(5)
    bench.wait(1)  # the other one is given back meanwhile
    come.set()
    bench.wait()
    bench.sweep()
    assert machine.calls.count("pull") == 1
    assert [len(bench.docker.boxes(uuid)) for uuid in (first, second)] == [1, 1]


def test_only_so_many_are_made_at_a_time(bench: ContainersBench) -> None:
    bench.conf.set_override("creations", 2, "docker")
    bench.new_conductor()
    uuids = [bench.write(image="app:1") for _ in range(3)]
    come = threading.Event()
    for machine in bench.docker.machines.values():
        machine.on_pull = lambda: come.wait(10)
    bench.creations.sweep()
    bench.creations.sweep()
    assert bench.creations.held == 2
    come.set()
    bench.wait()
    bench.sweep()
    assert [len(bench.docker.boxes(uuid)) for uuid in uuids] == [1, 1, 1]


def test_call_of_who_waits_less_is_answered_before_the_end(bench: ContainersBench) -> None:
    uuid = bench.write(image="app:1")
    come = threading.Event()
    bench.machine(uuid).on_pull = lambda: come.wait(10)
    bench.creations.make(uuid, 0.2)
    row = bench.row(uuid)
    assert row is not None
    assert row.status_reason == "Pulls image app:1."
    come.set()
    bench.creations.make(uuid, 5)
    row = bench.row(uuid)
    assert row is not None
    assert row.status == "Stopped"


def test_call_for_what_another_conductor_makes_waits_for_it(bench: ContainersBench) -> None:
    uuid = bench.write()
    (claim,) = bench.database.write(lambda session: creations.claim(session, "other", 60, 1))
    timer = threading.Timer(
        0.2,
        lambda: bench.database.write(lambda session: creations.made(session, claim, "docker-x")),
    )
    timer.start()
    bench.creations.make(uuid, 5)
    timer.join()
    row = bench.row(uuid)
    assert row is not None
    assert row.docker_id == "docker-x"


def test_nothing_is_taken_up_after_the_close(bench: ContainersBench) -> None:
    uuid = bench.write()
    bench.creations.close()
    bench.creations.sweep()
    assert bench.creations.held == 0
    assert bench.docker.boxes(uuid) == []


@pytest.fixture
def endless(bench: ContainersBench) -> Iterator[threading.Event]:
    """Have a creation be under way until this is set."""
    come, begun = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        assert come.wait(10)

    bench.machine(bench.write(image="app:1")).on_pull = wait
    bench.creations.sweep()
    assert begun.wait(5)
    yield come
    come.set()
    bench.wait()


def test_close_is_woken_by_the_end_of_what_is_under_way(
    bench: ContainersBench, endless: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []
    with monkeypatch.context() as patch:
        patch.setattr(time, "sleep", naps.append)
        closing = threading.Thread(target=bench.creations.close)
        closing.start()
        endless.set()
        closing.join()
    assert bench.creations.held == 0
    assert naps == []


def test_close_leaves_what_takes_too_long_to_its_lease(
    bench: ContainersBench, endless: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creations_held, "STOP_SECONDS", 0.01)
    bench.creations.close()
    assert bench.creations.held == 1


def test_database_that_is_away_leaves_it_to_its_lease(
    bench: ContainersBench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    uuid = bench.write()

    def away(*_arguments: object) -> None:
        raise errors.Unavailable("The database")

    with monkeypatch.context() as patch:
        patch.setattr(creations, "made", away)
        patch.setattr(creations, "release", away)
        bench.sweep()
    assert "left to its lease's end" in caplog.text
    bench.sweep()
    assert len(bench.docker.boxes(uuid)) == 1
