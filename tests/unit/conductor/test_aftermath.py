# SPDX-License-Identifier: Apache-2.0
"""What an update that failed leaves on the swarm: tokens nobody can use, nodes that take tasks."""

import pytest

from magnum.clients.docker.allowance import current
from magnum.clients.docker.errors import EngineFailed, EngineUnreachable
from magnum.clients.errors import Rejected
from magnum.conductor import aftermath
from magnum.conductor.runner import Verdict
from magnum.core import errors
from magnum.core.states import Action
from magnum.db.models import Cluster
from tests import factories
from tests.fakes.cloud import MASTER_NAME, worker_name
from tests.fakes.swarm import MANAGER_ADDRESS
from tests.unit.conductor.conftest import Bench
from tests.unit.conductor.test_nodes import bay, resize, sent, status, warnings

REFUSED = Rejected("Heat", 400, "number_of_nodes is too much")


def reason(bench: Bench, row: Cluster) -> str:
    seen = bench.read(row.uuid)
    assert seen is not None
    return seen.status_reason or ""


def texts(bench: Bench) -> list[str]:
    return [event.text for event in bench.events()]


def test_tokens_of_an_update_that_failed_let_nobody_in(bench: Bench) -> None:
    row = bay(bench, 1)
    bench.fakes.heat.room = 1
    resize(bench, row, 2)
    given = sent(bench)["worker_join_token"]
    assert status(bench, row) == "UPDATE_FAILED"
    assert bench.fakes.swarm.token("worker") != given
    assert bench.fakes.swarm.rotations == {"manager": 2, "worker": 2}
    told, failed = bench.events()[-2:]
    assert (told.severity, told.text) == ("INFO", "The tokens to join are new ones")
    assert (failed.severity, failed.text) == ("ERROR", reason(bench, row))


def test_update_after_one_that_failed_gives_what_heat_makes_anew_a_token_that_is_good(
    bench: Bench,
) -> None:
    row = bay(bench, 1)
    (stack,) = bench.fakes.heat.living()
    bench.fakes.heat.room = 1
    resize(bench, row, 2)
    bench.fakes.heat.workers[stack.id]["1"] = "6c5c3c2e-7a54-4d0b-9a52-0a33f0c0a001"  # in ERROR
    bench.fakes.heat.room = None
    good = bench.fakes.swarm.token("worker")
    resize(bench, row, 2)
    assert status(bench, row) == "UPDATE_COMPLETE"
    assert sent(bench)["worker_join_token"] == good


@pytest.mark.parametrize("room", [None, 0])
def test_node_that_did_not_go_takes_tasks_again(bench: Bench, room: int | None) -> None:
    row = bay(bench, 2)
    bench.fakes.heat.room = room  # Heat fails after it has begun, or refuses
    if room is None:
        bench.fakes.refuse("update stack", REFUSED)
    resize(bench, row, 1)
    assert status(bench, row) == "UPDATE_FAILED"
    swarm = bench.fakes.swarm
    assert swarm.listed.keys() == {MASTER_NAME, worker_name("0"), worker_name("1")}
    assert not any(swarm.is_drained(name) for name in swarm.listed)
    assert not any(member.description["Labels"] for member in swarm.listed.values())
    assert "bay-node-1 stays and takes tasks again" in texts(bench)
    assert warnings(bench) == []


def test_node_that_heat_does_not_count_any_more_stays_drained_until_it_has_gone(
    bench: Bench,
) -> None:
    row = bay(bench, 3)
    (stack,) = bench.fakes.heat.living()
    rest = {name: worker_name(name) for name in ("0", "1")}
    bench.fakes.heat.room = 0
    bench.database.write(lambda session: factories.add_resize(session, row, 2, rollback=False))
    (held,) = bench.leases.claim(1)
    assert bench.runner.begin(held) is Verdict.WAITING
    bench.fakes.heat.settle()
    bench.fakes.heat.outputs_of[stack.id] = {
        "workers": {"names": rest, "servers": dict.fromkeys(rest, None)}
    }
    bench.runner.resume(bench.fakes.heat.stacks[stack.id], held)
    assert status(bench, row) == "UPDATE_FAILED"
    assert bench.fakes.swarm.is_drained(worker_name("2"))
    assert warnings(bench) == ["bay-node-2 takes no tasks, Heat has still to remove it"]

    bench.fakes.heat.room = None
    del bench.fakes.heat.workers[stack.id]["2"]
    resize(bench, row, 2)
    assert status(bench, row) == "UPDATE_COMPLETE"
    assert bench.fakes.swarm.listed.keys() == {MASTER_NAME, worker_name("0"), worker_name("1")}


def test_node_that_its_user_has_drained_stays_so(bench: Bench) -> None:
    row = bay(bench, 2)
    bench.fakes.swarm.set(worker_name("0"), availability="drain")
    bench.fakes.refuse("update stack", REFUSED)
    resize(bench, row, 1)
    assert bench.fakes.swarm.is_drained(worker_name("0"))
    assert not bench.fakes.swarm.is_drained(worker_name("1"))


def test_update_that_is_out_of_time_ends_the_same(bench: Bench) -> None:
    row = bay(bench, 2)
    bench.database.write(lambda session: factories.add_resize(session, row, 1, rollback=False))
    (held,) = bench.leases.claim(1)
    bench.fakes.refuse("update stack", *[errors.Unavailable("Heat", "HTTP 503")] * 99)
    bench.runner.begin(held)
    assert bench.fakes.swarm.is_drained(worker_name("1"))
    bench.skip_pauses()
    bench.pass_deadlines()
    bench.work()
    assert status(bench, row) == "UPDATE_FAILED"
    assert reason(bench, row).startswith("The update was not done in the time it had")
    assert not bench.fakes.swarm.is_drained(worker_name("1"))
    assert bench.fakes.swarm.rotations == {"manager": 2, "worker": 2}


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("swarm nodes", "Nodes may go on taking no tasks: "),
        ("swarm update", "Nodes may go on taking no tasks: "),
        ("outputs", "Nodes may go on taking no tasks: "),
        ("swarm rotate", "The tokens to join stay as they are: "),
    ],
)
@pytest.mark.parametrize(
    "trouble",
    [
        EngineUnreachable("no route to host, 192.0.2.4"),
        EngineFailed("The swarm does not have a leader"),
        errors.Unavailable("Barbican"),
        RuntimeError("secret"),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
def test_what_cannot_be_done_then_is_told_and_hides_nothing(
    bench: Bench, call: str, told: str, trouble: Exception
) -> None:
    row = bay(bench, 2)
    swarm = bench.fakes.swarm
    swarm.tasks = {worker_name("0"): 2, worker_name("1"): 1}
    swarm.stubborn = {worker_name("1")}
    bench.database.write(lambda session: factories.add_resize(session, row, 1, rollback=False))
    (held,) = bench.leases.claim(1)
    bench.runner.begin(held)
    assert swarm.is_drained(worker_name("1"))
    swarm.stubborn = set()
    bench.fakes.refuse(call, *[trouble] * 9)
    bench.fakes.refuse("update stack", REFUSED)
    bench.skip_pauses()
    bench.work()
    assert status(bench, row) == "UPDATE_FAILED"
    assert reason(bench, row) == REFUSED.message
    assert texts(bench)[-1] == REFUSED.message
    assert any(text.startswith(told) for text in warnings(bench))
    assert not any("secret" in text for text in warnings(bench))


def test_managers_that_hang_cost_so_much_time_and_no_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = bay(bench, 1)
    given: dict[str, float] = {}
    genuine = bench.fakes.asked

    def asked(call: str) -> None:
        if call.startswith("swarm"):
            given[call] = current().seconds
        genuine(call)

    monkeypatch.setattr(bench.fakes, "asked", asked)
    bench.fakes.refuse("update stack", REFUSED)
    resize(bench, row, 2)
    assert given.keys() == {"swarm token", "swarm nodes", "swarm rotate"}
    assert given["swarm token"] > aftermath.PARTING_SECONDS
    assert given["swarm nodes"] <= aftermath.PARTING_SECONDS
    assert given["swarm rotate"] <= aftermath.PARTING_SECONDS


def test_manager_that_is_silent_is_waited_for_once(bench: Bench) -> None:
    row = bay(bench, 1)
    bench.fakes.swarm.silent = {MANAGER_ADDRESS}
    bench.fakes.refuse("update stack", REFUSED)
    calls = len(bench.fakes.calls)
    resize(bench, row, 2)
    asked = [call for call in bench.fakes.calls[calls:] if call.startswith("swarm")]
    assert asked == ["swarm token"]
    assert reason(bench, row) == REFUSED.message
    assert [text.partition(":")[0] for text in warnings(bench)] == [
        "New nodes are given the token of the bay's creation",
        "Nodes may go on taking no tasks",
        "The tokens to join stay as they are",
    ]


def test_operation_that_was_lost_meanwhile_is_let_go(bench: Bench) -> None:
    row = bay(bench, 1)
    bench.fakes.refuse("update stack", REFUSED)
    bench.fakes.refuse("swarm rotate", errors.LeaseLost("It is not ours any more."))
    bench.database.write(lambda session: factories.add_resize(session, row, 2, rollback=False))
    (held,) = bench.leases.claim(1)
    assert bench.runner.begin(held) is Verdict.OVER
    assert status(bench, row) == "UPDATE_IN_PROGRESS"
    assert bench.leases.held() == []


def test_creation_that_failed_asks_no_managers(bench: Bench) -> None:
    row = factories.add_cluster(bench.database, Action.CREATE)
    bench.work("FAILED")
    assert status(bench, row) == "CREATE_FAILED"
    assert not [call for call in bench.fakes.calls if call.startswith("swarm")]
    assert warnings(bench) == []
