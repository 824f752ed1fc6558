# SPDX-License-Identifier: Apache-2.0
"""What is done with containers, and what is seen of them."""

import pytest
from oslo_config import cfg

from magnum.clients.docker.errors import (
    EngineConflict,
    EngineDistrusted,
    EngineError,
    EngineMissing,
    EngineSilent,
)
from magnum.conductor.containers import located
from magnum.core import errors
from magnum.core.container import Seen
from magnum.db import containers
from magnum.db.session import Database
from tests.fakes.docker import SILENT
from tests.queries import QueryRecorder
from tests.unit.conductor.containers_bench import ContainersBench

GONE = Seen("Error", "Its node has left the bay, and the container with it.")
STRANGER = EngineDistrusted("its certificate is not the bay's")


@pytest.fixture
def bench(conf: cfg.ConfigOpts, database: Database) -> ContainersBench:
    return ContainersBench(conf, database)


@pytest.mark.parametrize(
    ("verb", "status"),
    [
        ("start", "Running"),
        ("stop", "Stopped"),
        ("reboot", "Running"),
        ("pause", "Paused"),
        ("unpause", "Running"),
    ],
)
def test_verb_leaves_its_status(bench: ContainersBench, verb: str, status: str) -> None:
    uuid = bench.created()
    assert bench.call(verb, uuid) is None
    row = bench.row(uuid)
    assert row is not None
    assert row.status == status
    assert bench.status(uuid) == bench.statuses(uuid)[uuid] == Seen(status)


def test_grace_leaves_time_for_the_answer(bench: ContainersBench) -> None:
    uuid = bench.created()
    bench.call("stop", uuid)
    bench.conf.set_override("stop_grace", 1, "docker")
    bench.call("reboot", uuid)
    assert bench.machine(uuid).calls[-2:] == ["stop 5", "restart 1"]


def test_start_that_docker_refuses_is_kept_in_its_words(bench: ContainersBench) -> None:
    uuid = bench.created(command="nope")
    with pytest.raises(errors.MagnumError, match="executable file not found") as error:
        bench.call("start", uuid)
    assert error.value.code == 400
    for seen in (bench.status(uuid), bench.statuses(uuid)[uuid]):
        assert seen.status == "Error"
        assert "executable file not found" in str(seen.reason)


def test_logs_are_bounded_by_the_options(bench: ContainersBench) -> None:
    bench.conf.set_override("logs_tail", 7, "docker")
    uuid = bench.created()
    assert bench.call("logs", uuid) == {"output": f"{uuid} 7 {2**20}"}


def test_command_is_split_like_a_shell_does(bench: ContainersBench) -> None:
    uuid = bench.created()
    bench.call("start", uuid)
    assert bench.call("exec", uuid, "echo 'a b'") == {"output": "echo a b", "exit_code": 0}
    for wrong in ("", "echo '"):
        with pytest.raises(errors.InvalidField):
            bench.call("exec", uuid, wrong)


def test_running_container_is_not_deleted(bench: ContainersBench) -> None:
    uuid = bench.created()
    bench.call("start", uuid)
    with pytest.raises(EngineConflict):
        bench.call("delete", uuid)
    assert bench.row(uuid) is not None


def test_container_that_docker_has_removed_is_an_error_and_can_be_deleted(
    bench: ContainersBench,
) -> None:
    uuid = bench.created()
    bench.machine(uuid).boxes.clear()
    assert bench.status(uuid) == bench.statuses(uuid)[uuid]
    assert bench.status(uuid).status == "Error"
    with pytest.raises(EngineMissing):
        bench.call("start", uuid)
    bench.call("delete", uuid)
    assert bench.row(uuid) is None


def test_container_made_after_its_maker_gave_up_goes_with_its_row(bench: ContainersBench) -> None:
    uuid = bench.write()
    bench.machine(uuid).lost.append(SILENT)
    bench.sweep()
    bench.out_of_time(uuid)
    bench.sweep()
    assert len(bench.docker.boxes(uuid)) == 1
    bench.call("delete", uuid)
    assert (bench.row(uuid), bench.docker.boxes(uuid)) == (None, [])


def test_silent_engine_makes_one_call_fail_and_a_list_unknown(bench: ContainersBench) -> None:
    silent, other = bench.created(), bench.created()
    assert bench.machine(silent) is not bench.machine(other)
    bench.machine(silent).fault = EngineSilent("it was asked")
    for verb in ("show", "start", "logs", "delete"):
        with pytest.raises(EngineSilent):
            bench.call(verb, silent)
    seen = bench.statuses(silent, other)
    assert seen[other] == Seen("Stopped")
    assert seen[silent].status == "Unknown"
    assert "does not answer in time" in str(seen[silent].reason)


def test_list_that_meets_a_mistake_of_ours_goes_on_with_other_engines(
    bench: ContainersBench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    odd, other = bench.created(), bench.created()

    def surprise(_labels: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(bench.machine(odd), "containers", surprise)
    seen = bench.statuses(odd, other)
    assert seen[other] == Seen("Stopped")
    assert seen[odd] == Seen("Unknown", "The service failed (RuntimeError), its log tells more.")
    assert "Traceback" in caplog.text


def test_engine_of_the_bay_that_is_not_trusted_keeps_its_containers(
    bench: ContainersBench,
) -> None:
    uuid = bench.created()
    bench.machine(uuid).fault = STRANGER
    for verb in ("show", "start", "logs", "delete"):
        with pytest.raises(EngineDistrusted):
            bench.call(verb, uuid)
    assert bench.statuses(uuid)[uuid] == Seen("Unknown", STRANGER.message)
    assert bench.row(uuid) is not None


@pytest.mark.parametrize("fault", [SILENT, STRANGER], ids=["nobody there", "stranger there"])
@pytest.mark.parametrize("how", ["swarm", "address"])
def test_node_that_has_left_takes_its_containers_with_it(
    bench: ContainersBench, how: str, fault: EngineError
) -> None:
    uuid, other = bench.created(), bench.created()
    machine = bench.machine(uuid)
    machine.fault = fault
    if how == "swarm":
        del bench.docker.members[machine.node_id]
    else:
        bench.place(["10.0.0.1"], [bench.machine(other).address])
    assert bench.status(uuid) == GONE
    assert bench.statuses(uuid, other) == {uuid: GONE, other: Seen("Stopped")}
    with pytest.raises(errors.Conflict):
        bench.call("start", uuid)
    bench.call("delete", uuid)
    assert bench.row(uuid) is None


def test_list_asks_each_engine_once_and_leaves_out_what_is_not_made(
    bench: ContainersBench,
) -> None:
    made = [bench.created() for _ in range(4)]
    unmade = bench.write()
    for machine in bench.docker.machines.values():
        machine.calls.clear()
    assert set(bench.statuses(*made, unmade)) == set(made)
    calls = [machine.calls for machine in bench.docker.machines.values()]
    assert sorted(calls) == [[], ["containers"], ["containers"]]


def test_list_reads_nothing_of_the_containers_again(bench: ContainersBench) -> None:
    made = [bench.created() for _ in range(3)]
    call, queries = bench.places(*made), QueryRecorder(bench.database.engine)
    with queries.recording():
        assert set(bench.listed(call)) == set(made)
    (statement,) = queries.statements  # how the bay's engines are trusted
    assert "container" not in statement


def test_list_keeps_why_a_container_could_not_be_started(bench: ContainersBench) -> None:
    uuid = bench.created()
    why = Seen("Error", "It could not be started: no such file.")
    bench.database.write(lambda session: containers.record(session, {uuid: why}))
    assert bench.statuses(uuid) == {uuid: why}
    bench.call("start", uuid)
    assert bench.statuses(uuid) == {uuid: Seen("Running")}


@pytest.mark.parametrize(
    ("state", "code", "seen"),
    [
        ("created", 0, Seen("Stopped")),
        ("running", 0, Seen("Running")),
        ("restarting", 0, Seen("Running")),
        ("paused", 0, Seen("Paused")),
        ("exited", 0, Seen("Stopped")),
        ("exited", 3, Seen("Stopped", "Its command has ended with exit code 3.")),
        ("dead", 0, Seen("Error", "Its engine shows it as dead.")),
    ],
)
def test_docker_words_become_ours(
    bench: ContainersBench, state: str, code: int, seen: Seen
) -> None:
    uuid = bench.created()
    (box,) = bench.docker.boxes(uuid)
    box.state, box.exit_code = state, code
    assert bench.status(uuid) == bench.statuses(uuid)[uuid] == seen


def test_engines_that_take_nothing_are_skipped_and_told_once(
    bench: ContainersBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.docker.change("id-2", availability="drain")
    bench.docker.change("id-3", state="down")
    bench.docker.change("id-4", availability="odd")
    monkeypatch.setattr(located, "FRESH_SECONDS", 0.0)
    for _ in range(2):
        assert bench.engines() == {"10.0.0.1"}
    assert sorted(bench.told()) == [
        ("node node-2", "It gets no new containers: it is drained."),
        ("node node-3", "It gets no new containers: the swarm sees it down."),
        ("node node-4", "It gets no new containers: it is not active."),
    ]


def test_engine_at_no_address_of_the_bay_is_skipped(bench: ContainersBench) -> None:
    bench.place(["10.0.0.1"], ["10.0.0.2"])
    assert bench.engines() == {"10.0.0.1", "10.0.0.2"}


def test_bay_none_of_whose_managers_answers_is_told(bench: ContainersBench) -> None:
    bench.docker.machines["10.0.0.1"].fault = SILENT
    with pytest.raises(EngineSilent):
        bench.engines()
    bench.place([], ["10.0.0.2"])
    with pytest.raises(errors.MagnumError, match="no manager with an address"):
        bench.engines()


def test_second_manager_is_asked_where_the_first_is_silent(bench: ContainersBench) -> None:
    bench.docker.add("10.0.0.4", "manager")
    bench.place(["10.0.0.1", "10.0.0.4"], ["10.0.0.2", "10.0.0.3"])
    bench.docker.machines["10.0.0.1"].fault = SILENT
    assert bench.engines() == {"10.0.0.2", "10.0.0.3", "10.0.0.4"}


def test_what_is_not_there_is_not_found(bench: ContainersBench) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    for verb in ("show", "start", "logs", "delete"):
        with pytest.raises(errors.NotFound):
            bench.call(verb, nobody)
    assert bench.statuses(nobody) == {}


def test_container_that_was_never_made_has_nothing_to_act_on(bench: ContainersBench) -> None:
    with pytest.raises(errors.Conflict):
        bench.call("start", bench.write())
